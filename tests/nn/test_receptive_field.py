import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reverie.data import ImageSpec
from reverie.methods import METHODS
from reverie.methods.gan.networks import Discriminator
from reverie.methods.translation.patchgan import PatchDiscriminator
from reverie.nn.backbones import BACKBONES
from reverie.nn.backbones.backbone import backbone_of, list_layers
from reverie.nn.backbones.efficientnet import EfficientNetLite
from reverie.nn.receptive_field import receptions


class Applied(nn.Module):
    """A function as a network."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor], *layers: nn.Module):
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList(layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        return self.function(x)


class Branches(nn.Module):
    """Two paths that join: Inception's 1×7 and 7×1 beside a pooling and a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Sequential(
            nn.Conv2d(3, 3, (1, 7), padding=(0, 3)), nn.Conv2d(3, 3, (5, 1), padding=(2, 0))
        )
        self.b = nn.AvgPool2d(3, 1, 1)
        self.c = nn.Conv2d(6, 3, 3, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.cat([F.relu(self.a(x)), self.b(x)], dim=1)
        return self.c(y) + F.max_pool2d(x, 2, 2)


class EfficientNetStages(EfficientNetLite):
    """The first three stages."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks[:5]:
            x = block(x)
        return x


def by_gradients(network: nn.Module, size: int, outputs: int, tries: int = 3) -> tuple[int, int]:
    """Largest extent of the pixels that single elements near the middle of the map depend on.

    Independent of the structure: weights are made positive, so that nothing cancels, and norms the
    identity; several random images let each input of a maximum be the largest once.
    """
    network = network.double().eval()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm | nn.InstanceNorm2d):
            module.forward = lambda x: x  # type: ignore[method-assign]
    for parameter in network.parameters():
        parameter.data.abs_().mul_(0.1).add_(1e-3)  # small, below the bound of ReLU6
    largest = (0, 0)
    for offset in range(outputs):
        reached = torch.zeros(size, size)
        for _ in range(tries):
            x = torch.rand(1, 3, size, size, dtype=torch.double).requires_grad_(True)
            made = network(x)
            middle = made.shape[-1] // 2 + offset
            (gradient,) = torch.autograd.grad(made[0, :, middle, middle].sum(), x)
            reached += gradient[0].abs().sum(0)
        rows, columns = reached.nonzero().unbind(1)
        extent = int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1
        largest = max(largest[0], extent[0]), max(largest[1], extent[1])
    return largest


def computed(network: nn.Module, size: int) -> tuple[tuple[int, int], int]:
    x = torch.zeros(1, 3, size, size)
    with torch.no_grad(), receptions(x) as reception:
        found = reception(network.float().eval()(x))
    height, width = map(math.ceil, found.field)
    return (height, width), found.depth


def conv(kernel: int, stride: int = 1, **options: int) -> nn.Module:
    return nn.Conv2d(3, 3, kernel, stride, kernel // 2, **options)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "one": (lambda: conv(3), 16),
    "strides": (lambda: nn.Sequential(conv(3, 2), nn.ReLU(), conv(5, 2), conv(3)), 64),
    "dilation": (lambda: nn.Sequential(nn.Conv2d(3, 3, 3, 1, 4, dilation=4), conv(3)), 32),
    "pooling": (
        lambda: nn.Sequential(conv(3), nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2), conv(3)),
        64,
    ),
    "branches": (Branches, 48),
    "transposed": (
        lambda: nn.Sequential(conv(3, 2), nn.ConvTranspose2d(3, 3, 4, 2, 1), conv(3)),
        48,
    ),
    "upsampled": (
        lambda: nn.Sequential(conv(3, 2), nn.Upsample(scale_factor=2), conv(3), conv(3)),
        48,
    ),
    "shuffles": (
        lambda: nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, 12, 3, 1, 1), nn.PixelShuffle(2)),
        48,
    ),
    "interpolated": (
        lambda: Applied(lambda x: F.interpolate(x, size=(24, 24)), conv(3), conv(3, 2)),
        24,
    ),
    "discriminator": (lambda: Discriminator(3, 64, 2, "batch").body, 192),
    "patches": (lambda: PatchDiscriminator(3, 2, 3, "none"), 192),
    "efficientnet": (EfficientNetStages, 128),
}
LOOSE = ("transposed", "upsampled", "shuffles", "interpolated")


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_what_gradients_reach(name: str) -> None:
    """Exactly, but for upsampling, whose elements see different windows: there it is a bound of at
    most two spacings more."""
    torch.manual_seed(0)
    build, size = NETWORKS[name]
    fields, _ = computed(build(), size)
    reached = by_gradients(
        build(), size, 4 if name in LOOSE else 1, tries=12 if "pool" in name else 3
    )
    if name in LOOSE:
        assert all(got <= want <= got + 2 for got, want in zip(reached, fields, strict=True))
    else:
        assert fields == reached


def test_depths_and_fields_by_hand() -> None:
    """VGG: two 3×3, a pooling, two 3×3: 1 + 2·2 + 1 + 2·2·2 = 14; the shortcut is no deeper."""
    layers = (conv(3), nn.ReLU(), conv(3), nn.MaxPool2d(2), conv(3), conv(3))
    assert computed(nn.Sequential(*layers), 32) == ((14, 14), 4)
    assert computed(Branches(), 32) == ((7, 9), 3)
    assert computed(nn.Identity(), 8) == ((1, 1), 0)


def test_the_published_field_of_vgg16() -> None:
    """212 pixels after the last pooling, 196 at conv5_3 (Araujo et al. 2019, table)."""
    backbone = backbone_of("vgg16", BACKBONES["vgg16"].build().eval(), 3)
    found = {layer.name: layer for layer in list_layers(backbone)}
    last = found["features.28"]
    assert (last.receptive_field, last.depth, last.map_shape) == ((196, 196), 13, (14, 14))
    assert found["features.30"].receptive_field == (212, 212)


@pytest.mark.parametrize("name", [n for n in METHODS if METHODS[n].feature_network])
def test_the_networks_of_all_methods(name: str) -> None:
    """Layers of a trained model are listed for images of its own size, deeper ones see more."""
    kind = METHODS[name]
    method = kind(kind.Options(**kind.tiny_options), ImageSpec(3, 32, ("a", "b")))
    assert kind.feature_network is not None
    network = method.get_submodule(kind.feature_network).eval()
    if not any(isinstance(module, nn.Conv2d) for module in network.modules()):
        return  # of linear layers
    layers = list_layers(backbone_of(name, network, 3, (32, 32)))
    assert layers[0].depth >= 1
    assert max(layer.depth for layer in layers) > 1
    for before, after in itertools.pairwise(layers):
        assert after.receptive_field >= before.receptive_field or after.depth < before.depth
