import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.studio.home import Home


@pytest.fixture
def place(tmp_path: Path) -> Home:
    home = Home.at(tmp_path / "home")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("x")
    os.symlink(tmp_path / "secret", home.runs / "link")
    os.symlink(home.uploads, home.runs / "inner")
    return home


@pytest.mark.parametrize(
    "name",
    [
        "../secret/key", "/etc/passwd", "~/x", "runs/../../secret", "runs/link/key", "a\0b",
        "..\\secret", ".studio/token", "studio.sqlite", "studio.sqlite-wal", "runs/../.studio",
        "runs/" + "../" * 50 + "etc/passwd",
    ],
)  # fmt: skip
def test_no_path_leaves_the_home(place: Home, name: str) -> None:
    with pytest.raises(UserError, match="no path inside"):
        place.inside(name)


def test_paths_inside(place: Home) -> None:
    assert place.inside("runs/a/x.png") == place.runs / "a" / "x.png"
    assert place.inside("") == place.folder
    assert place.inside("runs/inner/y") == place.uploads / "y"
    assert place.relative(place.inside("uploads/ä b")) == "uploads/ä b"


@given(st.text(max_size=60))
def test_any_text_is_inside_or_refused(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    home = Home(tmp_path_factory.getbasetemp().resolve() / "any")
    try:
        path = home.inside(name)
    except UserError:
        return
    assert path.is_relative_to(home.folder)
    assert not path.is_relative_to(home.hidden)


def test_the_trash_gives_back(place: Home) -> None:
    run = place.runs / "a"
    run.mkdir()
    (run / "log").write_text("1")
    key = place.move_to_trash(run)
    assert not run.exists()
    assert place.restore(key) == "runs/a"
    assert (run / "log").read_text() == "1"
    with pytest.raises(UserError, match="not in the trash"):
        place.restore(key)
    with pytest.raises(UserError, match="not in the trash"):
        place.restore("../../secret")


def test_what_took_its_place_stays(place: Home) -> None:
    run = place.runs / "a"
    run.mkdir()
    key = place.move_to_trash(run)
    run.mkdir()
    with pytest.raises(UserError, match="is there again"):
        place.restore(key)
