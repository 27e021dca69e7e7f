"""Every method as ONNX and torch.export files, in ONNX Runtime and PyTorch without the library."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from reverie import testing
from reverie.exports.files import SMALLEST, export_files
from reverie.exports.graphs import Graph, graphs_of
from reverie.inference.load import BUILT_IN_MODELS, load
from reverie.inference.model import Model
from reverie.inference.options import ExportOptions
from reverie.methods import METHODS
from tests.contract.test_contract import CLASS_VARIANTS, VARIANTS, name_of, subject_of


def perturb(method: torch.nn.Module) -> None:
    """Let no weight be zero, as those of some last layers are before a training."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in method.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)


TOLERANCE = 1e-4
"""Of the range of a model's outputs."""

EVERY = [*VARIANTS, *(variant for variant in CLASS_VARIANTS if variant[1])]


def differences(graph: Graph, file: Path) -> list[float]:
    """Of an ONNX file from its model for three sizes and two batches, as shares of the range."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    assert names == [one.name for one in graph.inputs]
    found = []
    smallest = graph.multiple * max(1, SMALLEST // graph.multiple)
    for height, width in ((1, 1), (2, 1), (1, 3)) if graph.resizes else ((0, 0),):
        for batch in (1, 5):
            inputs = graph.example(batch, height * smallest, width * smallest)
            with torch.no_grad():
                wanted = graph.network(*inputs).numpy()
            arrays = dict(zip(names, (x.numpy() for x in inputs), strict=True))
            made = np.asarray(session.run([graph.output], arrays)[0])
            assert made.dtype == np.float32
            assert made.shape == wanted.shape
            found.append(float(np.abs(made - wanted).max() / (np.ptp(wanted) or 1)))
    return found


def check(model: Model, folder: Path) -> None:
    """Export a model and compare each of its files with it."""
    files = export_files(model, folder / "m.onnx", ExportOptions()).files
    graphs = {graph.name: graph for graph in graphs_of(model)}
    assert [file.part for file in files] == list(graphs)
    for file in files:
        assert max(differences(graphs[file.part], file.path)) <= TOLERANCE, file
        assert load(file.path).method.spec.channels == model.method.spec.channels


@pytest.mark.slow
@pytest.mark.parametrize("variant", EVERY, ids=name_of)
def test_every_method_as_onnx(variant: tuple[str, dict[str, Any]], tmp_path: Path) -> None:
    method = subject_of(variant).build()
    perturb(method)
    check(Model("m", variant[0], method), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILT_IN_MODELS)
def test_every_built_in_model_as_onnx(name: str, tmp_path: Path) -> None:
    check(load(name), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_every_method_as_torch_file(name: str, tmp_path: Path) -> None:
    method = testing.subject_of(METHODS[name]).build()
    perturb(method)
    model = Model("m", name, method)
    for file in export_files(model, tmp_path / "m.pt2", ExportOptions(to="torch")).files:
        assert file.largest_difference <= TOLERANCE
