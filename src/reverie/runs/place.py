"""Where runs and models in one file are; known without PyTorch."""

from collections.abc import Iterable
from pathlib import Path

from reverie.core.errors import UserError
from reverie.core.files import path_of

OPTIONS_FILE = "options.json"
"""The file that makes a folder a run."""

RESTORE = "The file is damaged or was edited: correct it, or restore it from a copy."
"""What to do about it."""

SWEEP_FILE = "sweep.json"
"""The file that makes a folder that of a sweep."""

TOO_FEW = "a comparison needs two runs or more."
"""What is said of one run alone."""

RUNS = "runs"
"""The folder of runs where none is named."""

PACKED, BARE = ".zip", ".safetensors"
"""How names of packed models, and of weights alone, end."""


def refuse_no_run(place: str | Path) -> None:
    """Raise a UserError if there is no run in the folder `place`."""
    folder = path_of(place)
    if (folder / OPTIONS_FILE).exists():
        return
    inside, beside = (_runs_in(one) for one in (folder, folder.parent))
    hint = f" Runs in the same folder: {beside}." if beside else ""
    hint = f" Runs in it: {inside}." if inside else hint
    raise UserError(f"{place}: there is no run in this folder (no {OPTIONS_FILE}).{hint}")


def with_runs_inside(places: Iterable[str | Path]) -> list[str | Path]:
    """Runs, with those inside in place of a folder that holds runs and is none itself."""
    found: list[str | Path] = []
    for place in places:
        folder = path_of(place)
        is_run = (folder / OPTIONS_FILE).exists()
        inside = [] if is_run else sorted(p.parent for p in folder.glob(f"*/{OPTIONS_FILE}"))
        found += inside or [place]
    return found


def refuse_folder_of_runs(folder: Path) -> None:
    """Raise a UserError if there are runs in `folder`, as in that of a sweep, of which one is
    meant."""
    inside = _runs_in(folder)
    if inside:
        kind = "a sweep" if (folder / SWEEP_FILE).exists() else "runs"
        first = folder / inside.split(", ")[0]
        raise UserError(
            f"{folder} is the folder of {kind}: name one of the runs in it, as {first}."
        )


def _runs_in(folder: Path) -> str:
    """The first names of runs in a folder."""
    return ", ".join(sorted(p.parent.name for p in folder.glob(f"*/{OPTIONS_FILE}"))[:8])


def refuse_existing_run(folder: Path) -> None:
    """Raise a UserError if there is a run in `folder`, where a new one is to be written."""
    if (folder / OPTIONS_FILE).exists():
        raise UserError(
            f"{folder} already holds a run: add --resume to continue it, or choose another --out."
        )


def is_model_file(path: Path) -> bool:
    """Whether `path` is a file that may hold one of our models, by its name."""
    return path.suffix.lower() in (PACKED, BARE) and path.is_file()


def is_packed(path: Path) -> bool:
    """Whether `path` is a packed model, by its name."""
    return path.suffix.lower() == PACKED and path.is_file()
