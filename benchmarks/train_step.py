"""Images/s of a training step: ours against the same step as a plain textbook loop.

    python benchmarks/train_step.py [--rounds 5] [--steps 60] [--out FILE.json]

Both train the same networks with the same losses on the same images. The textbook loop is the usual
first implementation: fp32, plain Adam, a DataLoader over decoded tensors, generated images reused
from the discriminator's update in the generator's, real and generated images discriminated one
after the other. It has no EMA and writes no log; ours does. The two take turns, and the figures are
medians over the rounds. `waiting_share` is the share of our time that is spent waiting for data.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import reverie
from reverie.core.image_io import to_tensor
from reverie.data import ImageDataset, open_dataset
from reverie.methods import Method
from reverie.methods.presets import recipe_for
from reverie.methods.recipe import Recipe
from reverie.runs.environment import commit, machine, versions
from reverie.runs.model_folder import build_method
from reverie.runs.run import Run

CASES: dict[str, tuple[str, str | None, dict[str, Any]]] = {
    "vae 28": ("vae", "digits-20", {"prior_layers": 0, "hidden": (400,)}),
    "vae convolutional 64": ("vae", None, {"image_size": 64}),
    "gan 28": ("gan", "digits-64", {}),
    "dcgan paper 28": ("dcgan", "paper", {}),
    "dcgan paper 64": ("dcgan", "paper", {"image_size": 64, "batch_size": 64}),
    "dcgan modern 28": ("dcgan", "digits", {}),
    "cgan paper 28": ("cgan", "paper", {}),
    "cgan modern 28": ("cgan", "digits", {}),
}

Step = Callable[[Tensor, Tensor, int], None]


def textbook_vae(method: Any, o: Any) -> Step:
    """A step of Kingma & Welling 2014."""
    optimiser = torch.optim.Adam(method.parameters(), o.learning_rate, (o.beta1, o.beta2))

    def step(images: Tensor, labels: Tensor, number: int) -> None:
        optimiser.zero_grad()
        mean, log_variance = method.encoder(images).chunk(2, dim=1)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        logits = method.decoder(z)
        nll = F.binary_cross_entropy_with_logits(logits, (images + 1) / 2, reduction="sum")
        kl = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        loss = (nll + kl) / len(images)
        loss.backward()
        optimiser.step()
        loss.item()

    return step


def textbook_gan(method: Any, o: Any) -> Step:
    """A step of Goodfellow et al. 2014, or of the relativistic loss with R1 and R2."""
    generator = list(method.generator.parameters())
    if hasattr(method, "embedding"):
        generator += list(method.embedding.parameters())
    betas = (o.beta1, o.beta2)
    optimiser_g = torch.optim.Adam(generator, o.learning_rate, betas)
    optimiser_d = torch.optim.Adam(method.discriminator.parameters(), o.learning_rate, betas)
    criterion = nn.BCEWithLogitsLoss()

    def discriminate(images: Tensor, labels: Tensor) -> Tensor:
        if hasattr(method, "embedding"):
            return method.discriminator(images, labels)
        if hasattr(method, "discriminate"):
            return method.discriminate(images)
        return method.discriminator(images)

    def gradient_penalty(images: Tensor, labels: Tensor) -> Tensor:
        images = images.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(
            discriminate(images, labels).sum(), images, create_graph=True
        )
        return gradient.pow(2).sum((1, 2, 3)).mean()

    def step(images: Tensor, labels: Tensor, number: int) -> None:
        ones, zeros = torch.ones(len(images)), torch.zeros(len(images))
        fake = method.generate(torch.randn(len(images), o.latent_size), labels)
        optimiser_d.zero_grad()
        real_logits, fake_logits = discriminate(images, labels), discriminate(fake.detach(), labels)
        if o.loss == "bce":
            loss_d = criterion(real_logits, ones) + criterion(fake_logits, zeros)
        else:
            loss_d = F.softplus(fake_logits - real_logits).mean()
        if o.r1 and number % o.penalty_every == 0:
            penalty = gradient_penalty(images, labels) + gradient_penalty(fake, labels)
            loss_d = loss_d + 0.5 * o.r1 * o.penalty_every * penalty
        loss_d.backward()
        optimiser_d.step()
        optimiser_g.zero_grad()
        if o.loss == "bce":
            loss_g = criterion(discriminate(fake, labels), ones)
        else:
            loss_g = F.softplus(discriminate(images, labels) - discriminate(fake, labels)).mean()
        loss_g.backward()
        optimiser_g.step()
        _ = loss_d.item(), loss_g.item()

    return step


def endless(dataset: ImageDataset, batch_size: int) -> Iterator[list[Tensor]]:
    """Batches of images and labels, over and over."""
    images = to_tensor(dataset.read(np.arange(len(dataset)))).contiguous()
    assert dataset.labels is not None
    labels = torch.from_numpy(dataset.labels)
    loader = DataLoader(TensorDataset(images, labels), batch_size, shuffle=True, drop_last=True)
    while True:
        yield from loader


def textbook(method: Method, recipe: Recipe, dataset: ImageDataset) -> Callable[[int], float]:
    """A function of a number of textbook steps that takes them and returns images/s."""
    method = method.train()
    make = textbook_vae if recipe.method == "vae" else textbook_gan
    step = make(method, recipe.options)
    batches = endless(dataset, recipe.training.batch_size)

    def run(steps: int) -> float:
        started = time.perf_counter()
        for number in range(steps):
            images, labels = next(batches)
            step(images, labels, number)
        return steps * recipe.training.batch_size / (time.perf_counter() - started)

    return run


def ours(recipe: Recipe, steps: int, precision: str) -> tuple[float, float]:
    """Images/s and the share of waiting over the second half of a run of `2 * steps`."""
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = recipe.flat() | {
            "steps": 2 * steps,
            "epochs": None,
            "minutes": None,
        }
        options |= {"log_every": steps, "sample_every": 10**9, "checkpoint_every": 10**9}
        options["precision"] = precision
        run = reverie.train(recipe.method, out=Path(folder) / "run", **options)
        last = Run(run.folder).read_log()[-1]
    return last["images_per_second"], last["waiting_share"]


def measure(name: str, rounds: int, steps: int) -> dict[str, Any]:
    method, preset, changes = CASES[name]
    recipe = recipe_for(method, preset).with_options(**{"data": "digits"} | changes)
    dataset = open_dataset(recipe.data)
    plain = textbook(build_method(recipe, dataset.spec), recipe, dataset)
    plain(steps // 2)
    speeds: dict[str, list[float]] = {"textbook": [], "fp32": [], "auto": []}
    waiting = []
    for _ in range(rounds):
        speeds["textbook"].append(plain(steps))
        for precision in ("fp32", "auto"):
            speed, share = ours(recipe, steps, precision)
            speeds[precision].append(speed)
            waiting.append(share)
    ratios = [a / b for a, b in zip(speeds["auto"], speeds["textbook"], strict=True)]
    return {
        "case": name,
        "batch_size": recipe.training.batch_size,
        **{f"{k}_images_per_second": round(statistics.median(v)) for k, v in speeds.items()},
        "times_as_fast": round(statistics.median(ratios), 2),
        "waiting_share": round(statistics.median(waiting), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    rows = []
    for name in arguments.cases:
        rows.append(measure(name, arguments.rounds, arguments.steps))
        print(json.dumps(rows[-1]), flush=True)
    result = {"machine": machine(), "commit": commit(), "versions": versions(), "cases": rows}
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
