"""`reverie dream`."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import tyro

from reverie.cli.output import Result, lines_of
from reverie.core.errors import UserError
from reverie.inference.options import DreamOptions


@dataclass(frozen=True, kw_only=True)
class DreamCommand(DreamOptions):
    """Dream of a picture: bring out in it what a network notices."""

    image: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="PICTURE")] = ()
    """The picture to dream of."""
    out: Path = Path("dream.png")
    """The file to write; a .png also holds the settings. A film: .mp4, .gif or a folder."""
    backbone: str = "efficientnet"
    """efficientnet, which comes with its package; inception_v3, googlenet, vgg16, vgg19, resnet50
    with --weights; or one of your own runs."""
    weights: Path | None = None
    """torchvision's file of the backbone's weights."""
    layers: tuple[str, ...] = ()
    """What to bring out: NAME, NAME:CHANNEL, each with =WEIGHT if you like; see --list-layers."""
    towards: Literal["l2", "mean"] = "l2"
    """What rises: the squared activations (more of what is there), or their mean."""
    guide: Path | None = None
    """Another picture: go towards what it shows."""
    like: Path | None = None
    """A dream saved as .png: use its settings again; flags that are given go before them."""
    list_layers: bool = False
    """List the backbone's layers, with sizes and a word on what they bring out."""
    film: int | None = None
    """A film of so many frames, each dreamt from the one before."""
    zoom: float = 1.04
    """Film: how much nearer in a second."""
    rotate: float = 0.0
    """Film: degrees in a second."""
    rate: float = 12.0
    """Film: frames a second."""
    json: bool = False
    """Print the result as one JSON object."""


def dream(command: DreamCommand) -> Result:
    from reverie import api
    from reverie.inference.dream.settings import find_backbone_for
    from reverie.nn.backbones.backbone import list_layers

    if command.list_layers:
        found = list_layers(find_backbone_for(command.backbone, command.weights))
        facts = {one.name: f"{one.channels} × {one.side}²  {one.description}" for one in found}
        return facts, lines_of(facts)
    if len(command.image) != 1:
        raise UserError("name one picture to dream of.")
    own = {field.name: getattr(command, field.name) for field in fields(DreamCommand)}
    usual = {field.name: field.default for field in fields(DreamCommand)}
    given = {name: value for name, value in own.items() if value != usual[name]}
    for name in ("image", "out", "json"):
        given.pop(name, None)
    made = api.dream(command.image[0], out=command.out, **given)
    rises = ", ".join(f"{a:.3g} to {b:.3g}" for a, b in made.get("octaves", []))
    return made, f"{made['file']}" + (f": the objective rose from {rises}" if rises else "")
