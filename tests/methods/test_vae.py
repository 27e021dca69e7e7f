import torch

from reverie.data import ImageSpec
from reverie.methods.vae import VAE, VAEOptions, plane


def test_parameters_of_the_textbook_network() -> None:
    vae = VAE(VAEOptions(), ImageSpec(1, 28))
    count = sum(p.numel() for p in vae.parameters())
    assert count == (784 * 400 + 400) + (400 * 40 + 40) + (20 * 400 + 400) + (400 * 784 + 784)


def test_the_plane_is_even_in_probability() -> None:
    latents = plane(8)
    assert latents.shape == (64, 2)
    shares = torch.distributions.Normal(0.0, 1.0).cdf(latents[:8, 0])
    torch.testing.assert_close(shares, (torch.arange(8) + 0.5) / 8)
    assert latents[0, 1] > 0 > latents[-1, 1]  # upwards on the sheet is upwards in the latent


def test_the_kl_weight_warms_up() -> None:
    from reverie.core.rng import Rng
    from reverie.data import Batch

    vae = VAE(VAEOptions(kl_warmup_steps=10, kl_weight=3.0), ImageSpec(1, 28))
    batch = Batch(torch.rand(4, 1, 28, 28) * 2 - 1)

    def bound(step: int) -> tuple[float, dict[str, torch.Tensor]]:
        loss, parts = vae.bound(batch, Rng(torch.Generator().manual_seed(0), step=step))
        return loss.item(), parts

    for step, weight in ((0, 0.0), (5, 1.5), (10, 3.0), (99, 3.0)):
        loss, parts = bound(step)
        expected = parts["nll"] + weight * parts["kl"]
        torch.testing.assert_close(torch.tensor(loss), expected.detach())


def test_the_latents_of_generated_pictures() -> None:
    """-log q(z | x) of a known Gaussian, and only if it is asked for."""
    from torch.distributions import Normal

    from reverie.core.rng import Rng
    from reverie.data import Batch

    vae = VAE(VAEOptions(latent_size=3, latent_weight=2.0), ImageSpec(1, 28))
    batch = Batch(torch.rand(4, 1, 28, 28) * 2 - 1)
    loss, parts = vae.bound(batch, Rng(torch.Generator().manual_seed(0), step=0))
    torch.testing.assert_close(loss, parts["nll"] + parts["kl"] + 2 * parts["latents"])
    rng = Rng(torch.Generator().manual_seed(1), step=0)
    found = vae.latent_reconstruction_loss(batch, rng)
    z = Rng(torch.Generator().manual_seed(1), step=0).normal(4, 3)
    mean, log_variance = vae.posterior(vae.generate(z))
    expected = -Normal(mean, (0.5 * log_variance).exp()).log_prob(z).sum(1).mean()
    constant = 1.5 * torch.log(torch.tensor(2 * torch.pi))
    torch.testing.assert_close(found, expected - constant)
    found.backward()
    assert all(p.grad is not None for p in vae.parameters())
    plain = VAE(VAEOptions(latent_size=3), ImageSpec(1, 28))
    assert "latents" not in plain.bound(batch, Rng(torch.Generator(), step=0))[1]


def test_a_learned_prior() -> None:
    """Latents stay standard normal: encoding and generating go through the flow and back."""
    from reverie.core.rng import Rng
    from reverie.data import Batch

    vae = VAE(VAEOptions(latent_size=4, prior_layers=2), ImageSpec(1, 28))
    for parameter in vae.prior.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.2, generator=torch.Generator().manual_seed(0))
    images = torch.rand(4, 1, 28, 28) * 2 - 1
    mean, _ = vae.posterior(images)
    latents = vae.encode(images)
    assert (latents - mean).abs().max() > 1e-3
    expected = 2 * torch.sigmoid(vae.decoder(mean)) - 1
    torch.testing.assert_close(vae.generate(latents), expected, atol=1e-4, rtol=1e-4)
    loss, _ = vae.bound(Batch(images), Rng(torch.Generator().manual_seed(0), step=0))
    loss.backward()
    assert all(p.grad is not None for p in vae.parameters())
    assert vae.phases()[0].networks == (vae.encoder, vae.decoder, vae.prior)
