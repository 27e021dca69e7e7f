"""DCGAN: deep convolutional GAN (Radford et al. 2015).

The defaults are a relativistic loss with R1 and R2 penalties and no norm in the discriminator
(Huang et al. 2024) on the same networks. `--preset paper` has the paper's loss and norms. With
`--clusters`, k-means clusters of the images condition both networks as labels do (Sage et al. 2018,
"Logo synthesis and manipulation with clustered generative adversarial networks").
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core.options import AtLeast, AtMost, LayerSize, NonNegative, Positive
from reverie.core.rng import Rng
from reverie.data import Batch, DataOptions, ImageSpec
from reverie.methods.base import Loss, Method, Phase
from reverie.methods.gan.base import GANObjective, latent_encoder_for
from reverie.methods.gan.networks import (
    ClusterGenerator,
    Discriminator,
    Generator,
    Projection,
    Upsampling,
)
from reverie.methods.gan.options import ActivatedOptions
from reverie.methods.recipe import Fits, Preset, TrainOptions
from reverie.nn.augment import Augmentation
from reverie.nn.clusters import Clusters

ClusterCount = Annotated[int, AtLeast(0), AtMost(1000)]
CLUSTER_IMAGES = 10_000
"""Maximum number of training images from which clusters are computed."""


@dataclass(frozen=True, kw_only=True)
class DCGANOptions(ActivatedOptions):
    """Options of a convolutional generator and discriminator."""

    latent_size: LayerSize = 100
    """Length of the latent vector."""
    width: LayerSize = 64
    """Channels at the highest resolution; deeper layers have 2, 4, 8 times as many, up to 32."""
    upsampling: Upsampling = "transposed"
    """Upsampling in the generator: transposed, or nearest-neighbor and a convolution."""
    discriminator_norm: Literal["batch", "none"] = "none"
    """Normalization layers of the discriminator."""
    clusters: ClusterCount = 0
    """Number of k-means clusters of the training images that condition both networks as class
    labels do; the latent's first component selects the cluster. Below 2: none."""
    loss: str = "relativistic"
    r1: NonNegative = 0.5
    r2: NonNegative = 0.5
    penalty_every: Positive = 4


class DCGAN(Method):
    """Deep convolutional GAN."""

    Options = DCGANOptions
    averaged = ("generator",)
    training_only = ("finder", "clusters")
    about = "convolutional GAN (Radford et al. 2015), by default relativistic with R1 and R2"
    main_options = ("latent_size", "width", "clusters", "loss", "augment")
    tiny_options: ClassVar = {"width": 4, "latent_size": 8}
    feature_network = "discriminator"
    inversion_method = "encoder"

    def __init__(self, options: DCGANOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        self.latent_shape = (options.latent_size,)
        count, size, channels = options.clusters, spec.image_size, spec.channels
        shape = (options.latent_size, channels, size, options.width, options.upsampling)
        self.generator = ClusterGenerator(count, *shape) if count > 1 else Generator(*shape)
        body = Discriminator(
            channels,
            size,
            options.width,
            options.discriminator_norm,
            options.spectral_norm,
            options.activation,
        )
        self.clusters: Clusters | None = None
        self.discriminator: Discriminator | Projection = body
        if count > 1:
            self.prepare_count = CLUSTER_IMAGES
            self.clusters = Clusters(count, channels, size)
            self.discriminator = Projection(body, count, options.spectral_norm)
        self.finder = latent_encoder_for(options, spec, options.latent_size)

    def prepare(self, images: Iterable[Tensor], generator: torch.Generator) -> None:
        """Compute the clusters, and generate each with its frequency in the images."""
        assert self.clusters is not None
        assert isinstance(self.generator, ClusterGenerator)
        self.generator.set_frequencies(self.clusters.fit(images, generator))

    def phases(self) -> tuple[Phase, ...]:
        phases = GANObjective(
            options=self.options,
            generator=(self.generator,),
            discriminator=(self.discriminator,),
            latent_size=self.options.latent_size,
            generate=self.generator,
            discriminate=self.discriminator,
            joint_batches=self.options.discriminator_norm == "none",
            latent_encoder=self.finder,
        ).phases()
        return tuple(replace(phase, loss=self._in_clusters(phase.loss)) for phase in phases)

    def _in_clusters(self, loss: Callable[[Batch, Rng], Loss]) -> Callable[[Batch, Rng], Loss]:
        """The loss of batches whose labels are the clusters of their images, if there are any."""

        def labelled(batch: Batch, rng: Rng) -> Loss:
            labels = None if self.clusters is None else self.clusters(batch.images)
            return loss(replace(batch, labels=labels), rng)

        return labelled

    def discriminate(
        self, images: Float[Tensor, "b c h w"], labels: Tensor | None = None
    ) -> Float[Tensor, " b"]:
        return self.discriminator(images)

    def generate(
        self, latents: Float[Tensor, "b d"], labels: Tensor | None = None
    ) -> Float[Tensor, "b c h w"]:
        return self.generator(latents)


SMALL_DATASET: tuple[Augmentation, ...] = ("colour", "translation", "cutout")

# The learning rate of `digits`, with the penalties and augmentations of small sets of photographs.
SMALL: dict[str, Any] = {"learning_rate": 1e-3, "beta2": 0.99, "augment": SMALL_DATASET}

DCGAN.presets = {
    "digits": Preset(
        about="relativistic GAN + R1/R2 (Huang et al. 2024) on digits, conditioned on their "
        "clusters: 4,700 steps, about 2.5 minutes on two cores",
        options=DCGANOptions(
            width=32, clusters=30, learning_rate=1.5e-3, beta2=0.99, r1=0.1, r2=0.1
        ),
        data=DataOptions(data="digits"),
        training=TrainOptions(steps=4700, decay="cosine"),
        fits=Fits(device="any", seconds=0.09, side=28),
    ),
    "faces-small": Preset(
        about="drawn faces at 32×32 for which `encoder` can be trained: 7,000 steps, about 20 "
        "minutes on one core",
        options=DCGANOptions(
            latent_size=32,
            width=32,
            learning_rate=1.5e-3,
            beta2=0.99,
            r1=0.1,
            r2=0.1,
            latent_weight=2.0,
        ),
        data=DataOptions(data="faces", image_size=32),
        training=TrainOptions(steps=7000, decay="cosine"),
        fits=Fits(seconds=0.2, side=32),
    ),
    "modern": Preset(
        about="relativistic GAN + R1/R2 (Huang et al. 2024) with DiffAugment (Zhao et al. 2020)",
        options=DCGANOptions(augment=SMALL_DATASET),
        fits=Fits(device="gpu", most_images=20_000),
    ),
    "paper": Preset(
        about="Radford et al. 2015, section 4: BCE, batch norm in both networks, Adam 2e-4",
        options=DCGANOptions(loss="bce", r1=0.0, r2=0.0, discriminator_norm="batch"),
        training=TrainOptions(batch_size=128, ema_decay=0.0),
    ),
    "small": Preset(
        about="any images on two cores, up to 96 pixels: 6,000 steps, about 35 minutes on one core "
        "at 64×64",
        options=DCGANOptions(**SMALL, width=32),
        training=TrainOptions(steps=6000, batch_size=32, decay="cosine"),
        fits=Fits(largest=96, passes=400, seconds=0.33),
    ),
    "small-256": Preset(
        about="as small, for larger images: 4,000 steps, about 50 minutes on one core at 256×256",
        options=DCGANOptions(**SMALL, width=8),
        training=TrainOptions(steps=4000, batch_size=16, decay="cosine"),
        fits=Fits(passes=400, seconds=0.77, side=256),
    ),
}
