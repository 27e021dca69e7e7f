from threading import Thread

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reverie.core.errors import UserError
from reverie.nn.backbones import BACKBONES, find_backbone
from reverie.nn.backbones.backbone import (
    Backbone,
    ImageTooSmall,
    backbone_of,
    imagenet_normalize,
    list_layers,
)


class Counting(nn.Module):
    """Passes its input on and counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x


@pytest.fixture
def toy() -> Backbone:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    network = nn.Sequential(layers, nn.Conv2d(4, 5, 3, stride=2), Counting(), nn.Flatten())
    return Backbone("toy", network, lambda x: x / 2)


def test_activations_are_the_layers_outputs(toy: Backbone, generator: torch.Generator) -> None:
    x = torch.randn(2, 3, 9, 9, generator=generator)
    found = toy.activations(x, ["0.0", "1"])
    assert found.keys() == {"0.0", "1"}
    first = toy.network.get_submodule("0.0")(x / 2)
    torch.testing.assert_close(found["0.0"], first)
    torch.testing.assert_close(found["1"], toy.network.get_submodule("1")(first.relu()))


def test_the_forward_pass_stops_after_the_last_layer(toy: Backbone) -> None:
    x = torch.zeros(1, 3, 9, 9)
    counting = toy.network.get_submodule("2")
    assert isinstance(counting, Counting)
    toy.activations(x, ["1"])
    assert counting.calls == 0
    toy.activations(x, ["2"])
    assert counting.calls == 1
    assert not any(layer._forward_hooks for layer in toy.network.modules())


def test_activations_in_threads_are_their_own(toy: Backbone) -> None:
    """A second thread runs the network while the first one is inside of it."""
    inner, expected = {}, toy.activations(torch.ones(1, 3, 9, 9), ["0.0", "1"])

    def interrupt(module: nn.Module, inputs: object, output: Tensor) -> None:
        if not inner:
            inner["begun"] = torch.empty(0)
            images = torch.zeros(1, 3, 9, 9)
            thread = Thread(target=lambda: inner.update(toy.activations(images, ["0.0", "1"])))
            thread.start()
            thread.join()

    toy.network.get_submodule("0.0").register_forward_hook(interrupt)
    found = toy.activations(torch.ones(1, 3, 9, 9), ["0.0", "1"])
    assert found.keys() == {"0.0", "1"}
    for name, activation in expected.items():
        assert torch.equal(found[name], activation)
        assert not torch.equal(inner[name], activation)


def test_refusals(toy: Backbone) -> None:
    with pytest.raises(UserError, match=r"toy has no layer '0\.2'; did you mean '0\.[01]'"):
        toy.activations(torch.zeros(1, 3, 9, 9), ["0.2"])
    with pytest.raises(UserError, match="toy has no layer ''"):
        toy.layer("")
    with pytest.raises(ImageTooSmall, match="an image of 3×4 is too small for 1 of toy"):
        toy.activations(torch.zeros(1, 3, 4, 3), ["1"])
    assert not any(layer._forward_hooks for layer in toy.network.modules())


def test_layers_in_order(toy: Backbone) -> None:
    found = list_layers(toy, (9, 9))
    shapes = [(layer.name, layer.channels, layer.map_shape) for layer in found]
    assert shapes == [
        ("0.0", 4, (7, 7)), ("0.1", 4, (7, 7)), ("1", 5, (3, 3)), ("2", 5, (3, 3)),
    ]  # fmt: skip


def test_imagenets_normalization(generator: torch.Generator) -> None:
    x = torch.rand(2, 3, 4, 5, generator=generator) * 2 - 1
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = ((x.numpy() + 1) / 2 - mean[:, None, None]) / deviation[:, None, None]
    np.testing.assert_allclose(imagenet_normalize(x).numpy(), expected, rtol=0, atol=1e-5)
    grey = x[:, :1]
    repeated = imagenet_normalize(grey.repeat(1, 3, 1, 1))
    torch.testing.assert_close(imagenet_normalize(grey), repeated)


def test_any_network_as_a_backbone() -> None:
    one = backbone_of("mine", nn.Conv2d(1, 2, 1), 1)
    x = torch.rand(1, 3, 4, 4)
    torch.testing.assert_close(one.prepare(x), x.mean(1, keepdim=True))
    three = backbone_of("mine", nn.Conv2d(3, 2, 1), 3)
    assert three.prepare(x[:, :1]).shape == (1, 3, 4, 4)
    assert (one.channels, three.channels) == (1, 3)


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_every_networks_layers_exist(name: str) -> None:
    spec = BACKBONES[name]
    with torch.device("meta") if spec.needs_file else torch.device("cpu"):
        layers = dict(spec.build().named_modules())
    assert set(spec.default_layers) | set(spec.content_layers) <= layers.keys()
    assert spec.default_layers


def test_weights_that_are_missing_or_of_another_network(tmp_path) -> None:
    with pytest.raises(UserError, match="no backbone 'vgg166'; did you mean 'vgg16'"):
        find_backbone("vgg166")
    with pytest.raises(UserError, match=r"give their file with --weights resnet50\.pth"):
        find_backbone("resnet50")
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"a\.pth: .* not the weights of resnet50"):
        find_backbone("resnet50", tmp_path / "a.pth")
