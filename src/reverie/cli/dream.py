"""`reverie dream`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.image_command import ImageCommand
from reverie.cli.places import refuse_no_images
from reverie.core.errors import UserError
from reverie.core.files import path_of
from reverie.core.options import options_of
from reverie.core.result import Json, Result, lines_of
from reverie.inference.options import DreamOptions

if TYPE_CHECKING:
    from reverie.nn.backbones.backbone import LayerInfo


@dataclass(frozen=True)
class LayersResult(Result):
    """The layers of a backbone: channels, size of the map, receptive field in pixels, and depth."""

    layers: dict[str, str]

    def to_json(self) -> dict[str, Json]:
        return dict(self.layers)

    def summary(self) -> str:
        return lines_of(self.layers)


@dataclass(frozen=True, kw_only=True)
class DreamCommand(DreamOptions, ImageCommand):
    """Deep dream: gradient ascent on an image, towards the activations of a network."""

    usage: ClassVar = "IMAGE --out dream.png"
    image: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="IMAGE")] = ()
    """The image to start from."""
    out: Path = Path("dream.png")
    """The file to write; a .png also holds the settings. A film: .mp4, .gif or a folder."""
    list_layers: bool = False
    """List the backbone's layers, with their sizes, receptive fields and depths."""

    def run(self) -> Result:
        if self.list_layers:
            return _list_layers(self.backbone, self.weights)
        if len(self.image) != 1:
            raise UserError("name one image to dream of.")
        for image in (self.image[0], *([] if self.guide is None else [self.guide])):
            refuse_no_images([path_of(image)])
        self.refuse_replacing()
        from reverie import api

        return api.dream(self.image[0], out=self.out, options=options_of(DreamOptions, self))


def _list_layers(backbone: str, weights: Path | None) -> LayersResult:
    from reverie.inference.dream.settings import find_backbone_for
    from reverie.nn.backbones.backbone import list_layers

    found = list_layers(find_backbone_for(backbone, weights))
    return LayersResult({one.name: _words(one) for one in found})


def _words(layer: "LayerInfo") -> str:
    (high, wide), (tall, broad) = layer.map_shape, layer.receptive_field
    size = f"{layer.channels} × {high}×{wide}"
    return f"{size:<14}  receptive field {tall}×{broad}, depth {layer.depth}"
