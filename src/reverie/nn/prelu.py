"""PReLU for inference, in the form that is the fastest on a CPU."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

VECTOR = 32
"""Numbers of bfloat16 that a CPU's vector holds."""


class FusedPReLU(nn.Module):
    """PReLU with slopes a ≤ 1 as max(x, a x), in place."""

    def __init__(self, slopes: Float[Tensor, " c"]) -> None:
        super().__init__()
        self.slopes = nn.Parameter(slopes.detach().clone()[:, None, None], requires_grad=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return torch.maximum(x, x * self.slopes, out=x)


def fastest_prelu(layer: nn.PReLU, precision: torch.dtype) -> nn.Module:
    """The layer in its fastest form on a CPU, as measured by `benchmarks/upscale.py`.

    One slope for all channels is a leaky ReLU in place. Else it is PyTorch's own, except in
    bfloat16 with channels that fill no vector, where that takes half as long as the convolution
    before it.
    """
    if layer.num_parameters == 1:
        return nn.LeakyReLU(float(layer.weight), inplace=True)
    narrow = precision == torch.bfloat16 and layer.num_parameters % VECTOR != 0
    return FusedPReLU(layer.weight) if narrow and layer.weight.max() <= 1 else layer
