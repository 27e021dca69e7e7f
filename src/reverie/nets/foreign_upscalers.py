"""Networks that enlarge and are not ours, through the package spandrel, which knows forty families.

It is used where it and torchvision are installed: `pip install spandrel`. It is given tensors that
were read without running anything; it recognises the network from them and builds it.
"""

import importlib
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from reverie.errors import UserError
from reverie.nets.upscalers import Upscaler

UNKNOWN_REACH = 2**16
"""Pixels. How far such a network sees is not known; an attention may see the whole picture."""


class ForeignUpscaler(Upscaler):
    """A network of spandrel's between pictures in [-1, 1].

    Args:
        descriptor: spandrel's `ImageModelDescriptor`; it pads pictures to the sizes that its
            network takes, and clamps what comes to [0, 1].
    """

    folds = False
    holds_bfloat16 = False  # of those that are said to, SwinIR's attention mixes it with float32

    def __init__(self, descriptor: Any) -> None:
        super().__init__(descriptor.input_channels, descriptor.scale, width=64, blocks=1)
        self.multiple = descriptor.size_requirements.multiple_of
        self.network = descriptor.model
        self._descriptor = descriptor

    @property
    def reach(self) -> int:
        return UNKNOWN_REACH

    def enlarged(self, x: Tensor) -> Tensor:
        # A copy: what spandrel makes in inference mode cannot be changed in place outside of it.
        return self._descriptor(self.inside(x)).float().clone()


def upscaler_through_spandrel(tensors: Mapping[str, Tensor], place: str) -> ForeignUpscaler | None:
    """The network that a state dict belongs to, in eval mode; None if spandrel knows none.

    Raises:
        UserError: if it is known and does not make a picture of a picture.
    """
    try:
        spandrel: Any = importlib.import_module("spandrel")
    except (ImportError, RuntimeError):  # RuntimeError: a torchvision that does not fit torch
        return None
    try:
        descriptor = spandrel.ModelLoader().load_from_state_dict(dict(tensors))
    except spandrel.UnsupportedModelError:
        return None
    except (RuntimeError, KeyError, ValueError, IndexError, AssertionError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"{place}: spandrel takes this for a network and fails: {reason}") from None
    name, inputs = descriptor.architecture.name, descriptor.input_channels
    whole = isinstance(descriptor, spandrel.ImageModelDescriptor)
    if not whole or descriptor.output_channels != inputs or inputs not in (1, 3):
        raise UserError(
            f"{place}: this is a {name}, which does not make a larger picture of a grey or colour "
            "picture."
        )
    return ForeignUpscaler(descriptor.eval()).eval().requires_grad_(False)
