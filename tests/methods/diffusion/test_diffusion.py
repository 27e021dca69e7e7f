"""Average velocities: the target, one step to the image, and who may ask for it."""

import pytest
import torch
from torch import Tensor

from reverie.core.errors import UserError
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods.diffusion.diffusion import Diffusion, DiffusionOptions
from reverie.methods.diffusion.sampler_options import Sampling

SPEC = ImageSpec(1, 8)
OPTIONS = DiffusionOptions(objective="flow", width=8, attention=(), few_steps=0.5)


def made(options: DiffusionOptions = OPTIONS) -> Diffusion:
    torch.manual_seed(0)
    return Diffusion(options, SPEC)


def rng() -> Rng:
    return Rng(torch.Generator().manual_seed(1))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # by PyTorch itself
def test_the_target_is_that_of_forward_differentiation() -> None:
    """Geng et al. 2025, algorithm 1: u and du/dt along (v, 0, 1) by a Jacobian-vector product."""
    method = made()
    for parameter in method.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    images = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(2)) * 2 - 1
    loss, parts = method.average_velocity(Batch(images, None), rng())

    draws = rng()
    noise = draws.normal(16, 1, 8, 8)
    alone = draws.normal(16).sigmoid()
    pair = draws.uniform(2, 8)
    t = torch.cat([pair.amax(0), alone[8:]])
    r = torch.cat([pair.amin(0), alone[8:]])

    def velocity(x: Tensor, r: Tensor, t: Tensor) -> Tensor:
        return method.network(x, 4 * t, None, 4 * (t - r))

    def wide(x: Tensor) -> Tensor:
        return x[:, None, None, None]

    x = (1 - wide(t)) * images + wide(t) * noise
    v = noise - images
    tangents = (v, torch.zeros_like(r), torch.ones_like(t))
    u, change = torch.func.jvp(velocity, (x, r, t), tangents)
    assert float(change.detach().abs().mean()) > 0.01
    errors = (u - (v - wide(t - r) * change).detach()).square().mean((1, 2, 3))
    assert float(parts["error"].detach()) == pytest.approx(float(errors.detach().mean()), rel=1e-3)
    weights = (errors.detach() + 1e-3) ** -0.75
    assert float(loss.detach()) == pytest.approx(
        float((weights * errors).detach().mean()), rel=1e-3
    )


def test_one_step_leads_to_the_image() -> None:
    """Of a single image the velocity is constant on every path, so that one step is exact."""
    method, draws = made(), rng()
    image = torch.full((1, 1, 8, 8), 0.5)
    batch = Batch(image.expand(16, -1, -1, -1).contiguous(), None)
    optimiser = torch.optim.Adam(method.parameters(), 3e-3)
    for _ in range(300):
        loss, _ = method.average_velocity(batch, draws)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    method.eval()
    with torch.no_grad():
        samples = method.generate(draws.normal(8, 1, 8, 8), sampling=Sampling(steps=1))
    assert float((samples - image).abs().mean()) < 0.2  # 0.7 before training


def test_auto_takes_few_steps_only_where_they_were_trained() -> None:
    few, many = made(), made(DiffusionOptions(objective="flow", width=8, attention=()))
    assert few.resolved(Sampling(steps=4)).sampler == "mean-flow"
    assert few.resolved(Sampling(steps=5)).sampler == "dpmpp-2m"
    assert many.resolved(Sampling(steps=1)).sampler == "dpmpp-2m"
    assert few.sigmas(few.resolved(Sampling(steps=2))).tolist() == pytest.approx(
        [200, 100 / 101, 0], rel=1e-6
    )


def test_who_may_not_ask() -> None:
    with pytest.raises(UserError, match="--objective flow"):
        made(DiffusionOptions(objective="edm", few_steps=0.5))
    with pytest.raises(UserError, match="--few-steps"):
        made(DiffusionOptions(objective="flow")).resolved(Sampling(sampler="mean-flow"))
