from dataclasses import asdict
from typing import Any

import pytest
import torch

from reverie.core.errors import UserError
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods import METHODS, Encodes, Samples
from reverie.methods.gan.cgan import CGAN, CGANOptions
from reverie.methods.gan.dcgan import DCGAN, DCGANOptions
from reverie.methods.gan.inversion import GANInversion, GANInversionOptions

SPEC = ImageSpec(1, 16, ("a", "b", "c"))


def inversion(base: Any = "dcgan", **options: Any) -> GANInversion:
    torch.manual_seed(0)
    given = {"width": 4, "latent_size": 6} | ({"embedding_size": 5} if base == "cgan" else {})
    return GANInversion(
        GANInversionOptions(
            base=base, base_options=given, base_classes=3 * (base == "cgan"), width=4, **options
        ),
        SPEC,
    )


@pytest.fixture
def batch(generator: torch.Generator) -> Batch:
    return Batch(torch.rand(4, 1, 16, 16, generator=generator) * 2 - 1)


def rng(step: int) -> Rng:
    return Rng(torch.Generator().manual_seed(3), step)


def test_first_on_generated_images_alone(batch: Batch) -> None:
    method = inversion(pictures_after=10).eval()
    loss, parts = method.loss(batch, rng(9))
    z = torch.randn(4, 6, generator=torch.Generator().manual_seed(3))
    found = method.encoder(method.base.generate(z))  # type: ignore[operator]
    expected = (found - z).square().mean()
    torch.testing.assert_close(parts["latents"], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(loss, parts["latents"])
    assert parts.keys() == {"latents"}


def test_then_on_real_images_too(batch: Batch) -> None:
    method = inversion(pictures_after=10, picture_weight=2.0, norm_weight=0.3).eval()
    loss, parts = method.loss(batch, rng(10))
    latents = method.encoder(batch.images)
    back = method.base.generate(latents)  # type: ignore[operator]
    pictures = (back - batch.images).abs().mean()
    norm = ((latents.norm(dim=1) ** 2 / 6 - 1) ** 2).mean()
    torch.testing.assert_close(parts["pictures"], pictures, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(parts["norm"], norm, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(loss, parts["latents"] + 2 * pictures + 0.3 * norm)


def test_the_content_loss_is_weighted(batch: Batch) -> None:
    wide = Batch(batch.images.repeat(1, 3, 4, 4))
    method = GANInversion(
        GANInversionOptions(
            base_options={"width": 2, "latent_size": 4},
            width=2,
            pictures_after=0,
            feature_weight=5.0,
        ),
        ImageSpec(3, 64),
    ).eval()
    loss, parts = method.loss(wide, rng(0))
    rest = parts["latents"] + parts["pictures"] + 0.05 * parts["norm"]
    torch.testing.assert_close(loss - rest, 5 * parts["features"], rtol=1e-3, atol=1e-4)
    assert float(parts["features"].detach()) > 0


def test_the_generator_stays_as_it_is(batch: Batch) -> None:
    method = inversion(pictures_after=0).train()
    assert not method.base.training
    assert method.encoder.training
    (phase,) = method.phases()
    assert phase.networks == (method.encoder,)
    before = {name: tensor.clone() for name, tensor in method.base.state_dict().items()}
    optimizer = torch.optim.Adam(phase.networks[0].parameters(), 0.01)
    losses = []
    for _ in range(8):
        loss, _ = phase.loss(batch, rng(0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    after = method.base.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert "base" in method.frozen


def test_the_class_is_a_part_of_the_latent() -> None:
    method = inversion("cgan").eval()
    base = method.base
    assert isinstance(base, CGAN)
    assert method.latent_shape == (6 + 5,)
    z = torch.randn(3, 6, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([2, 0, 1])
    latents = torch.cat([z, base.embedding(labels)], dim=1)
    torch.testing.assert_close(method.generate(latents), base.generate(z, labels))


def test_latents_of_a_cgan_hold_embeddings_of_classes(batch: Batch) -> None:
    method = inversion("cgan").eval()
    seen = []
    generate = method.generate

    def keep(latents: torch.Tensor, labels: object = None) -> torch.Tensor:
        seen.append(latents)
        return generate(latents)

    method.generate = keep  # type: ignore[method-assign]
    method.loss(batch, rng(0))
    weights = method.base.embedding.weight  # type: ignore[union-attr]
    for row in seen[0][:, 6:]:
        assert any(torch.equal(row, known) for known in weights)


def test_it_encodes_and_generates(batch: Batch) -> None:
    method = inversion().eval()
    assert isinstance(method, Encodes)
    assert isinstance(method, Samples)
    shown = method.previews(None, None, batch)["samples"].images
    assert shown.shape == (8, 1, 16, 16)
    torch.testing.assert_close(shown[0::2], batch.images)
    torch.testing.assert_close(shown[1::2], method.generate(method.encode(batch.images)))


def test_it_inherits_the_generator_of_init() -> None:
    options = DCGANOptions(width=2, latent_size=3)
    start = DCGAN(options, ImageSpec(1, 16)).eval()
    made = GANInversion.inherit_options(GANInversionOptions(), start, "dcgan")
    assert isinstance(made, GANInversionOptions)
    assert (made.base, made.base_options, made.base_classes) == ("dcgan", asdict(options), 0)
    method = GANInversion(made, ImageSpec(1, 16)).eval()
    assert method.load_matching(start) == ["base"]
    z = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(method.generate(z), start.generate(z))


def test_a_model_without_what_only_its_training_needs() -> None:
    """`dcgan:faces-small` trains a network that reconstructs latents; its model has none."""
    spec = ImageSpec(1, 16)
    start = DCGAN(DCGANOptions(width=2, latent_size=3, latent_weight=1.0), spec).eval()
    assert start.finder is not None
    made = GANInversion.inherit_options(GANInversionOptions(), start, "dcgan")
    start.finder = None
    method = GANInversion(made, spec)  # type: ignore[arg-type]
    assert method.load_matching(start) == ["base"]
    z = torch.randn(2, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(method.generate(z), start.generate(z), rtol=0, atol=0)


def test_it_inherits_the_classes_of_a_cgan() -> None:
    start = CGAN(CGANOptions(width=2, latent_size=3, embedding_size=2), SPEC)
    made = GANInversion.inherit_options(GANInversionOptions(), start, "cgan")
    assert isinstance(made, GANInversionOptions)
    assert made.base_classes == 3
    method = GANInversion(made, ImageSpec(1, 16))
    assert method.load_matching(start) == ["base"]


def test_another_model_has_nothing_to_invert() -> None:
    kind = METHODS["vae"]
    start = kind(kind.Options(), ImageSpec(1, 16))
    with pytest.raises(UserError, match="--init is a vae; a vae has its own encoder"):
        GANInversion.inherit_options(GANInversionOptions(), start, "vae")
