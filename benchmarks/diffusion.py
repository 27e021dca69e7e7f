"""Diffusion beside denoising-diffusion-pytorch and diffusers: same machine, data and minutes.

    pip install --no-deps denoising-diffusion-pytorch ema-pytorch diffusers
    pip install einops tqdm requests regex
    python benchmarks/diffusion.py [--minutes 3] [--rounds 3] [--steps 6] [--out FILE.json]

Speed: training steps/s of batches of 64 at 32×32×1 and equal parameter counts; all take turns, and
the figures are medians over the rounds. The packages run as in their own examples, in fp32, and
again in bf16, which separates the effect of the precision. A package that is not installed is
skipped.

Quality: trained for the same minutes, without labels, on the 8,000 training digits (padded to
32×32 for the packages, whose samples are cropped). The Fréchet distance is that of `--count`
samples to the 2,000 test digits in the features of the digit classifier, beside the images/s of
the sampler.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reverie
from reverie.core.image_io import save_sheet, to_tensor
from reverie.data import Batches, DataOptions, open_dataset
from reverie.evaluation.metrics.digits import digit_features
from reverie.evaluation.metrics.frechet import Moments, frechet_distance
from reverie.runs.environment import commit, machine, versions
from reverie.runs.run import Run

BATCH_SIZE = 64
EQUAL_SIZE = {"width": 64, "multipliers": (1, 2), "conditional": False}  # 2.6 million, as theirs
OUR_SAMPLERS = [("heun", 12), ("heun", 6), ("dpmpp-2m", 12), ("dpmpp-2m", 8), ("ddpm", 12)]

Sampler = Callable[[int], Tensor]
"""From a count to that many images [N, 1, 28, 28] in [-1, 1]."""


class Package:
    """A package's network, its training step and its samplers."""

    name: str
    requires: tuple[str, ...]
    """Names of the modules to import."""
    network: nn.Module
    optimiser: torch.optim.Optimizer

    def loss(self, images: Tensor) -> Tensor:
        """Training loss of images in [-1, 1]."""
        raise NotImplementedError

    def samplers(self) -> dict[str, Sampler]:
        """Samplers by name."""
        raise NotImplementedError

    def after_step(self) -> None:
        """The rest of a step in the package's own loop, such as its EMA."""

    def step(self, images: Tensor, precision: str) -> None:
        """One update in `precision`, fp32 or bf16."""
        context = torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext()
        with context:
            loss = self.loss(images)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)  # both packages' loops clip
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.after_step()


def stub_modules(*names: str) -> None:
    """Empty modules in place of imports that these calls do not use."""
    for name in names:
        module = sys.modules[name] = types.ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)


class DenoisingDiffusion(Package):
    """denoising-diffusion-pytorch as in its Trainer: pred_v, Adam 1e-4, EMA each 10 steps."""

    name = "denoising-diffusion-pytorch"
    requires = ("denoising_diffusion_pytorch", "ema_pytorch")

    def __init__(self) -> None:
        stub_modules("torchvision", "torchvision.transforms", "torchvision.utils")
        stub_modules("pytorch_fid", "pytorch_fid.inception", "pytorch_fid.fid_score")
        sys.modules["pytorch_fid.inception"].InceptionV3 = None  # type: ignore[attr-defined]
        sys.modules["pytorch_fid.fid_score"].calculate_frechet_distance = None  # type: ignore[attr-defined]
        from denoising_diffusion_pytorch import GaussianDiffusion, Unet
        from ema_pytorch import EMA

        self.network = Unet(dim=32, dim_mults=(1, 2, 4), channels=1)
        self.diffusion = GaussianDiffusion(self.network, image_size=32, sampling_timesteps=50)
        self.optimiser = torch.optim.Adam(self.network.parameters(), 1e-4, (0.9, 0.99))
        self.ema = EMA(self.diffusion, beta=0.995, update_every=10)

    def loss(self, images: Tensor) -> Tensor:
        return self.diffusion((images + 1) / 2)

    def after_step(self) -> None:
        self.ema.update()

    def samplers(self) -> dict[str, Sampler]:
        return {"ddim 50": lambda count: crop(self.ema.ema_model.sample(count) * 2 - 1)}


class Diffusers(Package):
    """diffusers' UNet2DModel as in its tutorial: DDPMScheduler, AdamW 1e-4."""

    name = "diffusers"
    requires = ("diffusers",)

    def __init__(self) -> None:
        from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel

        self.network = UNet2DModel(
            sample_size=32,
            in_channels=1,
            out_channels=1,
            block_out_channels=(32, 64, 128),
            layers_per_block=1,
            norm_num_groups=16,
            down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        )
        self.optimiser = torch.optim.AdamW(self.network.parameters(), 1e-4)
        self.schedulers = {"ddim": DDIMScheduler(), "ddpm": DDPMScheduler()}

    def loss(self, images: Tensor) -> Tensor:
        noise = torch.randn_like(images)
        t = torch.randint(0, 1000, (len(images),))
        noisy = self.schedulers["ddpm"].add_noise(images, noise, t)
        return F.mse_loss(self.network(noisy, t).sample, noise)

    def samplers(self) -> dict[str, Sampler]:
        def sampler(name: str) -> Sampler:
            return lambda count: self.sample(name, 50, count)

        return {f"{name} 50": sampler(name) for name in self.schedulers}

    @torch.inference_mode()
    def sample(self, name: str, steps: int, count: int) -> Tensor:
        scheduler = self.schedulers[name]
        scheduler.set_timesteps(steps)
        x = torch.randn(count, 1, 32, 32)
        for t in scheduler.timesteps:
            x = scheduler.step(self.network(x, t).sample, t, x).prev_sample
        return crop(x)


def crop(images: Tensor) -> Tensor:
    """The central 28×28 pixels, clamped to [-1, 1]."""
    return images[..., 2:-2, 2:-2].clamp(-1, 1)


def batches() -> Iterator[Tensor]:
    """Endless batches of the training digits, padded to 32×32 with black."""
    source = Batches(open_dataset(DataOptions(data="digits")), BATCH_SIZE, 0)
    for batch in source.stream(0, ahead=False):
        yield F.pad(batch.images, (2, 2, 2, 2), value=-1.0).contiguous()


def our_speed(steps: int, precision: Literal["fp32", "auto"]) -> float:
    """Steps/s over the second half of a run, EMA and log included."""
    with tempfile.TemporaryDirectory() as folder:
        run = reverie.train(
            "diffusion", preset="digits", out=Path(folder) / "run", **EQUAL_SIZE, image_size=32,
            steps=2 * steps, log_every=steps, sample_every=10**9, precision=precision,
        )  # fmt: skip
        return Run(run.folder).read_log()[-1]["images_per_second"] / BATCH_SIZE


def speeds(packages: list[Package], rounds: int, steps: int) -> dict[str, Any]:
    """Median steps/s of each, and the ratios of ours to the packages'."""
    images = next(batches())
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for package in packages:
            for precision in ("fp32", "bf16"):
                package.step(images, precision)
                started = time.perf_counter()
                for _ in range(steps):
                    package.step(images, precision)
                speed = steps / (time.perf_counter() - started)
                found.setdefault(f"{package.name} {precision}", []).append(speed)
        for precision in ("fp32", "auto"):
            found.setdefault(f"ours {precision}", []).append(our_speed(4 * steps, precision))
    medians = {name: statistics.median(values) for name, values in found.items()}
    ratios = {
        name: statistics.median(a / b for a, b in zip(found["ours auto"], values, strict=True))
        for name, values in found.items()
        if not name.startswith("ours")
    }
    return {
        "steps_per_second": {k: round(v, 3) for k, v in medians.items()},
        "ours_times_as_fast_as": {k: round(v, 2) for k, v in ratios.items()},
    }


def evaluate(name: str, sampler: Sampler, count: int, real: Moments, sheets: Path | None) -> dict:
    """Fréchet distance of `count` samples, and images/s of the sampler."""
    started = time.perf_counter()
    images = torch.cat([sampler(min(64, count - n)) for n in range(0, count, 64)])
    speed = count / (time.perf_counter() - started)
    if sheets:
        save_sheet(images[:64], sheets / f"{name.replace(' ', '-')}.png")
    distance = frechet_distance(Moments.of(digit_features(images)), real)
    return {
        "sampler": name,
        f"frechet_distance[digits, {count}, test]": round(distance, 3),
        "images_per_second": round(speed, 2),
    }


def quality(package: Package, minutes: float, count: int, real: Moments, sheets: Path | None):
    """Train for `minutes` in fp32, then evaluate each sampler."""
    source, steps, started = batches(), 0, time.monotonic()
    while time.monotonic() - started < 60 * minutes:
        package.step(next(source), "fp32")
        steps += 1
        if steps % 20 == 0:
            print(f"{package.name}: step {steps}", file=sys.stderr, flush=True)
    for name, sampler in package.samplers().items():
        row = evaluate(f"{package.name} {name}", sampler, count, real, sheets) | {"steps": steps}
        print(json.dumps(row), flush=True)
        yield row


def our_quality(minutes: float, count: int, real: Moments, sheets: Path | None):
    """The same figures of the digits preset, without labels."""
    with tempfile.TemporaryDirectory() as folder:
        run = reverie.train(
            "diffusion", preset="digits", out=Path(folder) / "run", conditional=False,
            minutes=minutes,
        )  # fmt: skip
        model = run.load()
    for sampler, number in OUR_SAMPLERS:
        seeds = iter(range(0, 10**6, 64))

        def sample(n: int, sampler: str = sampler, number: int = number, seeds=seeds) -> Tensor:
            return model.sample(n, seed=next(seeds), sampler=sampler, steps=number)

        row = evaluate(f"ours {sampler} {number}", sample, count, real, sheets)
        row |= {"steps": run.steps}
        print(json.dumps(row), flush=True)
        yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--sheets", type=Path, default=None, help="keep samples in this folder")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    kinds = []
    for kind in (DenoisingDiffusion, Diffusers):
        if all(map(importlib.util.find_spec, kind.requires)):
            kinds.append(kind)
        else:
            print(f"{kind.name} is not installed and skipped", file=sys.stderr)
    packages = [kind() for kind in kinds]
    result: dict[str, Any] = {
        "machine": machine(),
        "commit": commit(),
        "versions": versions(),
        "parameters": {p.name: sum(x.numel() for x in p.network.parameters()) for p in packages},
    }
    if arguments.rounds:
        result |= speeds(packages, arguments.rounds, arguments.steps)
        print(json.dumps(result), flush=True)
    if arguments.minutes:
        test = open_dataset(DataOptions(data="digits", split="test"))
        real = Moments.of(digit_features(to_tensor(test.read(torch.arange(len(test)).numpy()))))
        how = arguments.minutes, arguments.count, real, arguments.sheets
        result["quality"] = list(our_quality(*how))
        for kind in kinds:
            result["quality"] += quality(kind(), *how)
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
