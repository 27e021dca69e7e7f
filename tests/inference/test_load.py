"""The model of digits that comes with the package."""

import shutil
from pathlib import Path

import pytest
import torch

import reverie
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.evaluation.metrics.digits import recognised
from reverie.inference import hub as loading
from reverie.inference.place import BUILT_IN_MODELS, holds_a_model

Captured = pytest.CaptureFixture[str]


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
    assert holds_a_model(tmp_path / "digits")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that the hub is asked for; it has the digits under every name."""
    asked: list[str] = []

    def download(name: str, **_: object) -> str:
        asked.append(name)
        return str(BUILT_IN_MODELS["digits"])

    monkeypatch.setattr(loading, "snapshot_download", download)
    return asked


def test_a_mistyped_folder_is_not_asked_of_the_hub(
    hub: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "faces"):
        shutil.copytree(BUILT_IN_MODELS["digits"], tmp_path / "runs" / name)
    for typed, meant in (("runz/mine", "mine"), ("run/faces", "faces"), ("models/mine", "mine")):
        with pytest.raises(UserError, match=rf"did you mean runs/{meant}\? .* is hf:{typed}"):
            reverie.load(typed)
    with pytest.raises(UserError, match="there is no run or model folder of that name"):
        reverie.load("runs/mime")
    assert hub == []
    assert reverie.load("runs/mine").method_name == "diffusion"


def test_what_is_asked_of_the_hub_is_said(
    hub: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(BUILT_IN_MODELS["digits"], tmp_path / "runs" / "mine")
    reverie.load("somebody/digits-large")
    assert "asking the hub for hf:somebody/digits-large" in " ".join(
        capsys.readouterr().err.split()
    )
    reverie.load("hf:somebody/mine")
    assert hub == ["somebody/digits-large", "somebody/mine"]
    for name in ("hf:mine", "hf:", "hf:a/b/c", "hf:../x/y"):
        with pytest.raises(UserError, match="a model on the hub is named hf:user/name"):
            reverie.load(name)
    assert len(hub) == 2


@pytest.mark.parametrize("place", ["", "a\0b", "~nobody/runs/x", "a/" * 3000, "\udcff"])
def test_names_that_no_file_has(place: str) -> None:
    with pytest.raises(UserError):
        reverie.load(place)
    with pytest.raises(UserError):
        reverie.info(place)
    with pytest.raises(UserError):
        reverie.compare([place, place], "x.html")
