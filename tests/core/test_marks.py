import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from reverie import images
from reverie.core.html import page
from reverie.core.marks import is_marked, own_place

SIX = torch.zeros(6, 3, 5, 5)


def test_sheets_and_pages_are_marked_and_results_are_not(tmp_path: Path) -> None:
    images.save_sheet(SIX, tmp_path / "sheet.png")
    images.save_grid(SIX, tmp_path / "grid.png", columns=2)
    (tmp_path / "page.html").write_text(page("title", "<p>body"))
    images.save_film([SIX, SIX], tmp_path / "film.gif")
    for name in ("sheet.png", "grid.png", "page.html", "film.png"):
        assert is_marked(tmp_path / name), name
    images.save(SIX[0], tmp_path / "one.png")
    (tmp_path / "mine.html").write_text("<title>reverie</title>")
    for name in ("one.png", "mine.html", "none.png"):
        assert not is_marked(tmp_path / name), name


def test_a_picture_of_a_sheet_is_the_users(tmp_path: Path) -> None:
    """Saved by another program, its mark is gone."""
    images.save_sheet(SIX, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        sheet.save(tmp_path / "copy.png")
    assert not is_marked(tmp_path / "copy.png")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "grid.png")
    assert not is_marked(tmp_path / "grid.png")
    assert own_place(tmp_path / "grid.png").name == "grid-2.png"


def test_only_what_is_marked_is_replaced(tmp_path: Path) -> None:
    place = tmp_path / "grid.png"
    assert own_place(place) == place
    images.save_sheet(SIX, place)
    assert own_place(place) == place
    images.save(SIX[0], place)
    images.save(SIX[0], tmp_path / "grid-2.png")
    assert own_place(place) == tmp_path / "grid-3.png"
    images.save_sheet(SIX, tmp_path / "grid-3.png")
    assert own_place(place) == tmp_path / "grid-3.png"


def test_a_link_to_nothing_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "grid.png").symlink_to("nowhere.png")
    assert own_place(tmp_path / "grid.png").name == "grid-2.png"


@pytest.mark.parametrize("name", ["a.gif", "b.GIF"])
def test_the_strip_of_a_film_replaces_no_image(tmp_path: Path, name: str) -> None:
    strip = (tmp_path / name).with_suffix(".png")
    images.save(SIX[0], strip)
    before = strip.read_bytes()
    images.save_film([SIX, SIX], tmp_path / name)
    assert strip.read_bytes() == before
    assert is_marked(strip.with_name(f"{strip.stem}-2.png"))
