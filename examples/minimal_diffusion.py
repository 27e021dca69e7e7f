"""Diffusion of handwritten digits in one minute on two cores, with its training loop written out.

Rectified flow (Liu et al. 2022): a straight line leads from each image to noise, and a U-Net learns
the velocity at any point of it. Sampling follows the velocity back from noise to an image.
"""

import argparse
import copy
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from reverie.core.image_io import save_sheet
from reverie.core.precision import bf16_is_native
from reverie.data import Batches, DataOptions, open_dataset
from reverie.methods.diffusion.samplers import karras_sigmas, sample_dpmpp_2m
from reverie.methods.diffusion.unet import NoiseEmbedding, UNet

WIDTH, CONDITION_SIZE, BATCH_SIZE = 32, 128, 32
LEARNING_RATE, BETAS, SAMPLING_STEPS, GUIDANCE = 2e-3, (0.9, 0.99), 15, 2.0

parser = argparse.ArgumentParser(description="Diffusion of handwritten digits.")
parser.add_argument("--seconds", type=float, default=50.0, help="train for so long")
parser.add_argument("--steps", type=int, help="train for so many steps instead")
parser.add_argument("--out", type=Path, default=Path("minimal-diffusion.png"), help="the sheet")
args = parser.parse_args()


class Velocity(nn.Module):
    """The velocity at x_t, given the time t and the label, or `classes` for no label."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.time = NoiseEmbedding(CONDITION_SIZE)
        self.label = nn.Embedding(classes + 1, CONDITION_SIZE)
        # patch=2 folds 2×2 pixels into channels first: a quarter of the positions to compute.
        self.unet = UNet(channels, WIDTH, (1, 1), 1, (), CONDITION_SIZE, dropout=0.0, patch=2)

    def forward(self, x_t: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        return self.unet(x_t, self.time(4 * t) + self.label(labels))


torch.manual_seed(0)
dataset = open_dataset(DataOptions(data="digits"))
batches = Batches(dataset, BATCH_SIZE, seed=0)
channels, size, no_label = dataset.spec.channels, dataset.spec.image_size, dataset.spec.classes
network = Velocity(channels, no_label)
# Samples come from an exponential moving average (EMA) of the weights: single steps are noisy.
ema = copy.deepcopy(network).requires_grad_(False)
optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE, BETAS, fused=True)

started, printed, step, share = time.monotonic(), 0.0, 0, 0.0
while share < 1:
    batch = batches.read(step)
    # The learning rate is constant for one half, then falls to 0: small steps finish the digits.
    optimizer.param_groups[0]["lr"] = LEARNING_RATE * min(1.0, 2 * (1 - share))

    # x_t = (1 - t) x_0 + t ε has the velocity dx_t/dt = ε - x_0, which the network predicts from
    # x_t: equation 1 of Liu et al., whose time runs the other way. A logit-normal t (Esser et al.
    # 2024, section 3.1) is most often near the middle, where the prediction is hardest.
    x_0, noise = batch.images, torch.randn_like(batch.images)
    t = torch.randn(len(x_0)).sigmoid()
    x_t = torch.lerp(x_0, noise, t[:, None, None, None])
    labels = torch.where(torch.rand(len(x_0)) < 0.1, no_label, batch.labels)  # for guidance
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16_is_native("cpu")):
        velocity = network(x_t, t, labels)
    loss = (velocity - (noise - x_0)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

    decay = min(0.999, (1 + step) / (10 + step))  # low at first, to forget the untrained weights
    for slow, fast in zip(ema.parameters(), network.parameters(), strict=True):
        slow.lerp_(fast.detach(), 1 - decay)

    step, seconds = step + 1, time.monotonic() - started
    share = step / args.steps if args.steps else seconds / args.seconds
    if share >= 1 or seconds - printed > 5:
        printed, left = seconds, max(0.0, seconds / share - seconds)
        print(f"step {step:,}: loss {loss:.3f}, {step / seconds:.0f} steps/s, {left:.0f} s left")


def denoise(x: Tensor, sigma: float) -> Tensor:
    """The expected x_0 of x = x_0 + σ ε, which all samplers of the library work on."""
    t = sigma / (1 + sigma)  # so that (1 - t) x = (1 - t) x_0 + t ε = x_t
    x_t, times = ((1 - t) * x).float(), torch.full((len(x),), t)
    # Classifier-free guidance (Ho & Salimans 2021): go beyond what the label alone changes.
    free = ema(x_t, times, torch.full_like(labels, no_label))
    velocity = free + GUIDANCE * (ema(x_t, times, labels) - free)
    return x_t - t * velocity  # x_t - t (ε - x_0) = x_0


labels = torch.arange(100) % 10  # a column for each digit
sigmas = karras_sigmas(SAMPLING_STEPS)
x = sigmas[0] * torch.randn(100, channels, size, size)
save_sheet(sample_dpmpp_2m(denoise, x, sigmas), args.out, columns=10)
print(f"100 samples: {args.out}")
