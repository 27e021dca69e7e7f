"""`scripts/structure.py` on a toy package whose figures are known by counting."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "structure.py"

# api -> nets -> core: three floors, and none of them by __main__ or by TYPE_CHECKING.
TOY = {
    "__init__.py": (
        "if True:\n    from reverie.api import use\n    from reverie.core import shown as display\n"
    ),
    "__main__.py": "from reverie.api import use\n",
    "api.py": (
        "from reverie.nets.small import Small\n\n\n"
        "def use(count: int) -> None:\n"
        "    Small().forward(count)\n"
    ),
    "nets/__init__.py": "",
    "nets/small.py": (
        "from typing import TYPE_CHECKING\n\n"
        "import torch.nn.functional as F\n\n"
        "if TYPE_CHECKING:\n"
        "    from reverie import api\n\n\n"
        "class Small:\n"
        "    def forward(self, x, *more: int):\n"
        "        from reverie import display\n\n"
        "        return display(F.small(x))\n"
    ),
    "core.py": (
        'KNOWN = {"small": "Small", "other": "a small text"}\n\n\n'
        "def shown(x: int) -> int:\n"
        "    return x\n"
    ),
}


@pytest.fixture(scope="module")
def structure() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("structure_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["structure_script"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def toy(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes the toy package, with some files changed, and gives its `src`."""

    def make(changed: dict[str, str] | None = None) -> Path:
        for name, text in (TOY | (changed or {})).items():
            file = tmp_path / "src" / "reverie" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (tmp_path / "tests").mkdir(exist_ok=True)
        (tmp_path / "tests" / "test_all.py").write_text("def test() -> None:\n    pass\n")
        return tmp_path / "src"

    return make


def test_parts_and_floors(structure: ModuleType, toy: Callable[..., Path]) -> None:
    tree = structure.Tree.read(toy())
    assert structure.parts_of(tree) == {
        "__main__": False,
        "api": False,
        "core": False,
        "nets": True,
    }
    graph = structure.import_graph(tree)
    assert graph == {"api": {"nets"}, "core": set(), "nets": {"core"}}
    assert structure.floors(graph) == ["api", "nets", "core"]
    assert structure.circles(graph) == set()


def test_a_circle_is_one_floor(structure: ModuleType, toy: Callable[..., Path]) -> None:
    core = TOY["core.py"] + "\n\ndef late() -> None:\n    import reverie.nets.small\n"
    graph = structure.import_graph(structure.Tree.read(toy({"core.py": core})))
    assert structure.circles(graph) == {frozenset({"core", "nets"})}
    assert structure.floors(graph) == ["api", "core <-> nets"]


def test_two_circles_with_a_part_between(structure: ModuleType) -> None:
    graph = {
        "a": {"b"},
        "b": {"a", "c"},
        "c": {"d"},
        "d": {"e"},
        "e": {"f"},
        "f": {"d"},
        "g": set(),
    }
    assert structure.circles(graph) == {frozenset("ab"), frozenset("def")}
    assert structure.floors(graph) == ["a <-> b", "c", "d <-> e <-> f"]


def test_functions_and_arguments(structure: ModuleType, toy: Callable[..., Path]) -> None:
    lengths, annotated = structure.function_figures(structure.Tree.read(toy()))
    assert lengths == [2, 2, 4]  # use, shown, forward
    assert sorted(annotated) == [False, True, True, True]  # x of forward is not


def test_journeys(
    structure: ModuleType, toy: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure, "ONLY_IF_CALLED", {"core:shown": "core.shown("})
    tree = structure.Tree.read(toy())
    files, wrong = structure.journey(
        tree, ["api:use", "Small.forward | Large.forward", "nets.small:Small", "core:shown"]
    )
    assert [(file.name, file.lines) for file in files] == [("api", 5), ("nets.small", 13)]
    assert wrong == []
    monkeypatch.setattr(structure, "ONLY_IF_CALLED", {"core:shown": "display("})
    files, _ = structure.journey(tree, ["Large.forward | Small.forward", "core:shown"])
    assert [file.name for file in files] == ["nets.small", "core"]


def test_a_waypoint_that_is_missing_or_ambiguous(
    structure: ModuleType, toy: Callable[..., Path]
) -> None:
    tree = structure.Tree.read(toy({"more.py": "def use() -> None: ...\n"}))
    files, wrong = structure.journey(tree, ["use", "Large.forward", "all:use", "i:use", "more:use"])
    assert [file.name for file in files] == ["more"]
    assert "use is defined in api and more" in wrong[0]
    assert all("defined nowhere" in one for one in wrong[1:])
    assert len(wrong) == 4  # a module is named by whole parts, so `i` is not `api`


def test_places_that_name_a_thing(structure: ModuleType, toy: Callable[..., Path]) -> None:
    tree = structure.Tree.read(toy())
    own = tree.find("Small")
    # api: the import and the use; core: one line with both. Not PyTorch's F.small, nor a sentence.
    assert sorted(structure.places_naming(tree, own, {"small", "Small"})) == [1, 2]
    assert structure.places_naming(tree, tree.find("api:use"), {"small"}) == [1]


def test_the_table(
    structure: ModuleType,
    toy: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    src = toy()
    monkeypatch.setattr(structure, "JOURNEYS", {"use": ("api:use", "Small.forward")})
    monkeypatch.setattr(structure, "EXAMPLES", {"net small": ("Small", {"small", "Small"})})
    assert structure.main(["--src", str(src), "--against", str(src), "--files"]) == 0
    out = capsys.readouterr().out
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines()]
    shown = {row[0]: row[1:] for row in cells if len(row) == 3}
    assert shown["top-level modules + packages"] == ["3 + 1"] * 2
    assert shown["import floors"] == ["3"] * 2
    assert shown["circular imports between parts"] == ["0"] * 2
    assert shown["source files"] == ["6"] * 2
    assert shown["source lines"] == ["27"] * 2  # 3 + 1 + 5 + 0 + 13 + 5
    assert shown["function lines: median, p90, longest"] == ["2, 2, 4"] * 2
    assert shown["arguments annotated"] == ["75.0% of 4"] * 2
    assert shown["test lines per source line"] == ["0.07"] * 2
    assert shown["to read: use"] == ["2 files, 18 lines"] * 2
    assert shown["places that name net small"] == ["2 files, 3 lines"] * 2
    assert f"{src}: use: api 5, nets.small 13" in out


def test_what_is_not_found_is_said_and_fails(
    structure: ModuleType,
    toy: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(structure, "JOURNEYS", {"use": ("api:use", "Large.forward")})
    monkeypatch.setattr(structure, "EXAMPLES", {"net large": ("Large", {"large"})})
    assert structure.main(["--src", str(toy())]) == 1
    said = capsys.readouterr()
    assert said.out.count("NOT FOUND") == said.err.count("NOT FOUND") == 2
    assert "use: Large.forward is defined nowhere" in said.err
