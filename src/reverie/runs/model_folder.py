"""Model folders: weights, config and model card, in the layout of the Hugging Face hub."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from reverie.core.errors import UserError, in_file
from reverie.core.files import read_json, replace_folder, write_atomic
from reverie.core.options import options_from_json
from reverie.core.rng import DrawsFrom
from reverie.core.state_dict import check_fit, parse_safetensors, without_memory
from reverie.data import ImageSpec
from reverie.methods import METHODS, PRETRAINED, Method
from reverie.methods.image_networks import check_size
from reverie.methods.presets import installed_method
from reverie.methods.recipe import Recipe
from reverie.runs.environment import versions
from reverie.runs.model_place import CARD, CONFIG, METADATA, WEIGHTS, plugin_of


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
        "parameters": {
            name: sum(parameter.numel() for parameter in network.parameters())
            for name, network in method.named_children()
            if name not in method.training_only
        },
        "reverie_version": versions()["reverie"],
    }
    tensors = {
        key: value.contiguous().cpu()
        for key, value in method.state_dict().items()
        if key.split(".", 1)[0] not in method.training_only
    }
    # One entry: the order of several would differ from process to process.
    weights = save(tensors, metadata={METADATA: json.dumps(config)})
    config["sha256"] = digest_of(config, weights)
    with replace_folder(folder) as aside:
        write_atomic(aside / CONFIG, json.dumps(config, indent=2) + "\n")
        write_atomic(aside / CARD, card)
        write_atomic(aside / WEIGHTS, weights)
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


def load_model(folder: Path) -> tuple[str, Method]:
    """Load a model folder: the method's name and the method, frozen, in eval mode on the CPU.

    Networks that only training needs are None. No more memory is taken than the file has weights.

    Raises:
        UserError: if a file is missing, damaged or not reverie's.
    """
    config_file, weights = folder / CONFIG, folder / WEIGHTS
    for file in (config_file, weights):
        if not file.is_file():
            raise UserError(
                f"{folder}: {file.name} is missing; a model folder holds config.json and "
                "model.safetensors."
            )
    return restored(ModelFiles(folder, read_json(config_file), weights.read_bytes()))


@dataclass(frozen=True)
class ModelFiles:
    """What a model is restored from: its place, its configuration, and a safetensors file."""

    place: Path
    config: Mapping[str, Any]
    weights: bytes

    @property
    def config_file(self) -> Path:
        """How messages name the configuration."""
        return self.place / CONFIG if self.place.is_dir() else self.place

    @property
    def weights_file(self) -> Path:
        """How messages name the weights."""
        return self.place / WEIGHTS if self.place.is_dir() else self.place


def restored(files: ModelFiles) -> tuple[str, Method]:
    """The model of a configuration and weights, as `load_model` gives it.

    Raises:
        UserError: if they are damaged or not reverie's, or do not belong together.
    """
    config, content = files.config, files.weights
    name = config.get("method")
    if config.get("library_name") != "reverie" or not isinstance(name, str):
        raise UserError(f"{files.config_file}: this is not a reverie model.")
    kind = PRETRAINED.get(name) or installed_method(name, config)
    with in_file(files.config_file, f"The file is damaged or was edited: {COPY_AGAIN}."):
        spec = options_from_json(ImageSpec, config.get("pictures"))
        options = options_from_json(kind.Options, config.get("options"))
        method = without_memory(lambda: kind(options, spec))
    for network in method.training_only:  # the file has no weights for them
        setattr(method, network, None)
    tensors = parse_safetensors(content, files.weights_file)
    with in_file(
        files.weights_file, f"The weights are damaged or do not match {CONFIG}: {COPY_AGAIN}."
    ):
        check_fit(tensors, method.state_dict())
    if "sha256" in config and config["sha256"] != digest_of(config, content):
        raise UserError(
            f"{files.place}: config.json and model.safetensors are not as they were saved: take "
            'both from where they came from, or remove "sha256" from a config.json that you have '
            "changed on purpose."
        )
    # As `to_empty` does, which imports PyTorch's compiler to copy the strides of meta tensors.
    method._apply(lambda t: torch.empty(t.shape, dtype=t.dtype) if t.is_meta else t)
    method.load_state_dict(tensors)
    return name, channels_last(method).eval().requires_grad_(False)


COPY_AGAIN = "copy the model again from where it came from"


def build_method(recipe: Recipe, spec: ImageSpec) -> Method:
    """New method with weights initialized from the recipe's seed.

    Raises:
        UserError: if it cannot be trained on images of this size.
    """
    with DrawsFrom(torch.Generator().manual_seed(recipe.training.seed)):
        method = channels_last(METHODS.find(recipe.method)(recipe.options, spec))
    check_size(method, recipe.method, recipe.training.batch_size)
    return method


def channels_last(method: Method) -> Method:
    """Convert a method in place to channels-last memory, where convolutions are a fifth faster.

    Networks with `contiguous_memory` keep the default layout: few positions, very many weights.
    """
    method.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for network in method.modules():
        if getattr(network, "contiguous_memory", False):
            network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return method
