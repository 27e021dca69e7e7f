"""Dropout against PyTorch's, bit for bit."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reverie.nn.dropout import Dropout, set_dropout_generator

SHAPES = ((7,), (3, 5), (2, 3, 9, 8), (4, 16, 16, 16), (2, 5, 1, 1))


def inputs() -> Iterator[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    for shape in SHAPES:
        for dtype in (torch.float32, torch.bfloat16, torch.float64):
            x = torch.randn(shape, generator=generator).to(dtype)
            yield x
            if x.ndim == 4:
                yield x.to(memory_format=torch.channels_last)
                yield x.permute(0, 3, 2, 1)


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_it_gives_the_bits_of_pytorch(p: float, inplace: bool) -> None:
    ours, theirs = Dropout(p, inplace), nn.Dropout(p, inplace)
    source = torch.Generator()
    set_dropout_generator(nn.Sequential(ours), source)
    for x in inputs():
        leaves = [x.clone(memory_format=torch.preserve_format).requires_grad_() for _ in range(2)]
        torch.manual_seed(3)
        expected = theirs(leaves[0] * 1)
        source.manual_seed(3)
        got = ours(leaves[1] * 1)
        assert torch.equal(got, expected)
        assert got.stride() == expected.stride()
        assert torch.equal(source.get_state(), torch.get_rng_state())  # as many draws
        expected.square().sum().backward()
        got.square().sum().backward()
        assert torch.equal(leaves[1].grad, leaves[0].grad)
        assert torch.equal(ours.eval()(x), x)
        ours.train()


def test_it_gives_the_bits_of_pytorch_in_bf16() -> None:
    def outputs(layer: nn.Module, seeded: torch.Generator) -> torch.Tensor:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 8, 3), layer, nn.Conv2d(8, 2, 3))
        network.to(memory_format=torch.channels_last)
        seeded.manual_seed(5)
        with torch.autocast("cpu", torch.bfloat16):
            y = network(torch.ones(2, 3, 12, 12).to(memory_format=torch.channels_last))
        y.float().square().mean().backward()
        return torch.cat([y.float().flatten(), *(p.grad.flatten() for p in network.parameters())])

    ours, source = Dropout(0.5), torch.Generator()
    set_dropout_generator(nn.Sequential(ours), source)
    expected = outputs(nn.Dropout(0.5), torch.default_generator)
    assert torch.equal(outputs(ours, source), expected)


def test_without_a_generator_it_draws_as_pytorch_does() -> None:
    x = torch.ones(50)
    torch.manual_seed(2)
    expected = F.dropout(x, 0.3)
    torch.manual_seed(2)
    assert torch.equal(Dropout(0.3)(x), expected)


def test_all_layers_get_the_generator_and_others_classes_are_replaced(
    generator: torch.Generator,
) -> None:
    network = nn.ModuleDict({
        "own": Dropout(0.1),
        "plain": nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.2, inplace=True)),
        "evaluated": nn.Dropout(0.4).eval(),
        "other": nn.Dropout2d(0.3),
    })  # fmt: skip
    names = [name for name, _ in network.named_modules()]
    set_dropout_generator(network, generator)
    assert [name for name, _ in network.named_modules()] == names
    layers = [network["own"], network["plain"][1], network["evaluated"]]
    assert [type(layer) for layer in layers] == [Dropout] * 3
    assert all(layer.generator is generator for layer in layers)
    assert [(layer.p, layer.inplace, layer.training) for layer in layers] == [
        (0.1, False, True), (0.2, True, True), (0.4, False, False),
    ]  # fmt: skip
    assert type(network["other"]) is nn.Dropout2d
    before = torch.get_rng_state()
    network["plain"](torch.ones(3, 2))
    assert torch.equal(torch.get_rng_state(), before)
