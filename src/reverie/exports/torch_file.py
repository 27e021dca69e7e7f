"""Files of torch.export: run by PyTorch without reverie."""

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor

from reverie.core.files import write_atomic
from reverie.core.onnx import METADATA_KEY
from reverie.exports.graphs import Graph, example_size, free_axes
from reverie.methods.onnx import OnnxFacts


def write(graph: Graph, facts: OnnxFacts, path: Path) -> Callable[[Sequence[Tensor]], Tensor]:
    """Write a graph as a program of torch.export (.pt2); returns what the file computes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.no_grad():
            program = torch.export.export(
                graph.network,
                graph.example(2, *example_size(graph)),
                dynamic_shapes=free_axes(graph),
            )
        buffer = BytesIO()
        torch.export.save(program, buffer, extra_files={METADATA_KEY: json.dumps(asdict(facts))})
        write_atomic(path, buffer.getvalue())
        run = torch.export.load(str(path)).module()

    def outputs(inputs: Sequence[Tensor]) -> Tensor:
        with torch.no_grad():
            return run(*inputs)

    return outputs
