"""Pictures/s of a training step: ours against the same step as a plain textbook loop.

    python benchmarks/train_step.py [--rounds 5] [--steps 60] [--out FILE.json]

Both train the same networks with the same losses on the same pictures. The textbook loop is what
people write first: fp32, plain Adam, a DataLoader over decoded tensors, a generated picture reused
from one network's update to the other's, real and generated pictures judged one after the other.
It keeps no averaged weights and writes no log; ours does. The two take turns, and the figures are
medians over the rounds. Waiting is the share of our time that is spent waiting for data.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
    "vae 28": ("vae", "digits-20", {}),
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
    generator = list(method.generator.parameters())
    if hasattr(method, "embedding"):
        generator += list(method.embedding.parameters())
    betas = (o.beta1, o.beta2)
    optimiser_g = torch.optim.Adam(generator, o.learning_rate, betas)
    optimiser_d = torch.optim.Adam(method.discriminator.parameters(), o.learning_rate, betas)
    criterion = nn.BCEWithLogitsLoss()

    def judge(images: Tensor, labels: Tensor) -> Tensor:
        if hasattr(method, "embedding"):
            return method.discriminator(images, labels)
        if hasattr(method, "discriminate"):
            return method.discriminate(images)
        return method.discriminator(images)

    def slope(images: Tensor, labels: Tensor) -> Tensor:
        images = images.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(judge(images, labels).sum(), images, create_graph=True)
        return gradient.pow(2).sum((1, 2, 3)).mean()

    def step(images: Tensor, labels: Tensor, number: int) -> None:
        ones, zeros = torch.ones(len(images)), torch.zeros(len(images))
        fake = method.generate(torch.randn(len(images), o.latent_size), labels)
        optimiser_d.zero_grad()
        real_logits, fake_logits = judge(images, labels), judge(fake.detach(), labels)
        if o.loss == "bce":
            loss_d = criterion(real_logits, ones) + criterion(fake_logits, zeros)
        else:
            loss_d = F.softplus(fake_logits - real_logits).mean()
        if o.r1 and number % o.penalty_every == 0:
            penalty = slope(images, labels) + slope(fake, labels)
            loss_d = loss_d + 0.5 * o.r1 * o.penalty_every * penalty
        loss_d.backward()
        optimiser_d.step()
        optimiser_g.zero_grad()
        if o.loss == "bce":
            loss_g = criterion(judge(fake, labels), ones)
        else:
            loss_g = F.softplus(judge(images, labels) - judge(fake, labels)).mean()
        loss_g.backward()
        optimiser_g.step()
        loss_d.item(), loss_g.item()

    return step


def endless(pictures: ImageDataset, batch_size: int) -> Iterator[list[Tensor]]:
    images = to_tensor(pictures.read(torch.arange(len(pictures)).numpy())).contiguous()
    labels = torch.from_numpy(pictures.labels)
    loader = DataLoader(TensorDataset(images, labels), batch_size, shuffle=True, drop_last=True)
    while True:
        yield from loader


def textbook(method: Method, recipe: Recipe, pictures: ImageDataset) -> Callable[[int], float]:
    """A function that makes so many textbook steps and returns pictures/s."""
    method = method.train()
    make = textbook_vae if recipe.method == "vae" else textbook_gan
    step = make(method, recipe.options)
    batches = endless(pictures, recipe.training.batch_size)

    def run(steps: int) -> float:
        started = time.perf_counter()
        for number in range(steps):
            images, labels = next(batches)
            step(images, labels, number)
        return steps * recipe.training.batch_size / (time.perf_counter() - started)

    return run


def ours(recipe: Recipe, steps: int, precision: str) -> tuple[float, float]:
    """Pictures/s and the share of waiting over the second half of a run of `2 * steps`."""
    with tempfile.TemporaryDirectory() as folder:
        options = recipe.flat() | {"steps": 2 * steps, "epochs": None, "minutes": None}
        options |= {"log_every": steps, "sample_every": 10**9, "checkpoint_every": 10**9}
        options["precision"] = precision
        run = reverie.train(recipe.method, out=Path(folder) / "run", **options)
        last = Run(run.folder).read_log()[-1]
    return last["images_per_second"], last["waiting_share"]


def measure(name: str, rounds: int, steps: int) -> dict[str, Any]:
    method, preset, changes = CASES[name]
    recipe = recipe_for(method, preset).with_options(**{"data": "digits"} | changes)
    pictures = open_dataset(recipe.data)
    plain = textbook(build_method(recipe, pictures.spec), recipe, pictures)
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
        **{f"{k}_pictures_per_second": round(statistics.median(v)) for k, v in speeds.items()},
        "times_as_fast": round(statistics.median(ratios), 2),
        "waiting_share": round(statistics.median(waiting), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
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
