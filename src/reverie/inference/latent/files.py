"""Edit, interpolate and reconstruct image files in latent space."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.failures import Failures
from reverie.core.files import path_of, write_atomic
from reverie.core.image_folder import find_image_files
from reverie.core.image_formats import ImageSource
from reverie.core.marks import SHEET_TEXT
from reverie.core.options import InvalidValue, coerce
from reverie.core.outputs import refuse_folder_of, refuse_replacing
from reverie.core.result import FAILED_IN_PART, Json, Result, counted
from reverie.core.rng import latents_of_seeds
from reverie.data.attributes import Attributes, read_attributes
from reverie.data.expressions import parse_sum
from reverie.inference.image_forms import fitted
from reverie.inference.latent.edit import (
    apply_directions,
    attribute_directions,
    latent_arithmetic,
    latent_neighborhood,
    optimize_latents,
    require_encoder,
)
from reverie.inference.latent.sheets import rows_sheet, sum_sheet
from reverie.inference.latent.vectors import AttributeDirection, interpolation_path
from reverie.inference.load import load, load_beside
from reverie.inference.model import Model
from reverie.inference.options import EditOptions, InterpolateOptions, ReconstructOptions
from reverie.methods import Samples
from reverie.methods.capabilities import require
from reverie.methods.gan.inversion import GANInversion
from reverie.runs.run import Run

SWEEP = 7


PLANE = 15


def load_encoding(place: str | Path, loaded: Model | None = None) -> Model:
    """Model with an encoder: its own, or one that was trained for its run.

    Args:
        place: see `load`.
        loaded: the model of the place, if it is loaded already.

    Raises:
        UserError: if there is no encoder.
    """
    beside = load_beside(place, str(GANInversion.kept_beside_init))
    return require_encoder(beside or loaded or load(place))


def attributes_for(place: str | Path, data: str | None) -> Attributes:
    """Attributes of the named dataset, by default of the one that the run was trained on.

    Raises:
        UserError: if no dataset is known, or it has no attributes.
    """
    run = Run(path_of(place))
    named = data or (run.recipe().data.data if run.exists() else None)
    if named is None:
        raise UserError("no dataset is known for this model: name one with attributes by --data.")
    return read_attributes(named)


@dataclass(frozen=True)
class EditResult(Result):
    """The sheet of an edit, and how it was made."""

    file: Path
    members: dict[str, int] = field(default_factory=dict)
    """Latent arithmetic: how many images are in each group."""
    norm: float | None = None
    """Latent arithmetic: the norm of the result."""
    error: float | None = None
    """An image: mean absolute error of its reconstruction, of 2."""
    accuracy: dict[str, float] = field(default_factory=dict)
    """An image: how well each attribute direction separates held-out latents."""

    def to_json(self) -> dict[str, Json]:
        facts = super().to_json()
        shown = ("members", "norm") if self.error is None else ("error", "accuracy")
        return {name: facts[name] for name in ("file", *shown)}

    def summary(self) -> str:
        if self.error is not None:
            return f"{self.file}: reconstructed with an error of {self.error:.3f}"
        members = ", ".join(f"{text}: {count:,}" for text, count in self.members.items())
        return f"{self.file} ({members})"


@dataclass(frozen=True)
class ReconstructResult(Result):
    """A sheet of images beside their reconstructions, and the error of each, of 2."""

    file: Path
    mean_absolute_error: float
    errors: dict[str, float]
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        return FAILED_IN_PART if self.failed else 0

    def summary(self) -> str:
        return f"{self.file}: mean absolute error {self.mean_absolute_error:.3f} of 2"


@dataclass(frozen=True)
class InterpolateResult(Result):
    """A film, a sheet or a folder of frames."""

    file: Path
    frames: int

    def summary(self) -> str:
        return str(self.file)


def edit_files(
    place: str | Path, expression: str | None, out: Path, options: EditOptions
) -> EditResult:
    """Show latent arithmetic of an expression, or an image with attributes added.

    Raises:
        UserError: if the options do not fit together, or something that was asked for cannot be
            done.
    """
    options.refuse_contradictions(expression)
    if options.image is not None:
        return edit_image(place, options.image, out, options)
    assert expression is not None  # or it would have been refused
    return edit_by_arithmetic(place, expression, out, options)


def edit_by_arithmetic(
    place: str | Path, expression: str, out: Path, options: EditOptions
) -> EditResult:
    """Show the result of latent arithmetic on named groups.

    Raises:
        UserError: if the expression does not parse, a group is empty, or there is no encoder.
    """
    model = load_encoding(place)
    attributes = attributes_for(place, options.data)
    terms = parse_sum(expression, attributes.names)
    total = latent_arithmetic(
        model,
        attributes,
        terms,
        options.exemplars or None,
        options.seed,
        rescale=options.norm == "prior",
        choice=options.choice,
    )
    means = model.generate(torch.stack([one.mean for one in total.terms]))
    nine = model.generate(latent_neighborhood(total.latent, options.noise, options.seed))
    write_atomic(out, image_io.encode(sum_sheet(total, means, nine), out.suffix, words=SHEET_TEXT))
    members = {one.term.text: one.members for one in total.terms}
    return EditResult(out, members=members, norm=float(total.latent.norm()))


@dataclass(frozen=True)
class ImageEditor:
    """A model and its attribute directions: prepared once, for any number of edits."""

    model: Model
    directions: dict[str, AttributeDirection]

    @staticmethod
    def of(place: str | Path, options: EditOptions, loaded: Model | None = None) -> "ImageEditor":
        """The editor of a model; its directions are estimated once, and kept in its run.

        Args:
            place: see `load`.
            options: the images with attributes, and the kind of directions.
            loaded: the model with an encoder of the place, if it is loaded already.

        Raises:
            UserError: if the model has no encoder, or its dataset no attributes.
        """
        model = loaded or load_encoding(place)
        kept = Run(path_of(place))
        file = kept.folder / f"directions-{options.kind}.safetensors" if kept.exists() else None
        attributes = attributes_for(place, options.data)
        return ImageEditor(model, attribute_directions(model, attributes, options.kind, file))

    def encode(
        self, image: ImageSource, refine: int
    ) -> tuple[Float[Tensor, "1 c h w"], Float[Tensor, "1 d"]]:
        """An image file at the model's size, in [-1, 1], and its latent."""
        source = fitted(image, self.model.method.spec)
        return source, _latents_of(self.model, source, refine)

    def edit(
        self, latent: Float[Tensor, "1 d"], add: dict[str, float], leave: Sequence[str] = ()
    ) -> Float[Tensor, "1 c h w"]:
        """The image of a latent with attributes added: see `apply_directions`."""
        return self.model.generate(apply_directions(latent, self.directions, add, leave))


def edit_image(place: str | Path, image: Path, out: Path, options: EditOptions) -> EditResult:
    """Add attributes to an image; with `sweep` show each at strengths from -1.5 to 1.5.

    Raises:
        UserError: if there is no such attribute, or the model has no encoder.
    """
    add, leave = strengths_of(options.add), options.leave
    if not add and not options.sweep:
        raise UserError("say what to change: --add Smiling=1.0, or --sweep Smiling.")
    refuse_replacing([out], [image])
    editor = ImageEditor.of(place, options)
    source, latent = editor.encode(image, options.refine)
    back = editor.model.generate(latent)
    if options.sweep:
        strengths = torch.linspace(-1.5, 1.5, SWEEP).tolist()
        rows = [
            [editor.edit(latent, {name: strength}, leave)[0] for strength in strengths]
            for name in options.sweep
        ]
        words = [f"{n}, {editor.directions[n].accuracy:.0%} accuracy" for n in options.sweep]
        sheet = rows_sheet(rows, [f"{s:+.1f}" for s in strengths], words)
    else:
        edited = editor.edit(latent, add, leave)
        words = [", ".join(f"{name} {strength:+g}" for name, strength in add.items())]
        titles = ["image", "reconstruction", "edited"]
        sheet = rows_sheet([[source[0], back[0], edited[0]]], titles, words)
    write_atomic(out, image_io.encode(sheet, out.suffix, words=SHEET_TEXT))
    accuracy = {name: round(one.accuracy, 3) for name, one in editor.directions.items()}
    return EditResult(out, error=float((back - source).abs().mean()), accuracy=accuracy)


def strengths_of(words: Sequence[str]) -> dict[str, float]:
    """Strengths by name from `NAME=STRENGTH`, or `NAME` for 1.

    Raises:
        UserError: if a strength is no finite number.
    """
    found = {}
    for word in words:
        name, _, value = word.partition("=")
        try:
            found[name] = coerce(float, float(value or 1.0))
        except (ValueError, InvalidValue):
            raise UserError(f"{word!r}: a strength is a number, as in Smiling=1.0.") from None
    return found


def reconstruct_image(model: Model, image: ImageSource, refine: int) -> Float[Tensor, "1 c h w"]:
    """The reconstruction of an image at the model's size, from its latent.

    Raises:
        UserError: if it is no image.
    """
    return model.generate(_latents_of(model, fitted(image, model.method.spec), refine))


def _latents_of(
    model: Model, images: Float[Tensor, "n c h w"], refine: int
) -> Float[Tensor, "n d"]:
    """Latents of images at the model's size: the encoder's, refined by so many steps."""
    return optimize_latents(model, images, model.encode(images), refine)


def reconstruct_files(
    place: str | Path, images: Sequence[Path], out: Path, options: ReconstructOptions
) -> ReconstructResult:
    """Images beside their reconstructions, with the error of each; bad files are left out.

    Raises:
        UserError: if there are no images, or the model has no encoder.
    """
    model = load_encoding(place)
    found = find_image_files(images)
    refuse_replacing([out], [file for file, _ in found.files])
    failures = Failures(dict(found.broken))
    parts, names = [], []
    for file, relative in found.files:
        with failures.of(file):
            parts.append(fitted(file, model.method.spec))
            names.append(str(relative))
    if not parts:
        raise failures.refuse(len(found), "reconstructed")
    failures.report()
    source = torch.cat(parts)
    back = model.generate(_latents_of(model, source, options.refine))
    errors = (back - source).abs().mean((1, 2, 3)).tolist()
    captions = [f"{progress.printable(n)}: {e:.3f}" for n, e in zip(names, errors, strict=True)]
    rows = [[a, b] for a, b in zip(source, back, strict=True)]
    sheet = rows_sheet(rows, ["image", "reconstruction"], captions)
    write_atomic(out, image_io.encode(sheet, out.suffix, words=SHEET_TEXT))
    by_name = {name: round(e, 4) for name, e in zip(names, errors, strict=True)}
    return ReconstructResult(out, float(np.mean(errors)), by_name, failures.reasons)


def interpolate_files(
    place: str | Path, out: Path, options: InterpolateOptions
) -> InterpolateResult:
    """A path through the latents of seeds or images, as a GIF, a sheet or a folder of frames.

    Raises:
        UserError: if there are fewer than two points, or the model cannot do what is asked.
    """
    o = options
    if o.plane:
        return _plane(load(place), out)
    if o.images:
        frames = [] if out.suffix else [out / f"{n:05d}.png" for n in range(o.frames)]
        refuse_replacing([out, *frames], o.images)
        if frames:
            refuse_folder_of(out, o.images)
        model = load_encoding(place)
        source = fitted(o.images, model.method.spec)
        points = _latents_of(model, source, 100)
    else:
        model = load(place)
        shape = require(model.method, Samples, model.name).latent_shape
        points = latents_of_seeds(o.seeds, shape)
    if len(points) < 2:
        raise UserError("interpolation needs two latents or more: --seeds 1 2 3, or --images A B.")
    if o.frames < len(points):
        raise UserError(f"{len(points)} latents need as many frames or more, not {o.frames}.")
    latents = interpolation_path(points, o.frames, loop=o.loop, straight=o.straight)
    made = model.generate(
        latents,
        label=o.label,
        steps=o.steps,
        sampler=o.sampler,
        schedule=o.schedule,
        guidance=o.guidance,
    )
    return InterpolateResult(_write_path(made, out, o.rate), o.frames)


def _plane(model: Model, out: Path) -> InterpolateResult:
    """Grid over a two-dimensional latent space, at quantiles of the Gaussian prior."""
    shape = getattr(model.method, "latent_shape", ())
    if tuple(shape) != (2,):
        raise UserError(
            f"--plane needs a latent of shape (2,), and {model.name} has {tuple(shape) or 'none'}: "
            "train a vae with --latent-size 2."
        )
    line = torch.erfinv(torch.linspace(-0.98, 0.98, PLANE)) * 2**0.5
    y, x = torch.meshgrid(line.flip(0), line, indexing="ij")
    made = model.generate(torch.stack([x, y], dim=-1).flatten(0, 1))
    image_io.save_sheet(made, out, PLANE)
    return InterpolateResult(out, PLANE**2)


def _write_path(made: Tensor, out: Path, rate: float) -> Path:
    if not out.suffix:
        for number, image in enumerate(made):
            image_io.save(image, out / f"{number:05d}.png")
        return out
    if out.suffix.lower() != ".gif":
        image_io.save_sheet(made, out)
        return out
    times = max(1, 128 // max(made.shape[-2:]))
    large = image_io.to_uint8(made).repeat(times, 1).repeat(times, 2)
    write_atomic(out, image_io.encode_gif(list(large), max(20, round(1000 / rate))))
    progress.say(counted(len(large), "frame"))
    return out
