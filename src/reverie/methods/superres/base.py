"""What SRResNet, SRGAN and ESRGAN share: the network, and where small pictures come from."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core.errors import UserError
from reverie.core.options import NonNegative, Positive
from reverie.core.rng import Rng
from reverie.data import Batch, DataOptions, ImageSpec
from reverie.methods.base import Method
from reverie.methods.options import MethodOptions
from reverie.methods.recipe import TrainOptions
from reverie.methods.superres.degradation import degrade, downscale, quantize_8bit
from reverie.methods.superres.families import FAMILIES
from reverie.methods.superres.networks import SCALES, UpscalerConfig


@dataclass(frozen=True, kw_only=True)
class SuperResolutionOptions(MethodOptions):
    """What the options of every method that enlarges begin with."""

    learning_rate: NonNegative = 1e-4
    beta1: float = 0.9
    scale: int = 4
    """How many times larger: 2, 3, 4 or 8."""
    network: str = "srresnet"
    """The network: srresnet, rrdb (ESRGAN's), compact (for processors), or msrresnet."""
    width: Positive = 64
    """Channels inside the network."""
    blocks: int = 0
    """Blocks of the network; 0 takes 16, of rrdb 23."""
    growth: int = 32
    """Channels that each convolution in a dense block of rrdb adds."""
    norm: bool = True
    """Batch norm in SRResNet, as in the paper; what came later leaves it out."""
    degradation: Literal["bicubic", "real"] = "bicubic"
    """How small pictures are made: antialiased bicubic, or blur, noise and JPEG as in the wild."""

    def __post_init__(self) -> None:
        super().__post_init__()
        FAMILIES.find(self.network)


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
        if len(batch.low_res):
            return batch.low_res
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


CROPS = DataOptions(image_size=128, resize="none", flip=True)
PAPER_CROPS = DataOptions(image_size=96, resize="none")
PHOTOS = DataOptions(data="photos", image_size=96, resize="none", flip=True, channels="3")
PHOTOS_TRAINING = TrainOptions(
    batch_size=16, decay="cosine", decay_from=0.3, warmup_steps=100, sample_every=2000
)
DEFAULT_TRAINING = TrainOptions(batch_size=16, decay="cosine")


def network_for_device(on_gpu: str) -> str:
    """The network of a training that names none: on a processor the compact one, whose
    convolutions all run at low resolution."""
    return on_gpu if torch.cuda.is_available() else "compact"
