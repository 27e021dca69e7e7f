"""Randomness that is passed, never taken from the air.

Training draws from a `Rng`, seeded from (seed, step, phase, part), so that a step is a function
of those numbers and resuming needs no random state. Sampling draws picture i from seed + i alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


def mix(*numbers: int) -> int:
    """A well-mixed 32-bit seed from several numbers."""
    words = np.random.SeedSequence([n & 0xFFFFFFFFFFFFFFFF for n in numbers]).generate_state(1)
    return int(words[0])


@dataclass(frozen=True)
class Rng:
    """The random numbers of one process for one loss.

    With several processes each draws the numbers of all and keeps the rows of its own share, so
    that N processes see what one process with an N-fold batch would see. `step` is the number of
    the training step, for what warms up.
    """

    generator: torch.Generator
    step: int = 0
    rank: int = 0
    world: int = 1

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers of `shape`, whose first axis is this process's batch."""
        return self._share(torch.randn, shape)

    def uniform(self, *shape: int) -> Tensor:
        """Numbers from [0, 1) of `shape`, whose first axis is this process's batch."""
        return self._share(torch.rand, shape)

    def integers(self, high: int, count: int) -> Int[Tensor, " count"]:
        """`count` integers from 0 to `high` - 1."""
        return (self.uniform(count) * high).long().clamp_(max=high - 1)

    def _share(self, rng, shape: tuple[int, ...]) -> Tensor:
        count = shape[0]
        every = rng(
            (count * self.world, *shape[1:]),
            generator=self.generator,
            device=self.generator.device,
        )
        return every[self.rank * count : (self.rank + 1) * count]


def seed_dropout(seed: int, device: torch.device) -> None:
    """Seed PyTorch's own generators, from which dropout draws.

    `torch.manual_seed` does this for every kind of device, a tenth of a small step later.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def latents_of_seeds(seeds: Sequence[int], shape: Sequence[int]) -> Float[Tensor, "n ..."]:
    """Standard normal noise whose row i depends on `seeds[i]` alone, the same on every device."""
    generator = torch.Generator()
    rows = [torch.randn(tuple(shape), generator=generator.manual_seed(mix(s))) for s in seeds]
    return torch.stack(rows) if rows else torch.empty((0, *shape))
