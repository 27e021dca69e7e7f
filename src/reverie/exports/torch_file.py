"""Files of torch.export: run by PyTorch without reverie."""

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from io import BytesIO

import torch
from torch import Tensor

from reverie.core.onnx import METADATA_KEY
from reverie.exports.graphs import Graph, example_size, free_axes
from reverie.methods.onnx import OnnxFacts


def program(graph: Graph, facts: OnnxFacts) -> tuple[bytes, Callable[[Sequence[Tensor]], Tensor]]:
    """A graph as a file of torch.export (.pt2): its content, and what it computes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.no_grad():
            exported = torch.export.export(
                graph.network,
                graph.example(2, *example_size(graph)),
                dynamic_shapes=free_axes(graph),
            )
        for node in exported.graph.nodes:
            node.meta.pop("stack_trace", None)  # with the paths of this machine
        buffer = BytesIO()
        torch.export.save(exported, buffer, extra_files={METADATA_KEY: json.dumps(asdict(facts))})
        run = torch.export.load(BytesIO(buffer.getvalue())).module()

    def outputs(inputs: Sequence[Tensor]) -> Tensor:
        with torch.no_grad():
            return run(*inputs)

    return buffer.getvalue(), outputs
