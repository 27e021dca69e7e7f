"""The models that are served, by their short names, and what each can do."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from reverie.core.errors import UserError, nearest
from reverie.core.result import Json
from reverie.inference.latent.files import ImageEditor, load_encoding
from reverie.inference.load import load
from reverie.inference.model import Model
from reverie.inference.options import EditOptions
from reverie.methods import Denoises, Samples, Translates, Upscales
from reverie.serve.refusal import Refusal


@dataclass(frozen=True)
class ServedModel:
    """A loaded model under its short name.

    `encoder` is the model that encodes images, its own or one that was trained for it, and `editor`
    has its attribute directions; without them `note` says why, for the log of the server.
    """

    name: str
    model: Model
    encoder: Model | None = None
    editor: ImageEditor | None = None
    note: str = ""

    @property
    def actions(self) -> tuple[str, ...]:
        """What can be asked of it, as in the last part of the routes."""
        method = self.model.method
        can = {
            "sample": isinstance(method, Samples),
            "translate": isinstance(method, Translates),
            "upscale": isinstance(method, Upscales),
            "edit": self.editor is not None,
            "reconstruct": self.encoder is not None,
        }
        return tuple(action for action, possible in can.items() if possible)

    def to_json(self) -> dict[str, Json]:
        """What is answered to who asks for the model."""
        method = self.model.method
        spec = method.spec
        facts: dict[str, Json] = {
            "name": self.name,
            "method": self.model.method_name,
            "about": method.about,
            "actions": self.actions,
            "image_size": {"width": spec.width, "height": spec.height},
            "channels": spec.channels,
            "classes": self.model.class_names,
            "denoises": isinstance(method, Denoises),
        }
        if isinstance(method, Translates):
            facts["directions"] = method.directions
        if isinstance(method, Upscales):
            facts["scale"] = method.scale
        if self.editor is not None:
            facts["attributes"] = tuple(self.editor.directions)
        return facts


def load_models(places: Mapping[str, str], device: str) -> dict[str, ServedModel]:
    """Load the models of places by name.

    Raises:
        UserError: if one is no usable model, or there is no such device.
    """
    chosen = _device(device)
    return {name: _loaded(name, place, chosen) for name, place in places.items()}


def _loaded(name: str, place: str, device: torch.device) -> ServedModel:
    model = load(place).to(device)
    model.name = name  # what is answered says nothing of this machine's folders
    try:
        encoder = load_encoding(place, model).to(device)
    except UserError:  # it has none
        return ServedModel(name, model)
    encoder.name = name
    try:
        return ServedModel(name, model, encoder, ImageEditor.of(place, EditOptions(), encoder))
    except UserError as error:  # its images have no attributes, or are elsewhere
        return ServedModel(name, model, encoder, note=f"{name} will not edit images: {error}")


def _device(name: str) -> torch.device:
    """The device of an option.

    Raises:
        UserError: if PyTorch does not find it.
    """
    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next((one for one, present in found.items() if present), "cpu")
    if not found.get(name, True):
        raise UserError(f"PyTorch finds no {name} device: use --device auto.")
    return torch.device(name)


def model_of(models: Mapping[str, ServedModel], name: str) -> ServedModel:
    """The model of a name.

    Raises:
        Refusal: if there is none.
    """
    if name not in models:
        raise Refusal(404, f"there is no model {name!r}; {nearest(name, models)}")
    return models[name]
