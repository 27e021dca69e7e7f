import json
from pathlib import Path

import pytest

import reverie
from reverie.methods import METHODS
from reverie.methods.capabilities import verbs_of
from reverie.runs.model_description import ModelDescription, config_of
from reverie.runs.model_folder import load_model, save_model
from reverie.testing.subject import subject_of


@pytest.mark.parametrize("name", list(METHODS))
def test_the_files_say_what_the_model_is(name: str, tmp_path: Path) -> None:
    save_model(tmp_path, name, subject_of(METHODS[name]).build(), "")
    found, (_, model) = ModelDescription.of(tmp_path), load_model(tmp_path)
    assert found is not None
    assert (found.method, found.about, found.spec) == (name, model.about, model.spec)
    assert list(found.verbs) == verbs_of(model)
    counts = {n: sum(p.numel() for p in m.parameters()) for n, m in model.named_children()}
    assert found.parameters == counts
    assert ModelDescription.of(tmp_path / "model.safetensors") is not None


def test_an_archive(tmp_path: Path) -> None:
    packed = reverie.pack("digits", out=tmp_path / "digits.zip").file
    model = ModelDescription.of(packed)
    assert model is not None
    assert model.parameters["unet"] == 396204


def test_what_only_loading_can_say(tmp_path: Path) -> None:
    save_model(tmp_path, "vae", subject_of(METHODS["vae"]).build(), "")
    weights, file = tmp_path / "model.safetensors", tmp_path / "config.json"
    whole, config = weights.read_bytes(), json.loads(file.read_text())
    for content in (b"", b"\xff" * 20, whole[:-1], b"\2" + b"\0" * 7 + b"[]"):
        weights.write_bytes(content)
        assert ModelDescription.of(tmp_path) is None
    weights.write_bytes(whole)
    for change in (
        {"parameters": None},  # of an older version
        {"parameters": {"encoder": -1}},
        {"options": {"latent_size": 0}},
        {"pictures": {}},
        {"method": "mine"},
        {"library_name": "diffusers"},
    ):
        file.write_text(json.dumps(config | change))
        assert ModelDescription.of(tmp_path) is None, change
    for text in ("", "[]", "{", '{"method": 1}'):
        file.write_text(text)
        assert config_of(tmp_path) == {}
    assert config_of(tmp_path / "nowhere") == {}
    assert ModelDescription.of(tmp_path / "nowhere") is None
