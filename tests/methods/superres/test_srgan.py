from typing import Any

import pytest
import torch
from torch.nn import functional as F

from reverie.core.errors import UserError
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods import METHODS
from reverie.methods.superres.esrgan import ESRGANOptions
from reverie.methods.superres.srgan import SRGAN, SRGANOptions
from reverie.nn.backbones import find_backbone
from reverie.nn.perceptual import content_difference

SPEC = ImageSpec(3, 32)
RNG = Rng(torch.Generator())


@pytest.fixture
def batch(generator: torch.Generator) -> Batch:
    return Batch(torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1)


def srgan(**options: Any) -> SRGAN:
    torch.manual_seed(0)
    small = {"network": "compact", "width": 4, "blocks": 1, "discriminator_width": 2}
    method = SRGAN(SRGANOptions(**(small | options)), SPEC)
    # Its first norms would make the logits of the same images differ between batches.
    return method.eval()


def test_the_generators_loss_is_a_weighted_sum(batch: Batch) -> None:
    method = srgan(content_weight=2.0, adversarial_weight=0.5, pixel_weight=3.0)
    backbone = find_backbone("efficientnet")
    loss, parts = method.generator_loss(batch, RNG, backbone)
    made = method.generator(method.small(batch, None))
    torch.testing.assert_close(parts["pixel"], (made - batch.images).abs().mean())
    adversarial = -torch.log(torch.sigmoid(method.discriminator(made).double())).mean()
    torch.testing.assert_close(parts["adversarial"].double(), adversarial, rtol=1e-5, atol=1e-6)
    content = content_difference(backbone, made, batch.images)
    torch.testing.assert_close(parts["content"], content)
    expected = 2 * content + 0.5 * parts["adversarial"] + 3 * parts["pixel"]
    torch.testing.assert_close(loss, expected)


def test_the_discriminator_gets_the_images_of_the_generators_phase(batch: Batch) -> None:
    method = srgan()
    backbone = find_backbone("efficientnet")
    with torch.no_grad():
        before = method.generator(method.small(batch, None))
        method.generator_loss(batch, RNG, backbone)
        for parameter in method.generator.parameters():
            parameter.add_(0.3)  # a large update
        loss, parts = method.discriminator_loss(batch, RNG)
        real, fake = method.discriminator(batch.images), method.discriminator(before)
    expected = F.softplus(-real).mean() + F.softplus(fake).mean()
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(parts["fake"], fake.mean(), rtol=1e-5, atol=1e-6)
    # The next one finds none, and upscales again.
    with torch.no_grad():
        _, parts = method.discriminator_loss(batch, RNG)
        fake = method.discriminator(method.generator(method.small(batch, None)))
    torch.testing.assert_close(parts["fake"], fake.mean(), rtol=1e-5, atol=1e-6)


def test_the_penalty_is_the_squared_gradient(batch: Batch) -> None:
    method = srgan(r1=0.3, penalty_every=4).double()
    wide = Batch(batch.images.double())
    loss, _ = method.penalty_loss(wide, RNG)
    gradients = []
    for image in wide.images:  # one at a time
        x = image[None].clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(method.discriminator(x).sum(), x)
        gradients.append(gradient.square().sum())
    expected = 4 * 0.3 / 2 * torch.stack(gradients).mean()
    torch.testing.assert_close(loss.double(), expected, rtol=1e-5, atol=1e-9)


def test_phases(capsys: pytest.CaptureFixture[str]) -> None:
    phases = srgan().phases()
    assert [phase.name for phase in phases] == ["generator", "discriminator"]
    assert "content loss on efficientnet" in capsys.readouterr().err
    method = srgan(r1=0.1, penalty_every=4)
    *_, penalty = method.phases()
    assert (penalty.name, penalty.every) == ("penalty", 4)
    assert penalty.networks == (method.discriminator,)


def test_low_resolution_images_of_the_data_are_used(batch: Batch) -> None:
    small = torch.zeros(2, 3, 8, 8)
    method = srgan()
    assert method.small(Batch(batch.images, low_res=small), RNG) is small
    made = method.small(batch, None)
    assert made.shape == (2, 3, 8, 8)
    assert torch.equal(made, ((made + 1) * 127.5).round() / 127.5 - 1)  # of 8 bits


def test_esrgans_defaults_are_the_papers() -> None:
    """Wang et al. 2018, section 4.1: λ = 5e-3 and η = 1e-2."""
    options = ESRGANOptions()
    assert (options.adversarial_weight, options.pixel_weight) == (5e-3, 1e-2)
    assert (options.network, options.loss) == ("rrdb", "relativistic-average")


def test_refusals() -> None:
    with pytest.raises(UserError, match="no adversarial loss 'bcee'; did you mean 'bce'"):
        SRGANOptions(loss="bcee")
    with pytest.raises(UserError, match="--scale must be one of 2, 3, 4, 8, not 5"):
        srgan(scale=5)
    with pytest.raises(UserError, match=r"no multiple of the scale 3: use --image-size 30 or 33"):
        srgan(scale=3)
    with pytest.raises(UserError, match=r"none\.pth: there is no such file"):
        srgan(content_weights="none.pth").phases()


@pytest.mark.parametrize("name", ["srgan", "esrgan", "srresnet"])
def test_without_a_gpu_the_compact_network_is_trained(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for present, network in (
        (False, "compact"),
        (True, "rrdb" if name == "esrgan" else "srresnet"),
    ):
        monkeypatch.setattr(torch.cuda, "is_available", lambda present=present: present)
        options = METHODS[name].default_preset().options
        assert options.network == network  # type: ignore[attr-defined]
