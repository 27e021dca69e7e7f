import pytest
from starlette.testclient import TestClient

from reverie.studio.app import Studio, build
from reverie.studio.security import Guard
from tests.studio.conftest import TOKEN


@pytest.fixture
def stranger(studio: Studio) -> TestClient:
    """A browser without the token."""
    return TestClient(Guard(build(studio), TOKEN, frozenset(["testserver"])))


@pytest.mark.parametrize("path", ["/", "/api/state", "/api/jobs", "/page/js/main.js", "/nothing"])
def test_nothing_is_told_without_the_token(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 401
    assert "open the address" in answer.json()["error"]
    wrong = stranger.get(path, headers={"authorization": "Bearer " + "x" * 40})
    assert wrong.status_code == 401


def test_the_first_address_sets_a_strict_cookie(stranger: TestClient) -> None:
    answer = stranger.get(f"/?token={TOKEN}", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert stranger.get("/api/jobs").status_code in (200, 500)  # the cookie is known now
    assert stranger.get("/?token=wrong").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:7860"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver.evil.example"},
    ],
)
def test_foreign_hosts_and_origins_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get("/api/jobs", headers=headers).status_code == 403
    assert client.post("/api/jobs", json={}, headers=headers).status_code == 403


def test_the_own_origin_is_let_in(client: TestClient) -> None:
    assert client.get("/api/jobs", headers={"origin": "http://testserver"}).status_code == 200


def test_headers_of_every_answer(client: TestClient, stranger: TestClient) -> None:
    for answer in (client.get("/"), client.get("/api/nothing"), stranger.get("/api/jobs")):
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'self'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("length", ["99999999999", "-1", "x"])
def test_large_bodies_are_refused(client: TestClient, length: str) -> None:
    answer = client.post("/api/jobs", content=b"{}", headers={"content-length": length})
    assert answer.status_code == 413
