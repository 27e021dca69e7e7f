"""What SRResNet, SRGAN and ESRGAN share: the network, and where small pictures come from."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core.errors import UserError
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods.base import Method, MethodOptions
from reverie.methods.superres.degradation import degrade, downscale, quantize_8bit
from reverie.methods.superres.networks import SCALES, Family, build_upscaler

BLOCKS = {"srresnet": 16, "rrdb": 23, "compact": 16, "msrresnet": 16}


@dataclass(frozen=True, kw_only=True)
class SuperResolutionOptions(MethodOptions):
    """What the options of every method that enlarges begin with."""

    learning_rate: float = 1e-4
    """Step size of Adam."""
    beta1: float = 0.9
    """Adam's memory of gradients."""
    scale: int = 4
    """How many times larger: 2, 3, 4 or 8."""
    network: Family = "srresnet"
    """The network: srresnet, rrdb (ESRGAN's), compact (for processors), or msrresnet."""
    width: int = 64
    """Channels inside the network."""
    blocks: int = 0
    """Blocks of the network; 0 takes 16, of rrdb 23."""
    growth: int = 32
    """Channels that each convolution in a dense block of rrdb adds."""
    norm: bool = True
    """Batch norm in SRResNet, as in the paper; what came later leaves it out."""
    degradation: Literal["bicubic", "real"] = "bicubic"
    """How small pictures are made: antialiased bicubic, or blur, noise and JPEG as in the wild."""


class SuperResolution(Method):
    """A method whose `generator` enlarges."""

    data_kind = "degraded"
    averaged = ("generator",)
    columns = 6
    inherited_options = ("network", "scale", "width", "blocks", "growth", "norm")

    def __init__(self, options: SuperResolutionOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        if options.scale not in SCALES:
            known = ", ".join(map(str, SCALES))
            raise UserError(
                f"--scale is one of {known}, not {options.scale}; `upscale` makes any other of it."
            )
        if spec.image_size % options.scale:
            raise UserError(
                f"crops of {spec.image_size} are no multiple of the scale {options.scale}: choose "
                f"an --image-size that is, as {spec.image_size // options.scale * options.scale}."
            )
        self.generator = build_upscaler(
            options.network,
            spec.channels,
            options.scale,
            options.width,
            options.blocks or BLOCKS[options.network],
            options.growth,
            options.norm,
        )

    @property
    def scale(self) -> int:
        """How many times larger its pictures are."""
        return self.options.scale

    @property
    def upscaler(self) -> nn.Module:
        """The network that enlarges."""
        return self.generator

    def small(self, batch: Batch, rng: Rng | None) -> Tensor:
        """The pictures to begin from: given ones, or made of the large ones."""
        if len(batch.other):
            return batch.other
        if rng is not None and self.options.degradation == "real":
            with torch.autocast(batch.images.device.type, enabled=False):
                return degrade(batch.images, self.options.scale, rng)
        return downscale(batch.images, self.options.scale)

    def previews(
        self, latents: Tensor | None, labels: Tensor | None, batch: Batch
    ) -> dict[str, Tensor]:
        """Rows of a picture made large by bicubic, by the network, and as it was."""
        small = self.small(batch, None)
        made = self.generator(small).float()
        plain = F.interpolate(small, made.shape[-2:], mode="bicubic", antialias=True)
        return {"samples": torch.stack([quantize_8bit(plain), made, batch.images], 1).flatten(0, 1)}
