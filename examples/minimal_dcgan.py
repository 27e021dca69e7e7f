"""A DCGAN of handwritten digits in one minute on two cores, with its training loop written out.

Two networks train against each other: the generator turns noise into images, the discriminator
tells real images from generated ones. The networks are DCGAN's (Radford et al. 2015) without batch
norm in the discriminator; the losses are the non-saturating ones of Goodfellow et al. 2014 and the
R1 penalty of Mescheder et al. 2018.
"""

import argparse
import copy
import time
from pathlib import Path

import torch

from reverie.core.image_io import save_sheet
from reverie.data import Batches, DataOptions, open_dataset
from reverie.methods.gan.networks import Discriminator, Generator
from reverie.nn.adversarial import ADVERSARIAL, gradient_penalty, lazy_regularization

LATENT_SIZE, WIDTH, BATCH_SIZE = 16, 16, 32
LEARNING_RATE, BETAS = 2e-3, (0.5, 0.99)
GAMMA, PENALTY_EVERY = 0.02, 8

parser = argparse.ArgumentParser(description="A DCGAN of handwritten digits.")
parser.add_argument("--seconds", type=float, default=50.0, help="train for so long")
parser.add_argument("--steps", type=int, help="train for so many steps instead")
parser.add_argument("--out", type=Path, default=Path("minimal-dcgan.png"), help="the sheet")
args = parser.parse_args()

torch.manual_seed(0)
dataset = open_dataset(DataOptions(data="digits"))
batches = Batches(dataset, BATCH_SIZE, seed=0)
channels, size = dataset.spec.channels, dataset.spec.image_size
generator = Generator(LATENT_SIZE, channels, size, WIDTH)
discriminator = Discriminator(channels, size, WIDTH, norm="none")
# The generator circles around the equilibrium; an exponential moving average (EMA) of its weights
# does not, and makes the samples.
ema = copy.deepcopy(generator).requires_grad_(False)
optimizer_g = torch.optim.Adam(generator.parameters(), LEARNING_RATE, BETAS, fused=True)
optimizer_d = torch.optim.Adam(discriminator.parameters(), LEARNING_RATE, BETAS, fused=True)
losses = ADVERSARIAL["bce"]

started, printed, step, share = time.monotonic(), 0.0, 0, 0.0
while share < 1:
    real = batches.read(step).images
    # The learning rate is constant for one half, then falls to 0: small steps finish the digits.
    for group in optimizer_g.param_groups + optimizer_d.param_groups:
        group["lr"] = LEARNING_RATE * min(1.0, 2 * (1 - share))

    # The discriminator minimises -E[log σ(D(x))] - E[log(1 - σ(D(G(z))))], where D gives logits
    # and σ is the sigmoid: equation 1 of Goodfellow et al. with its sign changed.
    discriminator.requires_grad_(True)
    with torch.no_grad():
        fake = generator(torch.randn(BATCH_SIZE, LATENT_SIZE))
    loss_d = losses.discriminator(discriminator(real), discriminator(fake))
    # R1 is γ/2 E[‖∇D(x)‖²] on real images (equation 9 of Mescheder et al.); without it the two
    # need not converge. It costs a second backward pass: every 8th step, 8 times as strong.
    if step % PENALTY_EVERY == 0:
        r1 = gradient_penalty(discriminator, real)
        loss_d = loss_d + lazy_regularization(r1, GAMMA, PENALTY_EVERY)
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()

    # The generator minimises -E[log σ(D(G(z)))] (section 3): unlike E[log(1 - σ(D(G(z))))] it has
    # a gradient where the discriminator is sure. The discriminator's weights need none here.
    discriminator.requires_grad_(False)
    fake_logits = discriminator(generator(torch.randn(BATCH_SIZE, LATENT_SIZE)))
    loss_g = losses.generator(fake_logits, fake_logits)
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()

    # The average is short at first, or the untrained weights would stay in it.
    decay = min(0.999, (1 + step) / (10 + step))
    for slow, fast in zip(ema.state_dict().values(), generator.state_dict().values(), strict=True):
        if slow.is_floating_point():  # weights and batch norm's statistics, but not its counter
            slow.lerp_(fast, 1 - decay)

    step, seconds = step + 1, time.monotonic() - started
    share = step / args.steps if args.steps else seconds / args.seconds
    if share >= 1 or seconds - printed > 5:
        printed, left = seconds, max(0.0, seconds / share - seconds)
        print(f"step {step:,}: discriminator {loss_d:.3f}, generator {loss_g:.3f}", end="")
        print(f", {step / seconds:.0f} steps/s, {left:.0f} s left")

save_sheet(ema.eval()(torch.randn(100, LATENT_SIZE)), args.out, columns=10)
print(f"100 samples: {args.out}")
