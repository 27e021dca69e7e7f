"""Attribute edits as one graph: an image and a strength for each attribute, to the edited image."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.exports.graphs import Graph, Input, image_shape, normal, uniform
from reverie.inference.latent.files import ImageEditor
from reverie.inference.latent.vectors import AttributeDirection
from reverie.inference.model import Model
from reverie.inference.options import EditOptions
from reverie.methods import Encodes, Samples
from reverie.methods.capabilities import require


class Edit(nn.Module):
    """Encoder, attribute directions and generator in one.

    Attributes are added in the order of `directions`, each as `apply_directions` does: within the
    range of the latents from which its direction was estimated.
    """

    def __init__(self, model: Model, directions: Sequence[AttributeDirection]) -> None:
        super().__init__()
        self.method = model.method
        self.encoder = require(model.method, Encodes, model.name)
        self.generator = require(model.method, Samples, model.name)
        self.directions = directions

    def forward(
        self, image: Float[Tensor, "b c h w"], strengths: Float[Tensor, "b k"]
    ) -> Float[Tensor, "b c h w"]:
        latents = self.encoder.encode(image)
        for direction, strength in zip(self.directions, strengths.unbind(1), strict=True):
            steps = direction.steps(latents, strength)
            latents = latents + steps[:, None] * direction.vector
        return self.generator.generate(latents)


def edit_graph(model: Model, data: str | None) -> Graph | None:
    """The graph of a model's edits; None if it has no encoder, or no attributes are known.

    Args:
        model: any model; one that encodes and samples has edits.
        data: images with attributes; by default those that the run was trained on.

    Raises:
        UserError: if `data` is named, and has no attributes or is not for this model.
    """
    if not (isinstance(model.method, Encodes) and isinstance(model.method, Samples)):
        if data is not None:
            raise UserError(
                f"{model.name} does not both encode and generate images: leave --data out."
            )
        return None
    try:
        directions = list(attribute_directions_of(model, data).values())
    except UserError as reason:
        if data is not None:
            raise
        progress.say(f"no file of edits: {reason}")
        return None
    if not directions:
        return None
    images, strengths = image_shape(model.method), ("batch", len(directions))
    inputs = Input("image", images, uniform), Input("strengths", strengths, normal)
    names = tuple(one.name for one in directions)
    return Graph("edit", Edit(model, directions), inputs, "edited", images, attributes=names)


def attribute_directions_of(model: Model, data: str | None) -> dict[str, AttributeDirection]:
    """The attribute directions of a model by name, kept in its run.

    Raises:
        UserError: if no images with attributes are known.
    """
    with torch.inference_mode(False):
        return ImageEditor.of(model.name, EditOptions(data=data), model).directions
