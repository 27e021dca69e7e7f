import numpy as np
import torch
from torch import Tensor, nn

from reverie.nn.backbones.backbone import Backbone
from reverie.nn.perceptual import content_difference


def backbone() -> Backbone:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 4, 3, stride=2), nn.Flatten(), nn.Linear(9, 9)
    )
    return Backbone("toy", network, lambda x: (x + 1) / 2, content_layers=("0", "2"))


def expected(features: dict[str, Tensor], others: dict[str, Tensor]) -> float:
    """Mean over layers of the mean over positions of ‖f/‖f‖ - g/‖g‖‖², in float64."""
    layers = []
    for name, one in features.items():
        f, g = (x.detach().double().numpy() for x in (one, others[name]))
        f, g = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (f, g))
        layers.append(((f - g) ** 2).sum(1).mean())
    return float(np.mean(layers))


def test_as_the_equation(generator: torch.Generator) -> None:
    made, real = torch.rand(2, 2, 3, 12, 10, generator=generator).mul(2).sub(1).unbind()
    toy = backbone()
    features = [toy.activations(x, toy.content_layers) for x in (made, real)]
    value = content_difference(toy, made, real)
    assert abs(float(value.detach()) - expected(*features)) < 1e-5


def test_no_distance_from_itself(generator: torch.Generator) -> None:
    made = torch.rand(2, 3, 12, 10, generator=generator)
    assert float(content_difference(backbone(), made, made).detach()) < 1e-10


def test_the_gradient_passes_through_the_generated_image_alone(generator: torch.Generator) -> None:
    made, real = torch.rand(2, 1, 3, 12, 10, generator=generator).requires_grad_(True).unbind()
    made, real = made.detach().requires_grad_(True), real.detach().requires_grad_(True)
    content_difference(backbone(), made, real).backward()
    assert made.grad is not None
    assert float(made.grad.abs().max()) > 0
    assert real.grad is None


def test_a_step_along_the_gradient_comes_nearer(generator: torch.Generator) -> None:
    made, real = torch.rand(2, 1, 3, 12, 10, generator=generator).unbind()
    made, toy = made.detach().requires_grad_(True), backbone()
    before = content_difference(toy, made, real)
    (gradient,) = torch.autograd.grad(before, made)
    after = content_difference(toy, made - 0.1 * gradient, real)
    assert float(after.detach()) < float(before.detach())
