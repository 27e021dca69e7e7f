"""Ways through latent space."""

import torch
from jaxtyping import Float
from torch import Tensor


def slerp(
    one: Float[Tensor, "..."], other: Float[Tensor, "..."], shares: Float[Tensor, " n"]
) -> Float[Tensor, "n ..."]:
    """Points on the arc from `one` (share 0) to `other` (share 1).

    Unlike the points of a straight line they keep a Gaussian's norm: Shoemake 1985; White 2016.
    """
    cosine = torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0)
    angle = cosine.clamp(-1, 1).acos()
    shares = shares.reshape(-1, *[1] * one.ndim)
    if angle.sin() < 1e-6:  # nearly the same direction, where the arc is a line
        return (1 - shares) * one + shares * other
    return (((1 - shares) * angle).sin() * one + (shares * angle).sin() * other) / angle.sin()
