"""The shape of the package: imports flow down, public names are what they are."""

import ast
import importlib
import pkgutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import reverie

PACKAGE = Path(reverie.__file__).parent

FLOORS = [
    {"cli", "__main__"},
    {"studio", "serve"},
    {"experiments"},
    {"api"},
    {"testing"},
    {"training"},
    {"evaluation"},
    {"exports"},
    {"inference"},
    {"runs"},
    {"methods"},
    {"data", "nn"},
    {"core"},
]
"""From the top down: a package imports from lower floors and from itself, `data` not from `nn`,
`serve` not from `studio`."""
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}


def reverie_imports(tree: ast.AST) -> Iterator[str]:
    """The modules of reverie that a file imports, without `reverie.`; names of `reverie` itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "reverie":
            yield from ({"images": "core.images"}.get(a.name, a.name) for a in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reverie."):
            yield (node.module or "").removeprefix("reverie.")
        elif isinstance(node, ast.Import):
            yield from (a.name[8:] for a in node.names if a.name.startswith("reverie."))


def test_imports_flow_down() -> None:
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        package = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if package == "__init__":
            continue
        assert package in FLOOR, f"give {package} a place in FLOORS"
        for module in reverie_imports(ast.parse(path.read_text())):
            other = module.split(".")[0]
            if other != package and FLOOR[other] <= FLOOR[package] and package != "__main__":
                wrong.append(f"{path.relative_to(PACKAGE)} imports {module}")
    assert wrong == []


def test_public_names() -> None:
    assert reverie.__all__ == [
        "BACKBONES",
        "Callback",
        "DATASETS",
        "EXPERIMENTS",
        "METHODS",
        "OPTIMIZERS",
        "SCHEDULES",
        "StopTraining",
        "UserError",
        "compare",
        "dream",
        "edit",
        "evaluate",
        "export",
        "images",
        "import_weights",
        "info",
        "interpolate",
        "list_runs",
        "load",
        "match",
        "pack",
        "pull",
        "push",
        "reconstruct",
        "remove_runs",
        "report",
        "reproduce",
        "restore_runs",
        "sample",
        "show",
        "sweep",
        "train",
        "translate",
        "upscale",
    ]
    for module in pkgutil.walk_packages([str(PACKAGE)], "reverie."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in (
        "compare",
        "dream",
        "edit",
        "evaluate",
        "export",
        "import_weights",
        "info",
        "interpolate",
        "list_runs",
        "load",
        "match",
        "pack",
        "pull",
        "push",
        "reconstruct",
        "remove_runs",
        "report",
        "reproduce",
        "restore_runs",
        "sample",
        "show",
        "sweep",
        "train",
        "translate",
        "upscale",
    ):  # and no module hides a function
        assert callable(getattr(reverie, name)), name
    assert set(reverie.__all__) <= set(dir(reverie))


def test_help_answers_at_once() -> None:
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "reverie", "--help"], capture_output=True, text=True, check=True
        )
        seconds.append(time.perf_counter() - started)
    assert "reverie train METHOD" in done.stdout
    assert min(seconds) < 0.5


@pytest.mark.parametrize(
    "words", ["--help", "train vae --help", "train vea", "methods", "help data"]
)
def test_what_computes_nothing_takes_half_a_second(words: str) -> None:
    """Of the processor, whatever else the machine does."""
    resource = pytest.importorskip("resource")
    seconds = []
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "reverie", *words.split()], capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.5


def test_importing_reverie_imports_no_torch() -> None:
    code = "import sys, reverie, reverie.cli.main; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_functions_and_files_stay_short() -> None:
    long = []
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        if text.count("\n") > 400:
            long.append(path.name)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                if node.end_lineno - node.lineno + 1 > 60:
                    long.append(f"{path.name}: {node.name}")
    assert long == []


def test_few_things_stand_at_the_top() -> None:
    modules = [path.stem for path in PACKAGE.glob("*.py")]
    assert len(modules) <= 4, modules
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert packages | set(modules) == {name for floor in FLOORS for name in floor} | {"__init__"}


def test_families_of_methods_are_independent() -> None:
    """What two families need goes to `nn`, `methods/base.py` or `methods/adversarial.py`."""
    families = {path.name for path in (PACKAGE / "methods").iterdir() if path.is_dir()}
    families -= {"__pycache__"}
    wrong = []
    for path in (PACKAGE / "methods").glob("*/*.py"):
        for module in reverie_imports(ast.parse(path.read_text())):
            parts = module.split(".")
            if parts[0] == "methods" and parts[1:] and parts[1] in families - {path.parent.name}:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {module}")
    assert wrong == []


def test_neutral_packages_name_nothing_of_a_registry() -> None:
    """`core`, `runs`, `training` and `cli` know no method, dataset or backbone by name."""
    names = {*reverie.METHODS, *reverie.DATASETS, *reverie.BACKBONES}
    wrong = []
    for package in ("core", "runs", "training", "cli"):
        for path in (PACKAGE / package).rglob("*.py"):
            tree = ast.parse(path.read_text())
            documents = {
                id(node.value)
                for node in ast.walk(tree)
                if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            }
            wrong += [
                f"{path.relative_to(PACKAGE)}:{node.lineno} {node.value!r}"
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value in names
                and id(node) not in documents
            ]
    assert wrong == []


def test_modules_are_nouns() -> None:
    """A gerund or a participle says what somebody does there, not what is there."""
    nouns = {"training", "tiling", "testing", "gradient_checkpointing"}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        assert not [p for p in parts if p.endswith("ing") and p not in nouns], path


def test_no_arbitrary_keywords_in_the_public_functions() -> None:
    tree = ast.parse((PACKAGE / "api.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            text = ast.unparse(node.args) + ast.unparse(node.returns or ast.Constant(None))
            assert "Any" not in text, node.name
            assert "dict[str" not in text, node.name
