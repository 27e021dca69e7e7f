"""The computations of a model, each as a network from named tensors to one tensor.

A model has a graph for each of its capabilities: `generate` (latents to images), `denoise` (one
evaluation of a diffusion model), `encode` (images to latents), `ab` and `ba` (translation), and
`upscale`. All images are float32 [B, C, H, W] in [-1, 1].
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reverie.core.result import Json
from reverie.inference.model import Model
from reverie.methods import Denoises, Encodes, Method, Samples, Translates, Upscales
from reverie.methods.diffusion.diffusion import Diffusion
from reverie.methods.diffusion.sampler_options import Sampling
from reverie.methods.superres.networks import Upscaler
from reverie.nn.norms import GroupNorm, InstanceNorm

Draw = Callable[[Sequence[int], torch.Generator], Tensor]

LARGEST_BATCH, LARGEST_SIDE = 2**12, 2**14
"""Bounds that PyTorch's exporter is told."""


@dataclass(frozen=True)
class Input:
    """A tensor that a graph takes."""

    name: str
    shape: tuple[int | str, ...]
    """Its size along each axis; a word is an axis of any size."""
    draw: Draw
    """Random values of a given shape, as the graph expects them."""


@dataclass(frozen=True)
class Graph:
    """One computation of a model."""

    name: str
    network: nn.Module
    """In eval mode; takes the inputs in their order."""
    inputs: tuple[Input, ...]
    output: str
    """Name of the tensor that it returns."""
    output_shape: tuple[int | str, ...]
    multiple: int = 1
    """Height and width are multiples of it, where they are free."""
    scale: int = 1
    """Of the output's size."""
    receptive_radius: int = -1
    """In pixels of the input; -1 if it is unknown or infinite."""
    sampling: Mapping[str, Json] = field(default_factory=dict)
    """Of a denoiser: default number of steps, the bounds of the noise levels, and whether guidance
    is possible."""
    attributes: tuple[str, ...] = ()
    """Of edits: what each strength adds."""

    @property
    def resizes(self) -> bool:
        """Whether it takes images of any size."""
        return any("height" in one.shape for one in self.inputs)

    @property
    def takes_images(self) -> bool:
        """Whether an image is all that it takes."""
        return [one.name for one in self.inputs] == ["image"]

    def example(self, batch: int, height: int = 0, width: int = 0) -> tuple[Tensor, ...]:
        """Random inputs; height and width are for graphs that take images of any size."""
        sizes = {"batch": batch, "height": height, "width": width}
        generator = torch.Generator().manual_seed(0)
        return tuple(
            one.draw([sizes[x] if isinstance(x, str) else x for x in one.shape], generator)
            for one in self.inputs
        )


def graphs_of(model: Model) -> Iterator[Graph]:
    """Every graph of a model, in eval mode on the CPU."""
    method = model.method.eval()
    if isinstance(method, Diffusion):
        yield _denoiser(method)
    elif isinstance(method, Samples) and not isinstance(method, Denoises):
        yield _generator(method)
    if isinstance(method, Encodes):
        yield _encoder(method)
    if isinstance(method, Translates):
        for direction in method.directions:
            yield _image_graph(direction, method.translator(direction), method.spec.channels)
    if isinstance(method, Upscales):
        network = method.upscaler
        assert isinstance(network, Upscaler)
        yield _image_graph("upscale", network, network.channels, network.scale)


def example_size(graph: Graph) -> tuple[int, int]:
    """Height and width of an example from which a graph of free size is recorded.

    They differ, and are two of the network's multiples at least: a feature map of one pixel would
    be taken for one of fixed size.
    """
    side = 2 * graph.multiple * max(1, 16 // graph.multiple)
    return (side, 2 * side) if graph.resizes else (0, 0)


def free_axes(graph: Graph) -> tuple[dict[int, Any], ...]:
    """Each input's free axes, as `torch.export` takes them."""
    free = {"batch": torch.export.Dim("batch", min=1, max=LARGEST_BATCH)}
    for name in ("height", "width"):
        side = torch.export.Dim(name, min=1, max=LARGEST_SIDE // graph.multiple)
        free[name] = side if graph.multiple == 1 else graph.multiple * side
    return tuple(
        {at: free[axis] for at, axis in enumerate(one.shape) if isinstance(axis, str)}
        for one in graph.inputs
    )


class Generate(nn.Module):
    """Images of latents, and of labels where the model has classes."""

    def __init__(self, method: Samples) -> None:
        super().__init__()
        self.method = method

    def forward(self, latents: Float[Tensor, "b ..."], label: Tensor | None = None) -> Tensor:
        return self.method.generate(latents, label)


class Encode(nn.Module):
    """Latents of images."""

    def __init__(self, method: Encodes) -> None:
        super().__init__()
        self.method = method

    def forward(self, image: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        return self.method.encode(image)


class Denoise(nn.Module):
    """The expected x₀ of x = x₀ + σ ε, with a noise level for each image.

    Label number `classes` is that of no class, for guidance, where the model knows it. With
    `until`, the x₀ of an average velocity: see `Diffusion.denoise`.
    """

    def __init__(self, method: Diffusion) -> None:
        super().__init__()
        self.method = method

    def forward(
        self,
        x: Float[Tensor, "b c h w"],
        sigma: Float[Tensor, " b"],
        label: Int[Tensor, " b"] | None = None,
        until: Float[Tensor, " b"] | None = None,
    ) -> Float[Tensor, "b c h w"]:
        return self.method.denoise_levels(x, sigma, label, until)


def _generator(method: Any) -> Graph:
    inputs = [Input("latents", ("batch", *method.latent_shape), normal)]
    inputs += _label(method, method.spec.classes)
    return Graph("generate", Generate(method), tuple(inputs), "image", image_shape(method))


def _denoiser(method: Diffusion) -> Graph:
    few = method.options.few_steps > 0
    inputs = [Input("x", image_shape(method), normal), Input("sigma", ("batch",), _noise_level)]
    inputs += _label(method, method.spec.classes + method.knows_no_class)
    if few:
        inputs.append(Input("until", ("batch",), lambda shape, _: torch.zeros(shape)))
    how = method.resolved(Sampling())
    levels = method.sigmas(how)
    sampling: dict[str, Json] = {
        "steps": how.steps,
        "schedule": how.schedule,
        "sigma_min": method.objective.sigma_min,
        "sigma_max": float(levels[0]),
        "guidance": method.conditional and method.knows_no_class,
    }
    shape = image_shape(method)
    return Graph("denoise", Denoise(method), tuple(inputs), "x_0", shape, sampling=sampling)


def _encoder(method: Method) -> Graph:
    assert isinstance(method, Encodes)
    image = Input("image", image_shape(method), uniform)
    network = Encode(method)
    spec = method.spec
    with torch.inference_mode():
        size = network(torch.zeros(1, spec.channels, *spec.size.shape)).shape[1]
    return Graph("encode", network, (image,), "latents", ("batch", size))


def _image_graph(name: str, network: nn.Module, channels: int, scale: int = 1) -> Graph:
    shape = ("batch", channels, "height", "width")
    multiple = int(getattr(network, "multiple", 1))
    large = shape if scale == 1 else (*shape[:2], f"{scale}*height", f"{scale}*width")
    inputs = (Input("image", shape, uniform),)
    # Norms over the whole image make every output pixel depend on all of it: no tiles.
    whole = any(isinstance(layer, InstanceNorm | GroupNorm) for layer in network.modules())
    radius = -1 if whole else int(getattr(network, "receptive_radius", -1))
    return Graph(name, network, inputs, "result", large, multiple, scale, radius)


def image_shape(method: Any) -> tuple[int | str, ...]:
    """Shape of any number of a model's images."""
    spec = method.spec
    return ("batch", spec.channels, spec.height, spec.width)


def _label(method: Method, known: int) -> list[Input]:
    def draw(shape: Sequence[int], generator: torch.Generator) -> Tensor:
        return torch.randint(known, tuple(shape), generator=generator)

    return [Input("label", ("batch",), draw)] if method.conditional else []


def normal(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Standard normal numbers."""
    return torch.randn(tuple(shape), generator=generator)


def uniform(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Uniform numbers in [-1, 1)."""
    return torch.rand(tuple(shape), generator=generator) * 2 - 1


def _noise_level(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    return normal(shape, generator).exp()
