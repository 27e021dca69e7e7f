"""Sample to files, and what diffusion models start from instead of noise."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.core.files import refuse_no_folder, write_atomic
from reverie.core.marks import own_place
from reverie.core.outputs import refuse_folder_of, refuse_replacing
from reverie.core.result import Result, counted
from reverie.inference.model import Model
from reverie.inference.options import SampleOptions
from reverie.methods.diffusion.sampler_options import Start

MAX_FILM_IMAGES = 64


@dataclass(frozen=True)
class SampleResult(Result):
    """The files that were written, the sheet last."""

    count: int
    seed: int
    files: list[Path]

    def summary(self) -> str:
        return f"{counted(self.count, 'image')}: {self.files[-1]}"


def sample_images(model: Model, options: SampleOptions) -> Float[Tensor, "count c h w"]:
    """Sample images, float32 in [-1, 1] on the CPU; writes the film that the options ask for.

    Raises:
        UserError: if the model cannot do what is asked.
    """
    o, frames = options, []
    if o.film is not None and o.count > MAX_FILM_IMAGES:
        raise UserError(f"a film shows {MAX_FILM_IMAGES} images at most, not {o.count}.")
    if o.film is not None:
        refuse_replacing([o.film], [file for file in (o.init, o.mask) if file])
    start = start_from(model, o.init, o.strength, o.mask) if o.init or o.mask else None
    images = model.sample(
        o.count,
        seed=o.seed,
        label=o.label or None,
        between=o.between,
        start=start,
        callback=(lambda step, x_0: frames.append(x_0.float().cpu().clamp(-1, 1)))
        if o.film
        else None,
        steps=o.steps,
        sampler=o.sampler,
        schedule=o.schedule,
        guidance=o.guidance,
    )
    if o.film is not None:
        image_io.save_film([*frames, images], o.film)
    return images


def sample_files(model: Model, out: Path, options: SampleOptions) -> SampleResult:
    """Sample into a folder of files and a sheet, one sheet, or an array.

    An .npz holds the images as `arr_0` and their classes as `arr_1`, a .npy the images alone.

    Raises:
        UserError: if the model cannot do what is asked, or a file would replace another.
    """
    count, seed = options.count, options.seed
    names = [] if out.suffix else options.names_in(out)
    inputs = [file for file in (options.init, options.mask) if file]
    refuse_replacing([out, *names], inputs)
    if names:
        refuse_folder_of(out, inputs)
    if options.film is not None and out in (options.film, options.film.with_suffix(".png")):
        raise UserError(f"--film writes {out} as well: choose another --out.")
    folder = out.parent if out.suffix else out
    refuse_no_folder(folder)
    images = sample_images(model, options)
    if out.suffix == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, image_io.to_uint8(images))
        write_atomic(out, buffer.getvalue())
        return SampleResult(count, seed, [out])
    if out.suffix == ".npz":
        arrays = {"arr_0": image_io.to_uint8(images)}
        labels = model.labels(count, options.label or None)
        if labels is not None:
            arrays["arr_1"] = labels.numpy()
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        write_atomic(out, buffer.getvalue())
        return SampleResult(count, seed, [out])
    if out.suffix:
        image_io.save_sheet(images, out)
        return SampleResult(count, seed, [out])
    for image, path in zip(images, names, strict=True):
        image_io.save(image, path)
    sheet = own_place(out / "grid.png")
    image_io.save_sheet(images, sheet)
    return SampleResult(count, seed, [*names, sheet])


def start_from(
    model: Model, image: Path | None, strength: float = 0.6, mask: Path | None = None
) -> Start:
    """What a diffusion model starts from: an image file, resized, and perhaps a mask.

    Raises:
        UserError: if a file is no image, or a mask is given without one.
    """
    if image is None:
        raise UserError("--mask says which part of an image is regenerated: name it with --init.")
    spec = model.method.spec

    def fitted(path: Path, channels: int) -> Tensor:
        pixels = image_io.with_channels(image_io.read(path), channels)
        return image_io.to_tensor(image_io.resize(pixels, spec.image_size)[None])

    chosen = None if mask is None else (fitted(mask, 1) > 0).float()
    return Start(fitted(image, spec.channels), strength, chosen)
