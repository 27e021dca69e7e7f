"""Every benchmark, script and example imports: the names that it uses exist."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    file
    for folder in ("benchmarks", "scripts", "examples")
    for file in (ROOT / folder).glob("*.py")
    if not file.name.startswith("minimal")  # no main: test_examples.py runs them
)


def imported(file: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The file as a module, whose main does not run."""
    name = f"imported_{file.parent.name}_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)  # dataclasses look their module up
    monkeypatch.setattr(sys, "path", [str(file.parent), *sys.path])  # as for a script
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_imports_without_running(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = imported(file, monkeypatch)
    assert callable(module.main)
    assert capsys.readouterr().out == ""


def test_the_stub_of_the_api_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    module = imported(ROOT / "scripts" / "write_stubs.py", monkeypatch)
    monkeypatch.setattr(sys, "argv", ["write_stubs.py", "--check"])
    assert module.main() == 0
