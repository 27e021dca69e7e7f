import json
import pickle
from pathlib import Path

import pytest
import torch

import reverie
from reverie.core.errors import UserError

TINY = {"data": "digits", "batch_size": 4, "steps": 1}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    reverie.train("gan", out=tmp_path / "run", hidden=(8, 8), **TINY)
    return tmp_path / "run" / "model"


class Trap:
    """A pickle that leaves a mark when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.mark,))


def test_a_run_and_its_model_folder_are_one_thing(model: Path) -> None:
    one, other = (reverie.load(place).sample(3, seed=1) for place in (model.parent, model))
    assert torch.equal(one, other)
    assert torch.equal(reverie.sample(model, 3, seed=1), one)


def test_a_model_folder_with_a_missing_file_is_refused(model: Path) -> None:
    (model / "model.safetensors").rename(model / "weights")
    with pytest.raises(UserError, match=r"model\.safetensors is missing"):
        reverie.load(model)


def test_a_foreign_config_is_refused(model: Path) -> None:
    (model / "config.json").write_text(json.dumps({"architectures": ["Bert"]}))
    with pytest.raises(UserError, match="not a reverie model"):
        reverie.load(model)
    (model / "config.json").write_text("[]")
    with pytest.raises(UserError, match="one JSON object"):
        reverie.load(model)
    (model / "config.json").write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        reverie.load(model)


def test_weights_of_another_model_are_refused(model: Path, tmp_path: Path) -> None:
    reverie.train("gan", out=tmp_path / "other", hidden=(8, 9), **TINY)
    (tmp_path / "other/model/model.safetensors").replace(model / "model.safetensors")
    with pytest.raises(
        UserError, match=r"generator\.2\.weight is \[9, 8\], where .* do not match config"
    ):
        reverie.load(model)


@pytest.mark.parametrize("key", ["pictures", "options", "method"])
def test_a_config_without_a_part_is_refused(model: Path, key: str) -> None:
    config = json.loads((model / "config.json").read_text())
    del config[key]
    (model / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError):
        reverie.load(model)


def test_a_pickle_is_never_opened(model: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    content = pickle.dumps(Trap(mark))
    (model / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="this is not a safetensors file"):
        reverie.load(model)
    (tmp_path / "weights.pth").write_bytes(content)
    with pytest.raises(UserError, match="pickled code is not executed"):
        reverie.load(tmp_path / "weights.pth")
    assert not mark.exists()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run or model folder"):
        reverie.load("nowhere")
    with pytest.raises(UserError, match="could not be had from the hub"):
        reverie.load("nobody/nothing")
    with pytest.raises(UserError, match=r"config\.json is missing"):
        reverie.load(tmp_path)


def test_a_run_without_a_model_yet(model: Path) -> None:
    model.rename(model.with_name("elsewhere"))
    with pytest.raises(UserError, match="no model yet"):
        reverie.load(model.parent)


def test_resuming_with_other_options_is_refused(model: Path, tmp_path: Path) -> None:
    run = model.parent
    with pytest.raises(UserError, match="started with --batch-size 4, not 5"):
        reverie.train("gan", out=run, resume=True, batch_size=5)
    with pytest.raises(UserError, match="trains a gan, not a vae"):
        reverie.train("vae", out=run, resume=True)
    with pytest.raises(UserError, match="already holds a run"):
        reverie.train("gan", out=run, **TINY)
    with pytest.raises(UserError, match="Runs in the same folder: run"):
        reverie.train("gan", out=tmp_path / "runn", resume=True)


def test_the_wrong_data_is_refused_before_anything_is_written(photos, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs images with classes"):
        reverie.train("cgan", out=tmp_path / "run", data=str(photos()), image_size=16)
    with pytest.raises(UserError, match="use --image-size 40 or 44"):
        reverie.train("dcgan", out=tmp_path / "run", data=str(photos()), image_size=42)
    with pytest.raises(UserError, match="no dataset is given"):
        reverie.train("gan", out=tmp_path / "run")
    with pytest.raises(UserError, match="--batch-size must be at least 1"):
        reverie.train("gan", out=tmp_path / "run", data="digits", batch_size=0)
    with pytest.raises(UserError, match="--latent-weight must be at least 0"):
        reverie.train("gan", out=tmp_path / "run", data="digits", latent_weight=-1.0)
    assert not (tmp_path / "run").exists()


def test_comparison(model: Path, tmp_path: Path) -> None:
    reverie.train("gan", out=tmp_path / "wide", hidden=(8, 16), **TINY)
    differing = reverie.compare([model.parent, tmp_path / "wide"], tmp_path / "page.html")
    assert differing.differing == {"hidden": {"run": (8, 8), "wide": (8, 16)}}
    page = (tmp_path / "page.html").read_text()
    assert page.count('<img alt="samples of') == 2
    assert page.count("<svg") == 4  # linear and logarithmic, by steps and by epochs
    with pytest.raises(UserError, match="two runs or more"):
        reverie.compare([model.parent], tmp_path / "page.html")
    with pytest.raises(UserError, match="there is no run"):
        reverie.compare([model.parent, tmp_path / "none"], tmp_path / "page.html")
