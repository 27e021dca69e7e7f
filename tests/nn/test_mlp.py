from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from reverie.nn.mlp import mlp


@given(st.lists(st.integers(1, 6), min_size=2, max_size=5))
def test_as_the_equations_in_float64(sizes: list[int]) -> None:
    """x ← max(0, W x + b) in every layer but the last, which is linear."""
    torch.manual_seed(0)
    network = mlp(sizes).double()
    x = np.random.default_rng(0).standard_normal((3, sizes[0]))
    expected = x
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    for number, layer in enumerate(linear):
        expected = expected @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        if number < len(linear) - 1:
            expected = np.maximum(expected, 0)
    np.testing.assert_allclose(network(torch.from_numpy(x)).detach().numpy(), expected, atol=1e-12)
    assert [(layer.in_features, layer.out_features) for layer in linear] == list(pairwise(sizes))


def test_norms_stand_before_the_activations() -> None:
    network = mlp((2, 3, 4, 5), lambda: nn.LeakyReLU(0.2), nn.BatchNorm1d)
    kinds = [nn.Linear, nn.BatchNorm1d, nn.LeakyReLU] * 2 + [nn.Linear]
    assert [type(layer) for layer in network] == kinds
    assert [layer.num_features for layer in network if isinstance(layer, nn.BatchNorm1d)] == [3, 4]


@pytest.mark.parametrize("sizes", [(3, 2), (5, 1)])
def test_two_sizes_are_one_linear_layer(sizes: tuple[int, int]) -> None:
    assert [type(layer) for layer in mlp(sizes, norm=nn.BatchNorm1d)] == [nn.Linear]
