import json
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import reverie
from reverie.core.errors import UserError
from reverie.runs.checkpoint import Checkpoint
from reverie.runs.model_file import load_model_file, load_packed
from reverie.runs.model_folder import load_model, save_model
from reverie.runs.place import is_model_file
from reverie.runs.run import Run
from tests.runs.test_model_folder import small


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(tmp_path / "model", "dcgan", small(), "the card")
    return tmp_path / "model"


def packed(folder: Path, *names: str, top: str = "") -> Path:
    """A zip of files of a folder; of all of them by default."""
    path = folder.parent / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names or ("config.json", "model.safetensors", "README.md"):
            archive.write(folder / name, top + name)
    return path


def same(one: object, folder: Path) -> bool:
    assert isinstance(one, tuple)
    name, method = load_model(folder)
    tensors = method.state_dict()
    return one[0] == name and all(
        torch.equal(t, tensors[k]) for k, t in one[1].state_dict().items()
    )


def test_a_packed_model(folder: Path) -> None:
    assert same(load_model_file(packed(folder)), folder)
    assert same(load_model_file(packed(folder, top="my model/")), folder)
    assert load_packed(packed(folder), "encoder") is None
    shutil.copytree(folder, folder / "encoder")
    (folder / "encoder" / "config.json").rename(folder / "encoder" / "x")
    names = ("config.json", "model.safetensors", "encoder/model.safetensors")
    assert load_packed(packed(folder, *names), "encoder") is None


def test_what_is_no_packed_model(folder: Path) -> None:
    with pytest.raises(UserError, match=r"no model in this archive \(no config\.json\)"):
        load_model_file(packed(folder, "README.md"))
    with pytest.raises(UserError, match=r"model\.safetensors is missing in this archive"):
        load_model_file(packed(folder, "config.json"))
    for content in ("{", "[]", "{}", '{"library_name": "reverie", "method": "dcgan"}'):
        (folder / "config.json").write_text(content)
        with pytest.raises(UserError):
            load_model_file(packed(folder))


def test_changed_weights_are_noticed(folder: Path) -> None:
    other = folder.parent / "other"
    save_model(other, "dcgan", small(), "")
    weights = load_file(other / "model.safetensors")
    save_file({k: v + 1 for k, v in weights.items()}, folder / "model.safetensors")
    with pytest.raises(UserError, match="not as they were saved"):
        load_model_file(packed(folder))


def test_bare_weights_describe_themselves(folder: Path) -> None:
    bare = folder.parent / "mine.safetensors"
    shutil.copy(folder / "model.safetensors", bare)
    assert is_model_file(bare)
    assert same(load_model_file(bare), folder)
    assert reverie.load(bare).method_name == "dcgan"
    (folder / "config.json").unlink()
    assert reverie.load(folder / "model.safetensors").method_name == "dcgan"


def test_weights_that_do_not(folder: Path, tmp_path: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors, folder / "model.safetensors")  # as older versions wrote them
    config = json.loads((folder / "config.json").read_text())
    del config["sha256"]
    (folder / "config.json").write_text(json.dumps(config))
    assert same(load_model_file(folder / "model.safetensors"), folder)
    bare = tmp_path / "mine.safetensors"
    shutil.copy(folder / "model.safetensors", bare)
    assert load_model_file(bare) is None
    with pytest.raises(UserError, match="does not say what network it is of") as error:
        reverie.load(bare)
    assert "\n" not in str(error.value)


def test_metadata_that_is_wrong(folder: Path, tmp_path: Path) -> None:
    tensors, bare = load_file(folder / "model.safetensors"), tmp_path / "mine.safetensors"
    for text in ("{", "[]", "{}", "[" * 9000):
        save_file(tensors, bare, metadata={"reverie": text})
        with pytest.raises(UserError, match=r"mine\.safetensors"):
            load_model_file(bare)
    unknown = {"reverie": '{"library_name": "reverie", "method": "no such"}'}
    save_file(tensors, bare, metadata=unknown)
    with pytest.raises(UserError, match="no method 'no such'"):
        load_model_file(bare)
    for content in (b"", b"\xff" * 20, b"\x02" + bytes(7) + b"[]", b"\x04" + bytes(7) + b"null"):
        bare.write_bytes(content)
        assert load_model_file(bare) is None
        with pytest.raises(UserError):
            reverie.load(bare)


def test_a_checkpoint_is_no_model(tmp_path: Path) -> None:
    Run(tmp_path).save_checkpoint(Checkpoint(3, {"a": torch.zeros(2)}, {"seconds": 1.0}), keep=1)
    with pytest.raises(UserError, match="a checkpoint, from which a training goes on"):
        reverie.load(next((tmp_path / "checkpoints").glob("*.safetensors")))
