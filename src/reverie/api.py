"""What people call: train, load, sample, compare. The command line is a thin shell over this."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from jaxtyping import Float, Int
from torch import Tensor

from reverie import images, progress
from reverie.data import decode_pictures, find_pictures, find_source
from reverie.draws import latents_of_seeds
from reverie.errors import UserError, nearest
from reverie.methods import METHODS, Encodes, Method, Samples
from reverie.methods.contract import cycled_labels, needs_labels
from reverie.presets import recipe_for
from reverie.recipe import Recipe
from reverie.report import write_comparison
from reverie.runs import Run, build_method, find_run, load_model

PICTURES_AT_ONCE = 64
MAY_CHANGE_ON_RESUME = frozenset(
    [
        "steps",
        "epochs",
        "minutes",
        "log_every",
        "sample_every",
        "checkpoint_every",
        "keep_checkpoints",
        "track",
        "cache",
        "device",
    ]
)


@dataclass(frozen=True)
class Trained:
    """What `train` returns: the run's folder, how far it came and whether that was all the way."""

    folder: Path
    steps: int
    seconds: float
    finished: bool
    report: Path

    def load(self) -> "Model":
        """The trained model."""
        return load(self.folder)


class Model:
    """A trained model, ready to use. `method` is the `nn.Module` inside."""

    def __init__(self, name: str, method_name: str, method: Method) -> None:
        self.name = name
        self.method_name = method_name
        self.method = method

    @property
    def class_names(self) -> tuple[str, ...]:
        """What can be asked for by label; empty if the model knows no classes."""
        return self.method.spec.class_names if needs_labels(self.method) else ()

    def to(self, device: str | torch.device) -> "Model":
        """Compute on `device` from now on."""
        self.method.to(device)
        return self

    @torch.inference_mode()
    def sample(
        self,
        count: int = 16,
        *,
        seed: int = 0,
        label: int | str | Sequence[int | str] | None = None,
    ) -> Float[Tensor, "count c h w"]:
        """Make pictures from noise.

        Picture i depends on seed + i (and its label) alone: not on `count`, not on the device.

        Args:
            count: how many.
            seed: the number of the first picture.
            label: a class, by number or name, for all pictures or one for each; by default the
                classes take turns.

        Returns:
            float32 in [-1, 1] on the CPU.

        Raises:
            UserError: if the model makes no pictures from noise or has no such class.
        """
        method = self.method
        if not isinstance(method, Samples):
            raise UserError(f"{self.name} is a {self.method_name}: {what_it_can_do(method)}.")
        if count < 1:
            raise UserError(f"ask for one picture or more, not {count}.")
        labels = self._labels(count, label)
        device = next(method.parameters()).device
        made = []
        starts = range(0, count, PICTURES_AT_ONCE)
        for start in progress.track(
            starts, len(starts), "sampling", f"batches of {PICTURES_AT_ONCE}"
        ):
            seeds = range(seed + start, seed + min(start + PICTURES_AT_ONCE, count))
            latents = latents_of_seeds(seeds, method.latent_shape).to(device)
            some = None if labels is None else labels[start : start + len(seeds)].to(device)
            made.append(method.generate(latents, some).float().cpu())
        return torch.cat(made).contiguous().clamp_(-1, 1)

    @torch.inference_mode()
    def encode(self, pictures: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        """The latents of pictures in [-1, 1].

        Raises:
            UserError: if the model has no encoder.
        """
        if not isinstance(self.method, Encodes):
            raise UserError(f"{self.name} is a {self.method_name}: {what_it_can_do(self.method)}.")
        device = next(self.method.parameters()).device
        return self.method.encode(pictures.to(device)).float().cpu()

    def labels(
        self, count: int, label: int | str | Sequence[int | str] | None = None
    ) -> Int[Tensor, " count"] | None:
        """The class number of each of `count` pictures as `sample` would make them."""
        return self._labels(count, label)

    def _labels(
        self, count: int, label: int | str | Sequence[int | str] | None
    ) -> Int[Tensor, " count"] | None:
        names = self.class_names
        if not names:
            if label is not None:
                raise UserError(f"{self.name} knows no classes: leave the label out.")
            return None
        if label is None:
            return cycled_labels(count, len(names))
        chosen = [label] if isinstance(label, int | str) else list(label)
        if len(chosen) not in (1, count):
            raise UserError(
                f"{len(chosen)} labels for {count} pictures: give one, or one for each."
            )
        numbers = [self._class_number(one) for one in chosen]
        return torch.tensor(numbers if len(numbers) == count else numbers * count)

    def _class_number(self, label: int | str) -> int:
        names = self.class_names
        if isinstance(label, str) and label in names:
            return names.index(label)
        if isinstance(label, str) and not re.fullmatch(r"-?\d+", label):
            raise UserError(f"{self.name} has no class {label!r}; {nearest(label, names)}")
        number = int(label)
        if not 0 <= number < len(names):
            raise UserError(
                f"{self.name} has no class {number}: its classes are 0 to {len(names) - 1}."
            )
        return number


def what_it_can_do(method: Method) -> str:
    """In words, what a model is for."""
    can = []
    if isinstance(method, Samples):
        can.append("makes pictures from noise (sample)")
    if isinstance(method, Encodes):
        can.append("finds the latents of pictures (encode)")
    return "it " + " and ".join(can) if can else "it cannot be used by itself"


def load(place: str | Path) -> Model:
    """A model from a run, a model folder or the Hugging Face hub (`user/name`).

    Raises:
        UserError: if there is no usable model.
    """
    path = Path(place).expanduser()
    if path.is_file():
        raise UserError(
            f"{place}: a model is a folder with config.json and model.safetensors; single weight "
            "files (.pt, .pth, .ckpt) can run code when they are opened and are not read."
        )
    if path.is_dir():
        folder = path / "model" if Run(path).exists() else path
        if folder != path and not folder.exists():
            raise UserError(
                f"{place}: this run has no model yet; it comes with the first checkpoint."
            )
    elif re.fullmatch(r"[\w.-]+/[\w.-]+", str(place)) and not path.parent.exists():
        folder = _download(str(place))
    else:
        raise UserError(
            f"{place}: there is no run or model folder of that name; "
            "a model on the hub is named user/name."
        )
    method_name, method = load_model(folder)
    return Model(str(place), method_name, method)


def _download(name: str) -> Path:
    wanted = ["config.json", "model.safetensors", "README.md"]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"{name}: there is no such folder, and it could not be had from the hub ({reason})."
        ) from None


def train(
    method: str,
    *,
    out: str | Path,
    preset: str | None = None,
    resume: bool = False,
    **options: Any,
) -> Trained:
    """Train a method on pictures; the options are those of `reverie train METHOD --help`.

    Args:
        method: a name in `METHODS`.
        out: the run's folder; it must be new unless `resume`.
        preset: a known recipe to start from.
        resume: go on where the run in `out` stopped, with its own options; only how long it
            trains and how often it logs, shows and saves may be changed.
        **options: fields of the method's options, of `DataOptions` and of `TrainOptions`.

    Raises:
        UserError: if something that was asked for cannot be done, before anything is trained.
    """
    run = Run(Path(out).expanduser())
    if resume:
        before = find_run(run.folder).recipe()
        if method != before.method:
            raise UserError(f"{out} trains a {before.method}, not a {method}.")
        recipe = before.with_options(**options)
        refuse_other_options(before, recipe)
    else:
        recipe = recipe_for(method, preset).with_options(**options)
    return train_recipe(recipe, run, resume)


def refuse_other_options(before: Recipe, now: Recipe) -> None:
    """Raise a UserError if a run would go on with options that it was not begun with."""
    old, new = before.flat(), now.flat()
    for name in old:
        if old[name] != new[name] and name not in MAY_CHANGE_ON_RESUME:
            flag = name.replace("_", "-")
            raise UserError(
                f"this run was begun with --{flag} {old[name]}, not {new[name]}: leave the option "
                "out to go on, or start a new run in another folder."
            )


def train_recipe(recipe: Recipe, run: Run, resume: bool = False) -> Trained:
    """Train a complete recipe in `run`."""
    from reverie.training import (
        check_length,
        fit,
        make_accelerator,
    )  # Accelerate takes a second to import

    if run.exists() and not resume:
        raise UserError(
            f"{run.folder} holds a run already: add --resume to go on with it, or choose another "
            "--out."
        )
    _check_numbers(recipe)
    check_length(recipe.training)
    found = find_pictures(recipe.data)
    if METHODS[recipe.method].needs == "labelled" and found.source.labels is None:
        raise UserError(
            f"{recipe.method} needs pictures with classes, and {recipe.data.data} has none: sort "
            "them into one folder for each class, or use a table with --label-column."
        )
    method = build_method(recipe, found.spec)
    accelerator = make_accelerator(recipe.training, run)
    with accelerator.main_process_first():
        pictures = decode_pictures(found)
    if accelerator.is_main_process:
        if not resume:
            run.begin(recipe, pictures)
        elif run.facts()["data_fingerprint"] != pictures.fingerprint:
            progress.warn("the pictures are not the ones that this run was begun with.")
    accelerator.wait_for_everyone()
    state = fit(run, method, pictures, recipe, accelerator)
    return Trained(run.folder, state.step, state.seconds, state.finished, run.report)


def _check_numbers(recipe: Recipe) -> None:
    flat = recipe.flat()
    for name in ("batch_size", "accumulate", "log_every", "sample_every", "checkpoint_every",
                 "keep_checkpoints", "latent_size", "width", "penalty_every",
                 "generator_every"):  # fmt: skip
        if flat.get(name, 1) < 1:
            raise UserError(f"--{name.replace('_', '-')} must be at least 1, not {flat[name]}.")
    for name in ("steps", "epochs", "minutes", "learning_rate"):
        if flat[name] is not None and flat[name] < 0:
            raise UserError(f"--{name.replace('_', '-')} cannot be negative.")


def sample(model: str | Path | Model, count: int = 16, **options: Any) -> Float[Tensor, "n c h w"]:
    """Pictures from a model: `load(model).sample(count, ...)`."""
    return (model if isinstance(model, Model) else load(model)).sample(count, **options)


def compare(runs: Sequence[str | Path], out: str | Path) -> dict[str, Any]:
    """Write a page that shows runs side by side; returns the options that differ."""
    return write_comparison([find_run(run) for run in runs], Path(out))


def info(place: str | Path) -> dict[str, Any]:
    """What is known of a run or a model."""
    path = Path(place).expanduser()
    model = load(place) if not (Run(path).exists() and not Run(path).model.exists()) else None
    facts: dict[str, Any] = {"place": str(place)}
    if model is not None:
        spec = model.method.spec
        facts |= {
            "method": model.method_name,
            "about": model.method.about,
            "can": what_it_can_do(model.method),
            "image_size": spec.image_size,
            "channels": spec.channels,
            "classes": list(model.class_names),
            "parameters": {
                name: sum(p.numel() for p in network.parameters())
                for name, network in model.method.named_children()
            },
        }
    if Run(path).exists():
        run = Run(path)
        log = run.read_log()
        begun = run.facts()
        facts |= {
            "data": begun["data"]["data"],
            "pictures": begun["picture_count"],
            "began": begun["began"],
            "machine": begun["machine"],
            "versions": begun["versions"],
            "commit": begun.get("commit"),
            "options": run.recipe().flat(),
        }
        if log:
            facts |= {k: log[-1][k] for k in ("step", "seconds", "images_seen", "losses")}
    return facts


def check_data(data: str, split: str = "train", label_column: str | None = None) -> dict[str, Any]:
    """Read every picture of a set and say what was found."""
    source = find_source(data, split, label_column)
    sizes: Counter[tuple[int, int]] = Counter()
    colours: Counter[str] = Counter()
    broken: dict[str, str] = {}
    names = progress.track(enumerate(source.names), len(source.names), "reading")
    for index, name in names:
        try:
            pixels = source.read(index, None)
        except UserError as error:
            broken[name] = str(error)
            continue
        sizes[pixels.shape[:2]] += 1
        colours["grey" if images.is_grey(pixels) else "colour"] += 1
    facts: dict[str, Any] = {"data": data, "kind": source.kind, "pictures": sizes.total()}
    if sizes:
        sides = sorted(min(size) for size in sizes.elements())
        facts |= {
            "sizes": {f"{w}×{h}": n for (h, w), n in sizes.most_common(5)},
            "shorter_side": {
                "least": sides[0],
                "median": sides[len(sides) // 2],
                "most": sides[-1],
            },
            "colours": dict(colours),
        }
    if source.labels is not None:
        counts = Counter(source.labels.tolist())
        facts["classes"] = {name: counts[i] for i, name in enumerate(source.class_names)}
    return facts | {"broken": broken}


__all__ = [
    "Model", "Trained", "check_data", "compare", "info", "load", "sample", "train", "train_recipe",
]  # fmt: skip
