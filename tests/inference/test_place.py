from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.inference.place import (
    BUILT_IN_MODELS,
    is_image_folder,
    model_folder_of,
    refuse_no_figures_file,
    refuse_no_statistics,
    refuse_no_statistics_file,
    refuse_runs_alone,
)


def test_the_model_folder_of_a_place(tmp_path: Path) -> None:
    assert model_folder_of("digits") == BUILT_IN_MODELS["digits"]
    assert model_folder_of("hf:user/name") is None
    assert model_folder_of(str(tmp_path / "file.safetensors")) is None
    (tmp_path / "options.json").touch()
    with pytest.raises(UserError, match="this run has no model yet"):
        model_folder_of(str(tmp_path))
    (tmp_path / "model").mkdir()
    assert model_folder_of(str(tmp_path)) == tmp_path / "model"
    with pytest.raises(UserError, match=r"config\.json is missing"):
        model_folder_of(str(tmp_path / "model"))


def test_folders_of_images(tmp_path: Path) -> None:
    assert is_image_folder(tmp_path)
    (tmp_path / "config.json").touch()
    assert not is_image_folder(tmp_path)


def test_statistics(tmp_path: Path) -> None:
    refuse_no_statistics(None)
    with pytest.raises(UserError, match="no such file of statistics"):
        refuse_no_statistics(tmp_path / "s.npz")


def test_names_of_what_evaluation_writes() -> None:
    refuse_no_figures_file(Path("figures.json"))
    refuse_no_statistics_file(None)
    with pytest.raises(UserError, match=r"x\.txt: figures are written as \.json"):
        refuse_no_figures_file(Path("x.txt"))
    with pytest.raises(UserError, match=r"x\.txt: statistics are written as \.npz"):
        refuse_no_statistics_file(Path("x.txt"))


def test_a_folder_of_runs_holds_no_images_to_evaluate(tmp_path: Path) -> None:
    refuse_runs_alone("digits")
    (tmp_path / "run").mkdir()
    refuse_runs_alone(str(tmp_path))
    (tmp_path / "run" / "options.json").touch()
    refuse_runs_alone(str(tmp_path / "run"))
    with pytest.raises(UserError, match="is the folder of runs: name one of the runs in it"):
        refuse_runs_alone(str(tmp_path))
    (tmp_path / "a.png").touch()
    refuse_runs_alone(str(tmp_path))
