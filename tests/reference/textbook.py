"""The networks and training steps of CycleGAN and pix2pix as textbooks and the original have them.

Six generator calls, discriminators on real and generated pictures one by one, fp32, plain Adam.
The yardstick of `benchmarks/train_step.py` for speed, and of the tests for losses, gradients and
weight files.
"""

import contextlib
import functools
import random

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def norm_of(name: str):
    if name == "batch":
        return functools.partial(nn.BatchNorm2d, affine=True, track_running_stats=True)
    return functools.partial(nn.InstanceNorm2d, affine=False, track_running_stats=False)


def sequential(layers: list[nn.Module], attribute: str = "model") -> nn.Module:
    holder = nn.Module()
    holder.add_module(attribute, nn.Sequential(*layers))
    holder.forward = lambda x: holder.get_submodule(attribute)(x)  # type: ignore[method-assign]
    return holder


class Block(nn.Module):
    def __init__(self, n: int, norm: str, dropout: bool) -> None:
        super().__init__()
        bias, layer = norm == "instance", norm_of(norm)
        first = [nn.ReflectionPad2d(1), nn.Conv2d(n, n, 3, bias=bias), layer(n), nn.ReLU(True)]
        middle = [nn.Dropout(0.5)] if dropout else []
        last = [nn.ReflectionPad2d(1), nn.Conv2d(n, n, 3, bias=bias), layer(n)]
        self.conv_block = nn.Sequential(*first, *middle, *last)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


def resnet(width: int, blocks: int, norm: str, dropout: bool) -> nn.Module:
    bias, layer, w = norm == "instance", norm_of(norm), width
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, w, 7, bias=bias), layer(w)]
    layers.append(nn.ReLU(True))
    for i in (1, 2):
        layers += [nn.Conv2d(w * i, 2 * w * i, 3, 2, 1, bias=bias), layer(2 * w * i)]
        layers.append(nn.ReLU(True))
    layers += [Block(4 * w, norm, dropout) for _ in range(blocks)]
    for i in (4, 2):
        up = nn.ConvTranspose2d(w * i, w * i // 2, 3, 2, 1, output_padding=1, bias=bias)
        layers += [up, layer(w * i // 2), nn.ReLU(True)]
    return sequential([*layers, nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh()])


class Skip(nn.Module):
    def __init__(self, outer, inner, norm, inputs=None, below=None, outermost=False, drop=False):
        super().__init__()
        self.outermost = outermost
        bias, layer = norm == "instance", norm_of(norm)
        down = nn.Conv2d(outer if inputs is None else inputs, inner, 4, 2, 1, bias=bias)
        if outermost:
            up = nn.ConvTranspose2d(inner * 2, outer, 4, 2, 1)
            layers = [down, below, nn.ReLU(True), up, nn.Tanh()]
        elif below is None:
            up = nn.ConvTranspose2d(inner, outer, 4, 2, 1, bias=bias)
            layers = [nn.LeakyReLU(0.2, True), down, nn.ReLU(True), up, layer(outer)]
        else:
            up = nn.ConvTranspose2d(inner * 2, outer, 4, 2, 1, bias=bias)
            layers = [nn.LeakyReLU(0.2, True), down, layer(inner), below, nn.ReLU(True), up]
            layers += [layer(outer), *([nn.Dropout(0.5)] if drop else [])]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


def unet(width: int, levels: int, norm: str, dropout: bool) -> nn.Module:
    w = width
    block = Skip(w * 8, w * 8, norm)
    for _ in range(levels - 5):
        block = Skip(w * 8, w * 8, norm, below=block, drop=dropout)
    for outer, inner in ((4, 8), (2, 4), (1, 2)):
        block = Skip(w * outer, w * inner, norm, below=block)
    holder = nn.Module()
    holder.model = Skip(3, w, norm, inputs=3, below=block, outermost=True)
    holder.forward = lambda x: holder.model(x)  # type: ignore[method-assign]
    return holder


def patch(width: int, layers: int, norm: str, inputs: int = 3) -> nn.Module:
    bias, layer, w = norm == "instance", norm_of(norm), width
    stack: list[nn.Module] = [nn.Conv2d(inputs, w, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    before = 1
    for n in range(1, layers + 1):
        now = min(2**n, 8)
        stride = 2 if n < layers else 1
        stack += [nn.Conv2d(w * before, w * now, 4, stride, 1, bias=bias), layer(w * now)]
        stack.append(nn.LeakyReLU(0.2, True))
        before = now
    return sequential([*stack, nn.Conv2d(w * before, 1, 4, 1, 1)])


def pixel(width: int, norm: str) -> nn.Module:
    bias, w = norm == "instance", width
    middle = [nn.Conv2d(w, 2 * w, 1, bias=bias), norm_of(norm)(2 * w), nn.LeakyReLU(0.2, True)]
    first = [nn.Conv2d(3, w, 1), nn.LeakyReLU(0.2, True)]
    return sequential([*first, *middle, nn.Conv2d(2 * w, 1, 1, bias=bias)], "net")


class Pool:
    """Fifty past pictures; half of the time one of them is given for the new one."""

    def __init__(self, size: int = 50) -> None:
        self.size, self.pictures = size, []

    def query(self, fake: Tensor) -> Tensor:
        if len(self.pictures) < self.size:
            self.pictures.append(fake.clone())
            return fake
        if random.random() > 0.5:
            place = random.randrange(self.size)
            old, self.pictures[place] = self.pictures[place], fake.clone()
            return old
        return fake


def _says(logits: Tensor, real: bool, loss: str) -> Tensor:
    target = torch.ones_like(logits) if real else torch.zeros_like(logits)
    if loss == "lsgan":
        return F.mse_loss(logits, target)
    return F.binary_cross_entropy_with_logits(logits, target)


class CycleGANStep:
    """One step of Zhu et al. 2017; says its losses, leaves its gradients until the next step."""

    autocast = staticmethod(contextlib.nullcontext)
    """Context of each loss."""

    def __init__(self, width: int = 64, blocks: int = 6, discriminator_width: int = 64) -> None:
        self.g_ab, self.g_ba = (resnet(width, blocks, "instance", False) for _ in "ab")
        self.d_a, self.d_b = (patch(discriminator_width, 3, "instance") for _ in "ab")
        generators = [*self.g_ab.parameters(), *self.g_ba.parameters()]
        self.discriminators = [*self.d_a.parameters(), *self.d_b.parameters()]
        self.optimiser_g = torch.optim.Adam(generators, 2e-4, (0.5, 0.999))
        self.optimiser_d = torch.optim.Adam(self.discriminators, 2e-4, (0.5, 0.999))
        self.pool_a, self.pool_b = Pool(), Pool()

    def __call__(self, a: Tensor, b: Tensor) -> tuple[float, float]:
        for parameter in self.discriminators:
            parameter.requires_grad_(False)
        self.optimiser_g.zero_grad()
        with self.autocast():
            fake_b, fake_a = self.g_ab(a), self.g_ba(b)
            cycle_a, cycle_b = self.g_ba(fake_b), self.g_ab(fake_a)
            same = F.l1_loss(self.g_ab(b), b) + F.l1_loss(self.g_ba(a), a)
            cycle = F.l1_loss(cycle_a, a) + F.l1_loss(cycle_b, b)
            says = _says(self.d_b(fake_b), True, "lsgan") + _says(self.d_a(fake_a), True, "lsgan")
            loss_g = says + 10 * cycle + 5 * same
        loss_g.backward()
        self.optimiser_g.step()
        for parameter in self.discriminators:
            parameter.requires_grad_(True)
        self.optimiser_d.zero_grad()
        total = 0.0
        for d, real, fake, pool in (
            (self.d_a, a, fake_a, self.pool_a),
            (self.d_b, b, fake_b, self.pool_b),
        ):
            with self.autocast():
                right = _says(d(real), True, "lsgan")
                wrong = _says(d(pool.query(fake.detach())), False, "lsgan")
                loss_d = 0.5 * (right + wrong)
            loss_d.backward()
            total += loss_d.item()
        self.optimiser_d.step()
        return loss_g.item(), total


class Pix2PixStep:
    """One step of Isola et al. 2017, the generator's half first as ours has it."""

    autocast = staticmethod(contextlib.nullcontext)
    """Context of each loss."""

    def __init__(self, width: int = 64, levels: int = 7, discriminator_width: int = 64) -> None:
        self.g = unet(width, levels, "batch", False)
        self.d = patch(discriminator_width, 3, "batch", inputs=6)
        self.optimiser_g = torch.optim.Adam(self.g.parameters(), 2e-4, (0.5, 0.999))
        self.optimiser_d = torch.optim.Adam(self.d.parameters(), 2e-4, (0.5, 0.999))

    def __call__(self, a: Tensor, b: Tensor) -> tuple[float, float]:
        for parameter in self.d.parameters():
            parameter.requires_grad_(False)
        self.optimiser_g.zero_grad()
        with self.autocast():
            fake = self.g(a)
            says = _says(self.d(torch.cat([a, fake], 1)), True, "bce")
            loss_g = says + 100 * F.l1_loss(fake, b)
        loss_g.backward()
        self.optimiser_g.step()
        for parameter in self.d.parameters():
            parameter.requires_grad_(True)
        self.optimiser_d.zero_grad()
        with self.autocast():
            right = _says(self.d(torch.cat([a, b], 1)), True, "bce")
            wrong = _says(self.d(torch.cat([a, fake.detach()], 1)), False, "bce")
            loss_d = 0.5 * (right + wrong)
        loss_d.backward()
        self.optimiser_d.step()
        return loss_g.item(), loss_d.item()
