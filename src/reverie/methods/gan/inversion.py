"""GAN inversion: an encoder E that predicts the latents of images for a frozen generator G.

First trained on generated pairs (G(z), z), then also to reconstruct real images through G: Zhu et
al. 2016, "Generative visual manipulation", section 3.1. G's weights are frozen, and are stored with
the encoder's, so that the model both encodes and generates.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

import torch
import tyro
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie.core.errors import UserError
from reverie.core.image_size import Size
from reverie.core.options import (
    AtLeast,
    AtMost,
    DecayRate,
    LayerSize,
    NonNegative,
    NonNegativeInt,
    options_from_json,
)
from reverie.core.result import counted
from reverie.core.rng import Rng
from reverie.data import Batch, DataOptions, ImageSpec
from reverie.methods.base import Loss, Method, Phase, Preview
from reverie.methods.capabilities import Samples
from reverie.methods.gan.cgan import CGAN
from reverie.methods.gan.dcgan import DCGAN
from reverie.methods.gan.gan import GAN
from reverie.methods.options import MethodOptions
from reverie.methods.recipe import Fits, Preset, TrainOptions
from reverie.nn.backbones import find_backbone
from reverie.nn.conv_encoder import conv_encoder
from reverie.nn.perceptual import content_difference

BASES: dict[str, type[Method]] = {"dcgan": DCGAN, "gan": GAN, "cgan": CGAN}


@dataclass(frozen=True, kw_only=True)
class GANInversionOptions(MethodOptions):
    """Options of the encoder, and those of its generator."""

    learning_rate: NonNegative = 1e-3
    beta1: DecayRate = 0.9
    width: LayerSize = 32
    """Channels of the first convolution; each downsampling doubles them."""
    picture_weight: NonNegative = 1.0
    """Weight of the L1 reconstruction loss |G(E(x)) - x| of real images."""
    feature_weight: NonNegative = 0.0
    """Weight of the perceptual distance of G(E(x)) and x (EfficientNet-Lite0)."""
    norm_weight: NonNegative = 0.05
    """Weight of (‖E(x)‖²/d - 1)², a penalty on latent norms that differ from the prior's."""
    pictures_after: NonNegativeInt = 1000
    """Steps on generated images alone, before real images are added."""
    base: Literal["dcgan", "gan", "cgan"] = "dcgan"
    """Method of the generator; taken from --init."""
    base_options: Annotated[dict[str, Any], tyro.conf.Suppress] = field(default_factory=dict)
    """Options of the generator; taken from --init."""
    base_classes: Annotated[int, AtLeast(0), AtMost(2**16), tyro.conf.Suppress] = 0
    """Number of classes of the generator; taken from --init."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.generator_options()

    def generator_options(self) -> MethodOptions:
        """The options of the generator, checked like all others."""
        return options_from_json(BASES[self.base].Options, self.base_options)


class GANInversion(Method):
    """Encoder of images into the latent space of a frozen generator."""

    Options = GANInversionOptions
    averaged = ("encoder",)
    frozen = ("base",)
    init_from = "dcgan, gan or cgan"
    about = "GAN inversion: encoder into the latent space of a dcgan, gan or cgan"
    main_options = ("width", "picture_weight", "feature_weight", "pictures_after")
    tiny_options: ClassVar = {"width": 4, "base_options": {"width": 4, "latent_size": 8}}
    feature_network = "encoder"
    kept_beside_init = "encoder"

    def __init__(self, options: GANInversionOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        kind = BASES[options.base]
        known = replace(spec, class_names=tuple(map(str, range(options.base_classes))))
        self.base = kind(options.generator_options(), known).eval()
        assert isinstance(self.base, Samples)
        (size,) = self.base.latent_shape
        if isinstance(self.base, CGAN):
            # The class embedding is predicted as a part of the latent, and edited like it.
            size += self.base.options.embedding_size
        self.latent_shape = (size,)
        self.encoder = conv_encoder(spec.channels, spec.image_size, options.width, size)

    @classmethod
    def inherit_options(cls, options: MethodOptions, start: Method, name: str) -> MethodOptions:
        assert isinstance(options, GANInversionOptions)
        if name not in BASES:
            raise UserError(
                f"GAN inversion needs a generator of {', '.join(BASES)}, and --init is a {name}; a "
                "vae has its own encoder."
            )
        return replace(
            options,
            base=name,  # type: ignore[arg-type]
            base_options=asdict(start.options),
            base_classes=start.spec.classes if start.conditional else 0,
        )

    def load_matching(self, start: Method) -> list[str]:
        theirs, mine = start.spec, self.spec
        if (theirs.image_size, theirs.channels) != (mine.image_size, mine.channels):
            size = Size.of(theirs.image_size)
            raise UserError(
                f"the generator of --init makes images of {size} pixels and "
                f"{counted(theirs.channels, 'channel')}: train its encoder with "
                f"--image-size {size.option} --channels {theirs.channels}"
            )
        for name, network in self.base.named_children():
            if name not in start.training_only:  # which a model has no more
                network.load_state_dict(start.get_submodule(name).state_dict())
        return ["base"]

    def train(self, mode: bool = True) -> "GANInversion":
        """Set the mode of the encoder; the generator stays in eval mode."""
        super().train(mode)
        self.base.eval()
        return self

    def phases(self) -> tuple[Phase, ...]:
        return (Phase(name="encoder", networks=(self.encoder,), loss=self.loss),)

    def loss(self, batch: Batch, rng: Rng) -> Loss:
        """Latent reconstruction loss, and from step `pictures_after` on those of real images."""
        o = self.options
        with torch.no_grad():
            z = self._latents(len(batch), rng)
            made = self.generate(z).float()
        found, real = self.encode(torch.cat([made, batch.images])).chunk(2)
        parts = {"latents": F.mse_loss(found, z)}
        loss = parts["latents"]
        if rng.step >= o.pictures_after:
            back = self.generate(real).float()
            parts["pictures"] = F.l1_loss(back, batch.images)
            loss = loss + o.picture_weight * parts["pictures"]
            parts["norm"] = (real.square().mean(1) - 1).square().mean()
            loss = loss + o.norm_weight * parts["norm"]
            if o.feature_weight:
                backbone = find_backbone("efficientnet")
                parts["features"] = content_difference(backbone, back, batch.images)
                loss = loss + o.feature_weight * parts["features"]
        return loss, parts

    def encode(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        """Latents predicted for images [B, C, H, W] in [-1, 1]."""
        return self.encoder(images).float()

    def generate(
        self, latents: Float[Tensor, "b d"], labels: Tensor | None = None
    ) -> Float[Tensor, "b c h w"]:
        """Images in [-1, 1] that the frozen generator makes from latents."""
        if isinstance(self.base, CGAN):
            (size,) = self.base.latent_shape
            return self.base.generate_from_embedding(latents[:, :size], latents[:, size:])
        assert isinstance(self.base, Samples)
        return self.base.generate(latents)

    def _latents(self, count: int, rng: Rng) -> Float[Tensor, "b d"]:
        """Latents from the prior; for a cgan concatenated with the embedding of a random class."""
        z = rng.normal(count, *self.latent_shape)
        if isinstance(self.base, CGAN):
            (size,) = self.base.latent_shape
            z[:, size:] = self.base.embedding(rng.integers(self.options.base_classes, count))
        return z

    def previews(
        self, latents: Tensor | None, labels: Tensor | None, batch: Batch
    ) -> dict[str, Preview]:
        """Images, each followed by its reconstruction G(E(x))."""
        decoded = self.generate(self.encode(batch.images))
        return {"samples": Preview.of_groups(batch.images, decoded)}


GANInversion.presets = {
    "faces-small": Preset(
        about="an encoder for dcgan:faces-small: 4,000 steps, about 10 minutes on one core",
        options=GANInversionOptions(),
        data=DataOptions(data="faces", image_size=32),
        training=TrainOptions(steps=4000, decay="cosine"),
        fits=Fits(seconds=0.2, side=32),
    ),
    "small": Preset(
        about="an encoder for the small presets of generators: 5,000 steps, about 20 minutes on "
        "one core at 64×64",
        options=GANInversionOptions(),
        training=TrainOptions(steps=5000, batch_size=16, decay="cosine"),
        fits=Fits(largest=96, passes=400, seconds=0.24),
    ),
    "small-256": Preset(
        about="as small, for larger images: 4,000 steps, about 20 minutes on one core at 256×256",
        options=GANInversionOptions(width=8),
        training=TrainOptions(steps=4000, batch_size=8, decay="cosine"),
        fits=Fits(passes=400, seconds=0.3, side=256),
    ),
}
