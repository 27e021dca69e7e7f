import socket

import pytest

from reverie.core.address import address_of, host_names, is_loopback, is_of_another_site, listen
from reverie.core.errors import UserError


def test_loopback_is_told_from_other_addresses() -> None:
    for host in ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"):
        assert is_loopback(host)
    for host in ("0.0.0.0", "::", "10.0.0.1", "localhost.example", "", "1"):
        assert not is_loopback(host)


def test_what_is_printed_and_what_requests_may_name() -> None:
    own = socket.gethostname()
    assert address_of("127.0.0.1", 80) == "http://127.0.0.1:80"
    assert address_of("::1", 80) == "http://[::1]:80"
    assert address_of("0.0.0.0", 80) == f"http://{own}:80"
    assert host_names("10.0.0.1", 7) == {
        "127.0.0.1:7", "localhost:7", "[::1]:7", "10.0.0.1:7"
    }  # fmt: skip
    assert f"{own}:7" in host_names("::", 7)


def test_a_listener_answers_at_its_port() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            pass
        with pytest.raises(UserError, match=f"127.0.0.1:{port} cannot be used"):
            listen("127.0.0.1", port)
    for host in ("no.such.host.invalid", "x" * 300, "two words", "a..b"):
        with pytest.raises(UserError, match="cannot be used"):
            listen(host, 0)


def test_requests_of_other_sites() -> None:
    hosts = frozenset(["localhost:8000"])
    own = {"origin": "http://localhost:8000", "sec-fetch-site": "same-origin"}
    assert not is_of_another_site(own, "POST", hosts)
    assert not is_of_another_site({}, "POST", hosts)
    for origin in ("http://localhost:8001", "https://else.example", "null", "http://[", ""):
        assert is_of_another_site({"origin": origin}, "GET", hosts)
    assert is_of_another_site({"sec-fetch-site": "cross-site"}, "POST", hosts)
    assert not is_of_another_site({"sec-fetch-site": "cross-site"}, "GET", hosts)  # a link
