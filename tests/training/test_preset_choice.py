import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import reverie
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.methods.presets import recipe_for
from reverie.methods.recipe import Recipe
from reverie.runs.run import Run
from reverie.training.preset_choice import ChosenPreset

Photos = Callable[..., Path]
Captured = pytest.CaptureFixture[str]

TINY = ("--hidden", "8", "--latent-size", "2", "--batch-size", "4")


def trained(capsys: Captured, *words: object) -> tuple[Recipe, dict[str, Any], str]:
    """The recipe and the facts of a run that the command line trains, and what was said."""
    out = Path(str(words[-1]))
    assert main(["train", *map(str, words)]) == 0
    run = Run(out)
    return run.recipe(), run.facts(), capsys.readouterr().err


def test_the_command_line_picks_and_says_and_records(capsys: Captured, tmp_path: Path) -> None:
    out = tmp_path / "run"
    recipe, facts, said = trained(
        capsys, "vae", "--data", "digits", *TINY, "--steps", 2, "--out", out
    )
    threads = torch.get_num_threads()
    reason = f"{threads} {'core' if threads == 1 else 'cores'}, 28 pixels, 8,000 images"
    assert f"preset digits-20: {reason}; 2 steps" in said
    assert (facts["preset"], facts["preset_reason"]) == ("digits-20", reason)
    # What is given goes before what is picked, the rest is the preset's.
    changes = {"hidden": (8,), "latent_size": 2, "batch_size": 4, "steps": 2, "data": "digits"}
    assert recipe == recipe_for("vae", "digits-20").with_options(**changes)


def test_an_option_that_is_given_counts_also_where_it_is_a_default(
    capsys: Captured, photos: Photos, tmp_path: Path
) -> None:
    words = ("vae", "--data", photos(), "--width", 4, "--latent-size", 20, "--image-size", 16)
    steps = ("--steps", 1, "--network", "auto", "--out", tmp_path / "run")
    recipe, facts, _ = trained(capsys, *words, "--batch-size", 64, *steps)
    assert facts["preset"] == "small"
    assert recipe.training.batch_size == 64
    options: Any = recipe.options
    assert (options.latent_size, options.network) == (20, "auto")
    assert (options.likelihood, recipe.training.decay) == ("gaussian", "cosine")


def test_a_run_goes_on_without_choosing_again(
    capsys: Captured, photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    words = ("--data", photos(), "--hidden", 8, "--network", "linear", "--image-size", 8)
    before, facts, _ = trained(capsys, "vae", *words, "--steps", 1, "--out", out)
    monkeypatch.setattr("reverie.training.preset_choice.choose", None)
    for flag in ("--resume", "--restart"):
        after, then, said = trained(capsys, "vae", flag, "--steps", 2, "--out", out)
        assert "preset" not in said
        assert after == before.with_options(steps=2)
        assert (then["preset"], then["preset_reason"]) == (facts["preset"], facts["preset_reason"])
    again = trained(capsys, "--config", out, "--out", tmp_path / "again")[0]
    assert again == after


def test_default_is_what_no_preset_was(capsys: Captured, photos: Photos, tmp_path: Path) -> None:
    given = ("--data", photos(), "--image-size", 8, *TINY, "--steps", 1)
    recipe, facts, said = trained(
        capsys, "vae", *given, "--preset", "default", "--out", tmp_path / "a"
    )
    assert "preset" not in said
    assert (facts["preset"], facts["preset_reason"]) == ("default", None)
    options = {"data": str(tmp_path / "photos"), "image_size": 8, "hidden": (8,)}
    options |= {"latent_size": 2, "batch_size": 4, "steps": 1}
    reverie.train("vae", out=tmp_path / "b", **options)
    run = Run(tmp_path / "b")
    assert run.recipe() == recipe == recipe_for("vae").with_options(**options)
    assert run.facts()["preset"] is None


def test_in_python_nothing_is_picked_unless_asked_for(
    capsys: Captured, photos: Photos, tmp_path: Path
) -> None:
    options: Any = {"data": str(photos()), "width": 4, "image_size": 16, "steps": 1}
    reverie.train("vae", out=tmp_path / "run", preset="auto", **options)
    run = Run(tmp_path / "run")
    assert run.facts()["preset"] == "small"
    assert run.recipe() == recipe_for("vae", "small").with_options(**options)
    assert "preset small: " in capsys.readouterr().err
    array = reverie.images.read(photos() / "000.png")[None]
    reverie.train("vae", out=tmp_path / "held", preset="auto", **options | {"data": array})
    assert Run(tmp_path / "held").facts()["preset"] == "small"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["vae", "--out", "x"], "no dataset is given"),
        (["vae", "--out", "x", "--data", "nowhere"], "there is no folder or file 'nowhere'"),
        (["vae", "--out", "x", "--data", "digits", "--preset", "autp"], "did you mean 'auto'?"),
        (["cut", "--out", "x", "--data", "digits"], "translation needs"),
        (["dcgan", "--out", "x", "--data", "digits", "--image-size", "30"], "not 30"),
    ],
)
def test_what_cannot_be_picked_gets_one_sentence(
    capsys: Captured,
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_and_a_file_name_their_preset(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the preset auto picks one for a single new training"):
        reverie.sweep("vae", {"seed": [0, 1]}, out=tmp_path / "s", preset="auto", data="digits")
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"method": "vae", "preset": "auto"}))
    with pytest.raises(UserError, match="name a preset of vae here, as default"):
        reverie.train(config=file, out=tmp_path / "x", data="digits")


def test_a_printed_recipe_is_the_one_that_is_trained(
    capsys: Captured, photos: Photos, tmp_path: Path
) -> None:
    words = ["train", "vae", "--data", str(photos()), "--width", "4"]
    assert main([*words, "--print-config"]) == 0
    (tmp_path / "recipe.toml").write_text(capsys.readouterr().out)
    out = tmp_path / "run"
    recipe = trained(capsys, "--config", tmp_path / "recipe.toml", "--steps", 1, "--out", out)[0]
    assert recipe == trained(capsys, *words[1:], "--steps", 1, "--out", tmp_path / "b")[0]


def test_facts_of_older_runs_name_no_preset(tmp_path: Path) -> None:
    reverie.train("vae", out=tmp_path, data="digits", hidden=(4,), steps=0)
    facts = json.loads((tmp_path / "options.json").read_text())
    del facts["preset"], facts["preset_reason"]
    (tmp_path / "options.json").write_text(json.dumps(facts))
    assert ChosenPreset.of(Run(tmp_path)) == ChosenPreset()
