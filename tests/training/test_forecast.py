import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import reverie
from reverie.cli.main import main
from reverie.training import forecast

Photos = Callable[..., Path]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A machine on which a step takes a second for each image of a batch; the recipes measured."""
    measured: list[Any] = []

    def seconds_per_step(recipe: Any, *_: object) -> float:
        measured.append(recipe)
        return float(recipe.training.batch_size)

    monkeypatch.setattr(forecast, "seconds_per_step", seconds_per_step)
    return measured


def test_a_long_training_says_so_before_it_starts(
    capsys: Captured,
    slow: list[Any],
    photos: Photos,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is decoded and nothing written when it is said."""

    def decode(found: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("reverie.training.train.decode_dataset", decode)
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        reverie.train("vae", out=out, data=str(photos()), batch_size=100)
    # 20,000 steps of 100 s, and a quarter of the 12,000 steps of `small`.
    said = capsys.readouterr().err
    assert "vae: 20,000 steps, about 23 days here; --preset auto (small): about 3.5 days" in said
    assert not (out / "options.json").exists()
    assert [one.training.batch_size for one in slow] == [100, 100]  # what is given, for both


@pytest.mark.parametrize(
    "options",
    [
        {"minutes": 0.0},
        {"steps": 3},
        {"preset": "auto", "steps": 60},
        {"preset": "small", "steps": 60, "batch_size": 1},
    ],
)
def test_what_is_short_or_picked_says_nothing(
    capsys: Captured, slow: list[Any], photos: Photos, tmp_path: Path, options: dict[str, Any]
) -> None:
    tiny = {"width": 4, "image_size": 16, "batch_size": 4}
    reverie.train("vae", out=tmp_path / "run", data=str(photos()), **tiny | options)
    assert "here" not in capsys.readouterr().err


def test_a_forecast_changes_no_training(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same weights to the bit, whether or not steps were measured before."""
    monkeypatch.setattr(forecast, "FEWEST_STEPS", 4)
    options: Any = {"data": str(photos()), "width": 4, "image_size": 16, "batch_size": 4}
    long = reverie.train("dcgan", out=tmp_path / "a", steps=4, augment=("colour",), **options)
    short = reverie.train("dcgan", out=tmp_path / "b", steps=3, augment=("colour",), **options)
    reverie.train("dcgan", out=tmp_path / "b", resume=True, steps=4)
    one, two = (run.folder / "model" / "model.safetensors" for run in (long, short))
    assert one.read_bytes() == two.read_bytes()


def test_a_dry_run_prints_and_writes_nothing(
    capsys: Captured,
    slow: list[Any],
    photos: Photos,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = str(photos())
    monkeypatch.chdir(tmp_path)
    files = sorted(tmp_path.rglob("*"))
    words = ["train", "vae", "--data", data, "--batch-size", "100", "--dry-run"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    first, second = out.strip().splitlines()
    assert first.startswith("preset small: ")
    assert first.endswith(" 64 pixels, 12 images; 3,000 steps")
    assert (second, err) == ("vae: 3,000 steps, about 3.5 days here", "")
    assert main([*words, "--preset", "default", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["preset"] == "default"
    assert (facts["steps"], facts["images"], facts["seconds"]) == (20_000, 12, 2e6)
    assert facts["alternative"]["preset"] == "small"
    assert main([*words, "--minutes", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seconds"] == 180
    assert sorted(tmp_path.rglob("*")) == files


def test_a_dry_run_is_of_something_new(capsys: Captured, tmp_path: Path) -> None:
    reverie.train("vae", out=tmp_path, data="digits", hidden=(4,), steps=0)
    words = ["train", "vae", "--out", str(tmp_path), "--dry-run"]
    for more in (["--resume"], ["--data", "digits"]):
        assert main([*words, *more]) == 2


@pytest.mark.usefixtures("slow")
def test_a_preset_with_its_own_images_has_no_alternative(capsys: Captured) -> None:
    assert main(["train", "cgan", "--preset", "digits", "--dry-run"]) == 0
    assert capsys.readouterr().out == "cgan: 4,600 steps, about 3.4 days here\n"
