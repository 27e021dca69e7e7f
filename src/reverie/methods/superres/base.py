"""Shared base of SRResNet, SRGAN and ESRGAN: options, generator and low-resolution inputs."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core.errors import UserError
from reverie.core.image_size import Size
from reverie.core.options import DecayRate, DefaultOrLayerCount, LayerSize, NonNegative
from reverie.core.rng import Rng
from reverie.data import Batch, DataOptions, ImageSpec
from reverie.methods.base import Method, Preview
from reverie.methods.options import MethodOptions
from reverie.methods.recipe import TrainOptions
from reverie.methods.superres.degradation import degrade, downscale, quantize_8bit
from reverie.methods.superres.families import FAMILIES
from reverie.methods.superres.networks import Scale, UpscalerConfig
from reverie.nn.image_sizes import nearest_sizes


@dataclass(frozen=True, kw_only=True)
class SuperResolutionOptions(MethodOptions):
    """Options common to all super-resolution methods."""

    learning_rate: NonNegative = 1e-4
    beta1: DecayRate = 0.9
    scale: Scale = 4
    """Scale factor; the command upscale resizes to any other."""
    network: str = "srresnet"
    """Generator architecture: srresnet, rrdb (ESRGAN), compact (for CPUs), span, or
    msrresnet."""
    width: LayerSize = 64
    """Channels of the hidden layers."""
    blocks: DefaultOrLayerCount = 0
    """Number of blocks; 0 selects 23 for rrdb, 6 for span and 16 otherwise."""
    growth: LayerSize = 32
    """Growth rate: channels added by each convolution of a dense block (rrdb)."""
    norm: bool = True
    """Batch norm in SRResNet, as in the paper; later networks omit it."""
    degradation: Literal["bicubic", "real"] = "bicubic"
    """Low-resolution inputs: antialiased bicubic, or random blur, noise and JPEG (Real-ESRGAN)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        FAMILIES.find(self.network)


class SuperResolution(Method):
    """Super-resolution method; its `generator` upscales by `options.scale`."""

    data_kind = "degraded"
    averaged = ("generator",)
    inherited_options = ("network", "scale", "width", "blocks", "growth", "norm")

    def __init__(self, options: SuperResolutionOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        if not self._is_multiple(spec.size):
            remedy = nearest_sizes(spec.size, self._is_multiple, options.scale)
            raise UserError(
                f"crops of {spec.size} are no multiple of the scale {options.scale}: {remedy}"
            )
        family = FAMILIES.find(options.network)
        self.generator = family.network.from_config(
            UpscalerConfig(
                channels=spec.channels,
                scale=options.scale,
                width=options.width,
                blocks=options.blocks or family.blocks,
                growth=options.growth,
                norm=options.norm,
            )
        )

    @staticmethod
    def data_scale(options: SuperResolutionOptions) -> int:
        return options.scale

    def _is_multiple(self, size: Size) -> bool:
        return all(side % self.options.scale == 0 for side in size)

    @property
    def scale(self) -> int:
        """Scale factor."""
        return self.options.scale

    @property
    def upscaler(self) -> nn.Module:
        """The network that upscales."""
        return self.generator

    def small(self, batch: Batch, rng: Rng | None) -> Tensor:
        """Low-resolution inputs in [-1, 1]: those of the batch, or degraded high-resolution images.

        Args:
            batch: `other` holds low-resolution images, or is empty.
            rng: for the "real" degradation; None always downscales by bicubic interpolation.
        """
        if len(batch.low_res):
            return batch.low_res
        if rng is not None and self.options.degradation == "real":
            with torch.autocast(batch.images.device.type, enabled=False):
                return degrade(batch.images, self.options.scale, rng)
        return downscale(batch.images, self.options.scale)

    def previews(
        self, latents: Tensor | None, labels: Tensor | None, batch: Batch
    ) -> dict[str, Preview]:
        """Rows of bicubic interpolation, upscaled image and high-resolution target."""
        small = self.small(batch, None)
        made = self.generator(small).float()
        plain = F.interpolate(small, made.shape[-2:], mode="bicubic", antialias=True)
        return {"samples": Preview.of_groups(quantize_8bit(plain), made, batch.images)}


CROPS = DataOptions(image_size=128, resize="none", flip=True)
PAPER_CROPS = DataOptions(image_size=96, resize="none")
PHOTOS = DataOptions(data="photos", image_size=96, resize="none", flip=True, channels="3")
OWN_PHOTOS = replace(PHOTOS, data=None, channels="auto")
PHOTOS_TRAINING = TrainOptions(
    batch_size=16, decay="cosine", decay_from=0.3, warmup_steps=100, sample_every="2000 or 5m"
)
DEFAULT_TRAINING = TrainOptions(batch_size=16, decay="cosine")


def network_for_device(on_gpu: str) -> str:
    """The network of a training that names none: on a processor the compact one, whose
    convolutions all run at low resolution."""
    return on_gpu if torch.cuda.is_available() else "compact"
