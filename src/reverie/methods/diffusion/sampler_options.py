"""How a diffusion model is sampled: sampler, noise levels, guidance and initial image."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core.options import AtLeast, AtMost, Checked, Positive


@dataclass(frozen=True, kw_only=True)
class Sampling(Checked):
    """Sampler, noise levels and guidance scale."""

    steps: Positive = 12
    """Sampling steps; heun evaluates the network twice in each but the last."""
    sampler: Literal["auto", "ddpm", "ddim", "euler", "heun", "dpmpp-2m", "mean-flow"] = "auto"
    """Update rule from one noise level to the next; auto is dpmpp-2m, or mean-flow for models
    that were trained with --few-steps, in up to 4 steps."""
    schedule: Literal["auto", "karras", "uniform"] = "auto"
    """Spacing of the noise levels; auto is uniform in the time of the flow objective, and karras
    for the others; mean-flow is always uniform."""
    guidance: Annotated[float, AtLeast(-1000), AtMost(1000)] = 1.0
    """Classifier-free guidance scale; 1 is none, larger trades diversity for fidelity."""


@dataclass(frozen=True)
class Start:
    """Initial image of sampling, for image variation (SDEdit, Meng et al. 2022) and inpainting.

    `strength` is the fraction of steps that are run, from 0 (image unchanged) to 1. The image in
    [-1, 1] is kept where `mask` is 0, and regenerated where it is 1.
    """

    image: Float[Tensor, "1 c h w"]
    strength: float = 1.0
    mask: Float[Tensor, "1 1 h w"] | None = None

    def to(self, device: torch.device) -> "Start":
        """Copy on `device`."""
        mask = None if self.mask is None else self.mask.to(device)
        return Start(self.image.to(device), self.strength, mask)
