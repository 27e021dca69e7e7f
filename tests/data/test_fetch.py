import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.data import DATASETS, find_source
from reverie.data.fetch import fetch
from reverie.data.source import Dataset, FetchOptions
from tests.crashes import CRASHED, Point, attempt


@dataclass(frozen=True, kw_only=True)
class DotsOptions(FetchOptions):
    colour: str = "red"

    def folder_name(self, name: str) -> str:
        return name if self.colour == "red" else f"{name}-{self.colour}"


def draw(out: Path, options: DotsOptions) -> dict[str, int]:
    if options.colour == "none":
        raise UserError("there is nothing to draw.")
    out.mkdir(parents=True)
    (out / "colour").write_text(options.colour)
    return {"dots": 3}


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(DATASETS, "_registered", {})
    DATASETS.register("dots", Dataset(about="dots", fetch=draw, options=DotsOptions()))
    return tmp_path / "cache" / "sets"


def test_into_the_cache(cache: Path) -> None:
    result = fetch("dots")
    assert result.folder == cache / "dots"
    assert (cache / "dots" / "colour").read_text() == "red"
    assert result.to_json() == {"folder": str(cache / "dots"), "dots": 3}
    assert result.summary() == "dots  3\nuse them with --data dots"


def test_options_name_the_folder(cache: Path) -> None:
    result = fetch("dots", DotsOptions(colour="blue"))
    assert result.folder == cache / "dots-blue"
    assert (result.folder / "colour").read_text() == "blue"
    assert result.data == "dots-blue"


def test_into_a_folder(tmp_path: Path, cache: Path) -> None:
    result = fetch("dots", out=tmp_path / "here")
    assert result.data == str(tmp_path / "here")
    assert not cache.exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    fetch("dots")
    with pytest.raises(UserError, match="dots exists already: use it with --data, or remove it"):
        fetch("dots")
    with pytest.raises(UserError, match="exists already"):
        fetch("dots", out=tmp_path)


def test_what_cannot_be_fetched(cache: Path) -> None:
    with pytest.raises(UserError, match="digits comes with its package: use it with --data digits"):
        fetch("digits")
    with pytest.raises(UserError, match="no dataset 'dotz'; did you mean 'dots'"):
        fetch("dotz")
    with pytest.raises(UserError, match="nothing to draw"):
        fetch("dots", DotsOptions(colour="none"))
    assert not cache.exists()


def test_an_interrupted_fetch_leaves_nothing_that_is_a_dataset(cache: Path) -> None:
    def die(out: Path, options: FetchOptions) -> dict[str, int]:
        draw(out, DotsOptions())
        os.kill(os.getpid(), signal.SIGKILL)
        return {}

    DATASETS.register("dying", Dataset(about="dying", fetch=die))
    assert attempt(lambda: fetch("dying"), Point())[0] == CRASHED
    assert len(os.listdir(cache)) == 1
    with pytest.raises(UserError, match="the dataset dying is not here yet"):
        find_source("dying")
    fetch("dots")
    assert os.listdir(cache) == ["dots"]


def test_of_two_fetches_the_first_to_end_stays(cache: Path) -> None:
    def slow(out: Path, options: FetchOptions) -> dict[str, int]:
        draw(out, DotsOptions())
        fetch("dots")
        time.sleep(0.01)
        (out / "colour").write_text("late")
        return {}

    DATASETS.register("slow", Dataset(about="slow", fetch=slow))
    with pytest.raises(UserError, match="dots exists already"):
        fetch("slow", out=cache / "dots")
    assert os.listdir(cache) == ["dots"]
    assert (cache / "dots" / "colour").read_text() == "red"
