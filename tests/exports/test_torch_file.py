"""Files of torch.export."""

import io
import json
import shutil
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch
from torch.testing import assert_close

import reverie
from reverie.core.errors import UserError
from reverie.core.onnx import METADATA_KEY
from reverie.exports.graphs import Graph
from reverie.exports.torch_file import compiled, program
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


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_compiled_file_computes_the_same_for_all_sizes(
    graph: Graph, facts: OnnxFacts, tmp_path: Path
) -> None:
    if shutil.which("g++") is None:
        pytest.skip("there is no C++ compiler here")
    content, run = compiled(graph, facts)
    (tmp_path / "model.pt2").write_bytes(content)
    loaded = torch._inductor.aoti_load_package(str(tmp_path / "model.pt2"))
    assert json.loads(loaded.get_metadata()[METADATA_KEY])["model"] == facts.model
    for size in ((1, 16, 16), (5, 7, 33)):
        (x,) = graph.example(*size)
        with torch.no_grad():
            wanted = graph.network(x)
            assert_close(loaded(x), wanted, rtol=0, atol=1e-5)
        assert_close(run([x]), wanted, rtol=0, atol=1e-5)


def test_compiling_needs_a_compiler(
    graph: Graph, facts: OnnxFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch._inductor import config

    monkeypatch.setattr(config.cpp, "cxx", ("no-such-compiler",))
    with pytest.raises(UserError, match=r"needs a C\+\+ compiler"):
        compiled(graph, facts)
