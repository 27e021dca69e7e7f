"""Dropout and batch norms of a translator at inference, as in the original pix2pix."""

import copy

import torch
from torch import nn

from reverie.nn.dropout import set_dropout_generator


def with_policies(
    network: nn.Module, dropout: torch.Generator | None, own_statistics: bool
) -> nn.Module:
    """A copy of the network whose dropout and batch norm behave as asked for.

    It has the network's own tensors; the network is not changed, as another thread may use it.
    """
    if dropout is None and not own_statistics:
        return network
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    network = copy.deepcopy(network, shared)
    for layer in network.modules():
        if dropout is not None and isinstance(layer, nn.Dropout):
            layer.train()
        if own_statistics and isinstance(layer, nn.BatchNorm2d):
            layer.running_mean = layer.running_var = None  # then those of the image are taken
    if dropout is not None:
        set_dropout_generator(network, dropout)
    return network
