"""The settings of a dream: which network, which layers, how it goes; written into the file."""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor, nn

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.core.precision import bf16_is_native
from reverie.inference.dream.objectives import DreamObjective, guided, l2, mean
from reverie.inference.dream.objectives import channel as of_channel
from reverie.inference.load import BUILT_IN_MODELS, holds_a_model, load
from reverie.inference.options import DreamOptions
from reverie.nn.backbones.backbone import ARCHITECTURES, Backbone, backbone_of, find_backbone
from reverie.nn.fuse import fuse_backbone

SETTINGS = "reverie dream"


@dataclass(frozen=True, kw_only=True)
class Dream:
    """All that makes a dream what it is, besides the picture: it is written into the file."""

    backbone: str
    weights: str | None
    layers: tuple[str, ...]
    towards: str
    guide: str | None
    options: DreamOptions

    def to_json(self) -> str:
        """What `from_file` reads."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_file(path: Path) -> "Dream":
        """The settings of a dream that was saved as PNG.

        Raises:
            UserError: if the file holds none.
        """
        image_io.size_of(path)
        with Image.open(path) as image:
            words = image.info.get(SETTINGS)
        if words is None:
            raise UserError(
                f"{path}: no dream's settings are in this file; dreams saved as .png have."
            )
        content = json.loads(words)
        options = DreamOptions(**content.pop("options"))
        return Dream(**content | {"layers": tuple(content["layers"]), "options": options})


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
            factor = float(weight) if weight else 1.0
            chosen = int(number) if number else None
        except ValueError:
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


DEFAULT_LAYERS = {
    "efficientnet": ("_blocks.10",),
    "inception_v3": ("Mixed_6a", "Mixed_6c"),
    "googlenet": ("inception4c",),
    "vgg16": ("features.28",),
    "vgg19": ("features.28",),
    "resnet50": ("layer3.5",),
}


JUDGES = ("discriminator", "discriminator_b", "encoder", "generator", "generator_ab", "network")
"""Which of a model's networks dreams best: the first of these that looks at pictures."""


def find_backbone_for(name: str, weights: str | Path | None = None) -> Backbone:
    """A known network, or that of a run or model.

    Raises:
        UserError: if there is none, or it does not look at pictures.
    """
    own = Path(name).expanduser()
    if name not in ("efficientnet", *ARCHITECTURES) and (
        name in BUILT_IN_MODELS or holds_a_model(own)
    ):
        model = load(name)
        children = dict(model.method.named_children())
        network = next((children[n] for n in JUDGES if n in children), None)
        looks = network is not None and any(
            isinstance(layer, nn.Conv2d) for layer in network.modules()
        )
        if network is None or not looks or model.method_name in ("diffusion", "gan"):
            raise UserError(
                f"{name} is a {model.method_name} and has no network of convolutions that looks at "
                "pictures: dream with a dcgan, a translator or an encoder."
            )
        return backbone_of(name, network.eval(), model.method.spec.channels)
    return find_backbone(name, None if weights is None else Path(weights).expanduser())


def dream_for(backbone: Backbone, like: Path | None, given: dict[str, Any]) -> Dream:
    """The settings: those of a dream that was saved, changed by what was given.

    Raises:
        UserError: if no layer is known to dream with.
    """
    names = {field.name for field in fields(DreamOptions)}
    options = {name: value for name, value in given.items() if name in names}
    rest = {name: value for name, value in given.items() if name not in names and value is not None}
    if like is None:
        known = DEFAULT_LAYERS.get(backbone.name, ())
        base = Dream(
            backbone=backbone.name,
            weights=None,
            layers=known,
            towards="l2",
            guide=None,
            options=DreamOptions(),
        )
    else:
        base = Dream.from_file(like)
    dream = replace(base, **rest, options=replace(base.options, **options))
    if not dream.layers:
        raise UserError(
            f"say with --layers what to bring out; --list-layers shows {backbone.name}."
        )
    dream.options.check()
    return dream
