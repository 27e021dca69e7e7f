"""Speed of upscaling: ours beside the same network in plain eager PyTorch.

    python benchmarks/upscale.py [--rounds 5] [--side 256] [NETWORK ...]

All take turns in one run with the same weights and image: plain and channels last in float32, ours
in the machine's own precision and in float32, and ONNX Runtime if it and onnx are installed. Ratios
are to channels last; FLOPs are those of the plain network.
"""

import argparse
import importlib.util
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import torch
from measuring import (
    Form,
    Row,
    add_arguments,
    comparison,
    gigaflops,
    measured_peaks,
    own_figures,
    parameter_count,
    peak_memory_of,
    print_rows,
    take_turns,
)
from torch import Tensor

from reverie.core.precision import bf16_is_native
from reverie.inference.tiled_upscale import TiledUpscaler
from reverie.methods.superres.families import build_upscaler
from reverie.methods.superres.networks import Upscaler, UpscalerConfig

NETWORKS: dict[str, tuple[str, int, int]] = {
    "srresnet": ("srresnet", 64, 16),
    "compact": ("compact", 64, 16),
    "photos-x4": ("compact", 48, 12),
    "rrdb": ("rrdb", 64, 23),
}
"""Family, width and blocks by name."""
USUAL, QUICK = ("srresnet", "compact", "photos-x4"), ("photos-x4",)
SCALE = 4


def random_network(name: str) -> Upscaler:
    """A network of `NETWORKS` with initial weights, in eval mode."""
    family, width, blocks = NETWORKS[name]
    torch.manual_seed(0)
    config = UpscalerConfig(channels=3, scale=SCALE, width=width, blocks=blocks)
    return build_upscaler(family, config).eval().requires_grad_(False)


def plain(network: Upscaler) -> Callable[[Tensor], Tensor]:
    """The plain form: eager, float32, contiguous memory format."""

    def run(image: Tensor) -> Tensor:
        with torch.inference_mode():
            return network(image)

    return run


def channels_last(network: Upscaler) -> Callable[[Tensor], Tensor]:
    """The plain form in channels last."""
    return plain(network.to(memory_format=torch.channels_last))  # type: ignore[call-overload]


def ours(network: Upscaler) -> Callable[[Tensor], Tensor]:
    """Tiles, fused norms, channels last, bfloat16 where it is native."""
    low = bf16_is_native("cuda" if torch.cuda.is_available() else "cpu")
    return ours_in(network, torch.bfloat16 if low else torch.float32)


def ours_in(network: Upscaler, precision: torch.dtype) -> Callable[[Tensor], Tensor]:
    """The same in a precision."""
    tiled_upscaler = TiledUpscaler(network, precision)

    def run(image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        return tiled_upscaler.whole(height, width, lambda tile: tile.of(image))

    return run


def with_onnx(network: Upscaler) -> Callable[[Tensor], Tensor] | None:
    """The network exported to ONNX Runtime; None if that is not installed."""
    if not all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))):
        return None
    import onnxruntime  # pyright: ignore[reportMissingImports]

    file = io.BytesIO()
    shapes = {2: "height", 3: "width"}
    torch.onnx.export(
        network,
        (torch.zeros(1, 3, 64, 64),),
        file,  # pyright: ignore[reportArgumentType]
        dynamo=False,
        dynamic_axes={"x": shapes, "y": shapes},
        input_names=["x"],
        output_names=["y"],
    )
    session = onnxruntime.InferenceSession(file.getvalue())
    return lambda image: torch.from_numpy(session.run(None, {"x": image.numpy()})[0])


VARIANTS = {
    "plain": plain,
    "channels last": channels_last,
    "ours, fp32": lambda network: ours_in(network, torch.float32),
    "ours": ours,
    "ONNX Runtime": with_onnx,
}


def measure(name: str, rounds: int, side: int, peaks: Mapping[str, float]) -> Row:
    """All variants of a network in turns."""
    image = torch.rand(1, 3, side, side) * 2 - 1
    runs = {variant: build(random_network(name)) for variant, build in VARIANTS.items()}
    low = bf16_is_native("cpu")
    forms = {
        variant: Form(
            run=partial(run, image),
            arithmetic="bf16" if low and variant == "ours" else "fp32",
            parameters=parameter_count(random_network(name)),
        )
        for variant, run in runs.items()
        if run is not None
    }
    times = take_turns({variant: form.run for variant, form in forms.items()}, rounds)
    words = {variant: (name, "--only", variant, "--side", side) for variant in forms}
    memory = peak_memory_of(__file__, words)
    made = f"{name}, {side}² to {SCALE * side}²"
    row = comparison("upscale", made, forms, "channels last", times, memory=memory)
    # ONNX Runtime's operations are not PyTorch's to count, and the network is the same.
    gflop = gigaflops(forms["plain"].run)
    for form in row["forms"].values():
        speed = gflop / form["processor_seconds"]
        form["gflop"] = round(gflop, 2)
        form["share_of_peak"] = round(speed / peaks[form["arithmetic"]], 3)
    return row | {"megapixels": (SCALE * side) ** 2 / 1e6}


def rows(
    names: Sequence[str],
    rounds: int,
    peaks: Mapping[str, float],
    *,
    side: int = 256,
    quick: bool = False,
) -> Iterator[Row]:
    """A row for each network."""
    for name in names or (QUICK if quick else USUAL):
        yield measure(name, rounds, side // 2 if quick else side, peaks)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("networks", nargs="*", choices=[[], *NETWORKS], metavar="NETWORK")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--only", choices=VARIANTS, help=argparse.SUPPRESS)
    add_arguments(parser)
    arguments = parser.parse_args()
    if arguments.only:
        image = torch.rand(1, 3, arguments.side, arguments.side) * 2 - 1
        run = VARIANTS[arguments.only](random_network(arguments.networks[0]))
        assert run is not None
        print(json.dumps(own_figures(partial(run, image), warm=False)))
        return
    peaks = measured_peaks()
    how = {"side": arguments.side, "quick": arguments.quick}
    found = rows(arguments.networks, arguments.rounds, peaks, **how)
    print_rows(found, peaks, arguments.out)


if __name__ == "__main__":
    main()
