"""Our diffusion beside denoising-diffusion-pytorch and diffusers: same machine, data and minutes.

    pip install --no-deps denoising-diffusion-pytorch ema-pytorch diffusers
    pip install einops tqdm requests regex
    python benchmarks/diffusion.py [--minutes 3] [--rounds 3] [--steps 6] [--out FILE.json]

Speed: training steps/s of batches of 64 at 32×32×1 and equal parameter counts; all take turns, and
the figures are medians over the rounds. The packages run as their own examples do, in fp32, and
once more under bf16, so that the arithmetic can be told from the rest.

Quality: trained for the same minutes, without labels, on the 8,000 training digits (theirs padded
to 32×32 and cut back). The distance is that of so many samples to the 2,000 test digits in the
features of the digit classifier, beside the pictures/s of the sampler that made them.
"""

import argparse
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
from typing import Any

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
"""From a count to that many pictures of 28×28 in [-1, 1]."""


class Package:
    """A package's network, its training step and its samplers."""

    name: str
    network: nn.Module
    optimiser: torch.optim.Optimizer

    def loss(self, images: Tensor) -> Tensor:
        """The loss of pictures in [-1, 1]."""
        raise NotImplementedError

    def samplers(self) -> dict[str, Sampler]:
        raise NotImplementedError

    def after_step(self) -> None:
        """What the package's own loop does after a step."""

    def step(self, images: Tensor, precision: str) -> None:
        context = torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext()
        with context:
            loss = self.loss(images)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)  # both packages' loops clip
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.after_step()


def stand_in(*names: str) -> None:
    """Empty modules for what a package imports and these calls never use."""
    for name in names:
        module = sys.modules[name] = types.ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)


class DenoisingDiffusion(Package):
    """denoising-diffusion-pytorch as its Trainer runs it: pred_v, Adam 1e-4, EMA each 10 steps."""

    name = "denoising-diffusion-pytorch"

    def __init__(self) -> None:
        stand_in("torchvision", "torchvision.transforms", "torchvision.utils")
        stand_in("pytorch_fid", "pytorch_fid.inception", "pytorch_fid.fid_score")
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
        return {"ddim 50": lambda count: cut(self.ema.ema_model.sample(count) * 2 - 1)}


class Diffusers(Package):
    """diffusers' UNet2DModel trained as its tutorial does: DDPMScheduler, AdamW 1e-4."""

    name = "diffusers"

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
        return cut(x)


def cut(pictures: Tensor) -> Tensor:
    return pictures[..., 2:-2, 2:-2].clamp(-1, 1)


def batches() -> Iterator[Tensor]:
    """The training digits, padded to 32×32 with their black ground."""
    source = Batches(open_dataset(DataOptions(data="digits")), BATCH_SIZE, 0)
    for batch in source.stream(0, ahead=False):
        yield F.pad(batch.images, (2, 2, 2, 2), value=-1.0).contiguous()


def our_speed(steps: int, precision: str) -> float:
    """Steps/s over the second half of a run, with averaged weights and a log as always."""
    with tempfile.TemporaryDirectory() as folder:
        run = reverie.train(
            "diffusion", preset="digits", out=Path(folder) / "run", **EQUAL_SIZE, image_size=32,
            steps=2 * steps, log_every=steps, sample_every=10**9, precision=precision,
        )  # fmt: skip
        return Run(run.folder).read_log()[-1]["images_per_second"] / BATCH_SIZE


def speeds(packages: list[Package], rounds: int, steps: int) -> dict[str, Any]:
    """Median steps/s of each, and how many times as fast ours is."""
    images = next(batches())
    said: dict[str, list[float]] = {}
    for _ in range(rounds):
        for package in packages:
            for precision in ("fp32", "bf16"):
                package.step(images, precision)
                started = time.perf_counter()
                for _ in range(steps):
                    package.step(images, precision)
                speed = steps / (time.perf_counter() - started)
                said.setdefault(f"{package.name} {precision}", []).append(speed)
        for precision in ("fp32", "auto"):
            said.setdefault(f"ours {precision}", []).append(our_speed(4 * steps, precision))
    medians = {name: statistics.median(values) for name, values in said.items()}
    ratios = {
        name: statistics.median(a / b for a, b in zip(said["ours auto"], values, strict=True))
        for name, values in said.items()
        if not name.startswith("ours")
    }
    return {
        "steps_per_second": {k: round(v, 3) for k, v in medians.items()},
        "ours_times_as_fast_as": {k: round(v, 2) for k, v in ratios.items()},
    }


def judged(name: str, sampler: Sampler, count: int, real: Moments, sheets: Path | None) -> dict:
    """The distance of `count` samples and how fast they came."""
    started = time.perf_counter()
    pictures = torch.cat([sampler(min(64, count - n)) for n in range(0, count, 64)])
    speed = count / (time.perf_counter() - started)
    if sheets:
        save_sheet(pictures[:64], sheets / f"{name.replace(' ', '-')}.png")
    distance = frechet_distance(Moments.of(digit_features(pictures)), real)
    return {
        "sampler": name,
        f"frechet_distance[digits, {count}, test]": round(distance, 3),
        "pictures_per_second": round(speed, 2),
    }


def quality(package: Package, minutes: float, count: int, real: Moments, sheets: Path | None):
    """Train for so many minutes in fp32, then judge each sampler."""
    source, steps, started = batches(), 0, time.monotonic()
    while time.monotonic() - started < 60 * minutes:
        package.step(next(source), "fp32")
        steps += 1
        if steps % 20 == 0:
            print(f"{package.name}: step {steps}", file=sys.stderr, flush=True)
    for name, sampler in package.samplers().items():
        said = judged(f"{package.name} {name}", sampler, count, real, sheets)
        print(json.dumps(said | {"steps": steps}), flush=True)
        yield said | {"steps": steps}


def our_quality(minutes: float, count: int, real: Moments, sheets: Path | None):
    """The digits preset, without labels."""
    with tempfile.TemporaryDirectory() as folder:
        run = reverie.train(
            "diffusion", preset="digits", out=Path(folder) / "run", conditional=False,
            minutes=minutes,
        )  # fmt: skip
        model = run.load()
    for sampler, number in OUR_SAMPLERS:
        seeds = iter(range(0, 10**6, 64))

        def sample(some: int, sampler: str = sampler, number: int = number, seeds=seeds) -> Tensor:
            return model.sample(some, seed=next(seeds), sampler=sampler, steps=number)

        said = judged(f"ours {sampler} {number}", sample, count, real, sheets)
        print(json.dumps(said | {"steps": run.steps}), flush=True)
        yield said | {"steps": run.steps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--sheets", type=Path, default=None, help="keep samples in this folder")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    kinds = [DenoisingDiffusion, Diffusers]
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
