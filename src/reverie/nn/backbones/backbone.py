"""Networks that have seen a million photographs, for what they notice: the features of distances,
of content losses and of dreams. One definition of each, with its own preprocessing.

EfficientNet-Lite0's weights install with a package, so it works everywhere; the others read
torchvision's files.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core.errors import UserError, nearest

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class StopForward(Exception):
    """The deepest layer that was asked for has answered; the rest need not run."""


class ImageTooSmall(UserError):
    """A picture is too small for a layer."""


@dataclass(frozen=True)
class Backbone:
    """A network in eval mode, and what makes a picture in [-1, 1] into its input."""

    name: str
    network: nn.Module
    prepare: Callable[[Tensor], Tensor]
    channels: int = 3
    default_layers: tuple[str, ...] = ()
    """The layers of a deep dream that names none."""
    content_layers: tuple[str, ...] = ()
    """The layers that a content loss compares; none if the network has no use for it."""

    def activations(
        self, images: Float[Tensor, "b c h w"], layers: Sequence[str]
    ) -> dict[str, Tensor]:
        """What the named layers give, computed no further than the deepest of them.

        Raises:
            UserError: if there is no such layer.
            ImageTooSmall: if the picture is too small for it.
        """
        found: dict[str, Tensor] = {}

        def keep(name: str):
            def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
                found[name] = output
                if len(found) == len(wanted):
                    raise StopForward

            return hook

        wanted = {name: self.layer(name) for name in layers}
        hooks = [layer.register_forward_hook(keep(name)) for name, layer in wanted.items()]
        try:
            self.network(self.prepare(images))
        except StopForward:
            pass
        except RuntimeError as error:
            if "size" not in str(error) and "dimension" not in str(error):
                raise
            height, width = images.shape[-2:]
            raise ImageTooSmall(
                f"a picture of {width}×{height} is too small for {', '.join(layers)} of "
                f"{self.name}: use a larger one, or a layer nearer to the picture."
            ) from None
        finally:
            for hook in hooks:
                hook.remove()
        return found

    def layer(self, name: str) -> nn.Module:
        """The layer of that name.

        Raises:
            UserError: if there is none.
        """
        layers = dict(self.network.named_modules())
        if not name or name not in layers:
            raise UserError(
                f"{self.name} has no layer {name!r}; {nearest(name, [n for n in layers if n])}"
            )
        return layers[name]

    def to(self, device: torch.device) -> "Backbone":
        """The same, on another device."""
        self.network.to(device)
        return self


@dataclass(frozen=True, kw_only=True)
class BackboneSpec:
    """A pretrained network by name: how to build it, its preprocessing, its layers of interest."""

    build: Callable[[], nn.Module]
    """The network; with its weights where `needs_file` is False."""
    preprocess: Callable[[Tensor], Tensor]
    """From images in [-1, 1] to the network's input."""
    needs_file: bool = True
    """Whether the weights come as a file of torchvision's."""
    default_layers: tuple[str, ...] = ()
    content_layers: tuple[str, ...] = ()


def imagenet_normalize(images: Tensor) -> Tensor:
    """[-1, 1] to [0, 1], minus ImageNet's mean, over its deviation."""
    mean, deviation = (
        images.new_tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_DEVIATION)
    )
    return (images.expand(-1, 3, -1, -1) * 0.5 + 0.5 - mean) / deviation


def to_rgb(images: Tensor) -> Tensor:
    """Grey as colour; else as it is."""
    return images.expand(-1, 3, -1, -1)


@dataclass(frozen=True)
class LayerInfo:
    """A layer, what it gives for a square picture, and a word on what it brings out."""

    name: str
    channels: int
    side: int
    description: str


LAYER_DESCRIPTIONS = (
    "strokes and edges",
    "grids and weaves",
    "textures",
    "spots, scales and eyes",
    "parts of things: eyes, snouts",
    "whole animals and things",
    "scenes, faintly",
)
"""From the picture inwards."""


def list_layers(backbone: Backbone, side: int = 224) -> list[LayerInfo]:
    """The blocks of a network in the order in which they answer, for a picture of `side`."""
    seen: list[tuple[str, Tensor]] = []

    def keep(name: str):
        return lambda module, inputs, output: seen.append((name, output))

    blocks = _blocks(backbone.network)
    hooks = [layer.register_forward_hook(keep(name)) for name, layer in blocks.items()]
    try:
        with torch.inference_mode():
            backbone.activations(torch.zeros(1, backbone.channels, side, side), [list(blocks)[-1]])
    finally:
        for hook in hooks:
            hook.remove()
    maps = [(name, x) for name, x in seen if isinstance(x, Tensor) and x.ndim == 4]
    return [
        LayerInfo(
            name,
            x.shape[1],
            x.shape[-1],
            LAYER_DESCRIPTIONS[n * len(LAYER_DESCRIPTIONS) // len(maps)],
        )
        for n, (name, x) in enumerate(maps)
    ]


def _blocks(network: nn.Module) -> dict[str, nn.Module]:
    """What a person means by a layer: blocks as a whole, not the convolutions inside them."""
    found: dict[str, nn.Module] = {}

    def walk(module: nn.Module, prefix: str) -> None:
        for name, child in module.named_children():
            place = f"{prefix}{name}"
            if isinstance(child, nn.Sequential | nn.ModuleList):
                walk(child, f"{place}.")
            else:
                found[place] = child

    walk(network, "")
    return found


def backbone_of(name: str, network: nn.Module, channels: int) -> Backbone:
    """Any network that takes pictures in [-1, 1], as a backbone."""
    if channels == 1:
        return Backbone(name, network, lambda x: x.mean(1, keepdim=True), channels)
    return Backbone(name, network, to_rgb, channels)
