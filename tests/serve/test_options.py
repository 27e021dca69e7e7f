import pytest

from reverie.core.errors import UserError
from reverie.serve.options import ServeOptions, checked_token

SECRET = "s" * 32


def test_the_token_is_that_of_the_option_or_the_environment() -> None:
    assert checked_token(ServeOptions(), None) is None
    assert checked_token(ServeOptions(), "") is None
    assert checked_token(ServeOptions(), SECRET) == SECRET
    assert checked_token(ServeOptions(token="t" * 16), SECRET) == "t" * 16
    assert checked_token(ServeOptions(host="0.0.0.0"), SECRET) == SECRET
    for host in ("localhost", "::1", "127.0.0.2"):
        assert checked_token(ServeOptions(host=host), None) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", ""])
def test_other_addresses_need_a_token(host: str) -> None:
    for empty in (None, ""):
        with pytest.raises(UserError, match="others can reach the models"):
            checked_token(ServeOptions(host=host), empty)


@pytest.mark.parametrize("token", ["short", "with space in the middle", "é" * 20, "x" * 15])
def test_weak_tokens_are_refused(token: str) -> None:
    with pytest.raises(UserError, match="16 characters or more"):
        checked_token(ServeOptions(token=token), None)


def test_limits_have_bounds() -> None:
    for wrong in ({"queue": 0}, {"timeout": 0}, {"batch": 0}, {"port": 65536}, {"device": "tpu"}):
        with pytest.raises(UserError):
            ServeOptions(**wrong)  # type: ignore[arg-type]
    assert ServeOptions(max_megabytes=1.5).max_bytes == 1_500_000
    assert ServeOptions(max_megapixels=0.5).max_pixels == 500_000
