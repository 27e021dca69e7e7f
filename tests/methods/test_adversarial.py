import pytest
import torch

from reverie import testing
from reverie.core.errors import UserError
from reverie.methods import METHODS
from reverie.methods.adversarial import AdversarialOptions
from reverie.nn.adversarial import ADVERSARIAL
from reverie.training.quantities import PROBABILITY, quantity_of

ADVERSARIAL_METHODS = [name for name in METHODS if hasattr(METHODS[name].Options, "loss")]


@pytest.mark.parametrize("loss", list(ADVERSARIAL))
def test_every_loss_is_an_option(loss: str) -> None:
    assert AdversarialOptions(loss=loss).loss == loss


@pytest.mark.parametrize("name", ["gan", "dcgan", "cgan"])
def test_an_unknown_loss_is_refused_at_once(name: str) -> None:
    with pytest.raises(UserError, match="no adversarial loss 'hinje'; did you mean 'hinge'"):
        METHODS[name].Options(loss="hinje")  # type: ignore[call-arg]


@pytest.mark.parametrize("field", ["penalty_every", "generator_every", "discriminator_every"])
def test_intervals_are_positive(field: str) -> None:
    flag = f"--{field.replace('_', '-')} must be at least 1, not 0"
    with pytest.raises(UserError, match=flag):
        AdversarialOptions(**{field: 0})  # type: ignore[arg-type]
    with pytest.raises(UserError, match="--latent-weight must be at least 0"):
        AdversarialOptions(latent_weight=-1.0)


@pytest.mark.parametrize("loss", ["lsgan", "hinge"])
@pytest.mark.parametrize("name", ADVERSARIAL_METHODS)
def test_every_discriminator_logs_its_probabilities(name: str, loss: str) -> None:
    method = METHODS[name]
    subject = testing.subject_of(method, dict(method.tiny_options) | {"loss": loss})
    phases = subject.build().phases()
    (phase,) = (p for p in phases if p.name.startswith("discriminator"))
    batch = testing.random_batch(testing.SPEC)
    with torch.no_grad():
        parts = testing.evaluate_loss(phase, batch)[1]
    logits = {n for n in parts if n.startswith(("real", "fake"))}
    found = {n: p for n, p in parts.items() if quantity_of(f"{phase.name}/{n}") is PROBABILITY}
    assert logits
    assert set(found) == ({f"probability_{n}" for n in logits} if loss == "lsgan" else set())
    assert all(0 <= value <= 1 for value in found.values())


def test_what_is_adversarial() -> None:
    """Six methods with `AdversarialOptions`, and the two of super-resolution."""
    assert set(ADVERSARIAL_METHODS) == {
        "gan", "dcgan", "cgan", "cyclegan", "cut", "pix2pix", "srgan", "esrgan",
    }  # fmt: skip
