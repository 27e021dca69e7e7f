import torch

from reverie.data import PictureSpec
from reverie.methods.vae import VAE, VAEOptions, plane


def test_parameters_of_the_textbook_network() -> None:
    vae = VAE(VAEOptions(), PictureSpec(1, 28))
    count = sum(p.numel() for p in vae.parameters())
    assert count == (784 * 400 + 400) + (400 * 40 + 40) + (20 * 400 + 400) + (400 * 784 + 784)


def test_the_plane_is_even_in_probability() -> None:
    latents = plane(8)
    assert latents.shape == (64, 2)
    shares = torch.distributions.Normal(0.0, 1.0).cdf(latents[:8, 0])
    torch.testing.assert_close(shares, (torch.arange(8) + 0.5) / 8)
    assert latents[0, 1] > 0 > latents[-1, 1]  # upwards on the sheet is upwards in the latent


def test_the_kl_weight_warms_up() -> None:
    from reverie.data import Batch
    from reverie.draws import Draw

    vae = VAE(VAEOptions(kl_warmup_steps=10, kl_weight=3.0), PictureSpec(1, 28))
    batch = Batch(torch.rand(4, 1, 28, 28) * 2 - 1)

    def bound(step: int) -> tuple[float, dict[str, torch.Tensor]]:
        loss, parts = vae.bound(batch, Draw(torch.Generator().manual_seed(0), step=step))
        return loss.item(), parts

    for step, weight in ((0, 0.0), (5, 1.5), (10, 3.0), (99, 3.0)):
        loss, parts = bound(step)
        expected = parts["nll"] + weight * parts["kl"]
        torch.testing.assert_close(torch.tensor(loss), expected.detach())
