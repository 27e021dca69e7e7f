import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reverie
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.methods import METHODS
from reverie.methods.presets import recipe_for
from reverie.methods.recipe_file import read_recipe, recipe_as_toml
from tests.fuzzing import assert_only_user_errors, damaged_bytes, named, rounds

EVERY = [(name, preset) for name, kind in METHODS.items() for preset in (None, *kind.presets)]


@pytest.mark.parametrize(("method", "preset"), EVERY)
def test_recipes_are_read_as_they_were_written(
    method: str, preset: str | None, tmp_path: Path
) -> None:
    recipe = recipe_for(method, preset).with_options(data="photos/", track=("wandb", "mlflow"))
    text = recipe_as_toml(recipe)
    assert tomllib.loads(text)["method"] == method
    (tmp_path / "a.toml").write_text(text)
    assert read_recipe(tmp_path / "a.toml") == recipe
    (tmp_path / "a.json").write_text(json.dumps(recipe.to_json()))
    assert read_recipe(tmp_path / "a.json", method) == recipe


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_any_text(text: str) -> None:
    recipe = recipe_for("vae").with_options(data=text)
    assert tomllib.loads(recipe_as_toml(recipe))["data"] == text


def test_what_is_left_out_is_the_presets(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('method = "vae"\npreset = "digits-2"\nbatch-size = 7\n[training]\nseed = 3\n')
    wanted = recipe_for("vae", "digits-2").with_options(batch_size=7, seed=3)
    assert read_recipe(file) == wanted
    file.write_text("seed = 3\n")
    assert read_recipe(file, "gan") == recipe_for("gan").with_options(seed=3)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "", 'does not say which method is trained, as method = "vae"'),
        ("a.toml", "method = 3", "does not say which method"),
        ("a.toml", "method =", r"a\.toml: the recipe cannot be read"),
        ("a.json", "{", "cannot be read"),
        ("a.json", "[1]", "a recipe is one table"),
        ("a.yaml", "method: vae", r"a recipe is a \.toml or a \.json file"),
        ("a.toml", 'method = "vea"', r"a\.toml: there is no method 'vea'; did you mean 'vae'"),
        ("a.toml", 'method = "vae"\nstepz = 1', "vae has no option 'stepz'; did you mean 'steps'"),
        ("a.toml", 'method = "vae"\nsteps = "many"', "--steps must be an integer"),
        ("a.toml", 'method = "vae"\nsteps = 1\nminutes = 1', "give one training length"),
        ("a.toml", 'method = "vae"\npreset = "nothing"', "vae has no preset 'nothing'"),
        ("a.toml", 'method = "vae"\npreset = 1', "preset must be the name"),
    ],
)
def test_bad_recipes(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        read_recipe(tmp_path / name)


def test_another_method_or_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('method = "vae"')
    with pytest.raises(UserError, match="the recipe of a vae, not of a gan"):
        read_recipe(tmp_path / "a.toml", "gan")
    with pytest.raises(UserError, match="there is no such file"):
        read_recipe(tmp_path / "nothing.toml")
    with pytest.raises(UserError, match=r"options\.json: there is no such file"):
        read_recipe(tmp_path)


@rounds(100, 1_000)
def test_fuzzed_files(tmp_path: Path, count: int, seed: int) -> None:
    whole = recipe_as_toml(recipe_for("vae")).encode()
    inputs = named(tmp_path / "a.toml", damaged_bytes(whole, count, seed))
    assert_only_user_errors(read_recipe, inputs)


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["vae", "--data", "digits", "--hidden", "8", "--batch-size", "4", "--steps", "1"]
    assert main(["train", *words, "--print-config"]) == 0
    text = capsys.readouterr().out
    assert tomllib.loads(text)["hidden"] == [8]
    assert main(["train", *words, "--print-config", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["training"]["batch_size"] == 4
    recipe, out = str(tmp_path / "r.toml"), str(tmp_path / "run")
    Path(recipe).write_text(text)
    assert main(["train", "--config", recipe, "--seed", "5", "--out", out]) == 0
    facts = json.loads((tmp_path / "run" / "options.json").read_text())
    assert (facts["training"]["seed"], facts["training"]["steps"]) == (5, 1)
    assert main(["train", "--resume", "--out", out, "--steps", "2"]) == 0
    capsys.readouterr()
    assert main(["train", "--config", out, "--print-config"]) == 0
    printed = tomllib.loads(capsys.readouterr().out)
    assert (printed["seed"], printed["steps"]) == (5, 2)
    for flags, message in (
        (["--config", recipe], "--out must be given"),
        (["gan", "--config", recipe, "--out", "x"], "the recipe of a vae, not of a gan"),
        (["--config", recipe, "--resume", "--out", out], "--config is for a new run"),
        (["--config", recipe, "--preset", "digits-2", "--out", "x"], 'write preset = "digits-2"'),
        (["--data", "digits", "--out", "x"], "say which method is trained"),
        (["gan", "--resume", "--out", out], "trains a vae, not a gan"),
        (["--resume", "--out", str(tmp_path / "nothing")], "nothing"),
    ):
        assert main(["train", *flags]) == 2
        assert message in capsys.readouterr().err


def test_in_python(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"method": "vae", "hidden": [8], "steps": 1}')
    more = {"batch_size": 4, "device": "cpu", "out": tmp_path / "run"}
    assert reverie.train(config=tmp_path / "r.json", data="digits", **more).steps == 1
    assert reverie.train(out=tmp_path / "run", resume=True, steps=2).steps == 2
    with pytest.raises(UserError, match="say which method is trained"):
        reverie.train(out=tmp_path / "x", data="digits")
