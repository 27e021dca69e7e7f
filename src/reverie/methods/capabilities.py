"""What a model can do, as small protocols, and one way to ask for it: `require`."""

from collections.abc import Mapping
from typing import (
    Protocol,
    TypeVar,
    runtime_checkable,
)

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reverie.core.errors import UserError
from reverie.core.options import Direction
from reverie.methods.abilities import cannot, described
from reverie.methods.adversarial import AdversarialOptions


@runtime_checkable
class Samples(Protocol):
    """Generates images from noise.

    `generate` returns [B, C, H, W] in [-1, 1]; in eval mode, image i depends on latent i alone.
    """

    latent_shape: tuple[int, ...]

    def generate(self, latents: Float[Tensor, "b ..."], labels: Tensor | None = None) -> Tensor: ...


@runtime_checkable
class Denoises(Samples, Protocol):
    """Generates images by denoising: `denoise` returns the expected x₀ of x = x₀ + σ ε."""

    def denoise(
        self, x: Tensor, sigma: float, labels: Tensor | None = None, guidance: float = 1.0
    ) -> Tensor: ...


@runtime_checkable
class Encodes(Protocol):
    """Encodes images [B, C, H, W] in [-1, 1] as latents [B, D]."""

    def encode(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]: ...


@runtime_checkable
class Discriminates(Samples, Protocol):
    """Has a discriminator: `discriminate` returns logits [B] of images [B, C, H, W] in [-1, 1].

    Without labels a conditional one judges the images alone. `options.loss` names the adversarial
    loss, which says what the logits mean.
    """

    options: AdversarialOptions

    def discriminate(
        self, images: Float[Tensor, "b c h w"], labels: Tensor | None = None
    ) -> Float[Tensor, " b"]: ...


@runtime_checkable
class Translates(Protocol):
    """Translates images between domains A and B.

    `translator` returns the network of one of `directions`, from [B, C, H, W] in [-1, 1] to the
    same size, for H and W that are multiples of the network's `multiple`. Networks that support
    tiling have a `receptive_radius`, in pixels.
    """

    directions: tuple[Direction, ...]

    def translator(self, direction: Direction) -> nn.Module: ...


@runtime_checkable
class Upscales(Protocol):
    """Super-resolution: [B, C, H, W] in [-1, 1] to `scale` times the size.

    The network's `receptive_radius` is the distance, in input pixels, up to which an output pixel
    depends on the input.
    """

    @property
    def scale(self) -> int: ...

    @property
    def upscaler(self) -> nn.Module: ...


def cycle_labels(count: int, classes: int) -> Int[Tensor, " count"]:
    """Labels 0 to `classes` - 1 in turn, for samples without given labels."""
    return torch.arange(count) % classes


CAPABILITIES: Mapping[str, type] = {
    "sample": Samples,
    "sample --steps": Denoises,
    "reconstruct": Encodes,
    "translate": Translates,
    "upscale": Upscales,
}
"""Every capability that `require` knows, by the command that uses it; `abilities` has the words."""


C = TypeVar("C")


def require(method: object, protocol: type[C], name: str) -> C:
    """The method, as one that has a capability.

    Args:
        method: any method.
        protocol: the capability, one of `CAPABILITIES`.
        name: what the model is called in the message.

    Raises:
        UserError: if it does not have it; says what it can do instead.
    """
    if isinstance(method, protocol):
        return method
    wanted = next(verb for verb, kind in CAPABILITIES.items() if kind is protocol)
    raise UserError(cannot(name, wanted, verbs_of(method)))


def verbs_of(method: object) -> list[str]:
    """The commands that a method can be used with."""
    return [verb for verb, kind in CAPABILITIES.items() if isinstance(method, kind)]


def describe_capabilities(method: object) -> str:
    """In words, what a model can do and by which command."""
    return described(verbs_of(method))
