"""Models in ONNX files, computed by ONNX Runtime: they do what the exported model did."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reverie.core.errors import UserError, in_file
from reverie.core.onnx import OnnxFile
from reverie.core.options import AtLeast, Checked, Direction, Positive, options_from_json
from reverie.data import ImageSpec
from reverie.methods.base import Method, Phase
from reverie.methods.diffusion.diffusion import Diffusion, DiffusionOptions
from reverie.methods.diffusion.pretrained import NoiseSchedule
from reverie.methods.options import MethodOptions
from reverie.methods.superres.networks import Upscaler

UNKNOWN_RADIUS = 64
"""Receptive radius in pixels that is assumed of networks of others."""
PROBE_SIZE = 64
MULTIPLES = 1, 2, 4, 8, 16, 32, 64
"""Of height and width, that networks of others are tried with."""
RANGES = {"[0, 255]": (127.5, 127.5), "[-1, 1]": (1.0, 0.0), "[0, 1]": (0.5, 0.5)}
"""Factor and offset from [-1, 1] to other ranges of values, from the widest to the narrowest."""
SAME_COLOURS = 5e-4
"""Mean differences that are taken for equal; four times as large is half a grey level of 8 bits."""


@dataclass(frozen=True, kw_only=True)
class OnnxFacts(Checked):
    """What reverie's own files say of their model, for programs that run them."""

    reverie: str
    """Version that wrote the file."""
    model: str
    method: str
    part: Literal["generate", "denoise", "encode", "edit", "ab", "ba", "upscale"]
    """Which computation of the model it is."""
    pictures: dict[str, Any]
    """Channels, size and classes of the images, as in config.json."""
    options: dict[str, Any]
    """Options of the method, as in config.json."""
    conditional: bool = False
    """Whether it takes labels: numbers of classes."""
    value_range: tuple[float, float] = (-1.0, 1.0)
    """Of images, in and out."""
    channel_order: str = "RGB"
    """Of images: RGB, or grey."""
    multiple: Positive = 1
    """Of height and width."""
    scale: Positive = 1
    """Of the output's size."""
    receptive_radius: Annotated[int, AtLeast(-1)] = -1
    """In pixels of the input, for tiles; -1 if every output pixel depends on the whole image."""
    sampling: dict[str, Any] = field(default_factory=dict)
    """Of diffusion: default number of steps, the noise levels' bounds, and whether guidance is
    possible."""
    noise_schedule: dict[str, Any] = field(default_factory=dict)
    """Of a denoiser of diffusers: that of its training."""
    attributes: tuple[str, ...] = ()
    """Of edits: what each strength adds."""
    license: str = ""


class OnnxNetwork(nn.Module):
    """A graph of one image in and one out, as a network.

    Args:
        file: an ONNX file.
        values: the range of values that it expects and returns, one of `RANGES`.
        multiple: of height and width.
    """

    def __init__(self, file: OnnxFile, values: str = "[-1, 1]", multiple: int = 1) -> None:
        super().__init__()
        self.file = file
        self.factor, self.offset = RANGES[values]
        self.multiple = multiple
        self.receptive_radius: int
        """Set where it is finite, for tiles."""
        self.place = nn.Parameter(torch.zeros(()), requires_grad=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Tensor:
        if self.factor == 1:
            return run(self.file, x)
        return (run(self.file, x * self.factor + self.offset) - self.offset) / self.factor


class OnnxUpscaler(Upscaler):
    """A super-resolution graph as a network of the upscaler."""

    fusable = False
    supports_bfloat16 = False

    def __init__(self, network: OnnxNetwork, channels: int, scale: int, radius: int) -> None:
        super().__init__(channels, scale, width=64, blocks=1)
        self.network, self.multiple, self.radius = network, network.multiple, radius

    @property
    def receptive_radius(self) -> int:
        return self.radius

    def upscale01(self, x: Tensor) -> Tensor:
        return self.network(x * 2 - 1) * 0.5 + 0.5

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        return self.network(x.float())


class OnnxMethod(Method):
    """Base of models in ONNX files; inference only."""

    Options = MethodOptions
    about = "a model in an ONNX file, for inference only"

    def __init__(self, file: OnnxFile, spec: ImageSpec, conditional: bool = False) -> None:
        super().__init__(MethodOptions(), spec)
        self.file = file
        self.conditional = conditional
        self.place = nn.Parameter(torch.zeros(()), requires_grad=False)

    def phases(self) -> tuple[Phase, ...]:
        raise UserError("a model in an ONNX file is for inference only: train the run it is from.")


class OnnxGenerator(OnnxMethod):
    """Latents to images."""

    def __init__(self, file: OnnxFile, spec: ImageSpec, conditional: bool) -> None:
        super().__init__(file, spec, conditional)
        self.latent_shape = tuple(file.session.get_inputs()[0].shape[1:])

    def generate(self, latents: Float[Tensor, "b ..."], labels: Tensor | None = None) -> Tensor:
        return run(self.file, latents, *([] if labels is None else [labels]))


class OnnxEncoder(OnnxMethod):
    """Images to latents."""

    def encode(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        return run(self.file, images)


class OnnxTranslator(OnnxMethod):
    """Images of one domain to the other."""

    def __init__(self, network: OnnxNetwork, spec: ImageSpec, direction: Direction = "ab") -> None:
        super().__init__(network.file, spec)
        self.network = network
        self.directions = (direction,)

    def translator(self, direction: Direction) -> nn.Module:
        return self.network


class OnnxSuperResolution(OnnxMethod):
    """Small images to large ones."""

    def __init__(self, network: OnnxUpscaler) -> None:
        super().__init__(network.network.file, ImageSpec(network.channels, 128))
        self.generator = network

    @property
    def scale(self) -> int:
        return self.generator.scale

    @property
    def upscaler(self) -> nn.Module:
        return self.generator


class OnnxDiffusion(Diffusion):
    """A diffusion model whose denoiser is in an ONNX file; samplers and schedules are our own."""

    def __init__(self, file: OnnxFile, facts: OnnxFacts, spec: ImageSpec) -> None:
        super().__init__(options_from_json(DiffusionOptions, facts.options), spec)
        del self.unet, self.noise_embedding, self.label_embedding
        self.file = file
        self.place = nn.Parameter(torch.zeros(()), requires_grad=False)
        if facts.noise_schedule:
            self.knows_no_class = False
            self.objective = options_from_json(NoiseSchedule, facts.noise_schedule).objective()

    def denoise_levels(
        self,
        x: Float[Tensor, "b c h w"],
        sigma: Float[Tensor, " b"],
        labels: Int[Tensor, " b"] | None = None,
        until: Float[Tensor, " b"] | None = None,
    ) -> Float[Tensor, "b c h w"]:
        arguments = [x.float(), sigma.float()]
        if self.conditional:
            # Without an embedding of no class the first class stands in, as in the model itself.
            every = torch.full((len(x),), self.spec.classes if self.knows_no_class else 0)
            arguments.append(every if labels is None else labels)
        if self.options.few_steps:
            # Without an interval the average velocity is that at the noise level itself.
            arguments.append(sigma.float() if until is None else until.float())
        return run(self.file, *arguments).to(x.dtype)


ONNX_METHODS = OnnxMethod, OnnxDiffusion


def run(file: OnnxFile, *tensors: Tensor) -> Tensor:
    """The first output of a graph for these inputs."""
    return torch.from_numpy(file.run([x.cpu().numpy() for x in tensors]))


def method_of(file: OnnxFile) -> tuple[str, Method]:
    """Name and method of the model in an ONNX file, of reverie's own or of an image network.

    Raises:
        UserError: if it is damaged, or neither.
    """
    if file.facts is None:
        return _foreign(file)
    with in_file(file.path, "The file's own description is damaged: export it again."):
        facts = options_from_json(OnnxFacts, file.facts)
        spec = options_from_json(ImageSpec, facts.pictures)
        method = _own(file, facts, spec)
    if method is None:
        raise UserError(
            f"{file.path}: this file edits images in other programs; with reverie use the run that "
            "it is from."
        )
    return facts.method, method.eval().requires_grad_(False)


def _own(file: OnnxFile, facts: OnnxFacts, spec: ImageSpec) -> Method | None:
    """The method of a file of reverie; None if it is for other programs alone."""
    match facts.part:
        case "generate":
            return OnnxGenerator(file, spec, facts.conditional)
        case "denoise":
            return OnnxDiffusion(file, facts, spec)
        case "encode":
            return OnnxEncoder(file, spec)
        case "edit":
            return None
        case "upscale":
            network = OnnxNetwork(file, multiple=facts.multiple)
            scale, radius = facts.scale, facts.receptive_radius
            return OnnxSuperResolution(OnnxUpscaler(network, spec.channels, scale, radius))
        case "ab" | "ba":
            network = OnnxNetwork(file, multiple=facts.multiple)
            if facts.receptive_radius >= 0:
                network.receptive_radius = facts.receptive_radius
            return OnnxTranslator(network, spec, facts.part)


def _foreign(file: OnnxFile) -> tuple[str, Method]:
    """An image network of others: what it does is measured on a picture.

    Raises:
        UserError: if it does not take one image and return one.
    """
    inputs = file.session.get_inputs()
    takes = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
    shape = inputs[0].shape if len(inputs) == 1 and inputs[0].type == "tensor(float)" else ()
    if len(shape) != 4 or shape[1] not in (1, 3):
        raise UserError(
            f"{file.path}: it takes {takes or 'nothing'}, and only networks that take one float32 "
            "image [N, C, H, W] of 1 or 3 channels can be used."
        )
    channels = int(shape[1])
    height, width = (x if isinstance(x, int) else PROBE_SIZE for x in shape[2:])
    ramp = torch.linspace(-0.8, 0.8, width).repeat(1, channels, height, 1)
    made = {name: OnnxNetwork(file, name)(ramp) for name in RANGES}
    result = list(next(iter(made.values())).shape)
    scale = result[2] // height if len(result) == 4 else 0
    if not scale or result != [1, channels, scale * height, scale * width]:
        raise UserError(
            f"{file.path}: it makes {result} of [1, {channels}, {height}, {width}], which is no "
            "image of the same channels that is as large or larger."
        )
    if not all(image.isfinite().all() for image in made.values()):
        raise UserError(
            f"{file.path}: its output is not finite for a plain image: use another file."
        )
    # In a range that is not within its own a network does not keep the picture's colours; in one
    # that is, it keeps them as well as in its own, which is therefore the widest of the best.
    small = nn.functional.adaptive_avg_pool2d
    errors = {
        name: float((small(image, (height, width)) - ramp).abs().mean())
        for name, image in made.items()
    }
    best = min(errors.values())
    values = next(name for name in RANGES if errors[name] <= best + SAME_COLOURS)
    free = not any(isinstance(x, int) for x in shape[2:])
    multiple = _multiple(file, channels, scale) if free else 1
    network = OnnxNetwork(file, values, multiple).eval()
    if scale == 1:
        spec = ImageSpec(channels, int(np.clip(width, 16, 2**14)))
        return f"translator for values in {values}", OnnxTranslator(network, spec)
    upscaler = OnnxUpscaler(network, channels, scale, UNKNOWN_RADIUS)
    return f"upscaler for values in {values}", OnnxSuperResolution(upscaler)


def _multiple(file: OnnxFile, channels: int, scale: int) -> int:
    """The smallest number of whose multiples height and width may be."""
    for multiple in MULTIPLES[:-1]:
        side = PROBE_SIZE + multiple
        try:
            made = run(file, torch.zeros(1, channels, side, side))
        except UserError:
            continue
        if made.shape[-2:] == (scale * side, scale * side):
            return multiple
    return MULTIPLES[-1]
