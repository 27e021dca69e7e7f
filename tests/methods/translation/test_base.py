"""CycleGAN and pix2pix beside their textbook form; the pool; what is said to go wrong."""

import pytest
import torch
from torch import Tensor, nn

from reverie.core.errors import UserError
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods.translation.base import (
    ImagePool,
    diagnostics,
    luminance_correlation,
    reconstruction_error,
)
from reverie.methods.translation.cut import patch_nce
from reverie.methods.translation.cyclegan import CycleGAN, CycleGANOptions
from reverie.methods.translation.pix2pix import Pix2Pix, Pix2PixOptions
from tests.reference import textbook

SIZE = 32
SPEC = ImageSpec(3, SIZE)


def pictures(seed: int, count: int = 1) -> Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def rng(seed: int = 0) -> Rng:
    return Rng(torch.Generator().manual_seed(seed))


def with_weights_of(network: nn.Module, other: nn.Module) -> None:
    state = other.state_dict()
    network.load_state_dict({name: state[name] for name in network.state_dict()})


def assert_same_gradients(network: nn.Module, other: nn.Module) -> None:
    theirs = dict(other.named_parameters())
    scale = max(float(p.grad.abs().max()) for p in network.parameters())
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(
            parameter.grad / scale, theirs[name].grad / scale, rtol=1e-4, atol=1e-4
        )


def test_cyclegan_is_the_textbooks_with_fewer_calls() -> None:
    torch.manual_seed(0)
    step = textbook.CycleGANStep(8, 2, 8)
    method = CycleGAN(CycleGANOptions(width=8, blocks=2, discriminator_width=8), SPEC)
    pairs = (
        (method.generator_ab, step.g_ab),
        (method.generator_ba, step.g_ba),
        (method.discriminator_a, step.d_a),
        (method.discriminator_b, step.d_b),
    )
    for mine, theirs in pairs:
        with_weights_of(mine, theirs)
    a, b = pictures(1), pictures(2)
    generators, discriminators = method.phases()
    batch = Batch(a, domain_b=b)
    for phase in (generators, discriminators):
        method.requires_grad_(False)
        for network in phase.networks:
            network.requires_grad_(True)
        loss = phase.loss(batch, rng())[0]
        loss.backward()
        if phase is generators:
            loss_g = loss.item()
        else:
            loss_d = loss.item()
    want_g, want_d = step(a, b)
    assert loss_g == pytest.approx(want_g, rel=1e-4)
    assert loss_d == pytest.approx(want_d, rel=1e-4)
    for mine, theirs in pairs:
        assert_same_gradients(mine, theirs)


def test_pix2pix_is_the_textbooks() -> None:
    torch.manual_seed(0)
    step = textbook.Pix2PixStep(8, 5, 8)
    options = Pix2PixOptions(width=8, discriminator_width=8, dropout=False)
    method = Pix2Pix(options, SPEC)
    with_weights_of(method.generator, step.g)
    with_weights_of(method.discriminator, step.d)
    a, b = pictures(1), pictures(2)
    losses = []
    for phase in method.phases():
        method.requires_grad_(False)
        for network in phase.networks:
            network.requires_grad_(True)
        losses.append(phase.loss(Batch(a, domain_b=b), rng())[0])
        losses[-1].backward()
    want_g, want_d = step(a, b)
    assert losses[0].item() == pytest.approx(want_g, rel=1e-4)
    assert losses[1].item() == pytest.approx(2 * want_d, rel=1e-4)  # theirs is halved
    assert_same_gradients(method.generator, step.g)
    for parameter in method.discriminator.parameters():
        assert parameter.grad is not None
        parameter.grad /= 2
    assert_same_gradients(method.discriminator, step.d)


def test_images_without_colours_have_no_luma_to_keep() -> None:
    with pytest.raises(UserError, match="--keeps-luma needs images with colours"):
        Pix2Pix(Pix2PixOptions(keeps_luma=True), ImageSpec(1, SIZE))


def test_the_pool_fills_then_exchanges_half() -> None:
    pool = ImagePool(4, (1, 1, 1))
    new = [torch.full((1, 1, 1, 1), float(n)) for n in range(400)]
    assert [pool.exchange(x, rng(n)).item() for n, x in enumerate(new[:4])] == [0, 1, 2, 3]
    given = [pool.exchange(x, rng(n)).item() for n, x in enumerate(new[4:], 4)]
    old = [value < n for n, value in enumerate(given, 4)]
    assert 0.4 < sum(old) / len(old) < 0.6
    assert len(set(given)) == len(given)  # what leaves the pool is gone from it
    assert pool.pictures.flatten().unique().numel() == 4


def test_a_pool_of_nothing_gives_the_newest() -> None:
    fakes = pictures(0, 3)
    assert torch.equal(ImagePool(0, (3, SIZE, SIZE)).exchange(fakes, rng()), fakes)


def test_contrast_finds_the_place() -> None:
    """Equation 3 of Park et al. 2020, written out in float64."""
    generator = torch.Generator().manual_seed(0)
    made, source = (
        nn.functional.normalize(torch.randn(2, 5, 8, generator=generator), dim=2) for _ in "ab"
    )
    total = 0.0
    for picture in range(2):
        for place in range(5):
            alike = (source[picture].double() @ made[picture, place].double() / 0.07).exp()
            total -= float((alike[place] / alike.sum()).log())
    assert float(patch_nce(made, source, 0.07)) == pytest.approx(total / 10, rel=1e-5)
    assert patch_nce(source, source, 0.07) < patch_nce(made, source, 0.07)


def test_small_differences_count_by_their_square() -> None:
    a, b = torch.zeros(1, 1, 1, 2), torch.tensor([0.1, 1.0]).view(1, 1, 1, 2)
    assert float(reconstruction_error(a, b, 0.0)) == pytest.approx(0.55)
    # 0.5 d² / s below s, d - s / 2 above
    assert float(reconstruction_error(a, b, 0.2)) == pytest.approx((0.025 + 0.9) / 2)


def test_troubles_in_words() -> None:
    a = pictures(0)
    assert float(luminance_correlation(a, a)) == pytest.approx(1, abs=1e-5)
    assert float(luminance_correlation(a, -a)) == pytest.approx(-1, abs=1e-5)
    inverted = diagnostics({"generators/likeness_ab": -0.6})
    assert "inverted" in inverted[0]
    assert diagnostics({"generators/likeness_ab": 0.5}) == []
