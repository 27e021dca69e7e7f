"""The settings of a dream: which network, which layers, how it goes; written into the file."""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from reverie.core import image_io
from reverie.core.errors import UserError, in_file
from reverie.core.files import parse_json, path_of
from reverie.core.image_formats import opened
from reverie.core.options import Checked, InvalidValue, coerce, options_from_json, options_of
from reverie.core.precision import bf16_is_native
from reverie.inference.dream.objectives import DreamObjective, guided, l2, mean
from reverie.inference.dream.objectives import channel as of_channel
from reverie.inference.load import BUILT_IN_MODELS, holds_a_model, load
from reverie.inference.model import Model
from reverie.inference.options import AscentOptions, DreamOptions, Layers
from reverie.nn.backbones import BACKBONES, find_backbone
from reverie.nn.backbones.backbone import Backbone, backbone_of
from reverie.nn.fuse import fuse_backbone

SETTINGS = "reverie dream"


@dataclass(frozen=True, kw_only=True)
class Dream(Checked):
    """Settings of a dream, as they are written into its file."""

    backbone: str
    weights: str | None
    layers: Layers
    towards: Literal["l2", "mean"]
    guide: str | None
    options: AscentOptions

    def to_json(self) -> str:
        """What `from_file` reads."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_file(path: Path) -> "Dream":
        """The settings of a dream that was saved as PNG.

        Raises:
            UserError: if the file holds none.
        """
        with opened(path) as image:
            words = image.info.get(SETTINGS)
        if not isinstance(words, str):
            raise UserError(
                f"{path}: no dream's settings are in this file; dreams saved as .png have."
            )
        with in_file(path, "The settings in this file are damaged: give them as options instead."):
            try:
                content = parse_json(words)
            except ValueError as error:
                raise UserError(f"they cannot be read ({error}).") from None
            if isinstance(content, dict):
                ascent = options_from_json(AscentOptions, content.get("options"))
                content = content | {"options": ascent}
            return options_from_json(Dream, content)


def objective_of(dream: Dream, backbone: Backbone, guide: Tensor | None) -> DreamObjective:
    """The sum of the layers that were asked for: `NAME`, `NAME:CHANNEL`, each with `=WEIGHT`.

    Raises:
        UserError: if a layer is not there or a number is none.
    """
    total = DreamObjective(())
    for word in dream.layers:
        name, _, weight = word.partition("=")
        layer, _, number = name.partition(":")
        backbone.layer(layer)
        try:
            factor = coerce(float, float(weight)) if weight else 1.0
            chosen = coerce(int, int(number)) if number else None
        except (ValueError, InvalidValue):
            raise UserError(
                f"{word!r}: a layer is written NAME, NAME:CHANNEL or NAME=WEIGHT, as in "
                f"{layer}:42=0.5."
            ) from None
        if guide is not None:
            seen = backbone.activations(guide, [layer])[layer]
            term = guided(layer, seen.detach())
        elif chosen is not None:
            term = of_channel(layer, chosen)
        else:
            term = mean(layer) if dream.towards == "mean" else l2(layer)
        total = total + factor * term
    return total


def _fused(backbone: Backbone, dream: Dream) -> Backbone:
    device = next(backbone.network.parameters()).device
    looked_at = [layer.split("=")[0].split(":")[0] for layer in dream.layers]
    return fuse_backbone(backbone, bf16_is_native(device.type), looked_at)


def _guide(path: Path | None) -> Tensor | None:
    if path is None:
        return None
    pixels = image_io.with_channels(image_io.read(path), 3)
    if max(pixels.shape[:2]) > 512:
        pixels = image_io.resize(
            pixels, round(512 * pixels.shape[1] / max(pixels.shape[:2])), "width"
        )
    return image_io.to_tensor(pixels[None])


def find_backbone_for(name: str, weights: str | Path | None = None) -> Backbone:
    """A known network, or that of a run or model.

    Raises:
        UserError: if there is none, or it is no network of images.
    """
    own = path_of(name)
    if name not in BACKBONES and (name in BUILT_IN_MODELS or holds_a_model(own)):
        return _network_of_model(load(name))
    return find_backbone(name, None if weights is None else path_of(weights))


def _network_of_model(model: Model) -> Backbone:
    """The network of convolutions over images that a model has."""
    chosen = model.method.feature_network
    network = None if chosen is None else model.method.get_submodule(chosen)
    if network is None or not any(isinstance(m, nn.Conv2d) for m in network.modules()):
        raise UserError(
            f"{model.name} is a {model.method_name} and has no network of convolutions over "
            "images: dream with a model that has one, such as a GAN's discriminator, a translator "
            "or an encoder."
        )
    spec = model.method.spec
    return backbone_of(model.name, network.eval(), spec.channels, spec.size.shape)


def dream_for(options: DreamOptions) -> tuple[Dream, Backbone]:
    """The settings of a dream and its network: a saved dream's, overridden by the options that
    differ from the defaults, or the options.

    Raises:
        UserError: if no layer is known to dream with.
    """
    if options.like is None:
        ascent = options_of(AscentOptions, options)
        base = Dream(
            backbone=options.backbone,
            weights=None,
            layers=(),
            towards=options.towards,
            guide=None,
            options=ascent,
        )
    else:
        base = Dream.from_file(options.like)
    given = {
        f.name: getattr(options, f.name)
        for f in fields(DreamOptions)
        if getattr(options, f.name) != f.default
    }
    ascent = {name: value for name, value in given.items() if hasattr(base.options, name)}
    named = {name: given[name] for name in ("backbone", "layers", "towards") if name in given}
    paths = {name: str(given[name]) for name in ("weights", "guide") if name in given}
    dream = replace(base, **named, **paths, options=replace(base.options, **ascent))
    backbone = find_backbone_for(dream.backbone, dream.weights)
    if not dream.layers:
        dream = replace(dream, layers=backbone.default_layers)
    if not dream.layers:
        raise UserError(f"say with --layers what to maximize; --list-layers shows {backbone.name}.")
    return dream, backbone
