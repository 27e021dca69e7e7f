"""SPAN: attention without parameters, all convolutions at low resolution. Wan et al. 2023.

Swift Parameter-free Attention Network for Efficient Super-Resolution, figure 2 and equations 1 to
5, without its re-parameterisation: each convolution is a single 3×3. As in the compact network the
last layer is added to nearest-neighbour upsampling, which the paper does not have; training then
starts from there.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.methods.superres.networks import Upscaler

LAYERS_OF_BLOCK = 3


class AttentionBlock(nn.Module):
    """Three convolutions whose output, plus the input, is weighted by the output's own sigmoid."""

    supports_gradient_checkpointing = True

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = (
            nn.Conv2d(width, width, 3, 1, 1) for _ in range(LAYERS_OF_BLOCK)
        )

    def forward(
        self, x: Float[Tensor, "b c h w"]
    ) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c h w"]]:
        """The block's output, and the output of its first convolution."""
        first = self.conv1(x)
        out = self.conv3(F.silu(self.conv2(F.silu(first))))
        # Odd in `out`: large values of either sign are kept, values near 0 are suppressed.
        return (out + x) * (torch.sigmoid(out) - 0.5), first


class SPAN(Upscaler):
    """Attention blocks, of which the first and the last are merged with the first features.

    Args:
        channels: channels of the images, in and out.
        scale: scale factor, in one pixel shuffle.
        width: channels of the feature maps; the paper's are 48.
        blocks: attention blocks; the paper's are 6.
    """

    fusable = False  # blocks are no Sequentials

    def __init__(self, channels: int, scale: int, width: int = 48, blocks: int = 6) -> None:
        super().__init__(channels, scale, width, blocks)
        self.first = nn.Conv2d(channels, width, 3, 1, 1)
        self.attention_blocks = nn.ModuleList(AttentionBlock(width) for _ in range(blocks))
        self.after = nn.Conv2d(width, width, 3, 1, 1)
        self.merge = nn.Conv2d(4 * width, width, 1)
        self.last = nn.Conv2d(width, channels * scale**2, 3, 1, 1)
        nn.init.normal_(self.last.weight, 0.0, 1e-3)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    @property
    def receptive_radius(self) -> int:
        return LAYERS_OF_BLOCK * self.blocks + 3

    @property
    def max_feature_scale(self) -> int:
        return 1

    def upscale01(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        start = self.first(self.to_weight_dtype(x))
        outputs, inner = [start], start
        for block in self.attention_blocks:
            out, inner = block(outputs[-1])
            outputs.append(out)
        merged = self.merge(torch.cat([start, self.after(outputs[-1]), outputs[1], inner], 1))
        detail = F.pixel_shuffle(self.last(merged), self.scale)
        return detail.float() + F.interpolate(x.float(), scale_factor=self.scale, mode="nearest")
