"""Files of torch.export."""

import io
import json
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch
from torch.testing import assert_close

import reverie
from reverie.core.onnx import METADATA_KEY
from reverie.exports.graphs import Graph
from reverie.exports.torch_file import program
from reverie.methods.onnx import OnnxFacts


def test_it_runs_without_the_library(
    graph: Graph, facts: OnnxFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, run = program(graph, facts)
    inputs = [graph.example(*size)[0] for size in ((1, 16, 16), (5, 7, 33))]
    with torch.no_grad():
        wanted = [graph.network(x) for x in inputs]
    for x, image in zip(inputs, wanted, strict=True):
        assert_close(run([x]), image, rtol=0, atol=1e-5)

    with monkeypatch.context() as without:
        for name in [name for name in sys.modules if name.split(".")[0] == "reverie"]:
            without.delitem(sys.modules, name)
        without.setitem(sys.modules, "reverie", None)  # which makes importing it fail
        extra = {METADATA_KEY: ""}
        loaded = torch.export.load(io.BytesIO(content), extra_files=extra).module()
        with torch.no_grad():
            made = [loaded(x) for x in inputs]
    for image, other in zip(made, wanted, strict=True):
        assert_close(image, other, rtol=0, atol=1e-5)
    assert json.loads(extra[METADATA_KEY])["model"] == facts.model


def test_it_holds_no_paths_of_the_machine(graph: Graph, facts: OnnxFacts) -> None:
    with ZipFile(io.BytesIO(program(graph, facts)[0])) as archive:
        text = b"".join(archive.read(name) for name in archive.namelist())
    assert str(Path(reverie.__file__).parent).encode() not in text
