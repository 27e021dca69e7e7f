import pytest
import torch

from reverie.methods.diffusion.unet import NoiseEmbedding, UNet


def unet(channels: int = 1, **changes: object) -> UNet:
    options = {"width": 8, "multipliers": (1, 2), "blocks": 1, "attention": (1,)}
    options |= {"condition_size": 16, "dropout": 0.0, "patch": 2}
    torch.manual_seed(0)
    network = UNet(channels, **options | changes)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval()


@pytest.mark.parametrize("size", [(28, 28), (30, 33), (17, 20), (64, 32)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_comes_back(size: tuple[int, int], channels: int) -> None:
    x = torch.randn(2, channels, *size)
    assert unet(channels)(x, torch.randn(2, 16)).shape == x.shape


def test_a_fresh_network_says_nothing() -> None:
    network = UNet(1, 8, (1, 2), 1, (1,), 16, 0.0, 2)
    assert network(torch.randn(2, 1, 28, 28), torch.randn(2, 16)).abs().max() == 0


def test_every_input_reaches_the_output() -> None:
    network = unet()
    x = torch.randn(1, 1, 28, 28, requires_grad=True)
    condition = torch.randn(1, 16, requires_grad=True)
    network(x, condition)[0, 0, 14, 14].backward()
    assert (x.grad != 0).all()  # attention sees the whole picture
    assert (condition.grad != 0).all()


def test_rows_do_not_mix() -> None:
    network, x, condition = unet(), torch.randn(3, 1, 28, 28), torch.randn(3, 16)
    whole = network(x, condition)
    alone = network(x[1:2], condition[1:2])
    torch.testing.assert_close(alone[0], whole[1], rtol=0, atol=1e-5)


def test_noise_levels_are_told_apart() -> None:
    torch.manual_seed(0)
    embedding = NoiseEmbedding(16)
    levels = torch.linspace(-2, 2, 9)
    gaps = torch.cdist(embedding(levels), embedding(levels)) + torch.eye(9) * 9
    assert gaps.min() > 1e-3
