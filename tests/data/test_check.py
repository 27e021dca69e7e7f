import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reverie import images
from reverie.core.errors import UserError
from reverie.data.check import check_data


def save(path: Path, width: int, height: int, colour: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), colour).save(path)


def test_everything_is_counted(tmp_path: Path) -> None:
    save(tmp_path / "cats" / "a.png", 10, 20, "red")
    save(tmp_path / "cats" / "b.png", 10, 20, "gray")
    save(tmp_path / "dogs" / "c.png", 30, 25, "white")
    save(tmp_path / "dogs" / "d.png", 7, 9, "blue")
    (tmp_path / "dogs" / "e.png").write_bytes(b"no image")
    facts = check_data(str(tmp_path)).facts
    assert facts["data"] == str(tmp_path)
    assert facts["kind"] == "class folders"
    assert facts["images"] == 4
    assert facts["sizes"] == {"10×20": 2, "30×25": 1, "7×9": 1}
    assert facts["shorter_side"] == {"least": 7, "median": 10, "most": 25}
    assert sorted(facts["colours"].values()) == [2, 2]  # type: ignore[union-attr]
    assert facts["classes"] == {"cats": 2, "dogs": 3}
    assert isinstance(facts["broken"], dict)
    assert list(facts["broken"]) == [str(Path("dogs") / "e.png")]
    assert "not an image" in str(facts["broken"])


def test_what_is_skipped_is_named(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 4, 4, "red")
    for name in ("b.svg", "c.heic", "d.ico"):
        (tmp_path / name).write_text("x")
    (tmp_path / "dead.png").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.png")
    images.save_sheet(torch.zeros(2, 1, 3, 3), tmp_path / "grid.png")
    result = check_data(str(tmp_path))
    assert result.facts["images"] == 1
    skipped, broken = result.facts["skipped"], result.facts["broken"]
    assert isinstance(skipped, dict)
    assert isinstance(broken, dict)
    assert skipped["no suffix of an image that is read"] == "b.svg, d.ico"
    assert skipped["sheet made by reverie"] == "grid.png"
    assert "c.heic" in skipped.values()
    assert sorted(broken) == ["dead.png", "pipe.png"]
    assert "b.svg" in result.summary()


def test_a_name_in_another_encoding_can_be_printed(tmp_path: Path) -> None:
    (tmp_path / "\udcff.png").write_bytes(b"")
    assert r"\udcff.png" in check_data(str(tmp_path)).summary().encode().decode()


def test_digits_are_grayscale_squares() -> None:
    result = check_data("digits", "test")
    assert result.facts["images"] == 2000
    assert result.facts["sizes"] == {"28×28": 2000}
    assert len(result.facts["colours"]) == 1  # type: ignore[arg-type]
    assert sum(result.facts["classes"].values()) == 2000  # type: ignore[union-attr]
    assert result.facts["broken"] == {}
    assert "broken: none" in result.summary()
    assert result.to_json() == result.facts


def test_at_most_five_sizes_are_listed(tmp_path: Path) -> None:
    for number in range(7):
        save(tmp_path / f"{number}.png", 4 + number, 4, "red")
    assert len(check_data(str(tmp_path)).facts["sizes"]) == 5  # type: ignore[arg-type]


def test_a_folder_of_damaged_files(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    facts = check_data(str(tmp_path)).facts
    assert facts["images"] == 0
    assert "sizes" not in facts


def test_a_table_by_a_column(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text("file,kind,size\na.png,cat,3\na.png,dog,4\n")
    facts = check_data(str(tmp_path / "t.csv"), label_column="kind").facts
    assert facts["classes"] == {"cat": 1, "dog": 1}
    with pytest.raises(UserError, match="no folder or file"):
        check_data(str(tmp_path / "none"))
