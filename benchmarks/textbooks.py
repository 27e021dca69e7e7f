"""Training steps as textbooks write them: what `train_step.py` compares ours with.

    python benchmarks/textbooks.py

lists them. A textbook step is the usual first implementation: eager, fp32, contiguous memory, plain
Adam; images generated once and reused from the discriminator's update in the generator's, real and
generated images discriminated one after the other; no EMA. `Style` says what is changed about it:
autocast, or channels-last memory with fused Adam, both of which take a line or two. CycleGAN's and
pix2pix's steps are those of `tests/reference/textbook.py`, which give the losses and gradients of
ours.
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.data import Batch, ImageSpec
from reverie.methods.diffusion.unet import NoiseEmbedding, UNet
from reverie.methods.recipe import Recipe
from reverie.methods.superres.degradation import downscale
from reverie.nn.backbones import find_backbone
from reverie.nn.perceptual import content_difference
from reverie.runs.model_folder import build_method

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.reference import textbook

LEVELS = 1000
"""Noise levels of Ho et al. 2020."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """What is changed about a textbook step."""

    autocast: bool = False
    """Compute losses in bfloat16 where PyTorch's autocast does."""
    channels_last: bool = False
    """Channels-last memory, and fused Adam."""

    def context(self) -> AbstractContextManager[Any]:
        """Of each loss."""
        return torch.autocast("cpu", torch.bfloat16) if self.autocast else nullcontext()


STYLES = {
    "textbook": Style(),
    "textbook, autocast": Style(autocast=True),
    "textbook, channels last": Style(channels_last=True),
    "textbook, channels last + autocast": Style(autocast=True, channels_last=True),
}


@dataclass
class Step:
    """A training step: its networks and optimizers, and `run`, which takes it."""

    run: Callable[[], object]
    networks: list[nn.Module]
    optimizers: list[torch.optim.Optimizer] = field(default_factory=list)

    def in_style(self, style: Style) -> "Step":
        """The same, with the memory format and optimizer of the style."""
        chosen = torch.channels_last if style.channels_last else torch.contiguous_format
        for network in self.networks:
            network.to(memory_format=chosen)  # type: ignore[call-overload]
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["fused"] = style.channels_last
        return self


def _adam(networks: list[nn.Module], o: Any) -> torch.optim.Adam:
    parameters = [p for network in networks for p in network.parameters()]
    return torch.optim.Adam(parameters, o.learning_rate, (o.beta1, o.beta2))


def vae(recipe: Recipe, spec: ImageSpec, batch: Batch, style: Style) -> Step:
    """Kingma & Welling 2014."""
    method: Any = build_method(recipe, spec).train()
    optimizer = _adam([method], recipe.options)
    images = batch.images

    def run() -> None:
        optimizer.zero_grad()
        with style.context():
            mean, log_variance = method.encoder(images).chunk(2, dim=1)
            z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            logits = method.decoder(z)
            nll = F.binary_cross_entropy_with_logits(
                logits.float(), (images + 1) / 2, reduction="sum"
            )
            kl = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
            loss = (nll + kl) / len(images)
        loss.backward()
        optimizer.step()
        loss.item()

    return Step(run, [method], [optimizer])


def gan(recipe: Recipe, spec: ImageSpec, batch: Batch, style: Style) -> Step:
    """Goodfellow et al. 2014, or the relativistic loss with R1 and R2."""
    method: Any = build_method(recipe, spec).train()
    o: Any = recipe.options
    images, labels = batch.images, batch.labels
    embedding = [method.embedding] if hasattr(method, "embedding") else []
    optimizer_g = _adam([method.generator, *embedding], o)
    optimizer_d = _adam([method.discriminator], o)
    criterion, numbers = nn.BCEWithLogitsLoss(), iter(range(10**9))

    def discriminate(images: Tensor) -> Tensor:
        if embedding:
            return method.discriminator(images, labels).float()
        if hasattr(method, "discriminate"):
            return method.discriminate(images).float()
        return method.discriminator(images).float()

    def gradient_penalty(images: Tensor) -> Tensor:
        images = images.detach().float().requires_grad_()
        (gradient,) = torch.autograd.grad(discriminate(images).sum(), images, create_graph=True)
        return gradient.pow(2).sum((1, 2, 3)).mean()

    def run() -> None:
        ones, zeros = torch.ones(len(images)), torch.zeros(len(images))
        optimizer_d.zero_grad()
        with style.context():
            fake = method.generate(torch.randn(len(images), o.latent_size), labels)
            real_logits, fake_logits = discriminate(images), discriminate(fake.detach())
            if o.loss == "bce":
                loss_d = criterion(real_logits, ones) + criterion(fake_logits, zeros)
            else:
                loss_d = F.softplus(fake_logits - real_logits).mean()
            if o.r1 and next(numbers) % o.penalty_every == 0:
                penalty = gradient_penalty(images) + gradient_penalty(fake)
                loss_d = loss_d + 0.5 * o.r1 * o.penalty_every * penalty
        loss_d.backward()
        optimizer_d.step()
        optimizer_g.zero_grad()
        with style.context():
            if o.loss == "bce":
                loss_g = criterion(discriminate(fake), ones)
            else:
                loss_g = F.softplus(discriminate(images) - discriminate(fake)).mean()
        loss_g.backward()
        optimizer_g.step()
        _ = loss_d.item(), loss_g.item()

    return Step(run, [method], [optimizer_g, optimizer_d])


def cyclegan(recipe: Recipe, spec: ImageSpec, batch: Batch, style: Style) -> Step:
    """Zhu et al. 2017: six generator calls."""
    step = textbook.CycleGANStep(blocks=6 if spec.width <= 128 else 9)
    step.autocast = style.context
    networks = [step.g_ab, step.g_ba, step.d_a, step.d_b]
    run = lambda: step(batch.images, batch.domain_b)  # noqa: E731
    return Step(run, networks, [step.optimiser_g, step.optimiser_d])


def pix2pix(recipe: Recipe, spec: ImageSpec, batch: Batch, style: Style) -> Step:
    """Isola et al. 2017."""
    step = textbook.Pix2PixStep(levels=7 if spec.width <= 128 else 8)
    step.autocast = style.context
    run = lambda: step(batch.images, batch.domain_b)  # noqa: E731
    return Step(run, [step.g, step.d], [step.optimiser_g, step.optimiser_d])


def cut(recipe: Recipe, spec: ImageSpec, batch: Batch, style: Style) -> Step:
    """Park et al. 2020: the discriminator first, then the generator with its projection heads."""
    method: Any = build_method(recipe, spec).train()
    o: Any = recipe.options
    generator, discriminator, heads = method.generator, method.discriminator, method.heads
    optimizers = [_adam([generator], o), _adam([heads], o), _adam([discriminator], o)]
    a, b = batch.images, batch.domain_b

    def contrast(source: Tensor, made: Tensor) -> Tensor:
        """The patches of `made` against those of `source`, layer by layer."""
        queries, keys = generator.maps(made), generator.maps(source)
        losses = []
        for query, key, head in zip(queries, keys, heads.layers, strict=True):
            places = torch.randperm(key.shape[2] * key.shape[3])[: o.places]
            q, k = (
                F.normalize(head(x.permute(0, 2, 3, 1).flatten(1, 2)[:, places]).float(), dim=2)
                for x in (query, key)
            )
            logits = q @ k.detach().transpose(1, 2) / o.temperature
            target = torch.arange(len(places)).repeat(len(a))
            losses.append(F.cross_entropy(logits.flatten(0, 1), target))
        return torch.stack(losses).mean()

    def run() -> None:
        with style.context():
            fake, same = generator(torch.cat([a, b])).float().chunk(2)
        discriminator.requires_grad_(True)
        optimizers[2].zero_grad()
        with style.context():
            right, wrong = discriminator(b).float(), discriminator(fake.detach()).float()
            loss_d = 0.5 * ((right - 1).square().mean() + wrong.square().mean())
        loss_d.backward()
        optimizers[2].step()
        discriminator.requires_grad_(False)
        for optimizer in optimizers[:2]:
            optimizer.zero_grad()
        with style.context():
            adversarial = (discriminator(fake).float() - 1).square().mean()
            loss_g = adversarial + 0.5 * (contrast(a, fake) + contrast(b, same))
        loss_g.backward()
        for optimizer in optimizers[:2]:
            optimizer.step()
        _ = loss_d.item(), loss_g.item()

    return Step(run, [generator, discriminator, heads], optimizers)


def diffusion(
    recipe: Recipe, spec: ImageSpec, batch: Batch, style: Style, patch: int | None = None
) -> Step:
    """Ho et al. 2020: the noise is predicted; the network is ours, with its fold of pixels.

    With `patch=1` pixels are not folded into channels, as in the paper: the parameters are nearly
    as many, the positions of feature maps more.
    """
    o: Any = recipe.options
    embedding = NoiseEmbedding(4 * o.width)
    network = UNet(
        spec.channels, o.width, o.multipliers, o.blocks, o.attention, 4 * o.width, o.dropout,
        o.patch if patch is None else patch,
    )  # fmt: skip
    optimizer = _adam([network, embedding], o)
    kept = torch.cumprod(1 - torch.linspace(1e-4, 0.02, LEVELS), 0)

    def run() -> None:
        images = batch.images
        noise, t = torch.randn_like(images), torch.randint(0, LEVELS, (len(images),))
        share = kept[t][:, None, None, None]
        optimizer.zero_grad()
        with style.context():
            noisy = share.sqrt() * images + (1 - share).sqrt() * noise
            loss = F.mse_loss(network(noisy, embedding(t / LEVELS)).float(), noise)
        loss.backward()
        optimizer.step()
        loss.item()

    return Step(run, [network, embedding], [optimizer])


def srresnet(recipe: Recipe, spec: ImageSpec, batch: Batch, style: Style) -> Step:
    """Ledig et al. 2017, section 2.1, without its adversarial part."""
    method: Any = build_method(recipe, spec).train()
    o: Any = recipe.options
    optimizer = _adam([method.generator], o)
    error = F.l1_loss if o.error == "l1" else F.mse_loss

    def run() -> None:
        optimizer.zero_grad()
        with style.context():
            made = method.generator(downscale(batch.images, o.scale)).float()
            loss = error(made, batch.images)
        loss.backward()
        optimizer.step()
        loss.item()

    return Step(run, [method], [optimizer])


def srgan(recipe: Recipe, spec: ImageSpec, batch: Batch, style: Style) -> Step:
    """Ledig et al. 2017, or Wang et al. 2018 with its relativistic average discriminator.

    The content loss is ours, on the backbone that ours uses.
    """
    method: Any = build_method(recipe, spec).train()
    o: Any = recipe.options
    generator, discriminator = method.generator, method.discriminator
    optimizer_g, optimizer_d = _adam([generator], o), _adam([discriminator], o)
    backbone, criterion = find_backbone("efficientnet"), nn.BCEWithLogitsLoss()
    real = batch.images
    ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)

    def losses(right: Tensor, wrong: Tensor) -> tuple[Tensor, Tensor]:
        """Of logits that are to be high, and low."""
        if o.loss == "bce":
            return criterion(right, ones), criterion(wrong, zeros)
        relative = criterion(right - wrong.mean(), ones), criterion(wrong - right.mean(), zeros)
        return relative[0] / 2, relative[1] / 2

    def run() -> None:
        with style.context():
            fake = generator(downscale(real, o.scale)).float()
        discriminator.requires_grad_(True)
        optimizer_d.zero_grad()
        with style.context():
            right, wrong = discriminator(real).float(), discriminator(fake.detach()).float()
            loss_d = sum(losses(right, wrong), torch.zeros(()))
        loss_d.backward()
        optimizer_d.step()
        discriminator.requires_grad_(False)
        optimizer_g.zero_grad()
        with style.context():
            wrong = discriminator(fake).float()
            if o.loss == "bce":
                adversarial = criterion(wrong, ones)
            else:
                adversarial = sum(losses(wrong, discriminator(real).float()), torch.zeros(()))
            loss_g = o.content_weight * content_difference(backbone, fake, real)
            loss_g = loss_g + o.adversarial_weight * adversarial
            loss_g = loss_g + o.pixel_weight * F.l1_loss(fake, real)
        loss_g.backward()
        optimizer_g.step()
        _ = loss_d.item(), loss_g.item()

    return Step(run, [generator, discriminator], [optimizer_g, optimizer_d])


TEXTBOOKS: dict[str, Callable[..., Step]] = {
    "vae": vae,
    "gan": gan,
    "dcgan": gan,
    "cgan": gan,
    "cyclegan": cyclegan,
    "pix2pix": pix2pix,
    "cut": cut,
    "diffusion": diffusion,
    "srresnet": srresnet,
    "srgan": srgan,
    "esrgan": srgan,
}


def main() -> None:
    argparse.ArgumentParser(description=str(__doc__).splitlines()[0]).parse_args()
    for name, step in TEXTBOOKS.items():
        print(f"{name:10} {str(step.__doc__).splitlines()[0]}")


if __name__ == "__main__":
    main()
