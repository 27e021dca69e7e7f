"""Damaged and hostile model folders: config.json and model.safetensors."""

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from reverie.core.errors import UserError
from reverie.core.state_dict import read_tensors
from reverie.data import ImageSpec
from reverie.methods import METHODS, PRETRAINED, Method, Samples
from reverie.methods.presets import recipe_for
from reverie.runs.model_folder import build_method, load_model, save_model
from tests.fuzzing import assert_only_user_errors, damaged_bytes, damaged_json, named, rounds

SPEC = ImageSpec(1, 16, ("no", "yes"))
LARGER = {"cyclegan": ImageSpec(1, 24, ("no", "yes"))}
"""The smallest images of methods that 16 pixels do not fit."""
KINDS = ("vae", "dcgan", "cgan", "diffusion", "cyclegan", "srresnet", "encoder")


def model_folder(folder: Path, name: str = "dcgan") -> Path:
    """A tiny model of a method, without the hash that notices most changes."""
    options = METHODS[name].tiny_options
    recipe, spec = recipe_for(name).with_options(**options), LARGER.get(name, SPEC)
    save_model(folder, name, build_method(recipe, spec), "")
    file = folder / "config.json"
    config = json.loads(file.read_text())
    del config["sha256"]
    file.write_text(json.dumps(config))
    return folder


def loads_whole(folder: Path) -> Method:
    """Load a model, and use it as the tensors of a file decide."""
    method = load_model(folder)[1]
    assert all(bool(torch.isfinite(p).all()) for p in method.parameters())
    if isinstance(method, Samples) and max(method.spec.size) <= 64:
        labels = torch.zeros(1, dtype=torch.long) if method.conditional else None
        assert method.generate(torch.zeros(1, *method.latent_shape), labels).shape[0] == 1
    return method


@rounds(15, 1000)
@pytest.mark.parametrize("name", KINDS)
def test_configs(tmp_path: Path, name: str, count: int, seed: int) -> None:
    folder = model_folder(tmp_path / "model", name)
    file = folder / "config.json"
    contents = damaged_json(json.loads(file.read_text()), count, seed)
    assert_only_user_errors(lambda _: loads_whole(folder), named(file, contents))


@rounds(15, 1000)
def test_configs_of_pretrained_networks(tmp_path: Path, count: int, seed: int) -> None:
    options = {
        "translator": {"network": "resnet", "outputs": 1, "width": 2, "depth": 1}
        | {"norm": "instance", "dropout": False},
        "upscaler": {"network": "compact", "scale": 2, "width": 2, "blocks": 1},
    }
    for name, kind in PRETRAINED.items():
        folder = tmp_path / name
        save_model(folder, name, kind(kind.Options(**options[name]), SPEC), "")  # type: ignore[arg-type]
        file = folder / "config.json"
        contents = damaged_json(json.loads(file.read_text()), count, seed)
        assert_only_user_errors(lambda _, folder=folder: load_model(folder), named(file, contents))


HUGE = (
    ("dcgan", {"width": 2**16}),
    ("dcgan", {"latent_size": 2**16}),
    ("vae", {"hidden": [2**16] * 64}),
    ("diffusion", {"width": 2**16, "multipliers": [100] * 8}),
    ("diffusion", {"blocks": 100}),
    ("cyclegan", {"blocks": 100, "width": 2**16, "pool_size": 2**16}),
    ("srresnet", {"network": "rrdb", "blocks": 100, "width": 2**16, "growth": 2**16}),
)
"""Options within their bounds whose networks no machine holds, or that take long to build."""


@pytest.mark.parametrize(("name", "options"), HUGE)
def test_huge_networks(tmp_path: Path, name: str, options: dict[str, object]) -> None:
    folder = model_folder(tmp_path / "model", name)
    file = folder / "config.json"
    config = json.loads(file.read_text())
    contents = [
        json.dumps(config | {"options": config["options"] | options}),
        json.dumps(config | {"pictures": config["pictures"] | {"image_size": 2**16}}),
    ]
    assert_only_user_errors(lambda _: load_model(folder), named(file, contents), memory=2**29)


TEXTS = (
    "", "{", "null", "[]", "1", '"x"', "\ufeff{}", "{" * 100_000, '{"a":' * 100_000, "[" * 10**6,
    '{"library_name": "reverie", "method": "vae", "method": ["vae"]}', "9" * 5000, "\xff", "\0",
    '{"library_name": "reverie", "method": "dcgan", "options": {"width": %s}}' % ("9" * 5000),
)  # fmt: skip


def test_other_texts(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    assert_only_user_errors(lambda _: load_model(folder), named(folder / "config.json", TEXTS))


@rounds(80, 2000)
def test_weights(tmp_path: Path, count: int, seed: int) -> None:
    folder = model_folder(tmp_path / "model")
    file = folder / "model.safetensors"
    contents = damaged_bytes(file.read_bytes(), count, seed)
    assert_only_user_errors(lambda _: loads_whole(folder), named(file, contents))


def header(entries: dict[str, object], size: int = 0) -> bytes:
    """A safetensors file with a header and zeros."""
    words = json.dumps(entries).encode()
    return struct.pack("<Q", len(words)) + words + bytes(size)


def test_odd_headers(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    kinds = ("F32", "I8", "C64", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F4", "BOOL", "X", 1, None)
    places = ([0, 4], [4, 0], [0, 2**63], [-1, 3], [0], None, [0.5, 4])
    shapes = ([1], [], [2**62, 4], [-1], [0, 2**40], None, "x", [1.5])
    contents = [
        header({"a": {"dtype": kind, "shape": shape, "data_offsets": place}}, 4)
        for kind in kinds
        for place in places
        for shape in shapes
    ]
    contents += [struct.pack("<Q", size) for size in (0, 1, 2**31, 2**63, 2**64 - 1)]
    assert_only_user_errors(read_tensors, named(file, contents))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: torch.full_like(t, float("nan")), "not finite"),
        (lambda t: t.index_fill(0, torch.tensor([0]), float("inf")), "not finite"),
        (lambda t: t.int(), "is int32, where the network has float32"),
        (lambda t: t.bool(), "is bool, where"),
        (lambda t: t.to(torch.complex64), "is complex64, where"),
        (lambda t: t[:-1], r"is \[99, 8, 4, 4\], where the network has \[100, 8, 4, 4\]"),
        (lambda t: t.flatten(), "where the network has"),
        (lambda t: t[None], "where the network has"),
    ],
)
def test_wrong_tensors_are_named(tmp_path: Path, change, words: str) -> None:
    folder = tmp_path / "model"
    save_model(folder, "dcgan", build_method(recipe_for("dcgan").with_options(width=4), SPEC), "")
    file = folder / "model.safetensors"
    tensors = load(file.read_bytes())
    name = "generator.stem.weight"
    file.write_bytes(save(tensors | {name: change(tensors[name]).contiguous()}))
    with pytest.raises(UserError, match=rf"model\.safetensors: the tensor {name} .*{words}"):
        load_model(folder)


def test_half_precision_is_taken(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    file = folder / "model.safetensors"
    tensors = load(file.read_bytes())
    halves = {n: t.half() if t.is_floating_point() else t for n, t in tensors.items()}
    file.write_bytes(save(halves))
    assert loads_whole(folder)
