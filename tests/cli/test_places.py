from pathlib import Path

import pytest

from reverie.cli.main import main
from reverie.cli.methods import MethodsCommand
from reverie.cli.places import refuse_no_file, refuse_unfit, refuse_unknown_data
from reverie.core.errors import UserError
from reverie.data import DATASETS, find_source
from reverie.data.source import set_folder
from reverie.inference.place import refuse_unknown_model
from reverie.runs.place import refuse_existing_run, refuse_no_run


def test_data_that_is_here(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to(tmp_path / "nothing")
    for place in (str(tmp_path), str(tmp_path / "broken"), "digits", None):
        refuse_unknown_data(place)
    set_folder("emoji").mkdir(parents=True)
    refuse_unknown_data("emoji")


@pytest.mark.parametrize("place", ["nowhere", "emojy", "faces"])
def test_data_that_is_not_here_is_refused_as_later(place: str) -> None:
    with pytest.raises(UserError) as at_once:
        refuse_unknown_data(place)
    with pytest.raises(UserError) as later:
        find_source(place)
    assert str(at_once.value) == str(later.value)


def test_unknown_data_names_all_datasets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "vae", "--data", "qqqq", "--out", "x"]) == 2
    message = capsys.readouterr().err
    assert all(name in message for name in DATASETS)
    assert main(["train", "vae", "--data", "emojis", "--out", "x"]) == 2
    assert "did you mean 'emoji'?" in capsys.readouterr().err


def test_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("digits", "hf:user/name", str(tmp_path), "someone/something"):
        refuse_unknown_model(place)
    with pytest.raises(UserError, match="nowhere: there is no run or model folder of that name"):
        refuse_unknown_model("nowhere")
    (tmp_path / "runs" / "faces").mkdir(parents=True)
    (tmp_path / "runs" / "faces" / "options.json").write_text("{}")
    with pytest.raises(UserError, match="did you mean runs/faces"):
        refuse_unknown_model("rnus/faces")
    refuse_unfit(MethodsCommand())  # a command without a model


def test_runs_and_recipes(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "options.json").write_text("{}")
    refuse_no_run(tmp_path / "run")
    refuse_no_file(tmp_path / "run")
    with pytest.raises(UserError, match="run already holds a run: add --resume"):
        refuse_existing_run(tmp_path / "run")
    refuse_existing_run(tmp_path / "rnu")
    with pytest.raises(UserError, match=r"no run in this folder .*Runs in the same folder: run\."):
        refuse_no_run(tmp_path / "rnu")
    with pytest.raises(UserError, match=r"no run in this folder .*Runs in it: run\."):
        refuse_no_run(tmp_path)
    with pytest.raises(UserError, match="--print-config writes a recipe"):
        refuse_no_file(tmp_path / "recipe.toml")
