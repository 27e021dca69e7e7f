import pytest
import torch
from torch import Tensor, nn

from reverie.nn.backbones.backbone import Backbone
from reverie.nn.fuse import fuse_backbone, fuse_for_inference, replace_layer


class Block(nn.Module):
    """Convolutions, norms and a skip connection, in another order than they are declared in."""

    def __init__(self) -> None:
        super().__init__()
        self.norm2 = nn.BatchNorm2d(6)
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(4, 6, 1)
        self.norm1 = nn.BatchNorm2d(4)
        self.free = nn.BatchNorm2d(3)  # before a convolution, so that it cannot be folded
        self.last = nn.Conv2d(6, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm1(self.conv1(self.free(x))))
        return x + self.last(torch.relu(self.norm2(self.conv2(y))))


def trained(network: nn.Module) -> nn.Module:
    """The network with norms as after a training, in training mode."""
    random = torch.Generator().manual_seed(1)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.weight.data, layer.running_mean, layer.running_var):
                assert values is not None
                values.copy_(0.5 + torch.rand(values.shape, generator=random))
    return network


@pytest.fixture
def x(generator: torch.Generator) -> Tensor:
    return torch.randn(2, 3, 9, 7, generator=generator)


def norms(network: nn.Module) -> list[str]:
    return [name for name, layer in network.named_modules() if isinstance(layer, nn.BatchNorm2d)]


def test_the_fused_copy_equals_the_network_in_eval_mode(x: Tensor) -> None:
    network = trained(Block())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    fused = fuse_for_inference(network, lambda own: own(x))
    assert norms(fused) == ["free"]
    assert not fused.training
    assert not any(p.requires_grad for p in fused.parameters())
    torch.testing.assert_close(fused(x), network.eval()(x), rtol=1e-4, atol=1e-5)
    after = network.state_dict()  # unchanged by the probe
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_a_kept_convolution_has_its_own_output(x: Tensor) -> None:
    network = trained(Block()).eval()
    fused = fuse_for_inference(network, lambda own: own(x), keep=["conv1"])
    assert norms(fused) == ["norm1", "free"]
    outputs = []
    for one in (network, fused):
        one.get_submodule("conv1").register_forward_hook(lambda m, i, o: outputs.append(o))
        outputs.append(one(x))
    torch.testing.assert_close(outputs[0], outputs[2], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(outputs[1], outputs[3], rtol=1e-4, atol=1e-5)


def test_bfloat16_is_near(x: Tensor) -> None:
    network = trained(Block()).eval().requires_grad_(False)
    fused = fuse_for_inference(network, lambda own: own(x), torch.bfloat16)
    assert {p.dtype for p in fused.parameters()} == {torch.bfloat16}
    made = fused(x.bfloat16()).float()
    assert float((made - network(x)).abs().mean()) < 0.02 * float(network(x).abs().mean())


def test_channels_are_last_in_memory(x: Tensor) -> None:
    fused = fuse_for_inference(trained(Block()), lambda own: own(x))
    weight = fused.get_submodule("last").weight
    assert isinstance(weight, Tensor)
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_no_hooks_are_left(x: Tensor) -> None:
    fused = fuse_for_inference(trained(Block()), lambda own: own(x))
    layers = list(fused.modules())
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in layers)


def test_a_layer_is_replaced_by_its_name() -> None:
    network = nn.Sequential(nn.Sequential(nn.ReLU(), nn.Tanh()), nn.ReLU())
    replace_layer(network, "0.1", nn.Identity())
    replace_layer(network, "1", nn.Sigmoid())
    kinds = [type(layer) for layer in network.modules() if not isinstance(layer, nn.Sequential)]
    assert kinds == [nn.ReLU, nn.Identity, nn.Sigmoid]


@pytest.mark.parametrize("low", [False, True])
def test_a_fused_backbone(x: Tensor, low: bool) -> None:
    network = trained(Block()).eval().requires_grad_(False)
    backbone = Backbone("block", network, lambda images: 2 * images)
    fused = fuse_backbone(backbone, low, keep=["conv2"])
    found, expected = (one.activations(x, ["conv2", "last"]) for one in (fused, backbone))
    for layer in ("conv2", "last"):
        assert found[layer].dtype == (torch.bfloat16 if low else torch.float32)
        tolerance = 0.05 * float(expected[layer].abs().max()) if low else 1e-4
        torch.testing.assert_close(found[layer].float(), expected[layer], rtol=0, atol=tolerance)
