import torch

from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods.gan.gan import GAN, GANOptions


def test_a_generator_learns_to_tell_its_latents() -> None:
    """The wish moves the generator and the finder, until latents are found in its pictures."""
    torch.manual_seed(0)
    options = GANOptions(latent_size=2, hidden=(32, 32), latent_weight=100.0)
    gan = GAN(options, ImageSpec(1, 16))
    batch = Batch(torch.rand(32, 1, 16, 16) * 2 - 1)
    phase = next(p for p in gan.phases() if p.name == "generator")
    parameters = [p for network in phase.networks for p in network.parameters()]
    assert {id(p) for p in parameters} == {
        id(p) for network in (gan.generator, gan.finder) for p in network.parameters()
    }
    optimiser = torch.optim.Adam(parameters, 2e-3)
    missed = []
    for step in range(60):
        loss, parts = phase.loss(batch, Rng(torch.Generator().manual_seed(step), step=step))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        missed.append(parts["latents"].item())
    assert missed[0] > 0.8  # finds nothing: the variance of the prior
    assert missed[-1] < 0.2


def test_without_the_wish_nothing_is_found() -> None:
    gan = GAN(GANOptions(), ImageSpec(1, 16))
    assert gan.finder is None
    assert not [name for name in gan.state_dict() if name.startswith("finder")]
