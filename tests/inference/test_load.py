"""The model of digits that comes with the package."""

from pathlib import Path

import pytest
import torch

import reverie
from reverie.cli.main import main
from reverie.evaluation.metrics.digits import recognised
from reverie.inference import load as loading
from reverie.inference.load import BUILT_IN_MODELS


def test_it_is_small_and_in_half_precision() -> None:
    files = {file.name: file.stat().st_size for file in BUILT_IN_MODELS["digits"].iterdir()}
    assert sum(files.values()) < 1_000_000
    assert set(files) == {"config.json", "model.safetensors", "README.md"}


def test_it_draws_what_is_asked_for() -> None:
    model = reverie.load("digits")
    assert all(p.dtype == torch.float32 for p in model.method.parameters())
    labels = model.labels(100)
    assert labels is not None
    right = recognised(model.sample(100, guidance=2.0)) == labels
    assert right.float().mean() >= 0.98


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sample", "digits", "--label", "3", "--guidance", "2", "-n", "4"]
    assert main([*words, "--out", str(tmp_path / "threes.png")]) == 0
    assert (tmp_path / "threes.png").exists()
    assert main(["info", "digits"]) == 0
    assert "diffusion" in capsys.readouterr().out


def test_a_run_of_that_name_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()  # pictures, for example
    assert reverie.load("digits").method_name == "diffusion"
    reverie.train("vae", out="digits", data="digits", steps=0)
    assert reverie.load("digits").method_name == "vae"
    assert loading.holds_a_model(tmp_path / "digits")
