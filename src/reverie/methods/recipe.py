"""A recipe: a method and everything that decides what is trained, as frozen dataclasses.

Their fields are the flags of the command line and the keyword arguments of `reverie.train`.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Literal

from reverie.core.errors import UserError, nearest
from reverie.core.interval import Every
from reverie.core.options import (
    RESUMABLE,
    AtLeast,
    AtMost,
    Checked,
    DecayRate,
    Fraction,
    NonNegative,
    NonNegativeInt,
    OptionValue,
    Positive,
)
from reverie.core.result import Json, plain
from reverie.data.options import DataOptions
from reverie.methods.options import MethodOptions

DEFAULT_STEPS = 20_000
LENGTHS = ("steps", "epochs", "minutes")


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Checked):
    """Length, precision, schedule and logging of a training."""

    steps: NonNegativeInt | None = field(default=None, metadata=RESUMABLE)
    """Number of training steps (20,000 if no length is given)."""
    epochs: NonNegative | None = field(default=None, metadata=RESUMABLE)
    """Stop after so many passes over the dataset."""
    minutes: NonNegative | None = field(default=None, metadata=RESUMABLE)
    """Training time, in minutes."""
    batch_size: Annotated[int, AtLeast(1), AtMost(2**16)] = 64
    """Images in a batch, in each process."""
    accumulate: Positive = 1
    """Batches whose gradients are averaged into one update (gradient accumulation)."""
    seed: int = 0
    """Seed of everything that is random."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Floating-point precision; auto is bf16 where the CPU or GPU supports it natively."""
    autotune: bool = True
    """Time several forms of each convolution at the start, and use the fastest, on a processor."""
    device: Literal["auto", "cpu", "cuda", "mps"] = field(default="auto", metadata=RESUMABLE)
    """Device to train on."""
    optimizer: str = "adam"
    """Optimizer: adam, adamw, sgd, rmsprop, or another one by its name."""
    schedule: str | None = None
    """Learning-rate schedule in place of warm-up and decay: one-cycle, inverse-sqrt, or another."""
    warmup_steps: NonNegativeInt = 0
    """Linear learning-rate warm-up, in steps."""
    decay: Literal["none", "linear", "cosine"] = "none"
    """Learning-rate decay to 0 at the end."""
    decay_from: Fraction = 0.5
    """Fraction of the training after which the decay begins."""
    ema_decay: DecayRate = 0.999
    """EMA decay of the weights that are used for inference; it ramps up. 0 turns the EMA off."""
    clip_norm: NonNegative = 0.0
    """Gradient clipping: largest norm of a network's gradient; 0 does not clip."""
    gradient_checkpointing: bool = field(default=False, metadata=RESUMABLE)
    """Compute activations again in the backward pass: less memory, about a fifth more time."""
    log_every: Every = field(default="50 or 10s", metadata=RESUMABLE)
    """Steps or training time between log entries: 50, 10s, or whichever is first, '50 or 10s'."""
    sample_every: Every = field(default="500 or 5m", metadata=RESUMABLE)
    """Steps or time between preview sheets; with a time, the first comes after 15 s at most."""
    checkpoint_every: Every = field(default="1000 or 5m", metadata=RESUMABLE)
    """Steps or time between checkpoints."""
    keep_checkpoints: Positive = field(default=3, metadata=RESUMABLE)
    """Number of checkpoints to keep."""
    evaluate_every: NonNegativeInt = field(default=0, metadata=RESUMABLE)
    """Steps between validations by the distance to the test images; the best is kept. 0: never."""
    evaluate_count: NonNegativeInt = field(default=1000, metadata=RESUMABLE)
    """Samples of each validation."""
    patience: NonNegativeInt = field(default=0, metadata=RESUMABLE)
    """Early stopping: stop after so many validations without improvement; 0 never stops early."""
    init: str | None = None
    """Initialize from the networks of this run or model, as far as they are the same."""
    log_norms: bool = field(default=False, metadata=RESUMABLE)
    """Also log the norms of each network's gradient and weights."""
    track: tuple[str, ...] = field(default=(), metadata=RESUMABLE)
    """Additional loggers: tensorboard, wandb, mlflow, or another tracker of Accelerate."""

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [name for name in LENGTHS if getattr(self, name) is not None]
        if len(given) > 1:
            raise UserError(f"give one training length, not {' and '.join(given)}.")
        if self.patience and not self.evaluate_every:
            raise UserError(
                "--patience needs validations: set their interval with --evaluate-every."
            )


@dataclass(frozen=True, kw_only=True)
class Fits:
    """For which trainings `--preset auto` picks a preset, and what a step of it takes."""

    device: Literal["cpu", "gpu", "any"] = "cpu"
    """On what it is trained."""
    largest: int | None = None
    """Side of the largest images, in pixels."""
    most_images: int | None = None
    """Number of images up to which it is picked."""
    passes: int | None = None
    """Passes over the images after which the steps are fewer, down to a quarter."""
    seconds: float = 0.0
    """Seconds of a step on one core, by `benchmarks/pace.py`; 0 where time limits nothing."""
    side: int = 64
    """Side of the images at which they were measured; they grow with the number of pixels."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A named set of options of one method; it stands at the foot of the method's file."""

    about: str
    options: MethodOptions
    data: DataOptions = field(default_factory=DataOptions)
    training: TrainOptions = field(default_factory=TrainOptions)
    fits: Fits | None = None
    """When it is picked where no preset is named; None: never."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A method and all of its options."""

    method: str
    options: MethodOptions
    data: DataOptions = field(default_factory=DataOptions)
    training: TrainOptions = field(default_factory=TrainOptions)

    def with_options(self, **changes: OptionValue) -> "Recipe":
        """The same recipe with some options changed, each by its plain name.

        Raises:
            UserError: if there is no option of such a name, or a value is out of bounds.
        """
        parts = {"options": self.options, "data": self.data, "training": self.training}
        homes = {f.name: part for part, o in parts.items() for f in dataclasses.fields(o)}
        if any(name in changes for name in LENGTHS):  # the new length replaces the old one
            changes = dict.fromkeys(LENGTHS) | changes
        by_part: dict[str, dict[str, OptionValue]] = {part: {} for part in parts}
        for name, value in changes.items():
            if name not in homes:
                hint = nearest(name, homes, f"reverie train {self.method} --help-all lists all.")
                raise UserError(f"{self.method} has no option {name!r}; {hint}")
            by_part[homes[name]][name] = value
        changed = {part: dataclasses.replace(o, **by_part[part]) for part, o in parts.items()}
        return dataclasses.replace(self, **changed)

    def flat(self) -> dict[str, OptionValue]:
        """All options by name, as one dictionary."""
        merged: dict[str, OptionValue] = {}
        for part in (self.data, self.options, self.training):
            merged |= dataclasses.asdict(part)
        return merged

    def resumable(self) -> set[str]:
        """The names of the options that may change when a run is resumed."""
        parts = (self.data, self.options, self.training)
        return {f.name for o in parts for f in dataclasses.fields(o) if "resumable" in f.metadata}

    def to_json(self) -> dict[str, Json]:
        """What `presets.recipe_from_json` reads."""
        parts = {"options": self.options, "data": self.data, "training": self.training}
        return {"method": self.method} | {name: plain(part) for name, part in parts.items()}
