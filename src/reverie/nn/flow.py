"""Normalizing flow of affine couplings: an invertible map with a known Jacobian determinant.

Dinh et al. 2017, "Density Estimation using Real NVP", section 3.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.nn.mlp import mlp

LARGEST_LOG_SCALE = 2.0
"""A coupling scales by at most exp(±2): unbounded scales overflow early in training."""


class Coupling(nn.Module):
    """Affine coupling: one half of the vector is scaled and shifted by functions of the other.

    Args:
        size: length D of the vectors, at least 2.
        hidden: units of the hidden layer of the network that predicts scales and shifts.
        changes_first: whether the first ⌊D / 2⌋ entries change, or the others.
    """

    def __init__(self, size: int, hidden: int, changes_first: bool) -> None:
        super().__init__()
        self.split = size // 2
        self.changes_first = changes_first
        changed = self.split if changes_first else size - self.split
        self.network = mlp((size - changed, hidden, hidden, 2 * changed), nn.SiLU)
        # The identity at first.
        nn.init.zeros_(self.network[-1].weight)  # pyright: ignore[reportArgumentType]
        nn.init.zeros_(self.network[-1].bias)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Float[Tensor, "b d"]) -> tuple[Float[Tensor, "b d"], Float[Tensor, " b"]]:
        """The transformed vectors, and the logarithm of the Jacobian's determinant."""
        kept, changed = self._parts(x)
        log_scale, shift = self._scale_and_shift(kept)
        return self._joined(kept, changed * log_scale.exp() + shift), log_scale.sum(1)

    def inverse(self, y: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        """The vectors that `forward` maps to `y`."""
        kept, changed = self._parts(y)
        log_scale, shift = self._scale_and_shift(kept)
        return self._joined(kept, (changed - shift) * (-log_scale).exp())

    def _scale_and_shift(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = self.network(kept).float().chunk(2, dim=1)
        return LARGEST_LOG_SCALE * torch.tanh(raw / LARGEST_LOG_SCALE), shift

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = x[:, : self.split], x[:, self.split :]
        return (second, first) if self.changes_first else (first, second)

    def _joined(self, kept: Tensor, changed: Tensor) -> Tensor:
        return torch.cat((changed, kept) if self.changes_first else (kept, changed), dim=1)


class Flow(nn.Module):
    """Couplings one after another; each changes the half that the last one kept.

    Args:
        size: length D of the vectors, at least 2.
        layers: number of couplings; with none, the flow is the identity.
        hidden: units of the couplings' hidden layers.
    """

    def __init__(self, size: int, layers: int, hidden: int = 64) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(
            Coupling(size, hidden, bool(number % 2)) for number in range(layers)
        )

    def forward(self, x: Float[Tensor, "b d"]) -> tuple[Float[Tensor, "b d"], Float[Tensor, " b"]]:
        """The transformed vectors, and the logarithm of the Jacobian's determinant."""
        total = x.new_zeros(x.shape[0])  # `len` would fix the batch in exported graphs
        for coupling in self.couplings:
            x, log_determinant = coupling(x)
            total = total + log_determinant
        return x, total

    def inverse(self, y: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        """The vectors that `forward` maps to `y`."""
        for coupling in reversed(self.couplings):
            y = coupling.inverse(y)  # pyright: ignore[reportCallIssue]
        return y
