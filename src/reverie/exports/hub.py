"""Models to and from the Hugging Face hub: weights, config, a card with a picture and figures."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, ModelCard, ModelCardData
from huggingface_hub.errors import HfHubHTTPError

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import path_of, readable_bytes
from reverie.core.result import Result, counted
from reverie.exports.files import export_files
from reverie.inference.hub import HUB_ERRORS, download
from reverie.inference.model import Model
from reverie.inference.options import ExportOptions, PushOptions
from reverie.inference.place import BUILT_IN_MODELS, HUB, HUB_NAME, holds_a_model
from reverie.methods import METHODS
from reverie.runs.model_folder import load_model
from reverie.runs.run import Run

PIPELINES = {
    "images": "unconditional-image-generation",
    "labelled": "unconditional-image-generation",
    "paired": "image-to-image",
    "unpaired": "image-to-image",
    "degraded": "image-to-image",
}
"""The hub's names of what a model does, by the kind of data that it is trained on."""
UNAUTHORIZED = (401, 403)


@dataclass(frozen=True)
class PushResult(Result):
    """What was uploaded, and where it can be loaded from."""

    name: str
    files: list[str]
    size_bytes: int

    def summary(self) -> str:
        size = readable_bytes(self.size_bytes)
        return f"{counted(len(self.files), 'file')}, {size}: reverie.load({HUB + self.name!r})"


@dataclass(frozen=True)
class PullResult(Result):
    """The model folder that was downloaded."""

    folder: Path

    def summary(self) -> str:
        return f"{self.folder}"


def push(place: str | Path, name: str, options: PushOptions) -> PushResult:
    """Upload a model to the hub, with its card, newest samples and figures; returns what was sent.

    Args:
        place: a run, a model folder, or a model of the package.
        name: `user/name` on the hub; made if it does not exist.
        options: see `PushOptions`.

    Raises:
        UserError: if there is no model, or the hub refuses.
    """
    _check_name(name)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "model"
        _stage(place, folder, options)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        size = sum(path.stat().st_size for path in files)
        progress.say(
            f"uploading {counted(len(files), 'file')}, {readable_bytes(size)}, to {HUB}{name}"
        )
        api = HfApi()
        with _refusals(name):
            api.create_repo(name, private=options.private, exist_ok=True)
            api.upload_folder(repo_id=name, folder_path=folder, commit_message="reverie push")
        return PushResult(name, [path.relative_to(folder).as_posix() for path in files], size)


def pull(name: str, out: Path) -> PullResult:
    """Download a model from the hub into the folder `out`, and check that it can be loaded.

    Raises:
        UserError: if there is no such model, or `out` exists.
    """
    name = name.removeprefix(HUB)
    _check_name(name)
    if out.exists():
        raise UserError(f"{out}: it exists already: name a new folder by --out.")
    found = download(name)
    load_model(found)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as aside:
        whole = Path(aside) / "model"
        shutil.copytree(found, whole, symlinks=False)
        whole.rename(out)
    return PullResult(out)


def _check_name(name: str) -> None:
    if not re.fullmatch(HUB_NAME, name):
        raise UserError(f"{name}: a model on the hub is named user/name.")


def _stage(place: str | Path, folder: Path, options: PushOptions) -> None:
    """Put together in `folder` what is uploaded."""
    path = path_of(place)
    if str(place) in BUILT_IN_MODELS and not holds_a_model(path):
        source = BUILT_IN_MODELS[str(place)]
    else:
        source = path / "model" if Run(path).exists() else path
    method_name, method = load_model(source)
    folder.mkdir()
    for file in ("config.json", "model.safetensors", "README.md"):
        if (source / file).is_file():
            shutil.copy2(source / file, folder / file)
    run = Run(path)
    pictures = sorted(run.samples.glob("*.png"))[-1:] if run.exists() else []
    for picture in pictures:
        shutil.copy2(picture, folder / "samples.png")
    if options.onnx:
        model = Model(str(place), method_name, method)
        named = ExportOptions(license=options.license)
        export_files(model, folder / "model.onnx", named)
    kind = METHODS.find(method_name).data_kind if method_name in METHODS else method.data_kind
    lines = run.read_evaluations() if run.exists() else []
    figures = lines[-1]["figures"] if lines else {}
    _write_card(folder, PIPELINES[kind], figures, bool(pictures), options)


def _write_card(
    folder: Path,
    pipeline: str,
    figures: dict[str, float],
    has_picture: bool,
    options: PushOptions,
) -> None:
    """The model card with what the hub shows: licence, task, tags, a picture, figures."""
    file = folder / "README.md"
    card = ModelCard(file.read_text() if file.is_file() else "---\n---\n")
    known = card.data.to_dict()
    facts = {
        "library_name": "reverie",
        "pipeline_tag": pipeline,
        "tags": list(dict.fromkeys([*known.get("tags", []), "reverie", *options.tags])),
    }
    if options.license:
        facts["license"] = options.license
    card.data = ModelCardData(**(known | facts))  # type: ignore[assignment]
    if has_picture:
        card.text += "\n![Samples while it was trained](samples.png)\n"
    if figures:
        rows = "".join(
            f"| {name} | {value:.4g} |\n"
            for name, value in figures.items()
            if isinstance(value, float)
        )
        card.text += f"\n| figure | value |\n|---|---:|\n{rows}"
    file.write_text(str(card))


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """What the hub answers, as one sentence.

    Raises:
        UserError: if it refuses, or cannot be reached.
    """
    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        if status in UNAUTHORIZED:
            raise UserError(
                f"{HUB}{name}: the hub does not let you write there: log in with hf auth login, or "
                "set HF_TOKEN to a token that may write."
            ) from None
        raise _refused(name, error) from None
    except HUB_ERRORS as error:
        raise _refused(name, error) from None


def _refused(name: str, error: Exception) -> UserError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return UserError(f"{HUB}{name}: it could not be uploaded ({reason}).")
