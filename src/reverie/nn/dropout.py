"""Dropout that draws from a generator of its own.

`nn.Dropout` draws from PyTorch's default generator, which all threads of a process share: what one
training leaves out would depend on what another draws.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """Set elements to 0 with probability `p` in training, and scale the others by 1 / (1 - p).

    `generator` is the source of its draws, PyTorch's default one where it is None. On the CPU the
    result is, bit for bit, that of `nn.Dropout` after the default generator got the same seed.
    """

    generator: torch.Generator | None = None

    def forward(self, input: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        if not self.training or self.p in (0.0, 1.0):  # nothing is drawn
            return super().forward(input)
        kept = torch.empty_like(input).bernoulli_(1 - self.p, generator=self.generator)
        kept.div_(1 - self.p)
        return input.mul_(kept) if self.inplace else input * kept


def set_dropout_generator(network: nn.Module, generator: torch.Generator) -> None:
    """Let all dropout layers inside `network` draw from `generator` from now on.

    Layers of the class `nn.Dropout`, as a plugin may have them, are replaced in place.
    """
    for module in list(network.modules()):
        for name, layer in list(module.named_children()):
            if type(layer) is nn.Dropout:
                layer = Dropout(layer.p, layer.inplace).train(layer.training)
                setattr(module, name, layer)
            if isinstance(layer, Dropout):
                layer.generator = generator
