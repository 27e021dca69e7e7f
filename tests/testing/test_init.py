import pytest
import torch

from reverie import testing
from reverie.core.errors import UserError
from reverie.methods import METHODS
from reverie.testing import Check, check_method
from tests.testing.linear import Linear, variant


def test_a_good_method_passes() -> None:
    before = torch.random.get_rng_state()
    check_method(Linear)
    check_method(Linear, options={"latent_size": 2})
    assert torch.equal(torch.random.get_rng_state(), before)
    assert METHODS["linear"] is Linear


@pytest.mark.parametrize("check", [*testing.CLASS_CHECKS, *testing.OPTION_CHECKS])
def test_every_check_is_exported(check: Check) -> None:
    assert getattr(testing, check.__name__) is check
    assert check.__name__ in testing.__all__


def test_a_method_that_breaks_a_promise_fails() -> None:
    with pytest.raises(AssertionError, match="must describe the method"):
        check_method(variant(about=""))
    with pytest.raises(UserError, match="no option 'size'"):
        check_method(Linear, options={"size": 3})
