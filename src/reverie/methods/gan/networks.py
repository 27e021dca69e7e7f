"""The convolutional generator and discriminator of DCGAN, with later variants as options.

Radford et al. 2015: no pooling, no hidden linear layers, downsampling by strided and upsampling by
transposed convolutions, batch norm except at the generator's output and the discriminator's input.
Options: resize-convolutions, conditional batch norm (Dumoulin et al. 2017), spectral norm, no norm
in the discriminator, projection (Miyato & Koyama 2018).
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from reverie.core.image_size import ImageSize, Size
from reverie.nn.image_sizes import doubling, halved_sizes

Upsampling = Literal["transposed", "nearest"]
Activation = Literal["leaky_relu", "relu"]
ACTIVATIONS: dict[Activation, Callable[[], nn.Module]] = {
    "leaky_relu": partial(nn.LeakyReLU, 0.2),
    "relu": nn.ReLU,
}

MOST_DOUBLINGS = 5
"""Channels double at each downsampling, up to 32-fold."""
CLUSTER_EMBEDDING = 32
"""Length of the embedding of a cluster's number."""
FARTHEST_BOUND = 6.0
"""Maximum absolute value of the bounds between clusters; that of an empty one is infinite."""
SMALLEST_SEEN = 5
"""The shorter side of a discriminator's smallest feature map is at most this: with the generator's
two levels on 28 pixels the receptive field would be 10."""


class ConditionalNorm(nn.Module):
    """Conditional batch norm: scale and shift are linear functions of a vector [B, D]."""

    def __init__(self, channels: int, condition_size: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.modulation = nn.Linear(condition_size, 2 * channels)

    def forward(
        self, x: Float[Tensor, "b c h w"], condition: Float[Tensor, "b d"]
    ) -> Float[Tensor, "b c h w"]:
        scale, shift = self.modulation(condition)[..., None, None].chunk(2, dim=1)
        return self.norm(x) * (1 + scale) + shift


class Generator(nn.Module):
    """Generator from latents [B, D] to images [B, C, H, W] in [-1, 1].

    Args:
        latent_size: length of the latent vector.
        channels: image channels C.
        image_size: side of square images, or width and height: multiples of 4 from 16 to 512.
        width: channels before the last layer; each lower resolution has twice as many.
        upsampling: `transposed` convolutions, or `nearest` resizing and a 3×3 convolution, which
            avoids checkerboard artifacts.
        condition_size: length of the vector of conditional batch norm; 0 for plain batch norm.
    """

    def __init__(
        self,
        latent_size: int,
        channels: int,
        image_size: ImageSize,
        width: int,
        upsampling: Upsampling = "transposed",
        condition_size: int = 0,
    ) -> None:
        super().__init__()
        sizes = halved_sizes(image_size)[::-1]
        widths = channels_of_levels(width, len(sizes) - 1)[::-1]
        self.stem = nn.ConvTranspose2d(latent_size, widths[0], sizes[0].shape, bias=False)
        self.norms = nn.ModuleList(
            ConditionalNorm(w, condition_size) if condition_size else nn.BatchNorm2d(w)
            for w in widths
        )
        self.ups = nn.ModuleList(
            _up(*pair, *resized, upsampling, bias=pair[1] == channels)
            for pair, resized in zip(pairwise([*widths, channels]), pairwise(sizes), strict=True)
        )
        init_dcgan(self)

    def forward(
        self, latents: Float[Tensor, "b d"], condition: Float[Tensor, "b k"] | None = None
    ) -> Float[Tensor, "b c h w"]:
        x = self.stem(latents[:, :, None, None])
        for norm, up in zip(self.norms, self.ups, strict=True):
            x = norm(x) if condition is None else norm(x, condition)
            x = up(torch.relu(x))
        return torch.tanh(x)


class ClusterGenerator(nn.Module):
    """Cluster-conditional generator: the latent's first component selects the cluster.

    The other components are concatenated with the cluster's embedding, which also modulates the
    norms' scale and shift, as a label's does in a conditional GAN.

    Args:
        clusters: number of clusters K.
        latent_size, channels, image_size, width, upsampling: as in `Generator`.
    """

    def __init__(
        self,
        clusters: int,
        latent_size: int,
        channels: int,
        image_size: ImageSize,
        width: int,
        upsampling: Upsampling,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(clusters, CLUSTER_EMBEDDING)
        self.body = Generator(
            latent_size - 1 + CLUSTER_EMBEDDING,
            channels,
            image_size,
            width,
            upsampling,
            condition_size=CLUSTER_EMBEDDING,
        )
        self.bounds: Tensor
        self.register_buffer("bounds", torch.empty(clusters - 1))
        self.set_frequencies(torch.full((clusters,), 1 / clusters))

    @torch.no_grad()
    def set_frequencies(self, frequencies: Float[Tensor, " k"]) -> None:
        """Set the probability with which a latent from N(0, 1) selects each cluster."""
        below = frequencies.double().cumsum(0)[:-1].clamp(0, 1)
        bounds = torch.special.ndtri(below).clamp(-FARTHEST_BOUND, FARTHEST_BOUND)
        self.bounds.copy_(bounds)

    def forward(
        self, latents: Float[Tensor, "b d"], clusters: Int[Tensor, " b"] | None = None
    ) -> Float[Tensor, "b c h w"]:
        if clusters is None:
            clusters = (latents[:, :1] > self.bounds).sum(1)
        embedded = self.embedding(clusters)
        return self.body(torch.cat([latents[:, 1:], embedded], dim=1), embedded)


def channels_of_levels(width: int, levels: int) -> list[int]:
    """Channels after each downsampling, from the highest resolution."""
    return [width * 2 ** min(level, MOST_DOUBLINGS) for level in range(levels)]


def _up(
    inputs: int, outputs: int, small: Size, large: Size, upsampling: Upsampling, bias: bool
) -> nn.Module:
    if upsampling == "transposed":
        return doubling(inputs, outputs, small, large, bias=bias)
    return nn.Sequential(nn.Upsample(large.shape), nn.Conv2d(inputs, outputs, 3, 1, 1, bias=bias))


class Discriminator(nn.Module):
    """Discriminator from images [B, C, H, W] to one logit each.

    Args:
        channels: image channels C.
        image_size: side of square images, or width and height: multiples of 4 from 16 to 512.
        width: channels after the first layer, doubled at each downsampling.
        norm: `batch` as in the paper (except in the first layer), or `none`.
        spectral: spectral normalization of every convolution (Miyato et al. 2018).
        activation: after every convolution but the last.
    """

    def __init__(
        self,
        channels: int,
        image_size: ImageSize,
        width: int,
        norm: Literal["batch", "none"] = "batch",
        spectral: bool = False,
        activation: Activation = "leaky_relu",
    ) -> None:
        super().__init__()
        sizes = halved_sizes(image_size, SMALLEST_SEEN)
        widths = channels_of_levels(width, len(sizes) - 1)
        layers: list[nn.Module] = []
        for index, (inputs, outputs) in enumerate(pairwise([channels, *widths])):
            normed = norm == "batch" and index > 0
            layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=not normed))
            if normed:
                layers.append(nn.BatchNorm2d(outputs))
            layers.append(ACTIVATIONS[activation]())
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(widths[-1], 1, sizes[-1].shape, bias=False)
        self.feature_count = widths[-1]
        init_dcgan(self)
        if spectral:
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d):
                    spectral_norm(layer)

    def features(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b f h2 w2"]:
        """Feature maps, the input of the last convolution."""
        return self.body(images)

    def forward(
        self, images: Float[Tensor, "b c h w"], labels: Int[Tensor, " b"] | None = None
    ) -> Float[Tensor, " b"]:
        return self.head(self.features(images)).flatten().float()


class Projection(nn.Module):
    """Projection discriminator: the logit plus ⟨embedding of the label, summed features⟩.

    Without a label it is the logit alone.
    """

    def __init__(self, body: Discriminator, classes: int, spectral: bool) -> None:
        super().__init__()
        self.body = body
        self.embedding = nn.Embedding(classes, body.feature_count)
        nn.init.normal_(self.embedding.weight, 0.0, 0.02)
        if spectral:
            spectral_norm(self.embedding)

    def forward(
        self, images: Float[Tensor, "b c h w"], labels: Int[Tensor, " b"] | None = None
    ) -> Float[Tensor, " b"]:
        features = self.body.features(images)
        verdict = self.body.head(features).flatten().float()
        if labels is None:  # deep dreams have none
            return verdict
        pooled = features.float().sum((2, 3))
        return verdict + (self.embedding(labels) * pooled).sum(1)


def init_dcgan(network: nn.Module) -> None:
    """Weights from N(0, 0.02²), batch norm's from N(1, 0.02²), biases 0: Radford et al. 2015, 4."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
