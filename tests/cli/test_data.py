from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.cli.data import DataCheckCommand, DataGetCommand, DataListCommand
from reverie.cli.index import fetch_options
from reverie.core.errors import UserError
from reverie.core.options import Positive
from reverie.data import DATASETS
from reverie.data.sets.faces import FacesOptions
from reverie.data.source import Dataset, FetchOptions


@dataclass(frozen=True, kw_only=True)
class DotsOptions(FetchOptions):
    """Which dots."""

    count: Positive = 2
    """How many."""


def draw_dots(out: Path, options: DotsOptions) -> dict[str, int]:
    out.mkdir(parents=True)
    for number in range(options.count):
        Image.fromarray(np.full((4, 4), number, np.uint8)).save(out / f"{number}.png")
    return {"dots": options.count}


@pytest.fixture(autouse=True)
def _dots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DATASETS, "_registered", {})
    DATASETS.register("dots", Dataset(about="dots", fetch=draw_dots, options=DotsOptions()))


def get(*words: str) -> DataGetCommand:
    return DataGetCommand.parse("reverie data get", words)


def test_datasets_and_kinds_are_listed() -> None:
    about = DataListCommand().run().to_json()
    assert set(DATASETS) <= set(about)
    assert about["dots"] == "dots; by `reverie data get`"
    assert "data get" not in str(about["digits"])  # it is built in
    assert "a folder" in about


def test_the_flags_are_the_datasets_own() -> None:
    command = get("dots", "--count", "5", "--out", "there")
    assert (command.name, command.out, command.options) == (
        "dots", Path("there"), DotsOptions(count=5),
    )  # fmt: skip
    command = get("faces", "--attribute", "Smiling", "--json")
    assert fetch_options("faces", command.options) == FacesOptions(attribute="Smiling")
    assert command.json
    with pytest.raises(UserError, match="reverie data get dots has no option --attribute"):
        get("dots", "--attribute", "Smiling")
    with pytest.raises(UserError, match="--count must be at least 1"):
        get("dots", "--count", "0")


def test_a_name_must_be_given() -> None:
    with pytest.raises(UserError, match=r"say which dataset: .*faces.*dots"):
        get()
    with pytest.raises(UserError, match="no dataset 'dosts'; did you mean 'dots'"):
        get("dosts")


def test_a_fetched_dataset_is_used_by_its_name() -> None:
    fetched = get("dots", "--count", "3").run()
    assert fetched.counts == {"dots": 3}
    assert fetched.summary().endswith("use them with --data dots")
    checked = DataCheckCommand(data="dots").run().to_json()
    assert (checked["images"], checked["sizes"]) == (3, {"4×4": 3})
