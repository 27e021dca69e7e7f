"""What a model can do, as small protocols, and one way to ask for it: `require`."""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Capability:
    """What a model may be able to do: the protocol, the verb, and what it is in words."""

    protocol: type
    verb: str
    about: str


CAPABILITIES = (
    Capability(Samples, "sample", "generates images from noise"),
    Capability(Denoises, "sample --steps", "removes noise step by step"),
    Capability(Encodes, "reconstruct", "encodes images into latents"),
    Capability(Translates, "translate", "translates images to another domain"),
    Capability(Upscales, "upscale", "upscales images"),
)
"""Every capability that `require` knows, in the order in which `info` lists them."""


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
    wanted = next(one.about for one in CAPABILITIES if one.protocol is protocol)
    raise UserError(f"{name} is no model that {wanted}: {describe_capabilities(method)}.")


def describe_capabilities(method: object) -> str:
    """In words, what a model can do and by which command."""
    can = [f"{c.about} ({c.verb})" for c in CAPABILITIES if isinstance(method, c.protocol)]
    return "it " + " and ".join(can) if can else "it cannot be used by itself"
