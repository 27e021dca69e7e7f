"""A model's files for other programs: written, compared with the model, and described."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import errors_with_name, readable_bytes, write_atomic
from reverie.core.onnx import OnnxFile, need_onnx
from reverie.core.result import Json, Result, plain
from reverie.exports import onnx_file, quantized, torch_file
from reverie.exports.edits import edit_graph
from reverie.exports.graphs import Graph, graphs_of
from reverie.inference.model import Model
from reverie.inference.options import ExportOptions
from reverie.methods.diffusion.pretrained import PretrainedDiffusion
from reverie.methods.onnx import ONNX_METHODS, OnnxFacts
from reverie.runs.environment import versions

BATCHES = 1, 5
"""Numbers of images with which a file is compared with the model."""
SIZES = 1, 2, 3
"""Sizes of images with which it is compared, as multiples of the smallest that is sensible."""
SMALLEST = 32
TOLERANCE = 1e-4
"""Largest difference of a file from its model, as a share of the outputs' range."""
SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}
"""Of the files, by the format."""


@dataclass(frozen=True)
class ExportedFile(Result):
    """One file, and how its outputs differ from the model's."""

    path: Path
    part: str
    size_bytes: int
    largest_difference: float
    """As a share of the range of the model's outputs."""
    psnr: float
    """In decibels, of the same outputs."""

    def summary(self) -> str:
        return (
            f"{self.path}: {self.part}, {readable_bytes(self.size_bytes)}, differs from the model "
            f"by at most {self.largest_difference:.1e} of the range ({self.psnr:.0f} dB)"
        )


@dataclass(frozen=True)
class ExportResult(Result):
    """The files that were written."""

    files: list[ExportedFile] = field(default_factory=list)

    def to_json(self) -> dict[str, Json]:
        return {"files": [plain(asdict(file)) for file in self.files]}

    def summary(self) -> str:
        return "\n".join(file.summary() for file in self.files)


def export_files(model: Model, out: Path, options: ExportOptions) -> ExportResult:
    """Write the computations of a model as files, each compared with the model.

    The first of them gets the name `out`; the name of another, as `encode` or `ba`, is added to it.
    A file is written when its comparison is done.

    Raises:
        UserError: if a package is missing, the name does not fit the format, the model cannot be
            exported, or a file does not compute what the model does.
    """
    suffix = SUFFIXES[options.to]
    if out.suffix.lower() != suffix:
        raise UserError(f"{out}: the name of a file of --to {options.to} ends in {suffix}.")
    if out.is_dir():
        raise UserError(f"{out} is a folder: name the file to write.")
    graphs = graphs_to_export(model, options)
    edits = edit_graph(model, options.data)
    if edits is not None:
        graphs.append(edits)
    with errors_with_name(out):  # now, not after minutes of work
        out.parent.mkdir(parents=True, exist_ok=True)
    paths = [_path(out, graph.name, graphs[0].name) for graph in graphs]
    files = []
    for content, file in exported(model, graphs, paths, options):
        write_atomic(file.path, content)
        files.append(file)
    return ExportResult(files)


def graphs_to_export(model: Model, options: ExportOptions) -> list[Graph]:
    """The computations of a model that are asked for, without edits.

    Raises:
        UserError: if there is none, a package is missing, or the model cannot be exported.
    """
    if options.to != "torch":
        need_onnx(writing=True)
    if isinstance(model.method, ONNX_METHODS):
        raise UserError(f"{model.name} is an exported file already: export the run it is from.")
    graphs = list(graphs_of(model))
    if options.direction is not None:
        graphs = [graph for graph in graphs if graph.name == options.direction]
        if not graphs:
            raise UserError(
                f"{model.name} has no direction {options.direction}: leave --direction out."
            )
    if not graphs:
        raise UserError(f"{model.name}, a {model.method_name}, has nothing to export.")
    if options.images is not None:
        if not any(graph.takes_images for graph in graphs):
            raise UserError(f"{model.name} takes no images: leave --images out.")
        quantized.files_of(options.images)
    return graphs


def exported(
    model: Model, graphs: Sequence[Graph], paths: Sequence[Path], options: ExportOptions
) -> Iterator[tuple[bytes, ExportedFile]]:
    """The content of each graph's file, and how its outputs differ from the model's.

    Args:
        model: what the graphs are of.
        graphs: from `graphs_to_export`.
        paths: what each file is called in its description and in messages; nothing is written.
        options: ONNX or torch.export; compression.

    Raises:
        UserError: if a file does not compute what the model does.
    """
    pairs = list(zip(graphs, paths, strict=True))
    for graph, path in progress.track(pairs, len(pairs), "exporting", "files"):
        facts = facts_of(model, graph, options.license)
        if options.to == "torch":
            make = torch_file.compiled if options.compile else torch_file.program
            content, run = make(graph, facts)
        else:
            content, run = _onnx(graph, facts, path, options)
        made = _compared(graph, run, _inputs(graph, options.images))
        if not (options.half or options.quantize) and made.largest > TOLERANCE:
            raise UserError(
                f"{path}: it would differ from the model by {made.largest:.1e} of the range of its "
                f"outputs, more than {TOLERANCE:.0e}: please report this."
            )
        yield content, ExportedFile(path, graph.name, len(content), made.largest, made.psnr)


def facts_of(model: Model, graph: Graph, license_name: str = "") -> OnnxFacts:
    """What a file says of its model."""
    spec, method = model.method.spec, model.method
    schedule = asdict(method.schedule) if isinstance(method, PretrainedDiffusion) else {}
    return OnnxFacts(
        reverie=versions()["reverie"],
        model=Path(model.name).name,
        method=model.method_name,
        part=graph.name,  # type: ignore[arg-type]
        pictures=asdict(spec),
        options=asdict(model.method.options),
        conditional=any(one.name == "label" for one in graph.inputs),
        channel_order="RGB" if spec.channels == 3 else "grey",
        multiple=graph.multiple,
        scale=graph.scale,
        receptive_radius=graph.receptive_radius,
        sampling=dict(graph.sampling),
        noise_schedule=schedule,
        attributes=graph.attributes,
        license=license_name,
    )


def _path(out: Path, name: str, first: str) -> Path:
    return out if name == first else out.with_stem(f"{out.stem}-{name}")


Run = Callable[[Sequence[Tensor]], Tensor]


def _onnx(graph: Graph, facts: OnnxFacts, path: Path, options: ExportOptions) -> tuple[bytes, Run]:
    model = onnx_file.onnx_model(graph, facts)
    if options.quantize is not None:
        model = quantized.int8(model, graph, options.images)
    if options.half:
        model = onnx_file.halved(model)
    file = OnnxFile(path, onnx_file.serialized(model, path))
    assert file.content is not None
    return file.content, lambda inputs: torch.from_numpy(file.run([x.numpy() for x in inputs]))


@dataclass(frozen=True)
class Comparison:
    """How a file's outputs differ from the model's."""

    largest: float
    """Largest difference, as a share of the range of the model's outputs."""
    psnr: float
    """In decibels."""


def _compared(graph: Graph, run: Run, every: Iterable[Sequence[Tensor]]) -> Comparison:
    """How a file's outputs differ from the model's, over all inputs."""
    largest, squares, count, extent = 0.0, 0.0, 0, 0.0
    for inputs in every:
        with torch.inference_mode():
            wanted = graph.network(*inputs).float()
        made = run(inputs).float()
        extent = max(extent, float(wanted.amax() - wanted.amin()))
        largest = max(largest, float((made - wanted).abs().max()))
        squares += float((made - wanted).square().sum())
        count += wanted.numel()
    extent = extent or 1.0
    error = max(squares / count / extent**2, 1e-20)
    return Comparison(largest / extent, -10 * float(np.log10(error)))


def _inputs(graph: Graph, images: Path | None) -> Iterator[Sequence[Tensor]]:
    """Random inputs of several batches and sizes, or given images where the graph takes images."""
    if images is not None and graph.takes_images:
        yield from quantized.images_of(graph, images)
        return
    smallest = graph.multiple * max(1, SMALLEST // graph.multiple)
    sizes = SIZES if graph.resizes else (0,)
    for batch in BATCHES:
        for size in sizes:
            yield graph.example(batch, size * smallest, (size + 1) * smallest)
