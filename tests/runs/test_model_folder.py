import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from reverie.core.errors import UserError
from reverie.data import ImageSpec
from reverie.methods import METHODS, Method
from reverie.methods.presets import recipe_for
from reverie.methods.vae import VAE
from reverie.runs.model_folder import build_method, load_model, save_model
from reverie.runs.model_place import plugin_of

SPEC = ImageSpec(1, 16, ("no", "yes"), 0.25)


def small(name: str = "dcgan", **options: object) -> Method:
    return build_method(recipe_for(name).with_options(width=4, **options), SPEC).eval()  # type: ignore[arg-type]


def test_a_model_survives(tmp_path: Path) -> None:
    method = small()
    save_model(tmp_path, "dcgan", method, "the card")
    name, again = load_model(tmp_path)
    assert name == "dcgan"
    assert again.options == method.options
    assert again.spec == SPEC
    assert not again.training
    assert not any(p.requires_grad for p in again.parameters())
    latents = torch.randn(2, 100, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again.generate(latents), method.generate(latents))  # type: ignore[operator]
    assert (tmp_path / "README.md").read_text() == "the card"
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "README.md", "config.json", "model.safetensors",
    ]  # fmt: skip


def test_networks_that_only_training_needs_are_left_out(tmp_path: Path) -> None:
    method = small(latent_weight=1.0)
    assert any(name.startswith("finder.") for name in method.state_dict())
    save_model(tmp_path, "dcgan", method, "")
    names = load_file(tmp_path / "model.safetensors").keys()
    assert names == {name for name in method.state_dict() if not name.startswith("finder.")}
    load_model(tmp_path)


def test_the_config(tmp_path: Path) -> None:
    save_model(tmp_path, "dcgan", small(), "")
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["library_name"], config["method"]) == ("reverie", "dcgan")
    assert config["options"]["width"] == 4
    assert config["pictures"]["class_names"] == ["no", "yes"]
    assert "package" not in config


def test_a_plugins_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(VAE):
        """A method of a notebook cell."""

    Mine.__module__ = "__main__"
    monkeypatch.setattr(METHODS, "_registered", {"mine": Mine})
    assert plugin_of("mine") == {"package": "__main__"}
    assert plugin_of("vae") == {}
    assert plugin_of("translator") == {}
    method = Mine(Mine.Options(), SPEC)
    save_model(tmp_path, "mine", method, "")
    name, again = load_model(tmp_path)
    assert (name, type(again)) == ("mine", Mine)
    monkeypatch.setattr(METHODS, "_registered", {})
    with pytest.raises(UserError, match=r"register its class first, with reverie\.METHODS\.reg"):
        load_model(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"package": "reverie-mine"}))
    with pytest.raises(UserError, match="pip install reverie-mine"):
        load_model(tmp_path)


@pytest.mark.parametrize("damage", ["missing", "shape", "surplus", "unknown option"])
def test_what_does_not_fit_is_refused(tmp_path: Path, damage: str) -> None:
    save_model(tmp_path, "dcgan", small(), "")
    weights, config_file = tmp_path / "model.safetensors", tmp_path / "config.json"
    tensors, config = load_file(weights), json.loads(config_file.read_text())
    name = "generator.stem.weight"
    if damage == "missing":
        del tensors[name]
    elif damage == "shape":
        tensors[name] = torch.zeros(3)
    elif damage == "surplus":
        tensors["nothing"] = torch.zeros(3)
    else:
        config["options"]["colour"] = "red"
    save_file(tensors, weights)
    config_file.write_text(json.dumps(config))
    words = "colour, which this version" if damage == "unknown option" else "do not match config"
    with pytest.raises(UserError, match=words):
        load_model(tmp_path)


def test_the_seed_determines_the_weights_and_nothing_else() -> None:
    state = torch.random.get_rng_state()
    one, two, other = (small(seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    first, second, third = (
        dict(m.named_parameters())["generator.stem.weight"] for m in (one, two, other)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_convolutions_are_channels_last_where_that_is_faster() -> None:
    method = build_method(recipe_for("pix2pix").with_options(width=4), ImageSpec(3, 32))
    layouts = {
        name: p.is_contiguous(memory_format=torch.channels_last)
        for name, p in method.named_parameters()
        if p.ndim == 4 and p.shape[1] > 1 and p.shape[2] > 1
    }
    unet = [last for name, last in layouts.items() if name.startswith("generator")]
    rest = [last for name, last in layouts.items() if name.startswith("discriminator")]
    assert unet
    assert rest
    assert not any(unet)  # `contiguous_memory`
    assert all(rest)
