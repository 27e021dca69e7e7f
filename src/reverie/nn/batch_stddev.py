"""Minibatch standard deviation, a discriminator's view of the variety of a batch.

Karras et al. 2018, "Progressive Growing of GANs", section 3.
"""

import torch
from torch import Tensor, nn


class BatchStddev(nn.Module):
    """Append one channel: the features' standard deviation over the batch, averaged to one number.

    Real images vary as much as they do, so that the generator has to vary as much as well.
    """

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, ...] to [B, C + 1, ...]."""
        deviation = x.float().var(dim=0, correction=0).add(1e-8).sqrt().mean().to(x.dtype)
        return torch.cat([x, deviation.expand(len(x), 1, *x.shape[2:])], dim=1)
