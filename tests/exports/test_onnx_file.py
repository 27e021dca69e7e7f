"""ONNX models of a graph, and their compression."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

import reverie
from reverie.core.errors import UserError
from reverie.core.onnx import METADATA_KEY
from reverie.core.options import options_from_json
from reverie.exports.graphs import Graph
from reverie.exports.onnx_file import COMPRESSED_FROM, OPSET, halved, onnx_model, serialized
from reverie.methods.onnx import OnnxFacts


@pytest.fixture(scope="module")
def model(graph: Graph, facts: OnnxFacts) -> onnx.ModelProto:
    return onnx_model(graph, facts)


def outputs(model: onnx.ModelProto, inputs: Sequence[torch.Tensor]) -> np.ndarray:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return np.asarray(session.run(None, {"image": inputs[0].numpy()})[0])


def test_names_and_axes_and_facts(model: onnx.ModelProto, facts: OnnxFacts) -> None:
    (image,), (result,) = model.graph.input, model.graph.output
    assert (image.name, result.name) == ("image", "result")
    axes = [axis.dim_param or axis.dim_value for axis in image.type.tensor_type.shape.dim]
    assert axes == ["batch", 3, "height", "width"]
    assert [(one.domain, one.version) for one in model.opset_import if not one.domain] == [
        ("", OPSET)
    ]
    (entry,) = model.metadata_props
    assert entry.key == METADATA_KEY
    assert json.loads(entry.value) == json.loads(json.dumps(asdict(facts)))
    options_from_json(OnnxFacts, json.loads(entry.value))
    assert facts.license == "MIT"
    assert str(Path(reverie.__file__).parent).encode() not in model.SerializeToString()
    assert facts.model == "srresnet"


def test_it_computes_what_the_graph_does(model: onnx.ModelProto, graph: Graph) -> None:
    for batch, height, width in ((1, 16, 16), (5, 7, 33), (2, 1, 1)):
        inputs = graph.example(batch, height, width)
        with torch.no_grad():
            wanted = graph.network(*inputs).numpy()
        np.testing.assert_allclose(outputs(model, inputs), wanted, rtol=0, atol=1e-5)


def test_a_halved_file_computes_with_rounded_weights(model: onnx.ModelProto, graph: Graph) -> None:
    half = halved(model)
    assert not any("float16" in tensor.name for tensor in model.graph.initializer)
    large = [t for t in model.graph.initializer if np.prod(t.dims) >= COMPRESSED_FROM]
    saved = sum(2 * int(np.prod(t.dims)) for t in large)
    assert saved > 0.35 * model.ByteSize()
    assert model.ByteSize() - half.ByteSize() == pytest.approx(saved, rel=0.2)
    rounded = onnx.ModelProto()
    rounded.CopyFrom(model)
    for tensor in rounded.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= COMPRESSED_FROM:
            values = values.astype(np.float16).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    inputs = graph.example(2, 9, 14)
    np.testing.assert_array_equal(outputs(half, inputs), outputs(rounded, inputs))
    assert np.abs(outputs(half, inputs) - outputs(model, inputs)).max() > 0


def test_what_one_file_cannot_hold_is_refused(
    model: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert onnx.load_from_string(serialized(model, Path("m.onnx"))) == model
    monkeypatch.setattr(onnx.checker, "MAXIMUM_PROTOBUF", 100)
    with pytest.raises(UserError, match=r"^m\.onnx: the model is larger than 2 GB"):
        serialized(model, Path("m.onnx"))
