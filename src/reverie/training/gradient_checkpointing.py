"""Gradient checkpointing: less memory for about a third more time (Chen et al. 2016).

The backward pass needs the activations of the forward pass. Of a block that is checkpointed only
the input is kept; the backward pass computes the block again before its gradient. The second time
gives the same activations: dropout draws the same numbers and norms see the same batch, so losses
and gradients are those of a training without it.

A class of blocks takes part by `supports_gradient_checkpointing = True`.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from reverie.core.errors import UserError
from reverie.methods import Method
from reverie.methods.recipe import Recipe
from reverie.nn.dropout import Dropout


def check_gradient_checkpointing(recipe: Recipe, method: Method) -> None:
    """Raise a UserError if it was asked for and the networks have no blocks to checkpoint."""
    if recipe.training.gradient_checkpointing and not _blocks(method):
        raise UserError(
            f"the networks of this {recipe.method} have no blocks whose activations could be "
            "computed again: leave out --gradient-checkpointing, and save memory with a smaller "
            "--batch-size and --accumulate."
        )


def enable_gradient_checkpointing(network: nn.Module) -> None:
    """Checkpoint the blocks inside a network from now on, wherever a gradient is computed.

    Only the object is changed: weights and their names stay.
    """
    for block in _blocks(network):
        block.forward = functools.partial(_forward, block, block.forward)


def _blocks(network: nn.Module) -> list[nn.Module]:
    return [
        module
        for module in network.modules()
        if getattr(module, "supports_gradient_checkpointing", False)
    ]


def _forward(block: nn.Module, forward: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """The block's forward pass, whose activations are not kept."""
    if not torch.is_grad_enabled():
        return forward(*inputs)

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _repeating(block)

    return checkpoint(forward, *inputs, use_reentrant=False, context_fn=contexts)  # type: ignore[return-value]


def _repeating(block: nn.Module) -> AbstractContextManager[None]:
    """Context of the second forward pass, made before the first one."""
    drops = [m for m in block.modules() if isinstance(m, Dropout) and m.generator is not None]
    states = {m.generator: m.generator.get_state() for m in drops if m.generator is not None}

    @contextmanager
    def context() -> Iterator[None]:
        # Copies in place of the originals, which neither draw again nor average again; a buffer
        # must not be changed in place between a forward and a backward pass.
        buffers = [
            (m, n, b) for m in block.modules() for n, b in m._buffers.items() if b is not None
        ]
        copies = {g: torch.Generator(g.device).set_state(state) for g, state in states.items()}
        originals = [(m, m.generator) for m in drops]
        try:
            for module, name, buffer in buffers:
                module._buffers[name] = buffer.clone()
            for module, generator in originals:
                module.generator = copies[generator]  # type: ignore[index]
            yield
        finally:
            for module, name, buffer in buffers:
                module._buffers[name] = buffer
            for module, generator in originals:
                module.generator = generator

    return context()
