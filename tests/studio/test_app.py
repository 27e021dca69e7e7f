"""The HTTP interface over runs, files and models."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import reverie
from reverie import images
from reverie.studio.home import Home
from tests.studio.conftest import SHORT

Photos = Callable[..., Path]


def png(size: tuple[int, int] = (20, 16)) -> bytes:
    content = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def upload(client: TestClient, *names: str) -> dict[str, Any]:
    files = [("files", (name, png(), "image/png")) for name in names]
    answer = client.post("/api/uploads", files=files)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_what_there_is(client: TestClient) -> None:
    state = client.get("/api/state").json()
    assert {"digits", "faces"} <= {one["name"] for one in state["datasets"]}
    methods = {one["name"]: one for one in state["methods"]}
    assert methods["cyclegan"]["task"] == "translate"
    assert methods["srgan"]["task"] == "upscale"
    assert methods["encoder"]["task"] == "latent"
    assert methods["cgan"]["task"] == "generate"
    shipped = {"digits", "photos-x2", "photos-x4", "photos-x4-gan", "photos-x4-large"}
    assert shipped == {one["name"] for one in state["shipped"]}
    assert state["disk"]["free"] > 0
    assert state["disk"]["used"] > 0


def test_verbs_have_schemas(client: TestClient) -> None:
    verbs = client.get("/api/verbs").json()["verbs"]
    assert {"train", "sample", "translate", "upscale", "dream", "edit", "data get"} <= set(verbs)
    train = client.get("/api/verbs/train?method=cgan&preset=digits").json()["schema"]
    assert train["properties"]["steps"]["default"] == 4600
    assert train["properties"]["r1"]["minimum"] == 0
    assert train["required"] == ["method", "out"]
    wrong = client.get("/api/verbs/train?method=cgn")
    assert wrong.status_code == 422
    assert "did you mean 'cgan'?" in wrong.json()["error"]


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ([], None, "must be a JSON object"),
        ({"verb": "train"}, "method", "method must be given"),
        ({"verb": "trian", "options": {}}, None, "did you mean 'train'?"),
        ({"verb": "train", "options": SHORT}, "out", "out must be given"),
        ({"verb": "train", "options": SHORT | {"out": "/tmp/x"}}, "out", "no path inside"),
        ({"verb": "train", "options": SHORT | {"out": "../x"}}, "out", "no path inside"),
        ({"verb": "train", "options": SHORT | {"out": "runs/a", "stps": 3}}, "stps", "'steps'?"),
        (
            {"verb": "train", "options": SHORT | {"out": "runs/a", "batch_size": 0}},
            "batch_size",
            "--batch-size must be at least 1, not 0.",
        ),
        (
            {"verb": "train", "options": SHORT | {"out": "runs/a", "loss": "x"}},
            "loss",
            "has no option 'loss'",
        ),
        ({"verb": "sample", "options": {"model": "--help"}}, "model", "begins with a hyphen"),
        ({"verb": "sample", "options": {"model": "digits", "out": "x/../../y"}}, "out", "inside"),
        ({"verb": ["train"], "options": {}}, None, "has a verb"),
    ],
)
def test_a_wrong_request_is_one_sentence_at_its_field(
    client: TestClient, body: object, field: str | None, words: str
) -> None:
    refused = client.post("/api/jobs", json=body)
    checked = client.post("/api/check", json=body)
    assert refused.status_code == 422
    assert words in refused.json()["error"]
    assert refused.json()["field"] == field
    if isinstance(body, dict):
        assert checked.status_code == 200
        assert checked.json() == {"ok": False} | refused.json()
    else:
        assert checked.status_code == 422
    assert client.get("/api/jobs").json() == {"jobs": []}


@pytest.mark.parametrize(
    "name", ["../evil", "..", ".", "a/b", ".hidden", "x" * 300, "ä" * 101, "", "a/../../runs/b/.."]
)
def test_a_run_is_a_folder_of_runs(client: TestClient, home: Home, name: str) -> None:
    body = {"verb": "train", "options": SHORT | {"out": f"runs/{name}"}}
    for path in ("/api/jobs", "/api/estimate"):
        refused = client.post(path, json=body)
        assert (refused.status_code, refused.json()["field"]) == (422, "out"), refused.text
    checked = client.post("/api/check", json=body).json()
    assert (checked["ok"], checked["field"]) == (False, "out")
    assert list(home.runs.iterdir()) == []


def test_a_name_that_is_taken_is_said_before_the_start(client: TestClient, home: Home) -> None:
    (home.runs / "a").mkdir()
    (home.runs / "a" / "options.json").write_text("{}")
    body = {"verb": "train", "options": SHORT | {"out": "runs/a"}}
    checked = client.post("/api/check", json=body).json()
    assert "holds a run already" in checked["error"]


def test_a_right_request_is_checked_without_being_run(client: TestClient) -> None:
    body = {"verb": "train", "options": SHORT | {"out": "runs/a"}}
    answer = client.post("/api/check", json=body).json()
    assert answer["command"].startswith("reverie train vae --out=runs/a --data=digits")
    assert client.get("/api/jobs").json() == {"jobs": []}


def test_files_of_the_home_and_no_others(client: TestClient, home: Home) -> None:
    made = upload(client, "a.png", "<img src=x onerror=alert(1)>.png")
    assert made["count"] == 2
    answer = client.get(f"/api/files/{made['files'][0]}")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == png()
    small = client.get(f"/api/files/{made['files'][0]}?thumb=128")
    assert small.headers["content-type"] == "image/webp"
    for path in (
        "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "studio.sqlite",
        ".studio/token", "runs/%00", "uploads/..%5c..%5cx",
    ):  # fmt: skip
        assert client.get(f"/api/files/{path}").status_code == 422
    assert client.get("/api/files/uploads/nothing.png").status_code == 404
    assert client.get(f"/api/files/{made['files'][0]}?thumb=77").status_code == 422
    (home.uploads / "broken.png").write_bytes(b"no image")
    broken = client.get("/api/files/uploads/broken.png?thumb=128")  # a placeholder
    assert (broken.status_code, broken.headers["content-type"]) == (200, "image/webp")
    known = {"if-none-match": small.headers["etag"]}
    again = client.get(f"/api/files/{made['files'][0]}?thumb=128", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    (home.uploads / "x.html").write_text("<script>1</script>")
    page = client.get("/api/files/uploads/x.html")
    assert page.headers["content-security-policy"].startswith("sandbox")
    (home.uploads / "x.svg").write_text("<svg onload='1'/>")
    assert "attachment" in client.get("/api/files/uploads/x.svg").headers["content-disposition"]


def test_the_files_of_a_folder(client: TestClient) -> None:
    made = upload(client, *(f"cats/{i:02d}.png" for i in range(5)), "x.txt")
    found = client.get("/api/folder", params={"path": f"{made['folder']}/cats", "limit": 2}).json()
    assert found["total"] == 5
    assert [one["name"] for one in found["files"]] == ["00.png", "01.png"]
    top = client.get("/api/folder", params={"path": made["folder"]}).json()
    assert top["folders"] == ["cats"]
    assert client.get("/api/folder?path=../").status_code == 422
    assert client.get("/api/folder?path=uploads/none").status_code == 404


def test_runs_of_a_terminal_are_listed(client: TestClient, home: Home) -> None:
    reverie.train("cgan", out=home.runs / "digits", data="digits", width=4, steps=6, log_every=2)
    (home.runs / "broken").mkdir()
    (home.runs / "broken" / "options.json").write_text("{")
    found = client.get("/api/runs").json()
    assert found["total"] == 1
    (run,) = found["runs"]
    assert (run["name"], run["method"], run["task"]) == ("digits", "cgan", "generate")
    assert (run["step"], run["steps"], run["finished"], run["training"]) == (6, 6, True, False)
    assert run["capabilities"] == ["sample"]
    assert client.get(f"/api/files/{run['sheet']}?thumb=256").status_code == 200
    whole = client.get("/api/runs/digits").json()
    assert whole["options"]["width"] == 4
    assert whole["classes"] == [str(i) for i in range(10)]
    series = {s["name"]: s for panel in whole["curves"] for s in panel["series"]}
    assert series["generator"]["steps"] == [1, 2, 4, 6]
    titles = [panel["quantity"] for panel in whole["curves"]]
    assert {"loss", "probability", "penalty"} <= set(titles)
    assert {sheet["step"] for sheet in whole["sheets"]} == {0, 6}
    assert whole["files"]["report"] == "runs/digits/report.html"
    assert client.get("/api/runs/broken").status_code == 404
    assert client.get("/api/runs/..%2f..%2fetc").status_code in (404, 422)
    undo = client.post("/api/runs/digits/trash").json()
    assert client.get("/api/runs").json()["total"] == 0
    assert client.post("/api/trash/restore", json=undo).json()["path"] == "runs/digits"
    assert client.get("/api/runs").json()["total"] == 1


def test_models_are_used_at_once(client: TestClient, home: Home) -> None:
    """The images are those of the Python call."""
    body = {"model": "digits", "count": 2, "seed": 5, "steps": 2, "label": ["3"]}
    made = client.post("/api/sample", json=body).json()
    assert [one["seed"] for one in made["images"]] == [5, 6]
    want = reverie.sample("digits", 2, seed=5, steps=2, label=("3",))
    got = images.read(home.folder / made["images"][1]["path"])
    assert np.abs(got.astype(int) - images.to_uint8(want)[1]).max() <= 1
    source = upload(client, "a.png")["files"]
    larger = client.post("/api/upscale", json={"images": source}).json()
    assert larger["pairs"][0]["source"] == source[0]
    assert images.read(home.folder / larger["pairs"][0]["result"]).shape == (64, 80, 3)
    for verb, body, words in (
        ("translate", {"model": "digits", "images": source}, "is no model that translates"),
        ("translate", {"model": "digits", "images": ["../x.png"]}, "no path inside"),
        ("sample", {"model": "digits", "count": 10**6}, "at most 256 images"),
        ("sample", {"model": "digits", "count": "x"}, "must be an integer"),
        ("sample", {}, "'model' must be given"),
        ("upscale", {"images": []}, "give 1 to 64 images"),
        ("edit", {"model": "runs/none", "image": source[0], "add": {"a": 1}}, ""),
    ):
        answer = client.post(f"/api/{verb}", json=body)
        assert answer.status_code == 422, answer.text
        assert words in answer.json()["error"]


def test_the_discriminator_judges_what_is_drawn(client: TestClient, home: Home) -> None:
    reverie.train("gan", out=home.runs / "g", data="digits", hidden=[8], steps=3)
    drawn = "data:image/png;base64," + base64.b64encode(png((28, 28))).decode()
    found = client.post("/api/drawn", json={"model": "runs/g", "image": drawn}).json()
    assert found["latent"] is found["reconstruction"] is None
    assert 0 < found["probability"] < 1
    asked = client.post("/api/drawn", json={"model": "photos-x4", "image": drawn})
    assert "is no model that encodes" in asked.json()["error"]


def test_images_say_their_class(client: TestClient) -> None:
    body = {"model": "digits", "count": 12, "seed": 0, "steps": 1}
    made = client.post("/api/sample", json=body).json()["images"]
    assert [one["label"] for one in made] == [str(n % 10) for n in range(12)]
    shipped = {one["name"]: one for one in client.get("/api/state").json()["shipped"]}
    assert shipped["digits"]["classes"] == [str(n) for n in range(10)]
    assert "denoise" in shipped["digits"]["capabilities"]
    assert shipped["photos-x4"]["capabilities"] == ["upscale"]


def test_the_plane_and_drawn_digits_of_a_vae(client: TestClient, home: Home) -> None:
    reverie.train("vae", out=home.runs / "v", data="digits", latent_size=2, hidden=[8], steps=3)
    plane = client.post("/api/latent", json={"model": "runs/v", "points": [[0, 0], [0.5, -1]]})
    assert len(plane.json()["images"]) == 2
    assert plane.json()["images"][0].startswith("data:image/png;base64,")
    drawn = "data:image/png;base64," + base64.b64encode(png((56, 56))).decode()
    found = client.post("/api/drawn", json={"model": "runs/v", "image": drawn}).json()
    assert len(found["latent"]) == 2
    assert found["reconstruction"].startswith("data:image/png")
    for image in ("data:text/html,x", "data:image/png;base64,AAAA", 3):
        wrong = client.post("/api/drawn", json={"model": "runs/v", "image": image})
        assert wrong.status_code == 422
    points = [[0, 0]] * 65
    assert client.post("/api/latent", json={"model": "runs/v", "points": points}).status_code == 422


def test_the_interface_describes_itself(client: TestClient) -> None:
    found = client.get("/api/openapi.json").json()
    assert found["openapi"] == "3.1.0"
    paths = {path for path in found["paths"] if path != "/api/verbs/{verb}"}
    routes = {
        route.path.replace("{path:path}", "{path}")
        for route in client.app.app.routes  # type: ignore[attr-defined]
        if route.path.startswith("/api/")
    }
    routes = {r for r in routes if "openapi" not in r and ":path" not in r and "{action}" not in r}
    assert routes <= paths
    assert "/api/jobs/{id}/stop" in paths
    page = client.get("/api")
    assert "OpenAPI" in page.text
