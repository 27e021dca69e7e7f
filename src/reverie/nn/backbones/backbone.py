"""Pretrained ImageNet classifiers as feature extractors, each with its own preprocessing.

Their activations are used by Fréchet and perceptual distances, content losses and deep dream.
EfficientNet-Lite0's weights are installed as a Python package; the other networks read
torchvision's weight files.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import get_ident

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core.errors import UserError, nearest

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class StopForward(Exception):
    """Raised to stop the forward pass after the last requested layer."""


class ImageTooSmall(UserError):
    """Raised if an image is too small for a layer."""


@dataclass(frozen=True)
class Backbone:
    """A network in eval mode, and its preprocessing of images in [-1, 1]."""

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
        """Activations of the named layers; the forward pass stops after the last of them.

        Args:
            images: [B, C, H, W] in [-1, 1].
            layers: module names within the network.

        Raises:
            UserError: if there is no such layer.
            ImageTooSmall: if an image is too small for a layer.
        """
        found: dict[str, Tensor] = {}
        thread = get_ident()

        def keep(name: str):
            def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
                if get_ident() != thread:  # networks are cached: another thread may use this one
                    return
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
                f"an image of {width}×{height} is too small for {', '.join(layers)} of "
                f"{self.name}: use a larger image, or an earlier layer."
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
        """Move the network to a device, in place; returns self."""
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
    """[-1, 1] to [0, 1], minus ImageNet's mean, divided by its standard deviation."""
    mean, deviation = (
        images.new_tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_DEVIATION)
    )
    return (images.expand(-1, 3, -1, -1) * 0.5 + 0.5 - mean) / deviation


def to_rgb(images: Tensor) -> Tensor:
    """Grayscale repeated to three channels; RGB unchanged."""
    return images.expand(-1, 3, -1, -1)


@dataclass(frozen=True)
class LayerInfo:
    """A layer: channels and side of its feature map, and typical content of its activations."""

    name: str
    channels: int
    side: int
    description: str


LAYER_DESCRIPTIONS = (
    "strokes and edges",
    "grids and weaves",
    "textures",
    "spots, scales and eyes",
    "object parts: eyes, snouts",
    "whole animals and objects",
    "scenes, faintly",
)
"""Typical content of activations, from the first layers to the last."""


def list_layers(backbone: Backbone, side: int = 224) -> list[LayerInfo]:
    """Blocks of a network in order of execution, with feature map sizes for images of `side`."""
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
    """Blocks by name: the children of the network, and of its Sequentials and ModuleLists."""
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
    """Any network on images in [-1, 1] as a backbone; images are converted to its channels."""
    if channels == 1:
        return Backbone(name, network, lambda x: x.mean(1, keepdim=True), channels)
    return Backbone(name, network, to_rgb, channels)
