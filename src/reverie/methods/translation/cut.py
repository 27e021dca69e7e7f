"""CUT: unpaired image-to-image translation with a contrastive loss instead of a cycle.

Park et al. 2020: the contrastive loss (PatchNCE) maximises the mutual information of input and
output patches: a patch of the translation should match the input patch at the same position
(positive) rather than other patches of the same image (negatives). One direction, half of
CycleGAN's networks. FastCUT weights PatchNCE tenfold and omits its identity term.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core.errors import UserError
from reverie.core.options import Direction, LayerSize, NonNegative, PositiveFloat
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods.base import FakeQueue, Loss, Method, Phase, Preview
from reverie.methods.recipe import Fits, Preset
from reverie.methods.translation.base import (
    ANY_DATA,
    EARTH,
    EARTH_DATA,
    EARTH_TRAINING,
    LARGE,
    PAPER_DATA,
    PAPER_TRAINING,
    SMALL,
    SMALL_DATA,
    SMALL_TRAINING,
    DiscriminatorLoss,
    TranslationOptions,
    build_discriminator,
    build_generator,
    diagnostics,
    luminance_correlation,
    translation_phases,
)
from reverie.methods.translation.resnet_generator import Resampling, ResNetGenerator
from reverie.nn.norms import initialize_weights

PatchIndices = list[Int[Tensor, " p"]]


@dataclass(frozen=True, kw_only=True)
class CUTOptions(TranslationOptions):
    """Options of CUT: one generator, one discriminator, and projection heads for PatchNCE."""

    resampling: Resampling = "antialiased"
    contrast_weight: NonNegative = 1.0
    """Weight of the contrastive loss (PatchNCE)."""
    identity_contrast: bool = True
    """Add the identity term: PatchNCE between images of domain B and their translations."""
    flip_equivariance: bool = False
    """Flip the generator's input in half of the batches and flip its features back (FastCUT)."""
    temperature: PositiveFloat = 0.07
    """Temperature τ of PatchNCE."""
    places: LayerSize = 256
    """Patches (spatial positions) sampled in each layer for PatchNCE."""
    head_size: LayerSize = 256
    """Dimension of the projected feature vectors."""


class ProjectionHeads(nn.Module):
    """Two-layer MLP per layer from the features of a patch to a vector of unit length."""

    def __init__(self, channels: list[int], size: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(c, size), nn.ReLU(), nn.Linear(size, size)) for c in channels
        )

    def forward(
        self, maps: list[Float[Tensor, "b _ _ _"]], places: PatchIndices
    ) -> list[Float[Tensor, "b p d"]]:
        """Unit vectors of each feature map at the given spatial positions."""
        chosen = [m.flatten(2).transpose(1, 2)[:, p] for m, p in zip(maps, places, strict=True)]
        vectors = [head(x) for head, x in zip(self.layers, chosen, strict=True)]
        return [F.normalize(v.float(), dim=2) for v in vectors]


def patch_nce(
    made: Float[Tensor, "b p d"], source: Float[Tensor, "b p d"], temperature: float
) -> Float[Tensor, ""]:
    """InfoNCE loss of the translation's patches against the source's: Park et al. 2020, equation 3.

    The positive is the source patch at the same position, the negatives are the other patches of
    the same image. No gradient flows through `source`.

    Args:
        made: unit vectors of the translation, [batch, patches, dimension].
        source: unit vectors of the input image, likewise.
        temperature: τ, by which the cosine similarities are divided.
    """
    logits = made @ source.detach().transpose(1, 2) / temperature
    partners = torch.arange(made.shape[1], device=made.device).expand(len(made), -1)
    return F.cross_entropy(logits.flatten(0, 1), partners.flatten())


class CUT(Method):
    """One-sided unpaired translation from domain A to domain B."""

    Options = CUTOptions
    data_kind = "unpaired"
    averaged = ("generator",)
    directions = ("ab",)
    about = "CUT: unpaired image-to-image translation in one direction, with a contrastive loss"
    main_options = ("contrast_weight", "width", "places", "flip_equivariance")
    unused_options = ("r2", "latent_weight")
    tiny_options: ClassVar = {
        "width": 4,
        "discriminator_width": 4,
        "blocks": 1,
        "head_size": 8,
        "places": 16,
    }
    feature_network = "discriminator"
    image_networks: ClassVar = {"generator": 1, "discriminator": 1}

    def __init__(self, options: CUTOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        generator = build_generator(options, spec)
        if not isinstance(generator, ResNetGenerator):
            raise UserError(
                "CUT's contrastive loss needs a residual network: use --network resnet."
            )
        self.generator = generator
        self.discriminator = build_discriminator(options, spec.channels)
        w = options.width
        in_blocks = [4 * w] * (len(generator.seen) - 3)
        self.heads = ProjectionHeads([spec.channels, 2 * w, 4 * w, *in_blocks], options.head_size)
        initialize_weights(self.heads)
        self._fakes: FakeQueue[Tensor] = FakeQueue()

    @classmethod
    def default_preset(cls) -> Preset:
        return cls.presets["paper"]

    def phases(self) -> tuple[Phase, ...]:
        generator = Phase(
            name="generator", networks=(self.generator, self.heads), loss=self.generator_loss
        )
        discriminator = Phase(
            name="discriminator", networks=(self.discriminator,), loss=self.discriminator_loss
        )
        return translation_phases(self.options, generator, discriminator, self.penalty_loss)

    @property
    def _discriminator_loss(self) -> DiscriminatorLoss:
        return DiscriminatorLoss(self.discriminator, self.options)

    def contrast(self, source: Tensor, made: Tensor, rng: Rng, flipped: bool = False) -> Tensor:
        """PatchNCE of a translation against its source image, averaged over layers."""
        before = self.generator.maps(source)
        after = self.generator.maps(made)
        if flipped:
            after = [m.flip(3) for m in after]
        places = []
        for m in before:
            count = m.shape[2] * m.shape[3]
            order = rng.uniform(count).argsort()
            places.append(order[: min(count, self.options.places)])
        old, new = self.heads(before, places), self.heads(after, places)
        losses = [patch_nce(n, o, self.options.temperature) for n, o in zip(new, old, strict=True)]
        return torch.stack(losses).mean()

    def generator_loss(self, batch: Batch, rng: Rng) -> Loss:
        """Adversarial + contrastive loss, the latter optionally averaged with its identity term."""
        o = self.options
        a, b = batch.images, batch.domain_b
        flipped = o.flip_equivariance and bool(rng.uniform(1).item() < 0.5)
        a_seen = a.flip(3) if flipped else a
        if o.identity_contrast:
            fake, same = self.generator(torch.cat([a_seen, b])).float().chunk(2)
        else:
            fake, same = self.generator(a_seen).float(), None
        self._fakes.push(fake.detach())
        parts = {
            "adversarial": self._discriminator_loss.generator_loss(b, fake, rng),
            "contrast": self.contrast(a, fake, rng, flipped),
        }
        contrast = parts["contrast"]
        if same is not None:
            parts["identity"] = self.contrast(b, same, rng)
            contrast = (contrast + parts["identity"]) / 2
        loss = parts["adversarial"] + o.contrast_weight * contrast
        return loss, parts | {"likeness": luminance_correlation(a_seen, fake)}

    def discriminator_loss(self, batch: Batch, rng: Rng) -> Loss:
        """Adversarial loss of the discriminator: real images of B against translations."""

        def recompute() -> Tensor:
            with torch.no_grad():
                return self.generator(batch.images).float()

        fake = self._fakes.pop(recompute)
        return self._discriminator_loss.discriminator_loss(batch.domain_b, fake, rng)

    def penalty_loss(self, batch: Batch, rng: Rng) -> Loss:
        """R1 penalty on real images of B."""
        return self._discriminator_loss.penalty(batch.domain_b, rng), {}

    def diagnostics(self, losses: dict[str, float]) -> list[str]:
        return diagnostics(losses)

    def translator(self, direction: Direction) -> nn.Module:
        return self.generator

    def previews(
        self, latents: Tensor | None, labels: Tensor | None, batch: Batch
    ) -> dict[str, Preview]:
        """Rows of input image and translation."""
        return {"samples": Preview.of_groups(batch.images, self.generator(batch.images))}


CUT.presets = {
    "earth-small": Preset(
        about="relief map of the Earth to its satellite image at 64×64: 2,000 steps, about 10 "
        "minutes on one core",
        options=CUTOptions(**EARTH, identity_contrast=False, places=128),
        data=EARTH_DATA,
        training=replace(EARTH_TRAINING, steps=2000),
        fits=Fits(seconds=0.39),
    ),
    "emoji-small": Preset(
        about="Windows to Apple emojis at 32×32: 3,300 steps, about 8 minutes on one core",
        options=CUTOptions(**SMALL, places=64),
        data=SMALL_DATA,
        training=replace(SMALL_TRAINING, steps=3300),
        fits=Fits(seconds=0.38, side=32),
    ),
    "fast": Preset(
        about="FastCUT, Park et al. 2020, section 4: 150 + 50 epochs",
        options=CUTOptions(contrast_weight=10.0, identity_contrast=False, flip_equivariance=True),
        data=PAPER_DATA,
        training=replace(PAPER_TRAINING, decay_from=0.75),
    ),
    "paper": Preset(
        about="Park et al. 2020, section 4: 200 + 200 epochs",
        options=CUTOptions(),
        data=PAPER_DATA,
        training=replace(PAPER_TRAINING, epochs=400.0),
        fits=Fits(device="gpu"),
    ),
    "small": Preset(
        about="any images on two cores, up to 96 pixels: 8,000 steps, about 28 minutes on one core "
        "at 64×64",
        options=CUTOptions(**EARTH, identity_contrast=False, places=128),
        data=ANY_DATA,
        training=replace(EARTH_TRAINING, steps=8000, batch_size=4),
        fits=Fits(largest=96, passes=200, seconds=0.21),
    ),
    "small-256": Preset(
        about="as small, for larger images: 5,000 steps, about 22 minutes on one core at 256×256",
        options=CUTOptions(**LARGE, identity_contrast=False, places=128),
        data=ANY_DATA,
        training=replace(EARTH_TRAINING, steps=5000, batch_size=1),
        fits=Fits(passes=200, seconds=0.26, side=256),
    ),
}
