"""Models as ONNX files: differences, sizes, and speed in ONNX Runtime beside ours.

    OMP_NUM_THREADS=1 python benchmarks/export.py [--quick] [--compile] [--rounds 5] [MODEL ...]

A model is a method, with the network of its smallest preset or its defaults and random weights, or
one that comes with the package. Each of its files is compared with it on images of three sizes,
where these are free, and in batches of 1 and 5. ONNX Runtime and PyTorch take turns in one run, on
one image; medians, in milliseconds. `--quick` uses the tiny networks of the tests; `--compile` has
files of `--to torch --compile` instead, and the columns of ONNX Runtime are theirs.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from measuring import take_turns
from torch._inductor import aoti_load_package

from reverie.core.files import readable_bytes
from reverie.core.onnx import OnnxFile
from reverie.data import ImageSpec
from reverie.exports.files import export_files
from reverie.exports.graphs import Graph, graphs_of
from reverie.inference.load import BUILT_IN_MODELS, load
from reverie.inference.model import Model
from reverie.inference.options import ExportOptions
from reverie.methods import METHODS
from reverie.methods.presets import recipe_for
from reverie.runs.environment import machine
from reverie.runs.model_folder import build_method

SIDE = 64
"""Of the images of networks that take any size, or the next multiple that they take."""
DIGITS = ImageSpec(1, 28, tuple("0123456789"))
COLOUR = ImageSpec(3, 128)
SCALE = 0.02
"""Standard deviation of what is added to the initial weights, some of which are zero."""


def model_of(name: str, quick: bool) -> Model:
    """A model that comes with the package, or a method with random weights."""
    if name in BUILT_IN_MODELS:
        return load(name)
    kind = METHODS[name]
    recipe = recipe_for(name)
    if quick:
        recipe = recipe.with_options(**kind.tiny_options)
    elif "digits" in kind.presets:
        recipe = recipe_for(name, "digits")
    spec = COLOUR if kind.data_kind in ("unpaired", "paired", "degraded") else DIGITS
    method = build_method(recipe, spec).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in method.parameters():
            parameter += SCALE * torch.randn(parameter.shape, generator=generator)
    return Model(name, name, method)


def speeds(graph: Graph, path: Path, rounds: int) -> list[float]:
    """Milliseconds of the file, run by ONNX Runtime or compiled, and of PyTorch for one image."""
    side = -(-SIDE // graph.multiple) * graph.multiple
    inputs = graph.example(1, side, side)
    run: Callable[[], object]
    if path.suffix == ".pt2":
        compiled = aoti_load_package(str(path))
        run = lambda: compiled(*inputs)  # noqa: E731
    else:
        arrays, file = [x.numpy() for x in inputs], OnnxFile.read(path)
        run = lambda: file.run(arrays)  # noqa: E731
    with torch.inference_mode():
        times = take_turns({"file": run, "ours": lambda: graph.network(*inputs)}, rounds)
    return [1000 * statistics.median(own.seconds) for own in times.values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("models", nargs="*", default=[*METHODS, *BUILT_IN_MODELS])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    options, name_of_file = ExportOptions(), "m.onnx"
    if arguments.compile:
        options, name_of_file = ExportOptions(to="torch", compile=True), "m.pt2"
    torch.set_num_threads(1)
    print("| model | part | difference | file | export s | ONNX Runtime ms | PyTorch ms | ratio |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for name in arguments.models:
        model = model_of(name, arguments.quick)
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            files = export_files(model, Path(folder, name_of_file), options).files
            seconds = (time.perf_counter() - started) / len(files)
            for file, graph in zip(files, graphs_of(model), strict=True):
                theirs, ours = speeds(graph, file.path, arguments.rounds)
                print(
                    f"| `{name}` | {file.part} | {file.largest_difference:.0e} | "
                    f"{readable_bytes(file.size_bytes)} | {seconds:.0f} | {theirs:.3g} | "
                    f"{ours:.3g} | {ours / theirs:.2g} |",
                    flush=True,
                )
    print(f"\n{machine()}, one thread")


if __name__ == "__main__":
    main()
