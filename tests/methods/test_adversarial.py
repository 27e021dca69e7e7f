import pytest

from reverie.core.errors import UserError
from reverie.methods import METHODS
from reverie.methods.adversarial import AdversarialOptions
from reverie.nn.adversarial import ADVERSARIAL


@pytest.mark.parametrize("loss", list(ADVERSARIAL))
def test_every_loss_is_an_option(loss: str) -> None:
    assert AdversarialOptions(loss=loss).loss == loss


@pytest.mark.parametrize("name", ["gan", "dcgan", "cgan"])
def test_an_unknown_loss_is_refused_at_once(name: str) -> None:
    with pytest.raises(UserError, match="no adversarial loss 'hinje'; did you mean 'hinge'"):
        METHODS[name].Options(loss="hinje")  # type: ignore[call-arg]


@pytest.mark.parametrize("field", ["penalty_every", "generator_every"])
def test_intervals_are_positive(field: str) -> None:
    flag = f"--{field.replace('_', '-')} must be at least 1, not 0"
    with pytest.raises(UserError, match=flag):
        AdversarialOptions(**{field: 0})  # type: ignore[arg-type]
    with pytest.raises(UserError, match="--latent-weight must be at least 0"):
        AdversarialOptions(latent_weight=-1.0)
