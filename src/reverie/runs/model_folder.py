"""Model folders: weights, config and model card, in the layout of the Hugging Face hub."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from reverie.core.errors import UserError
from reverie.core.files import read_json, replace_folder, write_atomic
from reverie.core.rng import DrawsFrom
from reverie.data import ImageSpec
from reverie.methods import METHODS, PRETRAINED, Method
from reverie.methods.presets import installed_method, options_from_json
from reverie.methods.recipe import Recipe
from reverie.runs.environment import versions


def save_model(folder: Path, method_name: str, method: Method, card: str) -> None:
    """Write a model folder: `model.safetensors`, `config.json` and `README.md` (`card`).

    Networks that only training needs (`training_only`) are omitted.
    """
    config = {
        "library_name": "reverie",
        "method": method_name,
        **plugin_of(method_name),
        "options": dataclasses.asdict(method.options),
        "pictures": dataclasses.asdict(method.spec),
        "reverie_version": versions()["reverie"],
    }
    tensors = {
        key: value.contiguous().cpu()
        for key, value in method.state_dict().items()
        if key.split(".", 1)[0] not in method.training_only
    }
    weights = save(tensors, metadata={"format": "pt"})
    config["sha256"] = digest_of(config, weights)
    with replace_folder(folder) as aside:
        write_atomic(aside / "config.json", json.dumps(config, indent=2) + "\n")
        write_atomic(aside / "README.md", card)
        write_atomic(aside / "model.safetensors", weights)
        for other in folder.iterdir() if folder.exists() else ():  # what people put beside them
            if not (aside / other.name).exists() and not other.name.endswith(".part"):
                copy = shutil.copytree if other.is_dir() else shutil.copy2
                copy(other, aside / other.name)


def digest_of(config: Mapping[str, Any], weights: bytes) -> str:
    """SHA-256 of a model's configuration, without its entry `sha256`, and of its weights' file."""
    rest = {key: value for key, value in config.items() if key != "sha256"}
    whole = hashlib.sha256(json.dumps(rest, sort_keys=True).encode())
    whole.update(weights)
    return whole.hexdigest()


def plugin_of(method_name: str) -> dict[str, str]:
    """Where a method comes from, as files name it; empty if it is built in.

    `package` is what to install; `class` is what to import and register, where that was done by
    hand.
    """
    if method_name in PRETRAINED:
        return {}
    origin = {
        "package": METHODS.package_of(method_name),
        "class": METHODS.registered_class(method_name),
    }
    return {key: value for key, value in origin.items() if value is not None}


def load_model(folder: Path) -> tuple[str, Method]:
    """Load a model folder: the method's name and the method, frozen, in eval mode on the CPU.

    Raises:
        UserError: if a file is missing, damaged or not reverie's.
    """
    config_file, weights = folder / "config.json", folder / "model.safetensors"
    for file in (config_file, weights):
        if not file.exists():
            raise UserError(
                f"{folder}: {file.name} is missing; a model folder holds config.json and "
                "model.safetensors."
            )
    config = read_json(config_file)
    if config.get("library_name") != "reverie" or "method" not in config:
        raise UserError(f"{config_file}: this is not a reverie model.")
    name = config["method"]
    kind = PRETRAINED.get(name) or installed_method(name, config)
    try:
        images = config["pictures"]
        spec = ImageSpec(
            images["channels"],
            images["image_size"],
            tuple(images["class_names"]),
            images["spread"],
        )
        options = options_from_json(kind.Options, config["options"])
        with DrawsFrom(torch.Generator()):  # weights that the file replaces
            method = kind(options, spec)
        content = weights.read_bytes()
        tensors = load(content)
        fresh = method.state_dict()  # training-only networks are not in the file
        tensors |= {k: v for k, v in fresh.items() if k.split(".", 1)[0] in method.training_only}
        method.load_state_dict(tensors)
    except (KeyError, TypeError) as error:
        raise UserError(f"{config_file}: an entry is missing or unknown ({error}).") from None
    except (SafetensorError, RuntimeError) as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise UserError(f"{weights}: the weights do not match config.json ({first}).") from None
    if "sha256" in config and config["sha256"] != digest_of(config, content):
        raise UserError(
            f"{folder}: config.json and model.safetensors are not as they were saved: take both "
            'from where they came from, or remove "sha256" from a config.json that you have '
            "changed on purpose."
        )
    return name, channels_last(method).eval().requires_grad_(False)


def build_method(recipe: Recipe, spec: ImageSpec) -> Method:
    """New method with weights initialized from the recipe's seed."""
    with DrawsFrom(torch.Generator().manual_seed(recipe.training.seed)):
        return channels_last(METHODS.find(recipe.method)(recipe.options, spec))


def channels_last(method: Method) -> Method:
    """Convert a method in place to channels-last memory, where convolutions are a fifth faster.

    Networks with `contiguous_memory` keep the default layout: few positions, very many weights.
    """
    method.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for network in method.modules():
        if getattr(network, "contiguous_memory", False):
            network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return method
