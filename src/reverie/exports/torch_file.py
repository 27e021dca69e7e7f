"""Files of torch.export: run by PyTorch without reverie, as a program or compiled."""

import json
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor

from reverie.core.errors import UserError
from reverie.core.onnx import METADATA_KEY
from reverie.exports.graphs import Graph, example_size, free_axes
from reverie.methods.onnx import OnnxFacts

Run = Callable[[Sequence[Tensor]], Tensor]


def program(graph: Graph, facts: OnnxFacts) -> tuple[bytes, Run]:
    """A graph as a file of torch.export (.pt2): its content, and what it computes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported = _exported(graph)
        buffer = BytesIO()
        torch.export.save(exported, buffer, extra_files={METADATA_KEY: json.dumps(asdict(facts))})
        run = torch.export.load(BytesIO(buffer.getvalue())).module()
    return buffer.getvalue(), _without_gradients(run)


def compiled(graph: Graph, facts: OnnxFacts) -> tuple[bytes, Run]:
    """A graph compiled by AOTInductor for this machine's kind of processor.

    Raises:
        UserError: if there is no C++ compiler, or it fails.
    """
    # Slow to import, and only needed here.
    from torch._inductor import aoti_compile_and_package, aoti_load_package
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import CppCompileError, InvalidCxxCompiler

    metadata = {METADATA_KEY: json.dumps(asdict(facts))}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        place = Path(folder) / "model.pt2"
        try:
            get_cpp_compiler()
            aoti_compile_and_package(
                _exported(graph),
                package_path=str(place),
                inductor_configs={"aot_inductor.metadata": metadata},
            )
        except InvalidCxxCompiler:
            raise UserError(
                "--compile needs a C++ compiler, as g++, and there is none: install one, or leave "
                "--compile out."
            ) from None
        except CppCompileError as error:
            reason = next((x for x in str(error).splitlines() if "error" in x), "no reason given")
            raise UserError(
                f"the C++ compiler failed ({reason.strip()}): leave --compile out."
            ) from None
        return place.read_bytes(), _without_gradients(aoti_load_package(str(place)))


def _exported(graph: Graph) -> torch.export.ExportedProgram:
    with torch.no_grad():
        exported = torch.export.export(
            graph.network,
            graph.example(2, *example_size(graph)),
            dynamic_shapes=free_axes(graph),
        )
    for node in exported.graph.nodes:
        node.meta.pop("stack_trace", None)  # with the paths of this machine
    return exported


def _without_gradients(run: Callable[..., Tensor]) -> Run:
    def outputs(inputs: Sequence[Tensor]) -> Tensor:
        with torch.no_grad():
            return run(*inputs)

    return outputs
