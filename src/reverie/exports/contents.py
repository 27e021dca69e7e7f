"""What others get with a model: weights, configuration, and a card with images and figures."""

from collections.abc import Mapping
from pathlib import Path

from huggingface_hub import ModelCard, ModelCardData

from reverie.core.errors import UserError
from reverie.core.files import path_of
from reverie.core.zip_file import read_zip
from reverie.exports.files import export_files
from reverie.exports.options import CardOptions
from reverie.inference.load import BUILT_IN_MODELS, holds_a_model, load
from reverie.inference.options import ExportOptions
from reverie.methods import METHODS, Method
from reverie.methods.diffusion.pretrained import FILES, PretrainedDiffusion, holds_denoiser
from reverie.methods.gan.inversion import GANInversion
from reverie.runs.model_place import CARD, CONFIG, WEIGHTS
from reverie.runs.place import is_model_file, is_packed
from reverie.runs.run import Run
from reverie.runs.summary import newest_sheet

PIPELINES = {
    "images": "unconditional-image-generation",
    "labelled": "unconditional-image-generation",
    "paired": "image-to-image",
    "unpaired": "image-to-image",
    "degraded": "image-to-image",
}
"""The hub's names of what a model does, by the kind of data that it is trained on."""

PLACE = "path/to/this/folder"
"""In a model card, where the model is loaded from."""

SHEET = "samples.png"
"""Name of the newest preview sheet of samples beside a card."""


def write_contents(place: str | Path, folder: Path, where: str, options: CardOptions) -> list[Path]:
    """Write what is given to others with a model into a new folder; returns the files.

    Args:
        place: a run, a model folder, a packed model, or a model of the package.
        folder: what is made.
        where: the place that the model will be loaded from, for its card.
        options: see `CardOptions`.

    Raises:
        UserError: if there is no usable model.
    """
    model = load(place)
    folder.mkdir()
    for name, content in _model_files(place).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    run = _run_of(place)
    sheet = None if run is None else newest_sheet(run.samples)
    if sheet is not None:
        (folder / SHEET).write_bytes(sheet.read_bytes())
    if options.onnx:
        export_files(model, folder / "model.onnx", ExportOptions(license=options.license))
    lines = [] if run is None else run.read_evaluations()
    _write_card(
        folder / CARD,
        "diffusers" if isinstance(model.method, PretrainedDiffusion) else "reverie",
        _pipeline(model.method_name, model.method),
        where,
        lines[-1]["figures"] if lines else {},
        options,
    )
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _model_files(place: str | Path) -> dict[str, bytes]:
    """The files of a model, and of one that was trained for it, by their path in its folder.

    Raises:
        UserError: if it is a single file of weights.
    """
    path = path_of(place)
    extra = str(GANInversion.kept_beside_init)
    names = (CONFIG, WEIGHTS, CARD, SHEET, f"{extra}/{CONFIG}", f"{extra}/{WEIGHTS}")
    if is_packed(path):
        return read_zip(path, names)
    folder = BUILT_IN_MODELS.get(str(place), path) if not holds_a_model(path) else path
    if is_model_file(path) or not folder.is_dir():
        raise UserError(f"{place}: name a run, a model folder, or what reverie pack wrote.")
    files = {name: folder / name for name in names}
    if holds_denoiser(folder):
        files |= {name: folder / name for name in FILES}
    if Run(folder).exists():
        files |= {name: folder / "model" / name for name in (CONFIG, WEIGHTS, CARD)}
    return {name: file.read_bytes() for name, file in files.items() if file.is_file()}


def _run_of(place: str | Path) -> Run | None:
    """The run that a model is of: the place itself, or that whose best or last model it is."""
    path = path_of(place)
    places = (path, path.absolute().parent) if path.is_dir() else ()
    return next((run for run in map(Run, places) if run.exists()), None)


def _pipeline(method_name: str, method: Method) -> str:
    known = METHODS.find(method_name) if method_name in METHODS else method
    return PIPELINES[known.data_kind]


def _write_card(
    file: Path,
    library: str,
    pipeline: str,
    where: str,
    figures: Mapping[str, float],
    options: CardOptions,
) -> None:
    """The model card with what the hub shows: licence, task, tags, a picture, figures."""
    card = ModelCard(file.read_text("utf-8", "replace") if file.is_file() else "---\n---\n")
    known = card.data.to_dict()
    facts = {
        "library_name": library,
        "pipeline_tag": pipeline,
        "tags": list(dict.fromkeys([*known.get("tags", []), "reverie", *options.tags])),
    }
    if options.license:
        facts["license"] = options.license
    card.data = ModelCardData(**(known | facts))  # type: ignore[assignment]
    card.text = card.text.replace(PLACE, where)
    if options.license:
        card.text += f"\nLicence: {options.license}.\n"
    if (file.parent / SHEET).is_file() and SHEET not in card.text:
        card.text += f"\n![Samples while it was trained]({SHEET})\n"
    rows = "".join(
        f"| {name} | {value:.4g} |\n" for name, value in figures.items() if isinstance(value, float)
    )
    if rows:
        card.text += f"\n| figure | value |\n|---|---:|\n{rows}"
    file.write_text(str(card))
