"""ONNX files: made by PyTorch's exporter, and compressed."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from reverie.core.errors import UserError
from reverie.core.onnx import METADATA_KEY
from reverie.exports.graphs import Graph, example_size, free_axes
from reverie.methods.onnx import OnnxFacts

if TYPE_CHECKING:
    import onnx

OPSET = 20
"""Of ONNX: the first that has all operations of the networks, and runs in browsers."""
COMPRESSED_FROM = 256
"""Tensors of fewer numbers keep float32."""


def onnx_model(graph: Graph, facts: OnnxFacts) -> "onnx.ModelProto":
    """A graph as an ONNX model with free batch and, for images of any size, free height and width.

    Args:
        graph: in eval mode, on the CPU.
        facts: stored as JSON in the file's metadata.
    """
    with _quiet():
        program = torch.onnx.export(
            graph.network,
            graph.example(2, *example_size(graph)),
            dynamo=True,
            dynamic_shapes=free_axes(graph),
            input_names=[one.name for one in graph.inputs],
            output_names=[graph.output],
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    for one in (model.graph, *model.graph.node, *model.graph.value_info):
        del one.metadata_props[:]  # stack traces, with the paths of this machine
    model.doc_string = f"{facts.model}: {graph.name}"
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(asdict(facts))
    return model


def halved(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """The model with weights stored in float16 and converted to float32 when it is loaded.

    The file is half as large; it computes as before, everywhere.
    """
    import onnx
    from onnx import numpy_helper

    own = onnx.ModelProto()
    own.CopyFrom(model)
    graph = own.graph
    kept, small, casts = [], [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < COMPRESSED_FROM:
            kept.append(tensor)
            continue
        stored = f"{tensor.name}_float16"
        small.append(numpy_helper.from_array(values.astype(np.float16), stored))
        cast = onnx.helper.make_node("Cast", [stored], [tensor.name], to=onnx.TensorProto.FLOAT)
        casts.append(cast)
    nodes = list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend([*kept, *small])
    graph.node.extend([*casts, *nodes])
    return own


def serialized(model: "onnx.ModelProto", path: Path) -> bytes:
    """Content of a model's file at `path`, checked.

    Raises:
        UserError: if it is larger than one ONNX file can be.
    """
    import onnx

    if model.ByteSize() >= onnx.checker.MAXIMUM_PROTOBUF:
        raise UserError(f"{path}: the model is larger than 2 GB, which one ONNX file cannot hold.")
    onnx.checker.check_model(model)
    return model.SerializeToString()


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's logging says nothing that a user could act on."""
    import logging

    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
