"""Conditional GAN (Mirza & Osindero 2014): class-conditional generation with DCGAN's networks.

The generator's input is the latent concatenated with the label's embedding, which also modulates
the norms' scale and shift. The discriminator is conditioned by an additional input channel
(`channel`), or by the inner product of features and embedding (`projection`, Miyato & Koyama 2018).
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reverie.core.errors import UserError
from reverie.core.image_size import ImageSize, Size
from reverie.core.options import LayerSize
from reverie.data import DataOptions, ImageSpec
from reverie.methods.base import Method, Phase
from reverie.methods.gan.base import GANObjective, latent_encoder_for
from reverie.methods.gan.dcgan import SMALL, SMALL_DATASET, DCGANOptions
from reverie.methods.gan.networks import Discriminator, Generator, Projection
from reverie.methods.recipe import Fits, Preset, TrainOptions


@dataclass(frozen=True, kw_only=True)
class CGANOptions(DCGANOptions):
    """Options of DCGAN and of class conditioning."""

    embedding_size: LayerSize = 32
    """Length of a label's embedding."""
    condition: Literal["channel", "projection"] = "projection"
    """Conditioning of the discriminator: additional input channel, or projection."""
    conditional_norm: bool = True
    """Conditional batch norm in the generator."""


class LabelChannel(nn.Module):
    """Discriminator with the label as an additional input channel; zero without a label."""

    def __init__(
        self, body: Discriminator, classes: int, embedding_size: int, image_size: ImageSize
    ) -> None:
        super().__init__()
        self.body = body
        self.shape = (1, *Size.of(image_size).shape)
        self.embedding = nn.Embedding(classes, embedding_size)
        self.plane = nn.Linear(embedding_size, math.prod(self.shape))

    def forward(
        self, images: Float[Tensor, "b c h w"], labels: Int[Tensor, " b"] | None = None
    ) -> Float[Tensor, " b"]:
        if labels is None:  # deep dreams have none
            plane = torch.zeros_like(images[:, :1])
        else:
            plane = self.plane(self.embedding(labels)).unflatten(1, self.shape)
        return self.body(torch.cat([images, plane.to(images.dtype)], dim=1))


class CGAN(Method):
    """A conditional DCGAN."""

    Options = CGANOptions
    data_kind = "labelled"
    conditional = True
    averaged = ("embedding", "generator")
    training_only = ("finder",)
    about = "conditional GAN: images of a given class"
    main_options = ("latent_size", "width", "condition", "loss")
    tiny_options: ClassVar = {"width": 4, "latent_size": 8, "embedding_size": 4}
    unused_options = ("clusters",)
    feature_network = "discriminator"
    inversion_method = "encoder"

    def __init__(self, options: CGANOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        if spec.classes < 2:
            raise UserError(
                "a conditional GAN needs images of two classes or more: sort them into one "
                "folder for each class, or name the column of a table with --label-column."
            )
        self.latent_shape = (options.latent_size,)
        size = options.embedding_size
        self.embedding = nn.Embedding(spec.classes, size)
        self.generator = Generator(
            options.latent_size + size,
            spec.channels,
            spec.image_size,
            options.width,
            options.upsampling,
            condition_size=size if options.conditional_norm else 0,
        )
        channel = options.condition == "channel"
        body = Discriminator(
            spec.channels + channel,
            spec.image_size,
            options.width,
            options.discriminator_norm,
            options.spectral_norm,
            options.activation,
        )
        if channel:
            self.discriminator: nn.Module = LabelChannel(body, spec.classes, size, spec.image_size)
        else:
            self.discriminator = Projection(body, spec.classes, options.spectral_norm)
        self.finder = latent_encoder_for(options, spec, options.latent_size)

    def phases(self) -> tuple[Phase, ...]:
        return GANObjective(
            options=self.options,
            generator=(self.embedding, self.generator),
            discriminator=(self.discriminator,),
            latent_size=self.options.latent_size,
            generate=self.generate,
            discriminate=self.discriminate,
            joint_batches=self.options.discriminator_norm == "none",
            latent_encoder=self.finder,
        ).phases()

    def discriminate(
        self, images: Float[Tensor, "b c h w"], labels: Tensor | None = None
    ) -> Float[Tensor, " b"]:
        return self.discriminator(images, labels)

    def generate(
        self, latents: Float[Tensor, "b d"], labels: Int[Tensor, " b"] | None = None
    ) -> Float[Tensor, "b c h w"]:
        assert labels is not None
        return self.generate_from_embedding(latents, self.embedding(labels))

    def generate_from_embedding(
        self, latents: Float[Tensor, "b d"], embedded: Float[Tensor, "b e"]
    ) -> Float[Tensor, "b c h w"]:
        """Images from latents and label embeddings, which may be interpolated between classes."""
        condition = embedded if self.options.conditional_norm else None
        return self.generator(torch.cat([latents, embedded], dim=1), condition)


CGAN.presets = {
    "digits": Preset(
        about="digits by label, relativistic GAN + R1/R2 (Huang et al. 2024): 4,600 steps, about "
        "2.5 minutes on two cores",
        options=CGANOptions(width=32, learning_rate=1.5e-3, beta2=0.99, r1=0.1, r2=0.1),
        data=DataOptions(data="digits"),
        training=TrainOptions(steps=4600, decay="cosine"),
        fits=Fits(device="any", seconds=0.1, side=28),
    ),
    "modern": Preset(
        about="relativistic GAN + R1/R2 (Huang et al. 2024) with DiffAugment (Zhao et al. 2020)",
        options=CGANOptions(augment=SMALL_DATASET),
        fits=Fits(device="gpu", most_images=20_000),
    ),
    "paper": Preset(
        about="the label as one more channel and joined with the noise; BCE, batch norm, Adam 2e-4",
        options=CGANOptions(
            loss="bce",
            r1=0.0,
            r2=0.0,
            discriminator_norm="batch",
            condition="channel",
            conditional_norm=False,
        ),
        training=TrainOptions(batch_size=128, ema_decay=0.0),
    ),
    "small": Preset(
        about="any images on two cores, up to 96 pixels: 6,000 steps, about 35 minutes on one core "
        "at 64×64",
        options=CGANOptions(**SMALL, width=32),
        training=TrainOptions(steps=6000, batch_size=32, decay="cosine"),
        fits=Fits(largest=96, passes=400, seconds=0.33),
    ),
    "small-256": Preset(
        about="as small, for larger images: 4,000 steps, about 50 minutes on one core at 256×256",
        options=CGANOptions(**SMALL, width=8),
        training=TrainOptions(steps=4000, batch_size=16, decay="cosine"),
        fits=Fits(passes=400, seconds=0.77, side=256),
    ),
}
