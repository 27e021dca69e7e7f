"""Denoisers of the library diffusers: folders of a `UNet2DModel` with its noise schedule.

The network is built by diffusers itself from `config.json`; its weights are read from safetensors,
and `scheduler_config.json` says what was trained: the prediction target and the noise levels. With
both it is a denoiser D(x; σ) as any other, for all samplers.
"""

import importlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reverie.core.errors import UserError, in_file
from reverie.core.files import read_json
from reverie.core.options import (
    Above,
    AtLeast,
    AtMost,
    Below,
    Checked,
    PositiveFloat,
    options_from_json,
)
from reverie.core.rng import DrawsFrom
from reverie.core.state_dict import check_fit, parse_safetensors, without_memory
from reverie.data import ImageSpec
from reverie.methods.base import Phase
from reverie.methods.diffusion.diffusion import Diffusion, DiffusionOptions
from reverie.methods.diffusion.objectives import (
    DiffusionObjective,
    Preconditioning,
    Sigma,
    cosine_alpha_bar,
    variance_preserving,
)

NETWORK = "UNet2DModel"
WEIGHTS = "diffusion_pytorch_model.safetensors"
SCHEDULE = "scheduler_config.json"
FILES = (
    *("model_index.json", "unet/config.json", f"unet/{WEIGHTS}", f"scheduler/{SCHEDULE}"),
    *("config.json", WEIGHTS, SCHEDULE),
)
"""What is read of a folder: of a pipeline with its folders, or with all files in one."""
RENAMED = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""Layers of attention, as files from before 2023 name them."""
TARGETS: dict[str, Literal["epsilon", "v", "x0"]] = {
    "epsilon": "epsilon",
    "v_prediction": "v",
    "sample": "x0",
}
"""Prediction targets by the names of diffusers."""
SMALLEST_ALPHA_BAR = 2.0**-40
"""Where a schedule ends without any signal, which is an infinite noise level."""


@dataclass(frozen=True, kw_only=True)
class NoiseSchedule(Checked):
    """What `scheduler_config.json` says of the training, whichever scheduler it is of."""

    num_train_timesteps: Annotated[int, AtLeast(2), AtMost(100_000)]
    beta_schedule: Literal["linear", "scaled_linear", "squaredcos_cap_v2"]
    """Linear in β, linear in √β, or the cosine schedule."""
    beta_start: Annotated[float, Above(0), Below(1)] = 1e-4
    beta_end: Annotated[float, Above(0), Below(1)] = 0.02
    prediction_type: Literal["epsilon", "v_prediction", "sample"] = "epsilon"
    """What the network predicts: the noise, v, or the image."""
    rescale_betas_zero_snr: bool = False
    """Whether the last noise level has no signal: Lin et al. 2024, algorithm 1."""
    clip_sample: bool = False
    """Whether predicted images are clamped in sampling."""
    clip_sample_range: PositiveFloat = 1.0

    def alpha_bar(self) -> Float[Tensor, " steps"]:
        """ᾱ of the steps, float64, decreasing."""
        steps, low, high = self.num_train_timesteps, self.beta_start, self.beta_end
        match self.beta_schedule:
            case "linear":
                made = (1 - torch.linspace(low, high, steps, dtype=torch.float64)).cumprod(0)
            case "scaled_linear":
                roots = torch.linspace(low**0.5, high**0.5, steps, dtype=torch.float64)
                made = (1 - roots.square()).cumprod(0)
            case "squaredcos_cap_v2":
                made = cosine_alpha_bar(steps)
        if self.rescale_betas_zero_snr:
            first, last = made[0].sqrt(), made[-1].sqrt()
            made = ((made.sqrt() - last) * first / (first - last)).square()
        return made.clamp(min=SMALLEST_ALPHA_BAR)

    def objective(self) -> DiffusionObjective:
        """The objective whose `c_noise` is the time step of diffusers, counted from 0."""
        own = variance_preserving(TARGETS[self.prediction_type], self.alpha_bar())

        def precondition(sigma: Sigma) -> Preconditioning:
            p = own.precondition(sigma)
            return replace(p, c_noise=p.c_noise * (self.num_train_timesteps / 4) - 1)

        return replace(own, precondition=precondition)


class PretrainedDiffusion(Diffusion):
    """A `UNet2DModel` of diffusers; inference only.

    Args:
        network: in eval mode; takes images, time steps and, if it knows classes, labels.
        schedule: of its training.
        spec: of its images.
    """

    averaged = ("unet",)
    knows_no_class = False
    about = "denoiser of the library diffusers, for inference only"
    tiny_options: ClassVar = {}

    def __init__(self, network: nn.Module, schedule: NoiseSchedule, spec: ImageSpec) -> None:
        super().__init__(DiffusionOptions(objective="ddpm", width=8, multipliers=(1,)), spec)
        del self.noise_embedding, self.label_embedding
        self.unet = network  # type: ignore[assignment]
        self.schedule = schedule
        self.objective = schedule.objective()

    def phases(self) -> tuple[Phase, ...]:
        raise UserError("a denoiser of diffusers is for inference only: it cannot be trained here.")

    def network(
        self,
        x: Float[Tensor, "b c h w"],
        c_noise: Float[Tensor, " b"],
        labels: Int[Tensor, " b"] | None,
        c_interval: Float[Tensor, " b"] | None = None,
    ) -> Float[Tensor, "b c h w"]:
        """The network's prediction; without labels of a model with classes, of the first class."""
        if self.conditional and labels is None:
            labels = torch.zeros(len(x), dtype=torch.long, device=x.device)
        return self.unet(x, c_noise, labels if self.conditional else None, return_dict=False)[0]

    def denoise_levels(
        self,
        x: Float[Tensor, "b c h w"],
        sigma: Float[Tensor, " b"],
        labels: Int[Tensor, " b"] | None = None,
        until: Float[Tensor, " b"] | None = None,
    ) -> Float[Tensor, "b c h w"]:
        """The expected x₀, clamped where the schedule says so."""
        x_0 = super().denoise_levels(x, sigma, labels, until)
        limit = self.schedule.clip_sample_range
        return x_0.clamp(-limit, limit) if self.schedule.clip_sample else x_0


def holds_denoiser(folder: Path) -> bool:
    """Whether a folder is laid out as diffusers does: a pipeline, or a network alone."""
    if (folder / "unet" / "config.json").is_file() or (folder / "model_index.json").is_file():
        return True
    config = folder / "config.json"
    return config.is_file() and "_class_name" in read_json(config)


def load_denoiser(folder: Path) -> PretrainedDiffusion:
    """The denoiser of a folder, frozen, in eval mode on the CPU; pickled weights are never read.

    Raises:
        UserError: if diffusers is not installed, a file is missing or damaged, or the network is
            none that denoises pixels of grey or RGB images.
    """
    inner = folder / "unet" if (folder / "unet" / "config.json").is_file() else folder
    config_file, weights = inner / "config.json", inner / WEIGHTS
    if not config_file.is_file():
        raise UserError(f"{folder}: this pipeline of diffusers has no {NETWORK} in unet/.")
    config = read_json(config_file)
    spec = _spec_of(config, config_file)
    schedule = _schedule_of(folder)
    if not weights.is_file():
        remedy = "copy the whole folder again"
        if any(inner.glob("*.bin")):
            remedy = "weights in pickles (.bin) are never read, so save them as safetensors"
        raise UserError(f"{inner}: {WEIGHTS} is missing: {remedy}.")
    tensors = _renamed(parse_safetensors(weights.read_bytes(), weights))
    network = _network_of(config, config_file, spec, tensors, weights)
    return PretrainedDiffusion(network, schedule, spec).eval().requires_grad_(False)


def _spec_of(config: Mapping[str, Any], file: Path) -> ImageSpec:
    """The images of a network.

    Raises:
        UserError: if it is none for pixels, time steps and labels.
    """
    if config.get("_class_name") != NETWORK:
        raise UserError(
            f"{file}: this is a {config.get('_class_name')} of diffusers, and only {NETWORK}, "
            "which denoises pixels, can be used."
        )
    channels, size, classes = (
        config.get(name) for name in ("in_channels", "sample_size", "num_class_embeds")
    )
    if channels != config.get("out_channels") or channels not in (1, 3):
        raise UserError(
            f"{file}: it takes {channels} channels and returns {config.get('out_channels')}, and "
            "only denoisers of grey or RGB images, 1 or 3 of both, can be used."
        )
    if config.get("time_embedding_type", "positional") != "positional" or config.get(
        "class_embed_type"
    ):
        raise UserError(
            f"{file}: networks whose time or classes are embedded in another way than by default "
            "cannot be used."
        )
    if size is None:
        raise UserError(f'{file}: write the size of its images into it, as "sample_size": 32.')
    height, width = size if isinstance(size, list) and len(size) == 2 else (size, size)
    with in_file(file, "The file is damaged or was edited: copy it again."):
        classes = 0 if classes is None else classes
        if not isinstance(classes, int) or not 0 <= classes <= 2**16:
            raise UserError(f"num_class_embeds: {classes} is no number of classes.")
        content = {
            "channels": channels,
            "image_size": [width, height] if width != height else width,
            "class_names": [str(number) for number in range(classes)],
        }
        return options_from_json(ImageSpec, content)


def _schedule_of(folder: Path) -> NoiseSchedule:
    """The noise schedule of a folder.

    Raises:
        UserError: if there is none, or it is none of DDPM's.
    """
    places = [folder / "scheduler" / SCHEDULE, folder / SCHEDULE]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise UserError(
            f"{folder}: {SCHEDULE} is missing, which says at which noise levels the network was "
            "trained: copy the scheduler of its pipeline into the folder."
        )
    content = read_json(file)
    if content.get("trained_betas") is not None or content.get("thresholding"):
        raise UserError(f"{file}: trained_betas and thresholding cannot be used.")
    names = {one.name for one in fields(NoiseSchedule)}
    with in_file(file, "Schedulers of DDPM with such a schedule can be used, as DDPMScheduler."):
        known = {name: value for name, value in content.items() if name in names}
        return options_from_json(NoiseSchedule, known)


def _renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors with today's names of the layers of attention."""
    made = {}
    for name, tensor in tensors.items():
        before, layer, kind = ("", *name.rsplit(".", 2))[-3:]
        if "attentions." in before and layer in RENAMED:
            name = f"{before}.{RENAMED[layer]}.{kind}"
        made[name] = tensor
    return made


def _network_of(
    config: Mapping[str, Any],
    file: Path,
    spec: ImageSpec,
    tensors: Mapping[str, Tensor],
    weights: Path,
) -> nn.Module:
    """The network of a configuration with its weights, as diffusers builds it.

    Raises:
        UserError: if diffusers is not installed, or the two do not fit together.
    """
    try:
        kind: Any = importlib.import_module("diffusers").UNet2DModel
    except (ImportError, RuntimeError):
        raise UserError(
            f"{file.parent}: networks of the library diffusers are built by it: "
            "pip install 'reverie[diffusers]'."
        ) from None

    def build() -> nn.Module:
        with _quiet():
            return kind.from_config(dict(config)).eval()

    def tried() -> nn.Module:
        network = build()
        labels = torch.zeros(1, dtype=torch.long) if spec.classes else None
        image = torch.zeros(1, spec.channels, spec.height, spec.width)
        network(image, torch.zeros(1), labels)
        return network

    with in_file(file, "The file is damaged or was edited: copy it again."):
        empty = without_memory(tried)
    with in_file(weights, "The weights are damaged or do not match config.json: copy both again."):
        check_fit(tensors, empty.state_dict())
    with DrawsFrom(torch.Generator().manual_seed(0)):  # overwritten; the default one stays as it is
        network = build()
    network.load_state_dict(dict(tensors))
    return network


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what diffusers logs of a configuration of another version."""
    logger = logging.getLogger("diffusers")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
