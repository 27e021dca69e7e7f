"""The public functions. The command line calls these; each builds options and calls one function.

Options are the fields of the dataclasses in `inference.options`: pass them as keyword arguments or
as `options=`. `api.pyi` spells them out for type checkers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from reverie.core.errors import UserError
from reverie.core.files import path_of
from reverie.core.options import OptionValue, accepts_fields
from reverie.data.memory import Images, Labels, in_memory, refuse_in_memory
from reverie.evaluation.evaluate import EvaluateResult
from reverie.evaluation.evaluate import evaluate as _evaluate
from reverie.exports.files import ExportResult, export_files
from reverie.exports.web import PageResult, export_page
from reverie.inference.dream.files import DreamResult, dream_image
from reverie.inference.info import InfoResult, info
from reverie.inference.latent.files import (
    EditResult,
    InterpolateResult,
    ReconstructResult,
    edit_files,
    interpolate_files,
    reconstruct_files,
)
from reverie.inference.load import import_weights, is_image_set, load
from reverie.inference.model import Model
from reverie.inference.options import (
    DreamOptions,
    EditOptions,
    EvaluateOptions,
    ExportOptions,
    InterpolateOptions,
    ReconstructOptions,
    SampleOptions,
    TranslateOptions,
    UpscaleOptions,
)
from reverie.inference.place import default_upscaler
from reverie.inference.sample import sample_images
from reverie.inference.translate import TranslateResult, translate_files
from reverie.inference.upscale import UpscaleResult, upscale_files
from reverie.methods import METHODS, Method, Translates, Upscales
from reverie.training.callbacks import Callback, checked_callbacks
from reverie.training.comparison import CompareResult, compare
from reverie.training.result import TrainResult
from reverie.training.resume import base_recipe
from reverie.training.sweep import sweep as _sweep
from reverie.training.sweep_result import SweepResult
from reverie.training.train import train as _train

Paths = str | Path | Sequence[str | Path]


def train(
    method: str | type[Method] | None = None,
    *,
    out: str | Path,
    data: Images | None = None,
    data_b: Images | None = None,
    labels: Labels | None = None,
    preset: str | None = None,
    config: str | Path | None = None,
    resume: bool = False,
    restart: bool = False,
    callbacks: Sequence[Callback] = (),
    **options: OptionValue | Callable[..., object],
) -> TrainResult:
    """Train a method on a dataset; the options are those of `reverie train METHOD --help`.

    Args:
        method: a name in `METHODS`, or a class of your own, which is registered by its name; it
            may be left out with `config`, `resume` or `restart`.
        out: the run's folder; it must be new unless `resume` or `restart`.
        data: what `--data` takes, or images in memory: an array or a tensor ([N, H, W],
            [N, H, W, C] or [N, C, H, W], uint8 or floats in [0, 1] or [-1, 1]), a list of images,
            paths or arrays, or a dataset read by index, as PyTorch's; (images, labels); for
            translation also (a, b).
        data_b: the images of domain B, or the low-resolution ones, like `data`.
        labels: a class for each image in memory, by number or name.
        preset: a named set of options to start from; None is the method's defaults on any machine,
            and "auto" what the command line picks by device, image size and number of images.
        config: a recipe to start from: a .toml or .json file, or the folder of a run.
        resume: continue the run in `out`, with its own options; only those that do not change what
            is trained may differ.
        restart: train the run in `out` again from step 0; this replaces what it has trained.
        callbacks: objects that are called while it trains: see docs/extending.md.
        **options: fields of the method's options, of `DataOptions` and of `TrainOptions`.

    Raises:
        UserError: if something that was asked for cannot be done, before anything is trained.
    """
    checked_callbacks(callbacks)  # before images are read
    name = method if isinstance(method, str | None) else METHODS.ensure(method)
    if not isinstance(config, str | Path | None):
        raise UserError(
            "config is the path of a recipe or of a run; options are keyword arguments."
        )
    file = None if config is None else path_of(config)
    # Found here too, since it decides what a tuple of data is.
    known = base_recipe(name, path_of(out), preset, resume or restart, file).method
    two_sides = METHODS.find(known).data_kind in ("paired", "unpaired", "degraded")
    with in_memory(data, data_b, labels, two_sides=two_sides) as names:
        return _train(
            name,
            path_of(out),
            preset=preset,
            config=file,
            resume=resume,
            restart=restart,
            forecast=True,
            changes=options | names,
            callbacks=callbacks,
        )


def sweep(
    method: str | type[Method],
    axes: Mapping[str, Sequence[OptionValue]],
    *,
    out: str | Path,
    preset: str | None = None,
    jobs: int = 1,
    **options: OptionValue,
) -> SweepResult:
    """Train every combination of the values of some options, or go on where this was stopped.

    Args:
        method: a name in `METHODS`, or a class of your own in a module that can be imported.
        axes: the values of each option that differs between the runs: `{"seed": [0, 1]}`.
        out: the folder of the runs, of `sweep.html` and of `sweep.json`.
        preset: a named set of options to start from.
        jobs: trainings at a time, each in a process of its own.
        **options: fields of the method's options, of `DataOptions` and of `TrainOptions`, for all
            runs.

    Returns:
        The runs with their figures, and mean and spread over seeds.

    Raises:
        UserError: if something that was asked for cannot be done, before anything is trained.
    """
    name = method if isinstance(method, str) else METHODS.ensure(method)
    refuse_in_memory(options, "sweep")
    return _sweep(name, axes, path_of(out), preset=preset, jobs=jobs, changes=options)


@accepts_fields(SampleOptions)
def sample(
    model: str | Path | Model, count: int | None = None, *, options: SampleOptions | None = None
) -> Float[Tensor, "count c h w"]:
    """Sample images from noise, float32 in [-1, 1].

    Args:
        model: a model, or where it is.
        count: how many; 16 by default.
        options: see `SampleOptions`; its fields may be given as keyword arguments.

    Raises:
        UserError: if the model cannot do what is asked.
    """
    chosen = options or SampleOptions()
    if count is not None:
        chosen = replace(chosen, count=count)
    return sample_images(_loaded(model), chosen)


@accepts_fields(TranslateOptions)
def translate(
    model: str | Path | Model,
    images: Paths,
    *,
    out: str | Path,
    options: TranslateOptions | None = None,
) -> TranslateResult:
    """Translate image files and folders into the folder `out`, with a page that shows them.

    Args:
        model: a translation model, or where it is.
        images: files and folders; subfolders are mirrored.
        out: a folder.
        options: see `TranslateOptions`; its fields may be given as keyword arguments.

    Raises:
        UserError: if the model does not translate, or nothing can be translated.
    """
    chosen = options or TranslateOptions()
    return translate_files(_loaded(model), _paths(images), path_of(out), chosen)


@accepts_fields(UpscaleOptions)
def upscale(
    images: Paths,
    *,
    out: str | Path,
    model: str | Path | Model | None = None,
    options: UpscaleOptions | None = None,
) -> UpscaleResult:
    """Upscale image files and folders into the folder `out`.

    Args:
        images: files and folders; subfolders are mirrored.
        out: a folder.
        model: a super-resolution model, or where it is; by default photos-x4 of the package, or
            photos-x2 for a scale of up to 2.
        options: see `UpscaleOptions`; its fields may be given as keyword arguments.

    Raises:
        UserError: if the model does not upscale, or nothing can be upscaled.
    """
    chosen = options or UpscaleOptions()
    found = default_upscaler(chosen.scale) if model is None else model
    return upscale_files(_loaded(found), _paths(images), path_of(out), chosen)


@accepts_fields(DreamOptions)
def dream(
    image: str | Path, *, out: str | Path, options: DreamOptions | None = None
) -> DreamResult:
    """Deep dream: gradient ascent on an image, towards the activations of a network.

    Args:
        image: a file.
        out: a file; a .png also holds the settings. For a film an .mp4, a .gif or a folder.
        options: see `DreamOptions`; its fields may be given as keyword arguments.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    return dream_image(path_of(image), path_of(out), options or DreamOptions())


@accepts_fields(EditOptions)
def edit(
    model: str | Path,
    expression: str | None = None,
    *,
    out: str | Path,
    options: EditOptions | None = None,
) -> EditResult:
    """Edit in latent space: arithmetic on named groups, or attributes added to an image.

    Args:
        model: a vae, or a dcgan, gan or cgan for which an encoder was trained.
        expression: as "Male & Eyeglasses - Male & !Eyeglasses + !Male & !Eyeglasses".
        out: the sheet to write.
        options: see `EditOptions`; its fields may be given as keyword arguments.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    return edit_files(model, expression, path_of(out), options or EditOptions())


@accepts_fields(InterpolateOptions)
def interpolate(
    model: str | Path, *, out: str | Path, options: InterpolateOptions | None = None
) -> InterpolateResult:
    """Interpolate through latent space.

    Args:
        model: any model that samples from noise.
        out: a .gif, a folder of frames, or a sheet.
        options: see `InterpolateOptions`; its fields may be given as keyword arguments.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    return interpolate_files(model, path_of(out), options or InterpolateOptions())


@accepts_fields(ReconstructOptions)
def reconstruct(
    model: str | Path,
    images: Paths,
    *,
    out: str | Path,
    options: ReconstructOptions | None = None,
) -> ReconstructResult:
    """Images beside their reconstructions from latents, with the error of each.

    Args:
        model: a vae, or a dcgan, gan or cgan for which an encoder was trained.
        images: files and folders.
        out: the sheet to write.
        options: see `ReconstructOptions`; its fields may be given as keyword arguments.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    return reconstruct_files(model, _paths(images), path_of(out), options or ReconstructOptions())


@accepts_fields(EvaluateOptions)
def evaluate(
    model: Model | Images,
    *,
    data: Images | None = None,
    data_b: Images | None = None,
    out: str | Path | None = None,
    options: EvaluateOptions | None = None,
) -> EvaluateResult:
    """Evaluate a model's samples, translations or upscaled images, or a set of images.

    Args:
        model: a model, or images: what `--data` takes, or images in memory, as for `train`.
        data: the reference images, likewise; of a translator also (a, b), or those of domain A.
        data_b: of a translator, the images of domain B.
        out: where to write the figures, as .json.
        options: see `EvaluateOptions`; its fields may be given as keyword arguments.

    Returns:
        Figures by name; each name carries the features, the number of images and the split.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    if isinstance(data, tuple) and isinstance(model, str | Path) and not is_image_set(str(model)):
        model = load(model)  # which decides what a tuple of data is
    judged = None if isinstance(model, Model) else model
    two_sides = isinstance(model, Model) and isinstance(model.method, Translates | Upscales)
    with in_memory(data, data_b, two_sides=two_sides) as reference, in_memory(judged) as images:
        chosen = replace(options or EvaluateOptions(), **reference)
        what = model if isinstance(model, Model) else images["data"]
        return _evaluate(what, chosen, None if out is None else path_of(out))


@accepts_fields(ExportOptions)
def export(
    model: str | Path | Model, *, out: str | Path, options: ExportOptions | None = None
) -> ExportResult | PageResult:
    """Write a model as files that other programs run, or as a web page; compared with the model.

    Args:
        model: a model, or where it is.
        out: the file; a model with several computations gets one file for each, named after it.
            Of a web page the folder, or with `single_file` the file.
        options: see `ExportOptions`; its fields may be given as keyword arguments.

    Raises:
        UserError: if the model cannot be exported, or a package for it is missing.
    """
    chosen = options or ExportOptions()
    write = export_page if chosen.to == "web" else export_files
    return write(_loaded(model), path_of(out), chosen)


def _paths(images: Paths) -> list[Path]:
    """One path or several, as a list."""
    several = [images] if isinstance(images, str | Path) else images
    return [path_of(path) for path in several]


def _loaded(model: str | Path | Model) -> Model:
    return model if isinstance(model, Model) else load(model)


__all__ = [
    "CompareResult", "DreamResult", "EditResult", "EvaluateResult", "InfoResult",
    "InterpolateResult", "Model", "ReconstructResult", "SweepResult", "TrainResult",
    "TranslateResult", "UpscaleResult", "compare", "dream", "edit", "evaluate", "import_weights",
    "info", "interpolate", "load", "reconstruct", "sample", "sweep", "train", "translate",
    "upscale",
]  # fmt: skip
