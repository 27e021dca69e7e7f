import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from reverie.core.errors import UserError
from reverie.core.plugins import Registry

GROUP = "reverie.test_toys"
BALL, DOLL = object(), object()


@pytest.fixture
def toys() -> Registry[object]:
    return Registry("toy", GROUP, {"ball": BALL, "doll": DOLL})


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An installed distribution `wooden-toys` with entry points; returns its module's name."""
    info = tmp_path / "wooden_toys-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wooden-toys\nVersion: 1.0\n")
    (info / "top_level.txt").write_text("wooden_toys\n")
    (info / "entry_points.txt").write_text(
        f"[{GROUP}]\ntop = wooden_toys:TOP\nball = wooden_toys:BALL\nlost = wooden_missing:LOST\n"
        "[another.group]\nkite = wooden_toys:TOP\n"
    )
    (tmp_path / "wooden_toys.py").write_text("TOP = ['a spinning top']\nBALL = 'a wooden ball'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield "wooden_toys"
    sys.modules.pop("wooden_toys", None)


def test_built_in_things_are_a_mapping(toys: Registry[object]) -> None:
    assert toys["ball"] is BALL
    assert list(toys) == ["ball", "doll"]
    assert dict(toys) == {"ball": BALL, "doll": DOLL}
    assert len(toys) == 2
    assert "ball" in toys
    assert "kite" not in toys
    assert 3 not in toys
    assert toys.get("kite") is None
    with pytest.raises(KeyError):
        toys["kite"]


def test_a_built_in_thing_is_imported_when_it_is_used(plugin: str) -> None:
    toys: Registry[object] = Registry("toy", "reverie.none", {"top": f"{plugin}:TOP", "ball": BALL})
    assert list(toys) == ["top", "ball"]
    assert "top" in toys
    assert toys.name_of(object()) is None
    assert toys.package_of("top") is None
    assert plugin not in sys.modules
    assert toys["top"] == ["a spinning top"]
    assert toys.name_of(toys["top"]) == "top"
    with pytest.raises(UserError, match="the toy 'top' is built in"):
        toys.register("top", object())


def test_registered_things_come_after_the_built_in_ones(toys: Registry[object]) -> None:
    kite = object()
    assert toys.register("kite", kite) is kite
    assert list(toys) == ["ball", "doll", "kite"]
    assert toys.find("kite") is kite
    other = object()
    toys.register("kite", other)  # as a notebook cell does that is run again
    assert toys["kite"] is other
    assert len(toys) == 3


def test_a_built_in_name_is_kept(toys: Registry[object]) -> None:
    with pytest.raises(UserError, match="the toy 'ball' is built in: register yours by another"):
        toys.register("ball", object())
    assert toys["ball"] is BALL


def test_an_unknown_name_is_refused_with_the_nearest(toys: Registry[object]) -> None:
    with pytest.raises(UserError, match="there is no toy 'bal'; did you mean 'ball'"):
        toys.find("bal")
    with pytest.raises(UserError, match=r"there is no toy 'xyz'; known are: ball, doll\."):
        toys.find("xyz")


def test_registries_are_independent(toys: Registry[object]) -> None:
    toys.register("kite", object())
    assert "kite" not in Registry("toy", GROUP, {"ball": BALL})


def test_name_of_compares_identity() -> None:
    one, equal = [1], [1]
    toys = Registry("toy", GROUP, {"one": one})
    assert toys.name_of(one) == "one"
    assert toys.name_of(equal) is None
    toys.register("two", equal)
    assert toys.name_of(equal) == "two"


def test_entry_points_are_found_and_imported_when_needed(
    toys: Registry[object], plugin: str
) -> None:
    assert list(toys) == ["ball", "doll", "top", "lost"]
    assert len(toys) == 4
    assert plugin not in sys.modules  # listing imports nothing
    assert "top" in toys
    assert plugin not in sys.modules
    assert toys["top"] == ["a spinning top"]
    assert toys["ball"] is BALL  # the built-in one goes first
    assert "kite" not in toys  # of another group
    with pytest.raises(UserError, match="did you mean 'top'"):
        toys.find("topp")


def test_what_is_registered_goes_before_an_entry_point(toys: Registry[object], plugin: str) -> None:
    mine = toys.register("top", object())
    assert toys["top"] is mine
    assert list(toys).count("top") == 1


def test_a_broken_entry_point_names_its_module(toys: Registry[object], plugin: str) -> None:
    with pytest.raises(UserError, match=r"toy 'lost' of wooden_missing:LOST could not be impor"):
        toys.find("lost")


def test_a_plugin_that_is_installed_later_is_found(
    toys: Registry[object], request: pytest.FixtureRequest
) -> None:
    assert "top" not in toys
    request.getfixturevalue("plugin")
    assert "top" in toys


def test_the_package_to_install(toys: Registry[object], plugin: str) -> None:
    assert toys.package_of("ball") is None
    assert toys.package_of("top") == "wooden-toys"
    assert toys.package_of("nothing") is None
    mine = toys.register("mine", type("Mine", (), {"__module__": "__main__"}))
    assert toys.package_of("mine") == "__main__"
    toys.register("array", np.ndarray)
    assert toys.package_of("array") == "numpy"
    assert toys.name_of(mine) == "mine"


def test_name_of_an_entry_point(toys: Registry[object], plugin: str) -> None:
    assert toys.name_of(toys["top"]) == "top"
