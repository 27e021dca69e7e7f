from dataclasses import fields
from pathlib import Path

import pytest

import reverie
from reverie.cli.command import Command
from reverie.cli.methods import MethodsCommand
from reverie.cli.parse import flags, parse
from reverie.cli.train import TrainCommand, flags_of
from reverie.core.errors import UserError
from reverie.methods import METHODS
from reverie.methods.presets import recipe_for


def parsed(*words: object) -> TrainCommand:
    command = TrainCommand.parse("reverie train", [str(word) for word in words])
    assert isinstance(command, TrainCommand)
    return command


@pytest.mark.parametrize("method", ["vae", "cgan", "cyclegan", "srgan"])
def test_no_flag_gives_the_recipe_itself(method: str) -> None:
    recipe = recipe_for(method)
    made = parse(flags_of(recipe), "prog", ["--out", "x"])
    assert made.method == recipe.options
    assert made.images == recipe.data
    assert made.training == recipe.training
    assert made.run.out == Path("x")
    assert parsed(method, "--out", "x").changes == {}


def test_every_option_is_a_flag() -> None:
    recipe = recipe_for("encoder")
    known = flags(flags_of(recipe))
    for part in (recipe.options, recipe.data, recipe.training):
        assert {f"--{f.name.replace('_', '-')}" for f in fields(part)} <= known


def test_changes_are_what_differs_from_the_preset() -> None:
    command = parsed("vae", "--preset", "digits-2", "--out", "x", "--latent-size", "2", "--seed=5")
    assert command.changes == {"seed": 5}
    assert (command.flags.preset, command.flags.resume) == ("digits-2", False)
    command = parsed("vae", "--out", "x", "--latent-size", "2", "--track", "wandb", "mlflow")
    assert command.changes == {"latent_size": 2, "track": ("wandb", "mlflow")}


@pytest.mark.parametrize(("flag", "value"), [("epochs", 3.0), ("minutes", 0.5), ("steps", 10)])
def test_a_length_replaces_the_presets(flag: str, value: float) -> None:
    command = parsed("vae", "--preset", "digits-2", "--out", "x", f"--{flag}", value)
    assert command.changes == {flag: value}
    changed = recipe_for("vae", "digits-2").with_options(**command.changes).training
    lengths = {name: getattr(changed, name) for name in ("steps", "epochs", "minutes")}
    assert lengths == {"steps": None, "epochs": None, "minutes": None} | {flag: value}


def test_two_lengths_are_refused() -> None:
    with pytest.raises(UserError, match="give one training length, not steps and minutes"):
        parsed("vae", "--out", "x", "--steps", 3, "--minutes", 2)


def test_resuming_starts_from_the_runs_recipe(tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = {"data": "digits", "batch_size": 4, "steps": 1, "hidden": (8,), "latent_size": 3}
    reverie.train("vae", out=out, **options)
    command = parsed("vae", "--out", out, "--resume")
    assert command.changes == {}
    command = parsed("vae", f"--out={out}", "--resume", "--steps", 2, "--latent-size", 3)
    assert command.changes == {"steps": 2}
    result = command.run()
    assert (result.to_json()["steps"], result.exit_code) == (2, 0)
    with pytest.raises(UserError, match="started with --latent-size 3, not 4"):
        parsed("vae", "--out", out, "--resume", "--latent-size", 4).run()
    with pytest.raises(UserError, match="trains a vae, not a gan"):
        parsed("gan", "--out", out, "--resume")
    with pytest.raises(UserError, match="no run in this folder"):
        parsed("vae", "--out", tmp_path / "none", "--resume")


def test_a_run_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "options.json").write_text("{}")
    with pytest.raises(UserError, match="already holds a run"):
        parsed("vae", "--out", tmp_path, "--data", "digits").run()


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["--json"]])
def test_without_a_method_the_methods_are_listed(words: list[str]) -> None:
    command: Command = TrainCommand.parse("reverie train", words)
    assert isinstance(command, MethodsCommand)
    assert command.json == (words == ["--json"])
    result = command.run()
    assert result.to_json() == {"methods": list(METHODS)}
    assert all(f"  {name} " in result.summary() for name in METHODS)


def test_unknown_names() -> None:
    with pytest.raises(UserError, match="did you mean 'vae'"):
        parsed("vea", "--out", "x")
    with pytest.raises(UserError, match="reverie train vae has no option --latent-sise"):
        parsed("vae", "--out", "x", "--latent-sise", 3)
    with pytest.raises(UserError, match="no preset 'digits-3'"):
        parsed("vae", "--out", "x", "--preset", "digits-3")


def test_help_names_the_presets(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("vae", "--help")
    out = capsys.readouterr().out
    presets = out[out.index("Presets, for --preset NAME:") :]
    assert all(f"\n  {name} " in presets for name in METHODS["vae"].presets)
