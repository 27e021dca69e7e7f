"""Interface of methods: networks, the phases of a training step as data, and capabilities.

The training loop depends on phases, not on methods. A phase's loss is a function of a batch and a
`Rng`, independent of optimisers, devices, precision and logging.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import (
    Any,
    ClassVar,
    Generic,
    Literal,
    TypeVar,
)

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core.options import OptionValue
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods.capabilities import Samples
from reverie.methods.options import MethodOptions
from reverie.methods.recipe import Preset

Loss = tuple[Tensor, dict[str, Tensor]]
"""A scalar to minimise and its named parts, for the log."""


DataKind = Literal["images", "labelled", "unpaired", "paired", "degraded"]

MAX_CLASS_COLUMNS = 16
"""Classes up to which samples are shown in one column for each class."""

COLUMNS_OF_GROUPS = 8
"""Columns of a preview of groups of images, at most."""


@dataclass(frozen=True)
class Preview:
    """Images [B, C, H, W] in [-1, 1] and the columns of their sheet; None: nearly square."""

    images: Float[Tensor, "b c h w"]
    columns: int | None = None

    @staticmethod
    def of_groups(*images: Float[Tensor, "b c h w"]) -> "Preview":
        """Image i of each argument side by side, as many groups in a row as fit."""
        columns = max(1, COLUMNS_OF_GROUPS // len(images)) * len(images)
        return Preview(torch.stack(images, dim=1).flatten(0, 1), columns)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One update of `networks` by the gradient of `loss`, in every `every`-th step.

    Phases with the same networks share an optimiser. Each phase generates its own images, or gets
    them through a `FakeQueue`, which is correct under gradient accumulation as well.
    """

    name: str
    networks: tuple[nn.Module, ...]
    loss: Callable[[Batch, Rng], Loss]
    every: int = 1


class Method(nn.Module, ABC):
    """Networks and training objective of a generative model.

    A subclass declares its options class (`Options`), its kind of dataset (`data_kind`), the names
    of the networks with an EMA, which inference uses (`averaged`), and a description (`about`).
    """

    Options: ClassVar[type[MethodOptions]]
    data_kind: ClassVar[DataKind] = "images"
    averaged: ClassVar[tuple[str, ...]]
    about: ClassVar[str]
    training_only: ClassVar[tuple[str, ...]] = ()
    """Networks that are saved in checkpoints, but not in the exported model."""
    inherited_options: ClassVar[tuple[str, ...]] = ()
    """Options inherited from the model of `--init`."""
    frozen: ClassVar[tuple[str, ...]] = ()
    """Networks that are not trained."""
    init_from: ClassVar[str | None] = None
    """Methods whose model `--init` should name, for methods that need one."""
    main_options: ClassVar[tuple[str, ...]] = ()
    """The method's options that matter most, which `reverie train METHOD --help` shows."""
    unused_options: ClassVar[tuple[str, ...]] = ()
    """Inherited options without an effect on this method, which its help leaves out."""
    presets: ClassVar[Mapping[str, Preset]] = {}
    """Named options; they stand at the foot of the method's file."""
    about_losses: ClassVar[Mapping[str, str]] = {}
    """A sentence for a student about each loss by its name in the log: what it is, how it should
    go. Names that are missing get the sentence of their kind."""
    tiny_options: ClassVar[Mapping[str, OptionValue]] = {}
    """Options with which the contract tests take seconds."""
    image_networks: ClassVar[Mapping[str, int]] = {}
    """Networks with a smallest size of images, and how many images each takes, concatenated along
    channels; a training is refused at a size that they do not fit."""
    feature_network: ClassVar[str | None] = None
    """The network of convolutions over images that deep dreams use; None if it has none."""
    kept_beside_init: ClassVar[str | None] = None
    """A folder of the run named by `--init` that also gets the trained model."""
    inversion_method: ClassVar[str | None] = None
    """The method that trains an encoder for this generator; None if there is none."""
    conditional: bool = False
    """Whether generation is conditioned on class labels."""
    prepare_count: int = 0
    """Number of training images that `prepare` gets, at most; 0 if there is nothing to prepare."""

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
        """Options with the `inherited_options` of the model of `--init`.

        Args:
            options: options of the new training run.
            start: the model of `--init`.
            name: name of that model's method.

        Raises:
            UserError: if training cannot be initialized from a model of that method.
        """
        return replace(
            options, **{n: v for n, v in vars(start.options).items() if n in cls.inherited_options}
        )

    def load_matching(self, start: "Method") -> list[str]:
        """Copy the weights of networks with equal names and shapes; returns their names."""
        theirs, common = dict(start.named_children()), []
        for name, network in self.named_children():
            if name in theirs:
                mine, other = network.state_dict(), theirs[name].state_dict()
                if {k: v.shape for k, v in mine.items()} == {k: v.shape for k, v in other.items()}:
                    network.load_state_dict(other)
                    common.append(name)
        return common

    def prepare(
        self, images: Iterable[Float[Tensor, "b c h w"]], generator: torch.Generator
    ) -> None:
        """Compute what depends on training images, given in batches, before the first step."""

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """Updates of one training step, in order."""

    def previews(
        self, latents: Tensor | None, labels: Tensor | None, batch: Batch
    ) -> dict[str, Preview]:
        """Previews by name; `samples` for methods that sample."""
        if isinstance(self, Samples) and latents is not None:
            return {"samples": Preview(self.generate(latents, labels), self.sample_columns)}
        return {}

    @property
    def sample_columns(self) -> int | None:
        """Columns of samples: one for each class, where there are few; None: nearly square."""
        few = self.conditional and self.spec.classes <= MAX_CLASS_COLUMNS
        return self.spec.classes if few else None

    def diagnostics(self, losses: dict[str, float]) -> list[str]:
        """Warnings of this method alone, derived from the losses of a line of the log.

        Each begins with what it is about, before the first parenthesis: it is printed once.
        """
        return []


def flaw_of(thing: object) -> str | None:
    """What keeps a class from being a method, in words; None if nothing does."""
    if not (isinstance(thing, type) and issubclass(thing, Method)):
        return "it is no subclass of reverie.methods.Method"
    missing = [name for name in ("Options", "averaged", "about") if not hasattr(thing, name)]
    missing += sorted(thing.__abstractmethods__)
    return f"the class {thing.__name__} has no {' and no '.join(missing)}" if missing else None


T = TypeVar("T")


class FakeQueue(Generic[T]):
    """Queue of generated images between phases; one entry per accumulated batch."""

    def __init__(self) -> None:
        self._queue: list[T] = []

    def push(self, fake: T) -> None:
        self._queue.append(fake)

    def pop(self, recompute: Callable[[], T]) -> T:
        """Oldest entry, or `recompute()` if the earlier phase did not run in this step."""
        return self._queue.pop(0) if self._queue else recompute()
