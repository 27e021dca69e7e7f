"""An encoder for a generator that has none: it finds the latent from which a picture comes.

First on pairs without end, (G(z), z), of which the generator makes as many as one likes; then,
beside them, on real pictures through the frozen generator: Zhu et al. 2016, "Generative visual
manipulation", section 3.1. G's weights never change; they are kept with the encoder's, so that the
model encodes and generates by itself.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

import torch
import tyro
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie.core.errors import UserError
from reverie.core.options import NonNegative, Positive
from reverie.core.rng import Rng
from reverie.data import Batch, DataOptions, ImageSpec
from reverie.methods.base import Loss, Method, Phase, Samples
from reverie.methods.gan.cgan import CGAN
from reverie.methods.gan.dcgan import DCGAN
from reverie.methods.gan.gan import GAN
from reverie.methods.options import MethodOptions
from reverie.methods.recipe import Preset, TrainOptions
from reverie.nn.backbones import find_backbone
from reverie.nn.conv_encoder import conv_encoder
from reverie.nn.perceptual import content_difference

BASES: dict[str, type[Method]] = {"dcgan": DCGAN, "gan": GAN, "cgan": CGAN}


@dataclass(frozen=True, kw_only=True)
class GANInversionOptions(MethodOptions):
    """The encoder, and the generator that it belongs to."""

    learning_rate: NonNegative = 1e-3
    beta1: float = 0.9
    width: Positive = 32
    """Channels of the first convolution; each halving doubles them."""
    picture_weight: NonNegative = 1.0
    """Weight of the mean absolute error of real pictures that go through encoder and generator."""
    feature_weight: NonNegative = 0.0
    """Weight of the difference of their features (EfficientNet-Lite0)."""
    norm_weight: NonNegative = 0.05
    """Weight of the wish that latents of real pictures have the prior's norm."""
    pictures_after: int = 1000
    """Steps on generated pictures alone, before real ones join in."""
    base: Literal["dcgan", "gan", "cgan"] = "dcgan"
    """The method of the generator; taken from --init."""
    base_options: Annotated[dict[str, Any], tyro.conf.Suppress] = field(default_factory=dict)
    """Its options; taken from --init."""
    base_classes: Annotated[int, tyro.conf.Suppress] = 0
    """How many classes it knows; taken from --init."""


class GANInversion(Method):
    """A frozen generator and what finds its latents."""

    Options = GANInversionOptions
    averaged = ("encoder",)
    frozen = ("base",)
    init_from = "dcgan, gan or cgan"
    columns = 6
    about = "an encoder that finds the latents of pictures, for a dcgan, gan or cgan"
    tiny_options: ClassVar = {"width": 4, "base_options": {"width": 4, "latent_size": 8}}
    feature_network = "encoder"
    kept_beside_init = "encoder"

    def __init__(self, options: GANInversionOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        kind = BASES[options.base]
        given: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in options.base_options.items()
        }
        known = replace(spec, class_names=tuple(map(str, range(options.base_classes))))
        self.base = kind(kind.Options(**given), known).eval()
        assert isinstance(self.base, Samples)
        (size,) = self.base.latent_shape
        if isinstance(self.base, CGAN):
            # What stands for the class is found with the latent, and is added and mixed like it.
            size += self.base.options.embedding_size
        self.latent_shape = (size,)
        self.encoder = conv_encoder(spec.channels, spec.image_size, options.width, size)

    @classmethod
    def inherit_options(cls, options: MethodOptions, start: Method, name: str) -> MethodOptions:
        assert isinstance(options, GANInversionOptions)
        if name not in BASES:
            raise UserError(
                f"an encoder is for a {', '.join(BASES)}, and --init is a {name}; a vae has "
                "its own."
            )
        return replace(
            options,
            base=name,  # type: ignore[arg-type]
            base_options=asdict(start.options),
            base_classes=start.spec.classes if start.conditional else 0,
        )

    def load_matching(self, start: Method) -> list[str]:
        self.base.load_state_dict(start.state_dict())
        return ["base"]

    def train(self, mode: bool = True) -> "GANInversion":
        """The generator's norms keep what they have learnt."""
        super().train(mode)
        self.base.eval()
        return self

    def phases(self) -> tuple[Phase, ...]:
        return (Phase(name="encoder", networks=(self.encoder,), loss=self.loss),)

    def loss(self, batch: Batch, rng: Rng) -> Loss:
        """The latents of generated pictures, then the pictures of found latents."""
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
        """The latents of pictures."""
        return self.encoder(images).float()

    def generate(
        self, latents: Float[Tensor, "b d"], labels: Tensor | None = None
    ) -> Float[Tensor, "b c h w"]:
        """The pictures of latents."""
        if isinstance(self.base, CGAN):
            (size,) = self.base.latent_shape
            return self.base.generate_from_embedding(latents[:, :size], latents[:, size:])
        assert isinstance(self.base, Samples)
        return self.base.generate(latents)

    def _latents(self, count: int, rng: Rng) -> Float[Tensor, "b d"]:
        """As the generator knows them: from the prior, and of a cgan with the class behind."""
        z = rng.normal(count, *self.latent_shape)
        if isinstance(self.base, CGAN):
            (size,) = self.base.latent_shape
            z[:, size:] = self.base.embedding(rng.integers(self.options.base_classes, count))
        return z

    def previews(
        self, latents: Tensor | None, labels: Tensor | None, batch: Batch
    ) -> dict[str, Tensor]:
        """Pictures beside what comes of their latents."""
        rows = [batch.images, self.generate(self.encode(batch.images))]
        return {"samples": torch.stack(rows, dim=1).flatten(0, 1)}


GANInversion.presets = {
    "faces-small": Preset(
        about="an encoder for dcgan:faces-small, 10 minutes on a processor",
        options=GANInversionOptions(),
        data=DataOptions(data="faces", image_size=32),
        training=TrainOptions(minutes=10.0, decay="cosine"),
    ),
}
