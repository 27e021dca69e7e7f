"""What people call: train, load, sample, compare. The command line is a thin shell over this."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor

from reverie.core.errors import UserError
from reverie.data import DataOptions
from reverie.evaluation.samples import (
    evaluate_folders,
    evaluate_model,
    evaluate_paired,
    write_figures,
)
from reverie.evaluation.superres import evaluate_upscaler
from reverie.evaluation.translation import evaluate_translator
from reverie.inference.dream.files import dream_image
from reverie.inference.info import info
from reverie.inference.latent.files import (
    edit_by_arithmetic,
    edit_image,
    interpolate_model,
    reconstruct_files,
)
from reverie.inference.load import import_weights, is_image_folder, load
from reverie.inference.model import Model
from reverie.inference.translate import TranslateResult, translate_files
from reverie.inference.upscale import UpscaleResult, upscale_files
from reverie.methods import Translates, Upscales
from reverie.methods.base import Direction
from reverie.methods.presets import recipe_for
from reverie.runs.run import Run, find_run
from reverie.training.report import write_comparison
from reverie.training.train import TrainResult, check_resumable, train_recipe

UPSCALER = "photos-x4"
"""What enlarges where nobody said."""


def translate(
    model: str | Path | Model,
    images: str | Path | Sequence[str | Path],
    *,
    out: str | Path,
    direction: Direction = "ab",
    **how: Any,
) -> TranslateResult:
    """Translate picture files and folders into the folder `out`, with a page that shows them.

    Args:
        model: a translator, or where one lies.
        images: files and folders; subfolders are mirrored.
        out: a folder.
        direction: `ab`, or `ba` where the model has learnt the way back.
        **how: `dropout`, `own_statistics`, `tile`: see `Model.translate`.

    Raises:
        UserError: if the model does not translate, or nothing can be.
    """
    model = _loaded(model)
    return translate_files(model, _places(images), Path(out).expanduser(), direction, **how)


def upscale(
    images: str | Path | Sequence[str | Path],
    *,
    out: str | Path,
    model: str | Path | Model = UPSCALER,
    **how: Any,
) -> UpscaleResult:
    """Enlarge picture files and folders into the folder `out`.

    Args:
        images: files and folders; subfolders are mirrored.
        out: a folder.
        model: what enlarges, or where it lies; by default the network that comes with the package.
        **how: `scale`, `tile`, `precision`, `existing`, `format`: see `upscale_files`.

    Raises:
        UserError: if the model does not enlarge, or nothing can be.
    """
    return upscale_files(_loaded(model), _places(images), Path(out).expanduser(), **how)


def train(
    method: str,
    *,
    out: str | Path,
    preset: str | None = None,
    resume: bool = False,
    **options: Any,
) -> TrainResult:
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
        check_resumable(before, recipe)
    else:
        recipe = recipe_for(method, preset).with_options(**options)
    return train_recipe(recipe, run, resume)


def dream(
    image: str | Path,
    *,
    out: str | Path,
    layers: Sequence[str] | None = None,
    guide: str | Path | None = None,
    like: str | Path | None = None,
    **how: Any,
) -> dict[str, Any]:
    """Dream of a picture: bring out in it what a network notices.

    Args:
        image: a file.
        out: a file; a .png also holds the settings. For a film an .mp4, a .gif or a folder.
        layers: `NAME`, `NAME:CHANNEL`, each with `=WEIGHT`; by default what is good at once.
        guide: another picture: go towards what it shows.
        like: a dream that was saved as .png, whose settings are used again.
        **how: `backbone`, `weights`, `towards`, `film`, `zoom`, `rotate`, `rate`, and the fields of
            `DreamOptions`.

    Returns:
        The file, the layers, and the objective at the beginning and the end of each octave.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    return dream_image(
        Path(image).expanduser(),
        Path(out).expanduser(),
        like=None if like is None else Path(like).expanduser(),
        layers=None if layers is None else tuple(layers),
        guide=None if guide is None else str(guide),
        **how,
    )


def edit(
    model: str,
    expression: str | None = None,
    *,
    out: str | Path,
    image: str | Path | None = None,
    **how: Any,
) -> dict[str, Any]:
    """Edit in latent space: a sum of named groups, or attributes added to a picture.

    Args:
        model: where a vae lies, or a dcgan or gan for which an encoder was trained.
        expression: as "Male & Eyeglasses - Male & !Eyeglasses + !Male & !Eyeglasses".
        out: the sheet to write.
        image: a picture to change instead.
        **how: for a sum `data`, `exemplars`, `seed`, `noise`, `rescale`; for a picture `add`,
            `sweep`, `leave`, `kind`, `data`, `refine`: see `latent_commands`.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    target = Path(out).expanduser()
    if image is not None:
        return edit_image(model, Path(image).expanduser(), target, **how)
    if expression is None:
        raise UserError("edit takes a sum of groups, or a picture.")
    return edit_by_arithmetic(model, expression, target, **how)


def interpolate(model: str, *, out: str | Path, **how: Any) -> dict[str, Any]:
    """Walk through latent space: `seeds` or `pictures`, `frames`, `loop`, `straight`, `plane`.

    Args:
        model: anything that makes pictures from noise.
        out: a .gif, a folder of frames, or a picture of all of them.
        **how: see `latent_commands.interpolate_model`.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    return interpolate_model(model, Path(out).expanduser(), **how)


def reconstruct(
    model: str, images: str | Path | Sequence[str | Path], *, out: str | Path, refine: int = 0
) -> dict[str, Any]:
    """Pictures beside what comes of their latents, with the error of each.

    Args:
        model: where a vae lies, or a dcgan or gan for which an encoder was trained.
        images: files and folders.
        out: the sheet to write.
        refine: gradient steps that bring each latent nearer to its picture.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    return reconstruct_files(model, _places(images), Path(out).expanduser(), refine)


def sample(model: str | Path | Model, count: int = 16, **options: Any) -> Float[Tensor, "n c h w"]:
    """Pictures from a model: `load(model).sample(count, ...)`."""
    return _loaded(model).sample(count, **options)


def _places(images: str | Path | Sequence[str | Path]) -> list[Path]:
    """One place or several, as a list."""
    several = [images] if isinstance(images, str | Path) else images
    return [Path(place).expanduser() for place in several]


def _loaded(model: str | Path | Model) -> Model:
    return model if isinstance(model, Model) else load(model)


def evaluate(
    model: str | Path | Model,
    *,
    data: str,
    split: Literal["train", "test", "all"] = "test",
    count: int | None = None,
    features: str | None = None,
    seed: int = 0,
    report: str | Path | None = None,
    out: str | Path | None = None,
    **sampling: Any,
) -> dict[str, Any]:
    """Say in numbers how good a model's samples are, or how near one folder is to another.

    Args:
        model: a model, or a folder of pictures.
        data: what the pictures should be like.
        split: which part of it, where it comes divided.
        count: how many samples; by default as many as there are pictures, 10,000 at most.
        features: `digits`, `efficientnet` or `inception`; by default what fits the data.
        seed: the number of the first sample.
        report: where to write a page with samples beside their nearest training pictures.
        out: where to write the figures, as .json.
        **sampling: passed to `Model.sample`.

    Returns:
        Figures by name; each name carries the features, the number of pictures and the split.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    wanted = DataOptions(data=data, split=split)
    if isinstance(model, str | Path) and is_image_folder(Path(model)):
        if report is not None or count is not None or sampling:
            raise UserError(f"{model} is a folder of pictures: it takes no samples and no report.")
        figures = evaluate_folders(DataOptions(data=str(model)), wanted, features=features)
    elif isinstance((loaded := _loaded(model)).method, Translates):
        figures = evaluate_translator(loaded, wanted, features=features)
    elif isinstance(loaded.method, Upscales):
        figures = evaluate_upscaler(loaded, wanted, features=features)
    else:
        figures = evaluate_model(
            loaded,
            wanted,
            count=count,
            features=features,
            seed=seed,
            report=None if report is None else Path(report),
            **sampling,
        )
    if out is not None:
        write_figures(figures, Path(out))
    return figures


def paired_metrics(
    one: str | Path,
    other: str | Path,
    *,
    features: str | None = None,
    on_luma: bool = False,
    border: int = 0,
    out: str | Path | None = None,
) -> dict[str, Any]:
    """PSNR, SSIM and perceptual distance of the pictures in two folders that have equal names.

    Args:
        one: the folder that is judged.
        other: the folder of what its pictures should be.
        features: the network of the perceptual distance; by default EfficientNet.
        on_luma: PSNR and SSIM of Y alone, as super-resolution's tables have it.
        border: pixels at the edges that PSNR and SSIM leave out.
        out: where to write the figures, as .json.

    Raises:
        UserError: if names or sizes do not match.
    """
    figures = evaluate_paired(
        Path(one), Path(other), features=features, on_luma=on_luma, cut=border
    )
    if out is not None:
        write_figures(figures, Path(out))
    return figures


def compare(runs: Sequence[str | Path], out: str | Path) -> dict[str, Any]:
    """Write a page that shows runs side by side; returns the options that differ."""
    return write_comparison([find_run(run) for run in runs], Path(out))


__all__ = [
    "Model",
    "TrainResult",
    "check_resumable",
    "compare",
    "dream",
    "edit",
    "import_weights",
    "info",
    "interpolate",
    "load",
    "reconstruct",
    "sample",
    "train",
    "train_recipe",
    "translate",
    "upscale",
]  # fmt: skip
