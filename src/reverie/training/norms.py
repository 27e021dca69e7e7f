"""Norms of gradients and weights: a callback, which `--log-norms` adds.

A hook before each optimizer's step sees the gradients as they are applied: averaged over processes,
clipped, and in true scale under fp16.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from reverie.training.callbacks import Callback, Training


class LogNorms(Callback):
    """Logs `gradient/NETWORK`, the mean norm of its gradient, and `weight/NETWORK`."""

    def __init__(self) -> None:
        self._gradients: dict[str, list[Tensor]] = defaultdict(list)
        self._networks: dict[str, nn.Module] = {}
        self._hooks: list[Any] = []

    def on_begin(self, training: Training) -> None:
        names = {module: name for name, module in training.method.named_modules()}
        for networks, optimizer in training.optimizers.items():
            mine = {names.get(network, type(network).__name__): network for network in networks}
            self._networks |= mine

            def measure(*_: object, mine: Mapping[str, nn.Module] = mine) -> None:
                for name, network in mine.items():
                    gradients = [p.grad for p in network.parameters() if p.grad is not None]
                    if gradients:
                        self._gradients[name].append(norm_of(gradients))

            self._hooks.append(optimizer.register_step_pre_hook(measure))

    def on_log(self, training: Training, line: Mapping[str, Any]) -> dict[str, float]:
        means = {name: torch.stack(norms).mean() for name, norms in self._gradients.items()}
        self._gradients.clear()
        weights = {
            name: norm_of([p.detach() for p in network.parameters()])
            for name, network in self._networks.items()
        }
        found = {f"gradient/{name}": norm for name, norm in means.items()}
        found |= {f"weight/{name}": norm for name, norm in weights.items()}
        return {name: float(norm) for name, norm in found.items() if norm.isfinite()}

    def on_end(self, training: Training) -> None:
        for hook in self._hooks:
            hook.remove()


def norm_of(tensors: list[Tensor]) -> Tensor:
    """The Euclidean norm of all numbers of some tensors."""
    return nn.utils.get_total_norm([tensor.detach().float() for tensor in tensors])
