"""A trained model, ready to use: what it can do, with seeds and labels as people name them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, overload

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.image_io import convert_channels
from reverie.core.options import Direction
from reverie.core.precision import bf16_is_native
from reverie.core.result import counted
from reverie.core.rng import latents_of_seeds, mix, noise_of_seeds
from reverie.inference.image_forms import Form, converted, fitted
from reverie.inference.latent.vectors import slerp
from reverie.inference.policies import with_policies
from reverie.inference.tiled_upscale import TiledUpscaler
from reverie.inference.tiling import Tile, images_at_once, run_tiled
from reverie.methods import Denoises, Encodes, Method, Samples, Translates, Upscales
from reverie.methods.abilities import class_number
from reverie.methods.capabilities import cycle_labels, require
from reverie.methods.diffusion.sampler_options import Sampling, Start
from reverie.methods.diffusion.samplers import StepCallback
from reverie.methods.superres.networks import Upscaler

BATCH_SIZE = 64
MAX_UNTILED_PIXELS = 2048**2
TILE = 1024


Label = int | str | Sequence[int | str] | None


class Model:
    """A trained model. `method` is the `nn.Module` inside."""

    def __init__(self, name: str, method_name: str, method: Method) -> None:
        self.name = name
        self.method_name = method_name
        self.method = method

    @property
    def class_names(self) -> tuple[str, ...]:
        """What can be asked for by label; empty if the model knows no classes."""
        return self.method.spec.class_names if self.method.conditional else ()

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return next(self.method.parameters()).device

    def to(self, device: str | torch.device) -> "Model":
        """Compute on `device` from now on."""
        self.method.to(device)
        return self

    def sample(
        self,
        count: int = 16,
        *,
        seed: int = 0,
        label: Label = None,
        between: tuple[int, int] | None = None,
        start: Start | None = None,
        callback: StepCallback | None = None,
        steps: int | None = None,
        sampler: str | None = None,
        schedule: str | None = None,
        guidance: float | None = None,
    ) -> Float[Tensor, "count c h w"]:
        """Sample images from noise.

        Picture i depends on seed + i (and its label) alone: not on `count`, not on the device.

        Args:
            count: how many.
            seed: number of the first image.
            label: a class, by number or name, for all images or one for each; by default the
                classes take turns.
            between: two seeds; the images then interpolate from one seed's to the other's.
            start: an image to start from instead of noise (SDEdit); for diffusion models.
            callback: called with each step's number and predicted image; for diffusion models.
            steps: noise levels; for diffusion models, as the three below: see `Sampling`.
            sampler: auto, ddpm, ddim, euler, heun, dpmpp-2m or mean-flow.
            schedule: spacing of the noise levels: auto, karras or uniform.
            guidance: classifier-free guidance scale.

        Returns:
            float32 in [-1, 1] on the CPU.

        Raises:
            UserError: if the model cannot do what is asked, or has no such class.
        """
        require(self.method, Samples, self.name)
        if count < 1:
            raise UserError(f"ask for one image or more, not {count}.")
        labels = self.labels(count, label)
        if between is not None and labels is not None and label is None:
            raise UserError("between two seeds one class is shown: name it with --label.")
        sampling = {
            "steps": steps, "sampler": sampler, "schedule": schedule, "guidance": guidance
        }  # fmt: skip
        extra = self._denoising(sampling, start, callback)
        latents = self._latents(count, seed, between)
        return self._made(latents, labels, range(seed, seed + count), extra)

    def sample_seeds(
        self,
        seeds: Sequence[int],
        labels: Int[Tensor, " n"] | None = None,
        *,
        steps: int | None = None,
        sampler: str | None = None,
        schedule: str | None = None,
        guidance: float | None = None,
    ) -> Float[Tensor, "n c h w"]:
        """Sample images of any seeds: image i is the one that `sample(1, seed=seeds[i])` gives.

        Args:
            seeds: the number of each image.
            labels: the class number of each image; by default the classes take turns.
            steps: see `sample`.
            sampler: see `sample`.
            schedule: see `sample`.
            guidance: see `sample`.

        Raises:
            UserError: if the model cannot do what is asked.
        """
        shape = require(self.method, Samples, self.name).latent_shape
        labels = self.labels(len(seeds)) if labels is None else labels
        sampling = {
            "steps": steps, "sampler": sampler, "schedule": schedule, "guidance": guidance
        }  # fmt: skip
        extra = self._denoising(sampling, None, None)
        return self._made(latents_of_seeds(seeds, shape), labels, seeds, extra)

    def generate(
        self,
        latents: Float[Tensor, "n ..."],
        *,
        label: Label = None,
        steps: int | None = None,
        sampler: str | None = None,
        schedule: str | None = None,
        guidance: float | None = None,
    ) -> Float[Tensor, "n c h w"]:
        """Images of latents, float32 in [-1, 1] on the CPU.

        Args:
            latents: of the shape that the model's noise has.
            label: a class for all, or one for each; by default the first class for all.
            steps: see `sample`.
            sampler: see `sample`.
            schedule: see `sample`.
            guidance: see `sample`.

        Raises:
            UserError: if the model does not generate from latents, or has no such class.
        """
        require(self.method, Samples, self.name)
        labels = self.labels(len(latents), 0 if self.class_names and label is None else label)
        # Steps that add noise add the same to every image, so that interpolations are smooth.
        seeds = [0] * len(latents)
        sampling = {
            "steps": steps, "sampler": sampler, "schedule": schedule, "guidance": guidance
        }  # fmt: skip
        return self._made(latents, labels, seeds, self._denoising(sampling, None, None))

    def _made(
        self, latents: Tensor, labels: Tensor | None, seeds: Sequence[int], extra: dict[str, Any]
    ) -> Tensor:
        assert isinstance(self.method, Samples)
        made = []
        starts = range(0, len(latents), BATCH_SIZE)
        unit = f"batches of {BATCH_SIZE}"
        with torch.inference_mode():
            for first in progress.track(starts, len(starts), "sampling", unit):
                rows = slice(first, first + BATCH_SIZE)
                if extra:
                    shape = self.method.latent_shape
                    extra["noise"] = noise_of_seeds(seeds[rows], shape, self.device)
                some = None if labels is None else labels[rows].to(self.device)
                images = self.method.generate(latents[rows].to(self.device), some, **extra)
                made.append(images.float().cpu())
        return torch.cat(made).contiguous().clamp_(-1, 1)

    def _latents(self, count: int, seed: int, between: tuple[int, int] | None) -> Tensor:
        assert isinstance(self.method, Samples)
        if between is None:
            return latents_of_seeds(range(seed, seed + count), self.method.latent_shape)
        one, other = latents_of_seeds(between, self.method.latent_shape)
        return slerp(one, other, torch.linspace(0, 1, count))

    def _denoising(
        self,
        sampling: dict[str, int | float | str | None],
        start: Start | None,
        callback: StepCallback | None,
    ) -> dict[str, Any]:
        """What `generate` of a diffusion model is told beyond latents and labels."""
        known = {name: value for name, value in sampling.items() if value is not None}
        if not isinstance(self.method, Denoises):
            asked = [*known, *(["start"] if start else []), *(["callback"] if callback else [])]
            if asked:
                raise UserError(
                    f"{asked[0]} is for diffusion models, and {self.name} is a {self.method_name}."
                )
            return {}
        how = replace(Sampling(), **known)  # type: ignore[arg-type]
        if how.guidance != 1.0 and not self.method.conditional:
            raise UserError(f"{self.name} knows no classes, so there is nothing to guide towards.")
        extra: dict[str, Any] = {"sampling": how}
        if start is not None:
            extra["start"] = start.to(self.device)
        if callback is not None:
            extra["callback"] = callback
        return extra

    def encode(
        self, images: Float[Tensor, "b c h w"] | Image.Image | str | Path | np.ndarray | list[Any]
    ) -> Float[Tensor, "b d"]:
        """Latents of images.

        Args:
            images: a tensor in [-1, 1] of the model's size; or an image of Pillow's, a path, an
                array of uint8 [H, W, C], or a list of these, which are cropped and resized to it.

        Raises:
            UserError: if the model has no encoder.
        """
        method = require(self.method, Encodes, self.name)
        if not isinstance(images, Tensor):
            images = fitted(images, self.method.spec)
        with torch.inference_mode():
            return method.encode(images.to(self.device)).float().cpu()

    @overload
    def translate(
        self,
        images: Form,
        direction: Direction = "ab",
        *,
        dropout: bool = False,
        seed: int = 0,
        own_statistics: bool = False,
        tile: int | None = None,
    ) -> Form: ...
    @overload
    def translate(
        self,
        images: str | Path,
        direction: Direction = "ab",
        *,
        dropout: bool = False,
        seed: int = 0,
        own_statistics: bool = False,
        tile: int | None = None,
    ) -> Image.Image: ...

    def translate(
        self,
        images: Any,
        direction: Direction = "ab",
        *,
        dropout: bool = False,
        seed: int = 0,
        own_statistics: bool = False,
        tile: int | None = None,
    ) -> Any:
        """Translate images to the other domain; any size, which is kept.

        Args:
            images: a tensor [B, C, H, W] in [-1, 1]; or an image of Pillow's, a path, an array
                of uint8 [H, W, C], or a list of these, which are given back as they came (a path
                as an image); grey is made colour where the model knows colour.
            direction: `ab`, or `ba` where the model translates both ways.
            dropout: leave features out as in training, which the original pix2pix does for
                variety.
            seed: decides which; the same for each image, whatever the others are.
            own_statistics: batch norms take mean and variance from each image, as the original
                pix2pix does, instead of those averaged over training.
            tile: side of the tiles that are worked on one after the other; by default images of
                more than four megapixels are, where the network allows.

        Raises:
            UserError: if the model does not translate, or not in this direction.
        """
        method = require(self.method, Translates, self.name)
        if direction not in method.directions:
            known = " and ".join(method.directions)
            raise UserError(f"{self.name} translates {known}, not {direction!r}.")
        if not isinstance(images, Tensor):
            options = {"dropout": dropout, "seed": seed, "tile": tile}
            options |= {"own_statistics": own_statistics}
            return converted(images, lambda one: self.translate(one, direction, **options))
        channels = self.method.spec.channels
        if images.shape[1] != channels:
            images = convert_channels(images, channels)
        generator = torch.Generator(self.device) if dropout else None
        network = with_policies(method.translator(direction), generator, own_statistics)
        made = []
        alone = dropout or own_statistics or tile is not None
        for some in images.split(1 if alone else images_at_once(images.shape)):
            if generator is not None:
                generator.manual_seed(mix(seed))
            large = some.shape[-1] * some.shape[-2] > MAX_UNTILED_PIXELS
            side = tile or (TILE if large else None)
            made.append(run_tiled(network, some.to(self.device), side).float().cpu())
        return torch.cat(made).clamp_(-1, 1)

    def tiled_upscaler(self, tile: int | None = None, precision: str = "auto") -> TiledUpscaler:
        """The upscaling network, ready for images of any size.

        Args:
            tile: side of the tiles; by default what fits into memory.
            precision: fp32, bf16, or auto, which takes bf16 where the machine has it natively.

        Raises:
            UserError: if the model does not upscale.
        """
        method = require(self.method, Upscales, self.name)
        low = precision == "bf16" or (precision == "auto" and bf16_is_native(self.device.type))
        network = cast(Upscaler, method.upscaler)
        return TiledUpscaler(network, torch.bfloat16 if low else torch.float32, tile)

    @overload
    def upscale(
        self, images: Form, *, tile: int | None = None, precision: str = "auto"
    ) -> Form: ...
    @overload
    def upscale(
        self, images: str | Path, *, tile: int | None = None, precision: str = "auto"
    ) -> Image.Image: ...

    def upscale(self, images: Any, *, tile: int | None = None, precision: str = "auto") -> Any:
        """Upscale images by the model's scale factor.

        Args:
            images: any size; a tensor [B, C, H, W] in [-1, 1], or any other form that `translate`
                takes; grey is made colour where the model knows colour.
            tile: see `tiled_upscaler`.
            precision: see `tiled_upscaler`.

        Raises:
            UserError: if the model does not upscale.
        """
        tiled_upscaler = self.tiled_upscaler(tile, precision)
        if not isinstance(images, Tensor):
            how = {"tile": tile, "precision": precision}
            return converted(images, lambda one: self.upscale(one, **how))
        scale, channels = tiled_upscaler.network.scale, tiled_upscaler.network.channels
        if images.shape[1] != channels:
            images = convert_channels(images, channels)
        count, _, height, width = images.shape

        def whole(image: Tensor) -> Tensor:
            def read(part: Tile) -> Tensor:
                return part.of(image).to(self.device)

            return tiled_upscaler.whole(height, width, read)

        if count == 1:
            return whole(images)
        made = torch.empty(count, channels, height * scale, width * scale)
        for image, place in zip(images.split(1), made.split(1), strict=True):
            place.copy_(whole(image))
        return made

    def labels(self, count: int, label: Label = None) -> Int[Tensor, " count"] | None:
        """Class numbers of `count` images as `sample` would generate them."""
        names = self.class_names
        if label is None:
            return cycle_labels(count, len(names)) if names else None
        chosen = [label] if isinstance(label, int | str) else list(label)
        if len(chosen) not in (1, count):
            raise UserError(f"{len(chosen)} labels for {counted(count, 'image')}: give one or all.")
        numbers = [class_number(self.name, one, names) for one in chosen]
        return torch.tensor(numbers if len(numbers) == count else numbers * count)
