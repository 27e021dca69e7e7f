"""A method under test, and the generated data that it is tested on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core.errors import UserError
from reverie.core.options import OptionValue
from reverie.core.rng import DrawsFrom, Rng
from reverie.data import Batch, ImageSpec
from reverie.methods import METHODS, Method, Phase
from reverie.methods.base import Loss
from reverie.methods.presets import recipe_for
from reverie.methods.recipe import Recipe
from reverie.runs.model_folder import build_method

SPEC = ImageSpec(1, 28, tuple("0123456789"))
"""The images that most checks use; every method is expected to have networks for them."""

OTHER_SPECS = tuple(
    ImageSpec(channels, size, ("a", "b"))
    for channels, size in ((3, 32), (1, 32), (3, 28), (3, 64), (3, 128), (3, "48x32"))
)
"""Further images; a method may refuse some of them with a `UserError`."""


@dataclass(frozen=True)
class Subject:
    """A method that is tested, with its options."""

    recipe: Recipe

    @property
    def kind(self) -> type[Method]:
        """The class."""
        return METHODS.find(self.recipe.method)

    def build(self, spec: ImageSpec = SPEC) -> Method:
        """The method with initial weights, the same each time."""
        return build_method(self.recipe, spec)

    def build_each(self) -> Iterator[Method]:
        """The method for `SPEC`, and for each of `OTHER_SPECS` that it does not refuse."""
        yield self.build()
        for spec in OTHER_SPECS:
            try:
                method = self.build(spec)
            except UserError:
                continue
            yield method


def subject_of(method: type[Method], options: Mapping[str, OptionValue] | None = None) -> Subject:
    """What the checks test: see `check_method`."""
    chosen = method.tiny_options if options is None else options
    return Subject(recipe_for(METHODS.ensure(method)).with_options(**chosen))


def generator(seed: int) -> torch.Generator:
    """A generator of random numbers with a seed."""
    return torch.Generator().manual_seed(seed)


def random_images(count: int, spec: ImageSpec, seed: int = 0) -> Float[Tensor, "b c h w"]:
    """Random images in [-1, 1]: black and white areas with smooth edges."""
    coarse = torch.rand(count, spec.channels, 7, 7, generator=generator(seed)) * 2 - 1
    fine = F.interpolate(coarse, spec.size.shape, mode="bilinear")
    return (4 * fine).clamp(-1, 1)


def random_batch(spec: ImageSpec, count: int = 8) -> Batch:
    """A batch with all that any kind of data has: images, labels and a second domain."""
    labels = torch.arange(count) % max(spec.classes, 1)
    domain_b = random_images(count, spec, seed=1)
    return Batch(random_images(count, spec), labels, domain_b=domain_b)


def parameters_of(phase: Phase) -> list[nn.Parameter]:
    """The parameters that a phase trains."""
    return [p for network in phase.networks for p in network.parameters()]


def evaluate_loss(phase: Phase, batch: Batch, seed: int = 0) -> Loss:
    """The loss of a phase; noise and dropout depend on `seed` alone."""
    with DrawsFrom(generator(seed)):
        return phase.loss(batch, Rng(generator(seed), step=5))
