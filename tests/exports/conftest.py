"""Models that are exported in a second or two."""

import pytest
import torch

from reverie import testing
from reverie.data import ImageSpec
from reverie.exports.files import facts_of
from reverie.exports.graphs import Graph, graphs_of
from reverie.inference.model import Model
from reverie.methods import METHODS
from reverie.methods.onnx import OnnxFacts


def tiny(method: str, spec: ImageSpec = testing.SPEC, **changes: object) -> Model:
    """A model with a tiny network and random weights."""
    options = dict(METHODS[method].tiny_options) | changes
    made = testing.subject_of(METHODS[method], options).build(spec).eval()  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # no weight is zero, as those of some last layers are before a training
        for parameter in made.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return Model(f"runs/{method}", method, made)


@pytest.fixture(scope="module")
def upscaler() -> Model:
    return tiny("srresnet", ImageSpec(3, 32), network="compact", width=16)


@pytest.fixture(scope="module")
def graph(upscaler: Model) -> Graph:
    return next(graphs_of(upscaler))


@pytest.fixture(scope="module")
def facts(upscaler: Model, graph: Graph) -> OnnxFacts:
    return facts_of(upscaler, graph, "MIT")
