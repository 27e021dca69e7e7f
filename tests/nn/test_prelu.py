import pytest
import torch
from torch import nn

from reverie.nn.prelu import fastest_prelu


@pytest.mark.parametrize("slopes", [1, 48, 64])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_the_fastest_prelu_gives_the_same(slopes: int, precision: torch.dtype) -> None:
    layer = nn.PReLU(slopes).to(precision).requires_grad_(False)
    layer.weight.uniform_(-0.5, 1, generator=torch.Generator().manual_seed(0))
    x = torch.randn(1, 48 if slopes == 1 else slopes, 5, 7).to(precision)
    x = x.contiguous(memory_format=torch.channels_last)
    expected = layer(x)
    made = fastest_prelu(layer, precision)(x.clone())
    torch.testing.assert_close(
        made, expected, rtol=0 if precision == torch.float32 else 1e-2, atol=0
    )
    layer.weight.fill_(1.5)  # max(x, a x) would be wrong
    torch.testing.assert_close(fastest_prelu(layer, precision)(x.clone()), layer(x))
