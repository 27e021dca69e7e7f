"""What a method is: networks, the updates of one training step as data, and what it can do.

The training loop knows phases, not methods. A phase's loss is a function of a batch and a `Rng`;
it knows nothing of optimisers, devices, precision or logging.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import (
    Any,
    ClassVar,
    Generic,
    Literal,
    Protocol,
    TypeVar,
    runtime_checkable,
)

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reverie.core.errors import UserError
from reverie.core.options import Direction, OptionValue
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods.options import MethodOptions
from reverie.methods.recipe import Preset

Loss = tuple[Tensor, dict[str, Tensor]]
"""A scalar to minimise and its named parts, for the log."""


DataKind = Literal["images", "labelled", "unpaired", "paired", "degraded"]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One update: step `networks` down the gradient of `loss`, in every `every`-th step.

    Phases with the same networks share an optimiser. A generated picture is made anew in each
    phase, or handed on in a queue: under gradient accumulation the last one would be the wrong one.
    """

    name: str
    networks: tuple[nn.Module, ...]
    loss: Callable[[Batch, Rng], Loss]
    every: int = 1


class Method(nn.Module, ABC):
    """Networks built from options for pictures of one kind.

    A subclass names its options' class, the data it needs, and the networks whose weights are
    averaged over training and used afterwards.
    """

    Options: ClassVar[type[MethodOptions]]
    data_kind: ClassVar[DataKind] = "images"
    averaged: ClassVar[tuple[str, ...]]
    about: ClassVar[str]
    training_only: ClassVar[tuple[str, ...]] = ()
    """Parts that a checkpoint keeps and a finished model does not."""
    columns: ClassVar[int | None] = None
    """Columns of the sheets of previews, where their rows belong together."""
    inherited_options: ClassVar[tuple[str, ...]] = ()
    """Options that are taken from the model a training begins from (`--init`)."""
    frozen: ClassVar[tuple[str, ...]] = ()
    """Networks that no phase trains."""
    init_from: ClassVar[str | None] = None
    """The method whose model a training should begin from, where one should."""
    presets: ClassVar[Mapping[str, Preset]] = {}
    """Named options; they stand at the foot of the method's file."""
    tiny_options: ClassVar[Mapping[str, OptionValue]] = {}
    """Options with which the contract tests take seconds."""
    feature_network: ClassVar[str | None] = None
    """The network of convolutions over images that deep dreams use; None if it has none."""
    kept_beside_init: ClassVar[str | None] = None
    """A folder of the run named by `--init` that also gets the trained model."""
    inversion_method: ClassVar[str | None] = None
    """The method that trains an encoder for this generator; None if there is none."""
    conditional: bool = False
    """Whether pictures are asked for by class."""

    def __init__(self, options: Any, spec: ImageSpec) -> None:
        super().__init__()
        self.options = options
        self.spec = spec

    @classmethod
    def default_preset(cls) -> Preset:
        """The options of a training that names no preset."""
        return Preset(about="the defaults", options=cls.Options())

    @staticmethod
    def data_scale(options: Any) -> int:
        """How many times smaller the low-resolution images of degraded data are."""
        return 1

    @classmethod
    def inherit_options(cls, options: Any, start: "Method", name: str) -> Any:
        """Options with those of the model that a training begins from, as far as they are taken.

        Raises:
            UserError: if a training cannot begin from a model called `name`.
        """
        return replace(
            options, **{n: v for n, v in vars(start.options).items() if n in cls.inherited_options}
        )

    def load_matching(self, start: "Method") -> list[str]:
        """Take the weights of the networks that are in both; returns their names."""
        theirs, common = dict(start.named_children()), []
        for name, network in self.named_children():
            if name in theirs:
                mine, other = network.state_dict(), theirs[name].state_dict()
                if {k: v.shape for k, v in mine.items()} == {k: v.shape for k, v in other.items()}:
                    network.load_state_dict(other)
                    common.append(name)
        return common

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """The updates of one training step, in order."""

    def previews(
        self, latents: Tensor | None, labels: Tensor | None, batch: Batch
    ) -> dict[str, Tensor]:
        """Named pictures [-1, 1] that show how far training is; `samples` if the method samples."""
        if isinstance(self, Samples) and latents is not None:
            return {"samples": self.generate(latents, labels)}
        return {}

    def diagnostics(self, losses: dict[str, float]) -> list[str]:
        """In words, what the logged losses say is going wrong; empty if nothing is."""
        return []


@runtime_checkable
class Samples(Protocol):
    """Makes pictures from noise.

    `generate` gives [B, C, H, W] in [-1, 1]; in eval mode row i depends on row i alone.
    """

    latent_shape: tuple[int, ...]

    def generate(self, latents: Float[Tensor, "b ..."], labels: Tensor | None = None) -> Tensor: ...


@runtime_checkable
class Denoises(Samples, Protocol):
    """Makes pictures by removing noise: `denoise` gives the expected x₀ of x = x₀ + σ ε."""

    def denoise(
        self, x: Tensor, sigma: float, labels: Tensor | None = None, guidance: float = 1.0
    ) -> Tensor: ...


@runtime_checkable
class Encodes(Protocol):
    """Finds the latent of a picture: [B, C, H, W] in [-1, 1] becomes [B, D]."""

    def encode(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]: ...


@runtime_checkable
class Translates(Protocol):
    """Makes a picture of another look.

    `translator` gives the network of a direction among `directions`: [B, C, H, W] in [-1, 1] to
    the same size, for H and W that are multiples of the network's `multiple`. A network that can
    work in tiles says its `reach`.
    """

    directions: tuple[Direction, ...]

    def translator(self, direction: Direction) -> nn.Module: ...


@runtime_checkable
class Upscales(Protocol):
    """Makes pictures larger: [B, C, H, W] in [-1, 1] to `scale` times the size.

    The network's output at a place depends on the input no further than its `reach`, in pixels.
    """

    @property
    def scale(self) -> int: ...

    @property
    def upscaler(self) -> nn.Module: ...


def cycle_labels(count: int, classes: int) -> Int[Tensor, " count"]:
    """One label after the other: what is shown when no label is asked for."""
    return torch.arange(count) % classes


T = TypeVar("T")


class FakeQueue(Generic[T]):
    """A queue from one phase to the next; under accumulation it holds one value a batch."""

    def __init__(self) -> None:
        self._queue: list[T] = []

    def push(self, fake: T) -> None:
        self._queue.append(fake)

    def pop(self, recompute: Callable[[], T]) -> T:
        """What was put first; made anew where the phase before did not run in this step."""
        return self._queue.pop(0) if self._queue else recompute()


@dataclass(frozen=True)
class Capability:
    """What a model may be able to do: the protocol, the verb, and what it is in words."""

    protocol: type
    verb: str
    about: str


CAPABILITIES = (
    Capability(Samples, "sample", "generates images from noise"),
    Capability(Denoises, "sample --steps", "removes noise step by step"),
    Capability(Encodes, "reconstruct", "encodes images into latents"),
    Capability(Translates, "translate", "translates images to another domain"),
    Capability(Upscales, "upscale", "upscales images"),
)
"""Every capability that `require` knows, in the order in which `info` lists them."""

C = TypeVar("C")


def require(method: Method, protocol: type[C], name: str) -> C:
    """The method, as one that has a capability.

    Args:
        method: any method.
        protocol: the capability, one of `CAPABILITIES`.
        name: what the model is called in the message.

    Raises:
        UserError: if it does not have it; says what it can do instead.
    """
    if isinstance(method, protocol):
        return method
    wanted = next(one.about for one in CAPABILITIES if one.protocol is protocol)
    raise UserError(f"{name} is no model that {wanted}: {describe_capabilities(method)}.")


def describe_capabilities(method: Method) -> str:
    """In words, what a model can do and by which command."""
    can = [f"{c.about} ({c.verb})" for c in CAPABILITIES if isinstance(method, c.protocol)]
    return "it " + " and ".join(can) if can else "it cannot be used by itself"
