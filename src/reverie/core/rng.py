"""Explicit random generators; no global RNG state.

Training draws from an `Rng` seeded by (seed, step, phase, micro-batch): a step is a function of
these numbers, and resuming needs no RNG state. Sampling draws image i from seed + i alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


def mix(*numbers: int) -> int:
    """Hash several integers to a 32-bit seed."""
    words = np.random.SeedSequence([n & 0xFFFFFFFFFFFFFFFF for n in numbers]).generate_state(1)
    return int(words[0])


@dataclass(frozen=True)
class Rng:
    """Random generator of one process for one loss.

    Each process draws the numbers of all `world` processes and keeps the rows of its `rank`: N
    processes are equivalent to one process with an N-fold batch. `step` is the training step, for
    schedules.
    """

    generator: torch.Generator
    step: int = 0
    rank: int = 0
    world: int = 1

    def normal(self, *shape: int) -> Tensor:
        """Standard normal samples of `shape`; the first axis is this process's batch."""
        return self._share(torch.randn, shape)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform samples in [0, 1) of `shape`; the first axis is this process's batch."""
        return self._share(torch.rand, shape)

    def integers(self, high: int, count: int) -> Int[Tensor, " count"]:
        """`count` uniform integers in [0, high)."""
        return (self.uniform(count) * high).long().clamp_(max=high - 1)

    def _share(self, rng, shape: tuple[int, ...]) -> Tensor:
        count = shape[0]
        every = rng(
            (count * self.world, *shape[1:]),
            generator=self.generator,
            device=self.generator.device,
        )
        return every[self.rank * count : (self.rank + 1) * count]


GENERATOR = {("generator", "Optional[Generator]")}
"""Name and type of the argument of a random operation that says what it draws from."""


class DrawsFrom(TorchDispatchMode):
    """Context: what this thread draws from PyTorch's default generator comes from another one.

    For code that takes no generator, as the initialization of layers. The numbers are those that
    the default generator would give after the same seed; it is neither used nor changed, so other
    threads may draw at the same time. Every operation inside takes some microseconds longer.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator = generator

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if torch.Tag.nondeterministic_seeded in func.tags and kwargs.get("generator") is None:
            func, kwargs["generator"] = _with_generator(func), self._generator
        return func(*args, **kwargs)


def _with_generator(draw: torch._ops.OpOverload) -> torch._ops.OpOverload:
    """The overload of a random operation that takes a generator."""
    wanted = {(a.name, str(a.type)) for a in draw._schema.arguments} | GENERATOR
    for name in draw.overloadpacket.overloads():
        overload = getattr(draw.overloadpacket, name)
        if {(a.name, str(a.type)) for a in overload._schema.arguments} == wanted:
            return overload
    raise NotImplementedError(
        f"{draw} takes no generator in this version of PyTorch: use torch.rand or torch.randn."
    )


def latents_of_seeds(seeds: Sequence[int], shape: Sequence[int]) -> Float[Tensor, "n ..."]:
    """Standard normal latents [N, *shape]; row i depends on `seeds[i]` alone, on any device."""
    generator = torch.Generator()
    rows = [torch.randn(tuple(shape), generator=generator.manual_seed(mix(s))) for s in seeds]
    return torch.stack(rows) if rows else torch.empty((0, *shape))


def noise_of_seeds(
    seeds: Sequence[int], shape: Sequence[int], device: torch.device
) -> Callable[[int], Tensor]:
    """From the number of a sampler's step to its noise [N, *shape], each row from its own seed."""
    return lambda step: latents_of_seeds([mix(s, step + 1) for s in seeds], shape).to(device)
