"""A recipe: everything that decides what is trained, as frozen dataclasses.

Their fields are the flags of the command line and the keyword arguments of `reverie.train`.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from reverie.core.errors import UserError, nearest
from reverie.data import DataOptions
from reverie.methods import METHODS, MethodOptions

STEPS_BY_DEFAULT = 20_000


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How long, how fast and how carefully to train."""

    steps: int | None = None
    """Stop after so many steps (20,000 unless another length is given)."""
    epochs: float | None = None
    """Stop after so many passes over the pictures."""
    minutes: float | None = None
    """Stop after so many minutes of training."""
    batch_size: int = 64
    """Pictures in a batch, in each process."""
    accumulate: int = 1
    """Batches whose gradients are averaged into one update."""
    seed: int = 0
    """Decides everything that is random."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Arithmetic of the networks; auto is bf16 where the processor or GPU has it natively."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    warmup_steps: int = 0
    """Steps over which the step size grows from 0."""
    decay: Literal["none", "linear", "cosine"] = "none"
    """How the step size falls to 0 at the end."""
    decay_from: float = 0.5
    """The share of the training after which it begins to fall."""
    ema_decay: float = 0.999
    """Memory of the averaged weights that are used afterwards; it ramps up. 0 averages nothing."""
    clip_norm: float = 0.0
    """Largest norm of a network's gradient; 0 does not clip."""
    log_every: int = 50
    """Steps between lines of the log."""
    sample_every: int = 500
    """Steps between sheets of samples."""
    checkpoint_every: int = 1000
    """Steps between checkpoints."""
    keep_checkpoints: int = 3
    """How many checkpoints are kept."""
    evaluate_every: int = 0
    """Steps between measurements of the distance to the test pictures, the best kept; 0: never."""
    evaluate_count: int = 1000
    """Samples that are measured each time."""
    patience: int = 0
    """Stop after so many measurements without a better one; 0 goes on to the end."""
    init: str | None = None
    """Begin from the networks of this run or model, as far as they are the same."""
    track: tuple[str, ...] = ()
    """Also log to: tensorboard, wandb, mlflow, or another tracker that Accelerate knows."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A method and all of its options."""

    method: str
    options: MethodOptions
    data: DataOptions = field(default_factory=DataOptions)
    training: TrainOptions = field(default_factory=TrainOptions)

    def with_options(self, **changes: Any) -> "Recipe":
        """The same recipe with some options changed, each by its plain name.

        Raises:
            UserError: if there is no option of such a name.
        """
        parts = {"options": self.options, "data": self.data, "training": self.training}
        names = {f.name: part for part, o in parts.items() for f in dataclasses.fields(o)}
        lengths = {"steps", "epochs", "minutes"}
        if lengths & changes.keys():
            changes = dict.fromkeys(lengths) | changes
        for name, value in changes.items():
            if name not in names:
                raise UserError(f"{self.method} has no option {name!r}; {nearest(name, names)}")
            part = names[name]
            if isinstance(value, list):
                value = tuple(value)
            parts[part] = dataclasses.replace(parts[part], **{name: value})
        return dataclasses.replace(self, **parts)

    def flat(self) -> dict[str, Any]:
        """Every option by its plain name."""
        merged: dict[str, Any] = {}
        for part in (self.data, self.options, self.training):
            merged |= dataclasses.asdict(part)
        return merged

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "method": self.method,
            "options": dataclasses.asdict(self.options),
            "data": dataclasses.asdict(self.data),
            "training": dataclasses.asdict(self.training),
        }

    @staticmethod
    def from_json(content: dict[str, Any]) -> "Recipe":
        """The recipe that `to_json` wrote.

        Raises:
            UserError: if a part is missing or names an option that does not exist.
        """
        method = find_method(content.get("method", ""))
        return Recipe(
            method=content["method"],
            options=options_from_json(METHODS[method].Options, content["options"]),
            data=options_from_json(DataOptions, content["data"]),
            training=options_from_json(TrainOptions, content["training"]),
        )


def find_method(name: str) -> str:
    """`name`, if a method has it.

    Raises:
        UserError: with the nearest method's name, if none has.
    """
    if name not in METHODS:
        raise UserError(f"there is no method {name!r}; {nearest(name, METHODS)}")
    return name


def options_from_json(kind: type, content: dict[str, Any]) -> Any:
    """An options dataclass from what JSON made of it."""
    known = {field.name for field in dataclasses.fields(kind)}
    unknown = set(content) - known
    if unknown:
        raise UserError(
            f"the options name {', '.join(sorted(unknown))}, which this version does not know: "
            "update reverie, or use the version that made the file."
        )
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in content.items()}
    return kind(**values)
