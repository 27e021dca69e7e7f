"""Whether images of a size fit a method's networks, found out before anything is trained.

A network's layers say it themselves, in a forward pass on the meta device, where tensors have
shapes and no values: a kernel larger than its input, an output of another size than the image.
"""

from dataclasses import replace

import torch
from torch import nn
from torch.func import functional_call

from reverie.core.errors import UserError
from reverie.core.image_size import Size
from reverie.core.state_dict import without_memory
from reverie.methods.base import Method
from reverie.methods.capabilities import Translates
from reverie.nn.image_sizes import nearest_sizes


def check_size(method: Method, name: str, batch_size: int) -> None:
    """Refuse a method whose `image_networks` do not fit images of its size.

    Args:
        method: the method, as it is trained.
        name: what it is called.
        batch_size: images in a batch, which norms may need more than one of.

    Raises:
        UserError: if a network does not fit; it names the nearest sizes that all fit.
    """
    network = _unfit_network(method, batch_size)
    if network is None:
        return

    def fits(size: Size) -> bool:
        spec = replace(method.spec, image_size=size)
        try:
            other = without_memory(lambda: type(method)(method.options, spec))
        except UserError:
            return False
        return _unfit_network(other, batch_size) is None

    raise UserError(
        f"images of {method.spec.size} do not fit {network}, a network of this {name}: "
        f"{nearest_sizes(method.spec.size, fits)}"
    )


def _unfit_network(method: Method, batch_size: int) -> str | None:
    """The first network that cannot compute its output, or not one of the image's size."""
    image = torch.empty(batch_size, method.spec.channels, *method.spec.size.shape, device="meta")
    translators: list[nn.Module] = []
    if isinstance(method, Translates):
        translators = [method.translator(direction) for direction in method.directions]
    for name, images in method.image_networks.items():
        network = method.get_submodule(name)
        tensors = {key: tensor.to("meta") for key, tensor in network.state_dict().items()}
        try:
            made = functional_call(network, tensors, torch.cat([image] * images, dim=1))
        except (RuntimeError, ValueError):
            return name
        if made.numel() == 0 or (network in translators and made.shape != image.shape):
            return name
    return None
