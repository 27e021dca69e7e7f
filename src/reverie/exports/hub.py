"""Models to and from the Hugging Face hub: weights, config, a card with a picture and figures."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import path_of, readable_bytes
from reverie.core.options import accepts_fields
from reverie.core.result import Result, counted
from reverie.exports.contents import write_contents
from reverie.exports.options import PushOptions
from reverie.inference.hub import HUB_ERRORS, download
from reverie.inference.load import load
from reverie.inference.place import HUB, refuse_no_hub_name

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


@accepts_fields(PushOptions)
def push(model: str | Path, name: str, *, options: PushOptions | None = None) -> PushResult:
    """Upload a model to the Hugging Face hub, with a card, its newest samples and figures.

    Args:
        model: a run, a model folder, or a model of the package.
        name: `user/name`; made if it does not exist.
        options: see `PushOptions`; its fields may be given as keyword arguments.

    Raises:
        UserError: if there is no model, or the hub refuses.
    """
    chosen = options or PushOptions()
    refuse_no_hub_name(name)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "model"
        files = write_contents(model, folder, HUB + name, chosen)
        size = sum(path.stat().st_size for path in files)
        progress.say(
            f"uploading {counted(len(files), 'file')}, {readable_bytes(size)}, to {HUB}{name}"
        )
        api = HfApi()
        with _refusals(name):
            api.create_repo(name, private=chosen.private, exist_ok=True)
            api.upload_folder(repo_id=name, folder_path=folder, commit_message="reverie push")
        return PushResult(name, [path.relative_to(folder).as_posix() for path in files], size)


def pull(name: str, out: str | Path) -> PullResult:
    """Download a model from the Hugging Face hub into a new folder, and check it.

    Raises:
        UserError: if there is no such model, or `out` exists.
    """
    name, folder = name.removeprefix(HUB), path_of(out)
    refuse_no_hub_name(name)
    if folder.exists():
        raise UserError(f"{folder}: it exists already: name a new folder by --out.")
    found = download(name)
    load(found)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        whole = Path(aside) / "model"
        shutil.copytree(found, whole, symlinks=False)
        whole.rename(folder)
    return PullResult(folder)


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
