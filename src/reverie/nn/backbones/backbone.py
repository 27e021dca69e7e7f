"""Pretrained ImageNet classifiers as feature extractors, each with its own preprocessing.

Their activations are used by Fréchet and perceptual distances, content losses and deep dream.
EfficientNet-Lite0's weights are installed as a Python package; the other networks read
torchvision's weight files.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import get_ident

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core.errors import UserError, nearest
from reverie.nn.receptive_field import receptions

SIDE = 224
"""Side of ImageNet's images, in pixels."""

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
    image_shape: tuple[int, int] = (SIDE, SIDE)
    """Height and width of the images that it was made for, in pixels."""

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
    """A layer: channels and size of its feature map, and what an element of it depends on."""

    name: str
    channels: int
    map_shape: tuple[int, int]
    """Height and width of the feature map."""
    receptive_field: tuple[int, int]
    """Height and width, in pixels of the image."""
    depth: int
    """Convolutions on the longest path from the image."""


def list_layers(backbone: Backbone, image_shape: tuple[int, int] | None = None) -> list[LayerInfo]:
    """Blocks of a network in order of execution, for images of a height and width: its own."""
    seen: list[tuple[str, Tensor]] = []

    def keep(name: str):
        return lambda module, inputs, output: seen.append((name, output))

    layers = {name: m for name, m in backbone.network.named_modules() if name}
    hooks = [layer.register_forward_hook(keep(name)) for name, layer in layers.items()]
    image = torch.zeros(1, backbone.channels, *(image_shape or backbone.image_shape))
    try:
        with torch.inference_mode(), receptions(image) as reception:
            backbone.activations(image, [list(layers)[-1]])
    finally:
        for hook in hooks:
            hook.remove()
    found = []
    blocks = _outermost({name for name, _ in seen}, layers)
    for name, x in seen:
        if name in blocks and isinstance(x, Tensor) and x.ndim == 4:
            height, width = map(math.ceil, reception(x).field)
            depth = reception(x).depth
            map_shape = (x.shape[2], x.shape[3])
            found.append(LayerInfo(name, x.shape[1], map_shape, (height, width), depth))
    return found


def _outermost(called: set[str], layers: dict[str, nn.Module]) -> set[str]:
    """Of the layers that were called, those within none that was, but for lists of layers."""
    blocks = {n for n in called if not isinstance(layers[n], nn.Sequential | nn.ModuleList)}

    def outer(name: str) -> Iterator[str]:
        while "." in name:
            name = name.rpartition(".")[0]
            yield name

    return {name for name in blocks if blocks.isdisjoint(outer(name))}


def backbone_of(
    name: str, network: nn.Module, channels: int, image_shape: tuple[int, int] = (SIDE, SIDE)
) -> Backbone:
    """Any network on images in [-1, 1] as a backbone; images are converted to its channels."""
    prepare = to_rgb if channels == 3 else lambda x: x.mean(1, keepdim=True)
    return Backbone(name, network, prepare, channels, image_shape=image_shape)
