import pytest
from starlette.testclient import TestClient

from tests.serve.conftest import Connect
from tests.serve.test_app import refused

TOKEN = "t" * 32


def test_everything_but_health_needs_the_token(connect: Connect) -> None:
    with connect(token=TOKEN) as client:
        for path in ("/", "/models", "/metrics", "/openapi.json", "/nowhere", "/healthz/x"):
            for wrong in ("", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ", "Bearer é"):
                answer = client.get(path, headers={"authorization": wrong.encode()})  # type: ignore[dict-item]
                assert "Bearer" in refused(answer, 401)
                assert answer.headers["www-authenticate"] == "Bearer"
        refused(client.post("/models/digits/sample"), 401)
        assert client.get("/healthz").status_code == 200
        right = {"authorization": f"bearer {TOKEN}", "host": "models.example:80"}
        assert client.get("/models", headers=right).status_code == 200  # behind a proxy


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "rebound.example"},
        {"origin": "http://rebound.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_without_a_token_other_sites_are_refused(
    client: TestClient, headers: dict[str, str]
) -> None:
    refused(client.post("/models/digits/sample", headers=headers), 403)
    own = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
    answer = client.post("/models/digits/sample", headers=own, json={"steps": 1})
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
