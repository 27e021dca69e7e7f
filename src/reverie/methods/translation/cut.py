"""CUT: one translator, learnt from two heaps of pictures by contrast instead of a cycle.

Park et al. 2020: what lies at a place of the translated picture should be like what lay there
before, more than like what lay elsewhere in the same picture (PatchNCE). Half of CycleGAN's
networks. FastCUT weighs this tenfold and leaves the identity term out.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core.errors import UserError
from reverie.core.options import NonNegative
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods.base import Direction, FakeQueue, Loss, Method, Phase
from reverie.methods.recipe import Preset
from reverie.methods.translation.base import (
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
    """One generator, one discriminator, and the heads that compare places."""

    resampling: Resampling = "antialiased"
    contrast_weight: NonNegative = 1.0
    """Weight of PatchNCE."""
    identity_contrast: bool = True
    """PatchNCE also on pictures that are in the target already."""
    flip_equivariance: bool = False
    """Flip half of the batches for the translation and flip its features back (FastCUT)."""
    temperature: float = 0.07
    """How sharply places are told apart."""
    places: int = 256
    """Places that are compared in each layer."""
    head_size: int = 256
    """Length of the vectors that are compared."""


class ProjectionHeads(nn.Module):
    """For each layer a small network from the features of a place to a vector of length 1."""

    def __init__(self, channels: list[int], size: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(c, size), nn.ReLU(), nn.Linear(size, size)) for c in channels
        )

    def forward(
        self, maps: list[Float[Tensor, "b _ _ _"]], places: PatchIndices
    ) -> list[Float[Tensor, "b p d"]]:
        """The vectors of every layer's map at its places."""
        chosen = [m.flatten(2).transpose(1, 2)[:, p] for m, p in zip(maps, places, strict=True)]
        vectors = [head(x) for head, x in zip(self.layers, chosen, strict=True)]
        return [F.normalize(v.float(), dim=2) for v in vectors]


def patch_nce(
    made: Float[Tensor, "b p d"], source: Float[Tensor, "b p d"], temperature: float
) -> Float[Tensor, ""]:
    """Cross-entropy of finding each place's partner among the places of its own picture.

    Park et al. 2020, equation 3; the source's side gives no gradient.
    """
    logits = made @ source.detach().transpose(1, 2) / temperature
    partners = torch.arange(made.shape[1], device=made.device).expand(len(made), -1)
    return F.cross_entropy(logits.flatten(0, 1), partners.flatten())


class CUT(Method):
    """One translator, from A to B."""

    Options = CUTOptions
    data_kind = "unpaired"
    averaged = ("generator",)
    directions = ("ab",)
    columns = 6
    about = "CUT: translate one way, learnt from two folders without pairs, at half the cost"
    tiny_options: ClassVar = {
        "width": 4,
        "discriminator_width": 4,
        "blocks": 1,
        "head_size": 8,
        "places": 16,
    }
    feature_network = "discriminator"

    def __init__(self, options: CUTOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        generator = build_generator(options, spec.channels, spec.image_size)
        if not isinstance(generator, ResNetGenerator):
            raise UserError("CUT compares features of the residual network: use --network resnet.")
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
        """PatchNCE of a translation against its source, mean over layers."""
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
        """To be taken for real, and to keep at each place what was there."""
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
        """Real pictures of B against translated ones."""

        def recompute() -> Tensor:
            with torch.no_grad():
                return self.generator(batch.images).float()

        fake = self._fakes.pop(recompute)
        return self._discriminator_loss.discriminator_loss(batch.domain_b, fake, rng)

    def penalty_loss(self, batch: Batch, rng: Rng) -> Loss:
        """R1 on real pictures of B."""
        return self._discriminator_loss.penalty(batch.domain_b, rng), {}

    def diagnostics(self, losses: dict[str, float]) -> list[str]:
        return diagnostics(losses, self.options.loss)

    def translator(self, direction: Direction) -> nn.Module:
        return self.generator

    def previews(
        self, latents: Tensor | None, labels: Tensor | None, batch: Batch
    ) -> dict[str, Tensor]:
        """Rows of a picture and its translation."""
        rows = [batch.images, self.generator(batch.images)]
        return {"samples": torch.stack(rows, dim=1).flatten(0, 1)}


CUT.presets = {
    "emoji-small": Preset(
        about="Windows to Apple emojis at 32×32 on a processor",
        options=CUTOptions(**SMALL, places=64),
        data=SMALL_DATA,
        training=SMALL_TRAINING,
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
    ),
}
