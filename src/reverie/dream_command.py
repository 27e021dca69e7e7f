"""From flags or keyword arguments to a dream: which network, which layers, which settings."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from torch import nn

from reverie.backbones import ARCHITECTURES, Backbone, backbone_of, find_backbone
from reverie.dream_files import Dream, dream_file, dream_film
from reverie.dream_options import DreamOptions
from reverie.errors import UserError
from reverie.loading import BUILT_IN_MODELS, holds_a_model, load

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


def backbone_for(name: str, weights: str | Path | None = None) -> Backbone:
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


def dream_picture(
    picture: Path,
    out: Path,
    *,
    like: Path | None = None,
    film: int | None = None,
    zoom: float = 1.04,
    rotate: float = 0.0,
    rate: float = 12.0,
    **given: Any,
) -> dict[str, Any]:
    """Dream of a picture, or a film of it.

    Returns:
        What was written, and the objective at both ends of each octave.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    before = None if like is None else Dream.from_file(like)
    name = given.pop("backbone", None) or (before.backbone if before else "efficientnet")
    weights = given.pop("weights", None) or (before.weights if before else None)
    backbone = backbone_for(name, weights)
    dream = dream_for(backbone, like, given)
    dream = replace(dream, backbone=name, weights=None if weights is None else str(weights))
    guide = None if dream.guide is None else Path(dream.guide)
    if film is not None:
        written = dream_film(
            backbone,
            dream,
            picture,
            out,
            frames=film,
            zoom=zoom,
            rotate=rotate,
            rate=rate,
            guide=guide,
        )
        return {"file": str(written), "frames": film, "layers": list(dream.layers)}
    values = dream_file(backbone, dream, picture, out, guide)
    shown = [float(f"{value:.4g}") for value in values]
    rises = [list(ends) for ends in zip(shown[::2], shown[1::2], strict=True)]
    return {"file": str(out), "layers": list(dream.layers), "octaves": rises}
