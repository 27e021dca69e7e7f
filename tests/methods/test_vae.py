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
    z = rng.normal(4, 3)
    found = vae.latent_reconstruction_loss(z, vae.generate(z), rng)
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


def test_the_decoder_of_a_vae_gan_is_trained_to_look_real() -> None:
    """Larsen et al. 2016: the discriminator sees reconstructions and samples, each half."""
    from reverie.core.rng import Rng
    from reverie.data import Batch

    options = VAEOptions(latent_size=3, adversarial_weight=5.0, discriminator_width=4)
    vae = VAE(options, ImageSpec(1, 28))
    bound, discriminator, penalty = vae.phases()
    batch = Batch(torch.rand(4, 1, 28, 28) * 2 - 1)
    rng = Rng(torch.Generator().manual_seed(0), step=0)
    loss, parts = bound.loss(batch, rng)
    torch.testing.assert_close(loss, parts["nll"] + parts["kl"] + 5 * parts["adversarial"])

    again = Rng(torch.Generator().manual_seed(0), step=0)
    mean, log_variance = vae.posterior(batch.images)
    codes = mean + (0.5 * log_variance).exp() * again.normal(4, 3)
    fake = torch.cat([vae.generate(codes), vae.generate(again.normal(4, 3))])
    assert vae.discriminator is not None
    on_real, on_fake = vae.discriminator(batch.images), vae.discriminator(fake)
    torch.testing.assert_close(parts["adversarial"], -torch.log(on_fake.sigmoid()).mean())

    expected = -torch.log(on_real.sigmoid()).mean() - torch.log(1 - on_fake.sigmoid()).mean()
    found, _ = discriminator.loss(batch, rng)
    torch.testing.assert_close(found, expected)
    for parameter in vae.parameters():
        parameter.grad = None
    found.backward()
    trained = {name.split(".")[0] for name, p in vae.named_parameters() if p.grad is not None}
    assert trained == {"discriminator"}

    images = batch.images.requires_grad_()
    (slope,) = torch.autograd.grad(vae.discriminator(images).sum(), images)
    squared = slope.square().sum((1, 2, 3)).mean()
    torch.testing.assert_close(penalty.loss(batch, rng)[0], 0.5 * squared * penalty.every)


def test_a_vae_without_adversarial_loss_has_no_discriminator() -> None:
    vae = VAE(VAEOptions(latent_size=3), ImageSpec(1, 28))
    assert vae.discriminator is None
    assert [phase.name for phase in vae.phases()] == ["bound"]
