"""Edit, interpolate and reconstruct: from words and files to latents and back to files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.files import write_atomic
from reverie.core.image_io import find_image_files
from reverie.core.rng import latents_of_seeds
from reverie.data.attributes import Attributes, read_attributes
from reverie.inference.latent.edit import (
    DirectionKind,
    apply_directions,
    attribute_directions,
    latent_arithmetic,
    latent_neighborhood,
    optimize_latents,
    require_encoder,
)
from reverie.inference.latent.expressions import parse_sum
from reverie.inference.latent.sheets import rows_sheet, sum_sheet
from reverie.inference.latent.vectors import interpolation_path
from reverie.inference.load import load
from reverie.inference.model import Model
from reverie.methods import Samples
from reverie.runs.run import Run

SWEEP = 7


PLANE = 15


def load_encoding(place: str) -> Model:
    """A model that finds latents: its own encoder, or one that was trained for its run.

    Raises:
        UserError: if it has none.
    """
    beside = Run(Path(place).expanduser()).encoder
    return require_encoder(load(beside if beside.is_dir() else place))


def attributes_for(place: str, data: str | None) -> Attributes:
    """The attributes of the named set, or of the one that the run was trained on.

    Raises:
        UserError: if there are none.
    """
    run = Run(Path(place).expanduser())
    named = data or (run.facts()["data"]["data"] if run.exists() else None)
    if named is None:
        raise UserError("say with --data whose pictures and attributes are meant.")
    return read_attributes(named)


def edit_by_arithmetic(
    place: str,
    expression: str,
    out: Path,
    *,
    data: str | None = None,
    exemplars: int = 64,
    seed: int = 0,
    noise: float = 0.2,
    rescale: bool = True,
) -> dict[str, Any]:
    """Show a sum of named groups.

    Raises:
        UserError: if the sum does not parse, a group is empty, or the model has no encoder.
    """
    model = load_encoding(place)
    attributes = attributes_for(place, data)
    terms = parse_sum(expression, attributes.names)
    total = latent_arithmetic(model, attributes, terms, exemplars or None, seed, rescale)
    means = model.generate(torch.stack([one.mean for one in total.terms]))
    nine = model.generate(latent_neighborhood(total.latent, noise, seed))
    write_atomic(out, image_io.encode(sum_sheet(total, means, nine), out.suffix))
    members = {one.term.text: one.members for one in total.terms}
    return {"file": str(out), "members": members, "norm": float(total.latent.norm())}


def edit_image(
    place: str,
    image: Path,
    out: Path,
    *,
    add: dict[str, float],
    sweep: Sequence[str] = (),
    leave: Sequence[str] = (),
    data: str | None = None,
    kind: DirectionKind = "means",
    refine: int = 100,
) -> dict[str, Any]:
    """Add attributes to a picture; with `sweep` show each at strengths from -1.5 to 1.5.

    Raises:
        UserError: if there is no such attribute, or the model has no encoder.
    """
    if not add and not sweep:
        raise UserError("say what to change: --add Smiling=1.0, or --sweep Smiling.")
    model = load_encoding(place)
    spec = model.method.spec
    pixels = image_io.with_channels(image_io.read(image), spec.channels)
    seen = image_io.to_tensor(image_io.resize(pixels, spec.image_size)[None])
    attributes = attributes_for(place, data)
    kept = Run(Path(place).expanduser())
    file = kept.folder / f"directions-{kind}.safetensors" if kept.exists() else None
    directions = attribute_directions(model, attributes, kind, file)
    latent = optimize_latents(model, seen, model.encode(seen), refine)
    back = model.generate(latent)
    facts: dict[str, Any] = {"file": str(out), "error": float((back - seen).abs().mean())}
    if sweep:
        strengths = torch.linspace(-1.5, 1.5, SWEEP)
        rows = []
        for name in sweep:
            moved = [
                apply_directions(latent, directions, {name: float(s)}, leave) for s in strengths
            ]
            rows.append(list(model.generate(torch.cat(moved))))
        words = [f"{n}, {directions[n].accuracy:.0%} told apart" for n in sweep]
        sheet = rows_sheet(rows, [f"{s:+.1f}" for s in strengths], words)
    else:
        edited = model.generate(apply_directions(latent, directions, add, leave))
        said = ", ".join(f"{name} {strength:+g}" for name, strength in add.items())
        sheet = rows_sheet([[seen[0], back[0], edited[0]]], ["picture", "its latent's", "edited"],
                           [said])  # fmt: skip
    write_atomic(out, image_io.encode(sheet, out.suffix))
    return facts | {"accuracy": {n: round(d.accuracy, 3) for n, d in directions.items()}}


def reconstruct_files(
    place: str, images: Sequence[Path], out: Path, refine: int = 0
) -> dict[str, Any]:
    """Pictures beside what comes of their latents, with the error of each.

    Raises:
        UserError: if there are no pictures, or the model has no encoder.
    """
    model = load_encoding(place)
    spec = model.method.spec
    files = find_image_files(images)
    shown = []
    for file, _ in files:
        pixels = image_io.with_channels(image_io.read(file), spec.channels)
        shown.append(image_io.resize(pixels, spec.image_size))
    seen = image_io.to_tensor(np.stack(shown))
    latents = optimize_latents(model, seen, model.encode(seen), refine)
    back = model.generate(latents)
    errors = (back - seen).abs().mean((1, 2, 3)).tolist()
    names = [f"{relative}: {error:.3f}" for (_, relative), error in zip(files, errors, strict=True)]
    rows = [[a, b] for a, b in zip(seen, back, strict=True)]
    sheet = rows_sheet(rows, ["picture", "its latent's"], names)
    write_atomic(out, image_io.encode(sheet, out.suffix))
    by_name = {str(rel): round(e, 4) for (_, rel), e in zip(files, errors, strict=True)}
    return {"file": str(out), "mean_absolute_error": float(np.mean(errors)), "errors": by_name}


def interpolate_model(
    place: str,
    out: Path,
    *,
    seeds: Sequence[int] = (),
    images: Sequence[Path] = (),
    frames: int = 60,
    loop: bool = False,
    straight: bool = False,
    rate: float = 20.0,
    label: str | None = None,
    plane: bool = False,
    **sampling: Any,
) -> dict[str, Any]:
    """A way through the latents of seeds or pictures, as a GIF, a sheet or a folder of frames.

    Raises:
        UserError: if there are fewer than two points, or the model cannot do what is asked.
    """
    if plane:
        return _plane(load(place), out)
    if images:
        model = load_encoding(place)
        spec = model.method.spec
        read = [image_io.with_channels(image_io.read(p), spec.channels) for p in images]
        seen = image_io.to_tensor(np.stack([image_io.resize(p, spec.image_size) for p in read]))
        points = optimize_latents(model, seen, model.encode(seen), 100)
    else:
        model = load(place)
        if not isinstance(model.method, Samples):
            raise UserError(
                f"{model.name} is a {model.method_name}, which makes no pictures of noise."
            )
        points = latents_of_seeds(seeds, model.method.latent_shape)
    if len(points) < 2:
        raise UserError("a way leads through two points or more: --seeds 1 2 3, or --images A B.")
    if frames < len(points):
        raise UserError(f"{len(points)} points need as many frames or more, not {frames}.")
    latents = interpolation_path(points, frames, loop=loop, straight=straight)
    made = model.generate(latents, label=label, **sampling)
    return {"file": str(_write_way(made, out, rate)), "frames": frames}


def _plane(model: Model, out: Path) -> dict[str, Any]:
    """All of a latent plane: places by the Gaussian's quantiles."""
    shape = getattr(model.method, "latent_shape", ())
    if tuple(shape) != (2,):
        raise UserError(
            f"a plane is drawn of two latents, and {model.name} has {tuple(shape) or 'none'}: "
            "train a vae with --latent-size 2."
        )
    line = torch.erfinv(torch.linspace(-0.98, 0.98, PLANE)) * 2**0.5
    y, x = torch.meshgrid(line.flip(0), line, indexing="ij")
    made = model.generate(torch.stack([x, y], dim=-1).flatten(0, 1))
    image_io.save_sheet(made, out, PLANE)
    return {"file": str(out), "frames": PLANE**2}


def _write_way(made: Tensor, out: Path, rate: float) -> Path:
    if not out.suffix:
        for number, image in enumerate(made):
            image_io.save(image, out / f"{number:05d}.png")
        return out
    if out.suffix.lower() != ".gif":
        image_io.save_sheet(made, out)
        return out
    times = max(1, 128 // made.shape[-1])
    large = image_io.to_uint8(made).repeat(times, 1).repeat(times, 2)
    write_atomic(out, image_io.encode_gif(list(large), max(20, round(1000 / rate))))
    progress.say(f"{len(large)} frames")
    return out
