"""ESPCN: convolutions at low resolution, then a pixel shuffle. Shi et al. 2016, section 3.2."""

import math

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.methods.superres.families import UpscalerFamily
from reverie.methods.superres.networks import Upscaler


class ESPCN(Upscaler):
    """A 5×5 convolution, `blocks` 3×3 convolutions with tanh, and one to `scale`² pixels each."""

    def __init__(self, channels: int, scale: int, width: int = 64, blocks: int = 1) -> None:
        super().__init__(channels, scale, width, blocks)
        self.first = nn.Conv2d(channels, width, 5, 1, 2)
        self.body = nn.ModuleList(nn.Conv2d(width, width, 3, 1, 1) for _ in range(blocks))
        self.to_pixels = nn.Conv2d(width, channels * scale**2, 3, 1, 1)

    @property
    def receptive_radius(self) -> int:
        return 2 + self.blocks + 1

    def upscale01(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        hidden = self.first(self.to_weight_dtype(x)).tanh()
        for layer in self.body:
            hidden = layer(hidden).tanh()
        return F.pixel_shuffle(self.to_pixels(hidden), self.scale).float()


def read(tensors: dict[str, Tensor]) -> ESPCN:
    """The network that a state dict fits, with initial weights."""
    width, channels = tensors["first.weight"].shape[:2]
    scale = math.isqrt(tensors["to_pixels.weight"].shape[0] // channels)
    blocks = sum(name.startswith("body.") and name.endswith(".weight") for name in tensors)
    return ESPCN(channels, scale, width, blocks)


ESPCN_FAMILY = UpscalerFamily(
    network=ESPCN,
    blocks=1,
    signature=("first.weight", "to_pixels.weight"),
    read=read,
)
