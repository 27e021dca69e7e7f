"""Latent arithmetic, attribute directions and GAN inversion on a model with an encoder."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from reverie.core import image_io, progress
from reverie.core.errors import UserError, nearest
from reverie.core.files import parse_json, write_atomic
from reverie.core.result import counted
from reverie.data.attributes import Attributes
from reverie.data.expressions import GroupTerm
from reverie.inference.latent.vectors import (
    AttributeDirection,
    classifier_normal,
    difference_of_means,
    project_out,
    rescale_to_prior,
)
from reverie.inference.model import Model
from reverie.methods import Encodes, Samples
from reverie.methods.capabilities import require

AT_ONCE = 64


LEARNT_FROM = 4000
"""Maximum number of images from which attribute directions are estimated."""


LEARNT_FROM_KEY = "learnt from"


AROUND = 9


DirectionKind = Literal["means", "classifier"]


ExemplarChoice = Literal["alike", "random"]


@dataclass(frozen=True)
class GroupMean:
    """One term of latent arithmetic: a group, three of its exemplars [-1, 1], their mean latent."""

    term: GroupTerm
    members: int
    exemplars: Float[Tensor, "n c h w"]
    mean: Float[Tensor, " d"]


@dataclass(frozen=True)
class LatentArithmetic:
    """Terms of latent arithmetic and the resulting latent."""

    terms: list[GroupMean]
    latent: Float[Tensor, " d"]
    first: dict[str, bool]
    """The attributes of the member of the first group that all exemplars are chosen to be like."""


def require_encoder(model: Model) -> Model:
    """The model, if it has a generator and an encoder.

    Raises:
        UserError: if it has not; the message says how to train an encoder.
    """
    require(model.method, Samples, model.name)
    encoder = model.method.inversion_method
    if encoder is not None:
        raise UserError(
            f"{model.name} has no encoder: train one with reverie train {encoder} "
            f"--init {model.name} --data IMAGES --out RUN"
        )
    require(model.method, Encodes, model.name)
    return model


def encode_images(model: Model, attributes: Attributes, indices: Sequence[int]) -> Tensor:
    """Latents [N, D] of the dataset's images with the given indices."""
    spec = model.method.spec
    found = []
    parts = [indices[n : n + AT_ONCE] for n in range(0, len(indices), AT_ONCE)]
    for part in progress.track(parts, len(parts), "encoding", "batches"):
        pixels = [attributes.read(int(i), spec.image_size, spec.channels) for i in part]
        found.append(model.encode(image_io.to_tensor(np.stack(pixels))))
    return torch.cat(found)


def latent_arithmetic(
    model: Model,
    attributes: Attributes,
    terms: Sequence[GroupTerm],
    exemplars: int | None = 64,
    seed: int = 0,
    rescale: bool = True,
    choice: ExemplarChoice = "alike",
) -> LatentArithmetic:
    """Weighted sum of the mean latents of groups: Radford et al. 2016, section 6.3.2.

    The paper's authors chose the exemplars by eye. Here they are, by default, those members of each
    group that are most like one random member of the first in all attributes, so that groups which
    are added and subtracted differ in what their expressions say and in little else. That member is
    in as many of the subtracted groups as possible: a hat is added to a face without one.

    Args:
        model: has an encoder and a generator.
        attributes: images and their attributes.
        terms: from `parse_sum`.
        exemplars: images per group for its mean latent; None takes up to 1,000.
        seed: seed of the choice of exemplars.
        rescale: rescale the result to the norm of the prior.
        choice: which members of a group are its exemplars: those that are alike, or random ones.

    Raises:
        UserError: if a group has no members.
    """
    chosen_by = np.random.default_rng(seed)
    summed = []
    spec = model.method.spec
    groups = [term.members(attributes.with_attribute) for term in terms]
    subtracted = np.zeros(len(attributes), np.int64)
    for term, group in zip(terms, groups, strict=True):
        subtracted += (term.weight < 0) * group
    first: Bool[np.ndarray, " a"] | None = None
    for term, group in zip(terms, groups, strict=True):
        members = np.flatnonzero(group)
        if len(members) == 0:
            raise UserError(
                f"none of {counted(len(attributes), 'image')} is in the group {term.text!r}: "
                "choose another."
            )
        count = min(len(members), 1000 if exemplars is None else exemplars)
        chosen = chosen_by.permutation(members)
        if first is None:
            first = attributes.values[chosen[np.argmax(subtracted[chosen])]]
        if choice == "alike":
            differing = (attributes.values[chosen] != first).sum(1)
            chosen = chosen[np.argsort(differing, kind="stable")]
        chosen = chosen[:count]
        mean = encode_images(model, attributes, chosen.tolist()).mean(0)
        shown = [attributes.read(int(i), spec.image_size, spec.channels) for i in chosen[:3]]
        summed.append(GroupMean(term, len(members), image_io.to_tensor(np.stack(shown)), mean))
    latent = torch.stack([one.term.weight * one.mean for one in summed]).sum(0)
    assert first is not None
    latent = rescale_to_prior(latent) if rescale else latent
    return LatentArithmetic(
        summed, latent, dict(zip(attributes.names, first.tolist(), strict=True))
    )


def latent_neighborhood(
    latent: Float[Tensor, " d"], noise: float, seed: int
) -> Float[Tensor, "9 d"]:
    """Nine latents: `latent` in the middle, eight with Gaussian noise added (DCGAN, figure 7)."""
    generator = torch.Generator().manual_seed(seed)
    moved = latent + noise * torch.randn(AROUND, len(latent), generator=generator)
    moved[AROUND // 2] = latent
    return moved


def attribute_directions(
    model: Model,
    attributes: Attributes,
    kind: DirectionKind = "means",
    kept: Path | None = None,
) -> dict[str, AttributeDirection]:
    """Attribute directions by name, estimated from a dataset, or read from a cache file.

    The cache is invalid for other weights or another dataset.

    Args:
        model: has an encoder.
        attributes: images and their attributes.
        kind: difference of means, or the normal of a linear classifier.
        kept: cache file (safetensors); None does not cache.
    """
    learnt_from = "" if kept is None else _digest(model, attributes)
    if kept is not None and kept.is_file():
        known = _read_directions(kept, learnt_from)
        if known is not None:
            return known
    order = np.random.default_rng(0).permutation(len(attributes))[:LEARNT_FROM]
    latents = encode_images(model, attributes, order.tolist())
    learn = difference_of_means if kind == "means" else classifier_normal
    found = {}
    for name in attributes.names:
        has = torch.from_numpy(attributes.with_attribute(name)[order])
        if 0 < int(has.sum()) < len(has):
            found[name] = learn(name, latents, has)
    if kept is not None:
        words = {name: f"{one.accuracy} {one.low} {one.high}" for name, one in found.items()}
        words[LEARNT_FROM_KEY] = learnt_from
        tensors = {name: one.vector.contiguous() for name, one in found.items()}
        with suppress(OSError):  # a run that may only be read keeps none
            write_atomic(kept, save_tensors(tensors, metadata=words))
    return found


def _read_directions(kept: Path, learnt_from: str) -> dict[str, AttributeDirection] | None:
    """The directions in a cache file; None if it is damaged or of other weights or images."""
    try:
        content = kept.read_bytes()
        said = parse_json(content[8 : 8 + int.from_bytes(content[:8], "little")].decode())[
            "__metadata__"
        ]
        if said.get(LEARNT_FROM_KEY) != learnt_from:
            return None
        return {
            name: AttributeDirection(name, vector, *map(float, said[name].split()))
            for name, vector in load_tensors(content).items()
        }
    except (OSError, ValueError, TypeError, LookupError, AttributeError, SafetensorError):
        return None


def _digest(model: Model, attributes: Attributes) -> str:
    """SHA-256 of what directions depend on: the weights, the image files and their attributes."""
    digest = hashlib.sha256()
    for name, tensor in model.method.state_dict().items():
        digest.update(name.encode() + tensor.float().cpu().contiguous().numpy().tobytes())
    digest.update("\n".join((*attributes.names, *map(str, attributes.files))).encode())
    digest.update(np.ascontiguousarray(attributes.values).tobytes())
    return digest.hexdigest()


def apply_directions(
    latents: Float[Tensor, "n d"],
    directions: dict[str, AttributeDirection],
    add: dict[str, float],
    leave: Sequence[str] = (),
) -> Float[Tensor, "n d"]:
    """Latents moved along attribute directions, within the range of the training latents.

    Args:
        latents: latents to edit.
        directions: from `attribute_directions`.
        add: strength by attribute name, in multiples of the direction; negative ones remove the
            attribute.
        leave: attributes to preserve; their directions are projected out.

    Raises:
        UserError: if there is no such attribute.
    """
    for name in (*add, *leave):
        if name not in directions:
            raise UserError(f"there is no attribute {name!r}; {nearest(name, directions)}")
    others = [directions[name].vector for name in leave]
    fixed = torch.stack(others) if others else torch.empty(0, latents.shape[1])
    for name, strength in add.items():
        steps = directions[name].steps(latents, strength)
        latents = latents + steps[:, None] * project_out(directions[name].vector, fixed)
    return latents


def optimize_latents(
    model: Model, images: Float[Tensor, "n c h w"], latents: Float[Tensor, "n d"], steps: int
) -> Float[Tensor, "n d"]:
    """GAN inversion by optimization: latents refined by Adam. Zhu et al. 2016, section 3.1.

    Minimises the mean absolute error of the reconstruction, with a penalty on the deviation of the
    latent's mean square from 1, its value under the prior.

    Args:
        model: has a generator.
        images: targets, [-1, 1].
        latents: initial latents, from the encoder.
        steps: optimiser steps; 0 returns `latents`.
    """
    if steps == 0:
        return latents
    method, device = model.method, model.device
    assert isinstance(method, Samples)
    z = latents.to(device).clone().requires_grad_()
    target = images.to(device)
    optimiser = torch.optim.Adam([z], 0.05)
    for _ in progress.track(range(steps), steps, "refining", "steps"):
        error = (method.generate(z).float() - target).abs().mean((1, 2, 3))
        loss = (error + 0.005 * (z.square().mean(1) - 1).square()).sum()
        (z.grad,) = torch.autograd.grad(loss, z)
        optimiser.step()
    return z.detach().cpu()
