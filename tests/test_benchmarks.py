"""Every benchmark, script and example imports: the names that it uses exist."""

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

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


def test_flops_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two for each multiplication with its addition; a gradient of the input is as many again."""
    measuring = imported(ROOT / "benchmarks" / "measuring.py", monkeypatch)
    conv, linear = nn.Conv2d(3, 8, 3), nn.Linear(4, 5)
    x, y = torch.rand(2, 3, 10, 10, requires_grad=True), torch.rand(7, 4)
    forward = 2 * 2 * 8 * 8 * 8 * 27

    def penalty() -> None:
        (gradient,) = torch.autograd.grad(conv(x).square().sum(), x, create_graph=True)
        gradient.square().sum()

    def inference() -> None:
        with torch.inference_mode():
            linear(y)

    assert measuring.gigaflops(lambda: conv(x)) * 1e9 == forward
    assert measuring.gigaflops(penalty) * 1e9 == 2 * forward
    assert measuring.gigaflops(inference) * 1e9 == 2 * 7 * 4 * 5


def test_ratios_are_those_of_the_same_round(monkeypatch: pytest.MonkeyPatch) -> None:
    measuring = imported(ROOT / "benchmarks" / "measuring.py", monkeypatch)
    times = {
        "plain": measuring.Times([2.0, 8.0, 4.0], [1.0, 4.0, 2.0]),
        "ours": measuring.Times([1.0, 4.0, 1.0], [1.0, 2.0, 1.0]),
    }
    forms = {name: measuring.Form(run=lambda: None) for name in times}
    row = measuring.comparison("train", "x", forms, "plain", times, repeats=2)
    assert [form["times_as_fast"] for form in row["forms"].values()] == [1.0, 2.0]
    assert row["forms"]["ours"]["times_as_fast_by_the_clock"] == 2.0
    assert row["forms"]["plain"]["seconds"] == 2.0


def test_a_part_that_cannot_be_measured_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = imported(ROOT / "benchmarks" / "run.py", monkeypatch)
    form = {"seconds": 0.5, "processor_seconds": 0.5, "arithmetic": "fp32", "peak_memory_MB": 300}
    shown = {"a<b": form | {"times_as_fast": 1.0}, "ours": form | {"times_as_fast": 2.0}}
    row = {"kind": "comparison", "part": "train", "case": "c", "base": "a<b", "forms": shown}
    points = [{"processor_seconds": 1.0, "peak_memory_MB": 300}, {"processor_seconds": 2.0}]
    growth = {"kind": "curve", "part": "growth", "case": "g", "along": "images"}
    growth |= {"values": [1, 2], "series": {"ours": points}}

    def missing():
        raise run.Skipped("it needs <two> cores.")
        yield

    monkeypatch.setattr(run, "measured_peaks", lambda: {"fp32": 100.0, "bf16": 200.0})
    parts = {"train": lambda: iter([row]), "growth": lambda: iter([growth]), "threads": missing}
    monkeypatch.setattr(run, "parts_of", lambda *_: parts)
    run.run(argparse.Namespace(parts=[], quick=True, out=tmp_path, svg=tmp_path / "svg"))
    assert json.loads((tmp_path / "results.json").read_text())["rows"] == [row, growth]
    page = (tmp_path / "index.html").read_text()
    assert "it needs &lt;two&gt; cores." in page
    assert "a<b" not in page
    assert len(list((tmp_path / "svg").glob("*.svg"))) == 2
