"""The routes: the same images as the Python call, and one sentence for everything else."""

import base64
import io
import struct
import threading
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

from reverie import api, images
from reverie.core import image_io
from reverie.core.image_file import read_image_file
from reverie.inference.latent.edit import apply_directions
from reverie.inference.options import TranslateOptions, UpscaleOptions
from reverie.serve.metrics import ROUTE
from reverie.serve.models import ServedModel
from reverie.serve.openapi import openapi
from reverie.serve.options import ServeOptions
from reverie.serve.service import Service
from reverie.serve.work import ACTIONS
from tests.serve.conftest import Connect, photo, pixels_of, service_of

PNG = {"content-type": "image/png"}


def refused(answer: Any, *statuses: int) -> str:
    """The sentence of an answer that refuses."""
    assert answer.status_code in (statuses or (422,)), answer.text
    assert set(answer.json()) == {"error"}
    sentence = answer.json()["error"]
    assert "Traceback" not in sentence
    assert "\n" not in sentence
    assert sentence[-1] in ".?"
    return sentence


def test_one_image_is_that_of_the_python_call(
    client: TestClient, served: dict[str, ServedModel]
) -> None:
    answer = client.post("/models/digits/sample", json={"seed": 7, "label": 3, "steps": 4})
    assert answer.headers["content-type"] == "image/png"
    expected = served["digits"].model.sample(1, seed=7, label=3, steps=4)
    assert (pixels_of(answer.content) == image_io.to_uint8(expected)[0, ..., 0]).all()


def test_the_same_images_as_a_sheet_an_archive_and_json(
    client: TestClient, served: dict[str, ServedModel]
) -> None:
    body = {"count": 3, "seed": 5, "steps": 2, "label": ["1", 4, "7"], "guidance": 2}
    made = served["digits"].model.sample(3, seed=5, steps=2, label=[1, 4, 7], guidance=2)
    expected = image_io.to_uint8(made)[..., 0]

    def ask(kind: str) -> Any:
        return client.post("/models/digits/sample", json=body, headers={"accept": kind})

    sheet = ask("image/png").content
    assert (pixels_of(sheet) == pixels_of(images.encode_sheet(made))).all()
    with zipfile.ZipFile(io.BytesIO(ask("application/zip").content)) as archive:
        assert archive.namelist() == ["000005.png", "000006.png", "000007.png"]
        inside = [pixels_of(archive.read(name)) for name in archive.namelist()]
    listed = ask("application/json").json()["images"]
    assert [(one["seed"], one["label"]) for one in listed] == [(5, "1"), (6, "4"), (7, "7")]
    for number, one in enumerate(listed):
        assert (pixels_of(base64.b64decode(one["png"])) == expected[number]).all()
        assert (inside[number] == expected[number]).all()
    assert refused(ask("text/html"), 406)


def test_images_between_two_seeds(client: TestClient, served: dict[str, ServedModel]) -> None:
    body = {"count": 3, "between": [1, 2], "label": "3", "steps": 2}
    accept = {"accept": "application/json"}
    listed = client.post("/models/digits/sample", json=body, headers=accept).json()["images"]
    made = served["digits"].model.sample(3, between=(1, 2), label=3, steps=2)
    expected = image_io.to_uint8(made)[..., 0]
    for one, pixels in zip(listed, expected, strict=True):
        assert (pixels_of(base64.b64decode(one["png"])) == pixels).all()


def test_a_batch_gives_the_images_that_each_request_alone_gets(
    connect: Connect, served: dict[str, ServedModel]
) -> None:
    service = service_of(served, batch=8)
    hold = threading.Event()
    compute = service.worker._compute
    taken: list[int] = []

    def later(tickets: Any) -> None:
        taken.append(len(tickets))
        assert hold.wait(30)
        compute(tickets)

    service.worker._compute = later  # type: ignore[method-assign]
    bodies = [{"seed": 10 + n, "count": 1 + n % 2, "steps": 3, "label": n} for n in range(6)]
    accept = {"accept": "application/json"}
    with connect(service) as client, ThreadPoolExecutor(6) as pool:
        asked = [
            pool.submit(client.post, "/models/digits/sample", json=one, headers=accept)
            for one in bodies
        ]
        while len(service.worker) + sum(taken) < len(bodies):
            time.sleep(0.001)
        hold.set()
        answers = [one.result() for one in asked]
        figures = client.get("/metrics").text
    for body, answer in zip(bodies, answers, strict=True):
        alone = served["digits"].model.sample(**body)  # type: ignore[arg-type]
        expected = image_io.to_uint8(alone)[..., 0].astype(int)
        for one, pixels in zip(answer.json()["images"], expected, strict=True):
            made = pixels_of(base64.b64decode(one["png"])).astype(int)
            assert abs(made - pixels).max() <= 1
    computations = [line for line in figures.splitlines() if "batch_requests_count{" in line]
    assert float(computations[0].split()[-1]) <= 3
    assert 'reverie_images_total{action="sample",model="digits"} 9.0' in figures


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_translations_are_those_of_the_python_call(
    client: TestClient, served: dict[str, ServedModel], tmp_path: Path, mode: str
) -> None:
    source = tmp_path / "photo.png"
    source.write_bytes(photo(40, 36, mode))
    options = TranslateOptions(direction="ba")
    done = api.translate(served["translator"].model, source, out=tmp_path / "out", options=options)
    query = "/models/translator/translate?direction=ba"
    answer = client.post(query, content=source.read_bytes(), headers=PNG)
    assert answer.headers["content-type"] == "image/png"
    assert (pixels_of(answer.content) == pixels_of(done.files[0].read_bytes())).all()
    form = client.post(
        "/models/translator/translate",
        files={"image": ("x.png", source.read_bytes())},
        data={"direction": "ba"},
    )
    assert form.content == answer.content


@pytest.mark.parametrize("scale", [None, 2.5])
def test_upscaled_images_are_those_of_the_python_call(
    client: TestClient, served: dict[str, ServedModel], tmp_path: Path, scale: float | None
) -> None:
    source = tmp_path / "photo.png"
    source.write_bytes(photo(20, 12, "RGBA"))
    done = api.upscale(
        source, out=tmp_path / "out", model=served["photos-x4"].model,
        options=UpscaleOptions(scale=scale),
    )  # fmt: skip
    query = f"?scale={scale}" if scale else ""
    answer = client.post(
        f"/models/photos-x4/upscale{query}", content=source.read_bytes(), headers=PNG
    )
    assert (pixels_of(answer.content) == pixels_of(done.files[0].read_bytes())).all()


def test_edits_and_reconstructions_are_those_of_the_latents(
    client: TestClient, served: dict[str, ServedModel]
) -> None:
    faces, content = served["faces"], photo(16, 16, "L")
    assert faces.editor is not None
    source = image_io.to_tensor(image_io.read(io.BytesIO(content))[None])
    latent = faces.model.encode(source)
    back = image_io.to_uint8(faces.model.generate(latent))[0, ..., 0]
    moved = apply_directions(latent, faces.editor.directions, {"Bright": -2.0})
    edited = image_io.to_uint8(faces.model.generate(moved))[0, ..., 0]
    answer = client.post("/models/faces/reconstruct", content=content, headers=PNG)
    assert (pixels_of(answer.content) == back).all()
    query = "/models/faces/edit?add=Bright=-2&refine=0"
    answer = client.post(query, content=content, headers=PNG)
    assert (pixels_of(answer.content) == edited).all()
    ask = "/models/faces/edit?refine=0"
    assert "Bright" in refused(client.post(ask, content=content, headers=PNG))
    wrong = client.post(f"{ask}&add=Brihgt", content=content, headers=PNG)
    assert "did you mean 'Bright'" in refused(wrong)
    wrong = client.post(f"{ask}&add=Bright=nan", content=content, headers=PNG)
    assert "a strength is a number" in refused(wrong)


def test_models_say_what_they_can_do(client: TestClient) -> None:
    listed = client.get("/models").json()["models"]
    assert [one["name"] for one in listed] == ["digits", "photos-x4", "translator", "faces"]
    assert [one["actions"] for one in listed] == [
        ["sample"],
        ["upscale"],
        ["translate"],
        ["sample", "edit", "reconstruct"],
    ]
    digits = client.get("/models/digits").json()
    assert digits == listed[0]
    assert digits["image_size"] == {"width": 28, "height": 28}
    assert digits["classes"] == list("0123456789")
    assert listed[1]["scale"] == 4
    assert listed[2]["directions"] == ["ab", "ba"]
    assert listed[3]["attributes"] == ["Bright"]
    assert "did you mean 'digits'" in refused(client.get("/models/digit"), 404)
    assert "it can sample" in refused(client.post("/models/digits/upscale"), 404)
    assert client.get("/").json() == client.get("/models").json()
    page = client.get("/", headers={"accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert "curl &#x27;http://testserver/models/digits/sample&#x27;" in page.text


def test_every_route_is_described(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert described == openapi()
    paths = {
        route.path: set(route.methods) - {"HEAD"}
        for route in client.app.app.app.routes  # type: ignore[attr-defined]
    }
    assert {p: {m.upper() for m in one} for p, one in described["paths"].items()} == paths
    sample = described["paths"]["/models/{name}/sample"]["post"]["requestBody"]["content"]
    options = sample["application/json"]["schema"]["properties"]
    assert options["count"]["minimum"] == 1
    assert options["count"]["default"] == 1
    assert not {"init", "mask", "film"} & set(options)  # files on the server
    assert set(ACTIONS) == {path.split("/")[-1] for path in paths if path.count("/") == 3}
    assert ROUTE


def test_health(connect: Connect, served: dict[str, ServedModel]) -> None:
    go_on = threading.Event()

    def slowly(places: object, device: str) -> dict[str, ServedModel]:
        assert go_on.wait(30)
        return served

    service = Service(ServeOptions(), {}, slowly)
    from reverie.serve.app import build

    with TestClient(build(service, None, frozenset(["testserver"]))) as client:
        answer = client.get("/healthz")
        assert "being loaded" in refused(answer, 503)
        assert int(answer.headers["retry-after"]) >= 1
        refused(client.post("/models/digits/sample"), 503)
        go_on.set()
        while service.models is None:
            time.sleep(0.001)
        assert client.get("/healthz").json() == {"status": "ok"}
        service.is_closing = True
        assert "is ending" in refused(client.get("/healthz"), 503)
        assert "is ending" in refused(client.post("/models/digits/sample"), 503)


def big_png(width: int, height: int) -> bytes:
    """A PNG that says to be of a size, and has no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


HOSTILE_JSON = {
    "no object": b"[1]",
    "text": b'"x"',
    "no json": b"{",
    "no UTF-8": b"\xff\xfe{}",
    "deep": b"[" * 30_000,
    "deep object": b'{"a":' * 8_000,
    "long number": b'{"seed": ' + b"9" * 20_000 + b"}",
    "huge": b'{"label": "' + b"a" * 100_000 + b'"}',
    "NaN": b'{"guidance": NaN}',
    "Infinity": b'{"guidance": -Infinity}',
    "a wrong type": b'{"count": "3"}',
    "a list": b'{"count": [1]}',
    "true": b'{"count": true}',
    "none": b'{"count": 0}',
    "many": b'{"count": 65}',
    "very many": b'{"count": 1e9}',
    "many steps": b'{"steps": 100000}',
    "65 bits": b'{"seed": 36893488147419103232}',
    "no class": b'{"label": "cat"}',
    "a surrogate": b'{"label": "\\ud800"}',
    "a null character": b'{"label": "\\u0000"}',
    "no text": b'{"label": {"a": 1}}',
    "other counts": b'{"label": ["1", "2"], "count": 3}',
    "a file": b'{"init": "/etc/passwd"}',
    "an output": b'{"film": "/tmp/x.gif"}',
    "no option": b'{"conut": 3}',
    "a surrogate name": b'{"\\udfff": 3}',
    "a choice": b'{"sampler": "rk4"}',
    "between two classes": b'{"between": [1, 2]}',
    "three seeds": b'{"between": [1, 2, 3], "label": 1}',
}


@pytest.mark.parametrize("body", HOSTILE_JSON.values(), ids=HOSTILE_JSON)
def test_hostile_options_are_refused(client: TestClient, body: bytes) -> None:
    refused(client.post("/models/digits/sample", content=body), 400, 413, 422)
    assert client.get("/healthz").status_code == 200


HOSTILE_IMAGES = {
    "nothing": b"",
    "rubbish": bytes(range(256)) * 40,
    "text": b"GIF89a",
    "truncated": photo(64, 64)[:2000],
    "20,000 pixels a side": big_png(20_000, 20_000),
    "a large one": big_png(5_000, 4_000),
    "made too large": big_png(1_001, 1_000),
    "no size": big_png(0, 7),
    "long": b"\x89PNG\r\n\x1a\n" + bytes(3_000_000),
    "an EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "a zip": b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("image", HOSTILE_IMAGES.values(), ids=HOSTILE_IMAGES)
def test_hostile_images_are_refused(connect: Connect, image: bytes) -> None:
    with connect(max_megabytes=2.0) as client:
        answer = client.post("/models/photos-x4/upscale", content=image, headers=PNG)
        refused(answer, 400, 413, 422)
        form = client.post("/models/photos-x4/upscale", files={"image": ("a.png", image)})
        refused(form, 400, 413, 422)


def test_a_translation_is_not_made_much_larger_than_its_image(client: TestClient) -> None:
    thin = big_png(16_000_000, 1)
    ask = "/models/translator/translate?size=trained"
    assert "would be made at" in refused(client.post(ask, content=thin, headers=PNG), 413)


def test_queries_forms_and_types_that_do_not_fit(client: TestClient) -> None:
    upscale, image = "/models/photos-x4/upscale", photo()

    def ask(query: str = "", **how: Any) -> Any:
        return client.post(upscale + query, **({"content": image, "headers": PNG} | how))

    assert "finite" in refused(ask("?scale=nan"))
    assert "finite" in refused(ask("?scale=1e999"))
    assert "a number" in refused(ask("?scale=two"))
    assert "a number" in refused(ask("?scale=2&scale=3"))
    assert "at most 16" in refused(ask("?scale=17"))
    assert "did you mean 'scale'" in refused(ask("?scael=2"))
    assert "there is no option 'tile'" in refused(ask("?tile=1"))
    assert "one of auto" in refused(ask("?precision=fp64"))
    refused(ask(headers={"content-type": "application/json"}), 415)
    refused(ask(headers={"content-type": "multipart/form-data"}), 400)
    refused(ask(headers={"content-type": "multipart/form-data; boundary=x"}), 400)
    refused(ask(headers={"content-type": "multipart/form-data; boundary="}), 400)
    two = [("a", ("a.png", image)), ("b", ("b.png", image))]
    refused(client.post(upscale, files=two), 400)
    assert ask(headers={"content-type": "application/octet-stream"}).status_code == 200
    assert "GET, HEAD" in refused(client.delete("/models"), 405).replace("HEAD, GET", "GET, HEAD")
    refused(client.get("/nowhere"), 404)
    refused(client.get("/models/%2e%2e%2fetc"), 404)
    refused(client.get("/models/" + "a" * 5000), 404)


def test_a_defect_is_a_sentence_and_a_log(
    served: dict[str, ServedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    from reverie.serve.app import build

    def fail(*arguments: object, **options: object) -> torch.Tensor:
        raise RuntimeError("a secret of the network")

    service = service_of(served)
    monkeypatch.setattr(type(served["digits"].model), "sample_seeds", fail)
    app = build(service, None, frozenset(["testserver"]))
    with TestClient(app, raise_server_exceptions=False) as client:
        while service.models is None:
            time.sleep(0.001)
        answer = client.post("/models/digits/sample")
        assert "secret" not in refused(answer, 500)
        assert client.get("/healthz").status_code == 200


def test_memory_that_runs_out_is_the_request_s(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, served: dict[str, ServedModel]
) -> None:
    def fail(*arguments: object, **options: object) -> torch.Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    monkeypatch.setattr(type(served["digits"].model), "sample_seeds", fail)
    with connect() as client:
        assert "memory" in refused(client.post("/models/digits/sample"), 413)


def test_metadata_and_depth_are_kept(client: TestClient) -> None:
    sixteen = io.BytesIO()
    Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20) * 100).save(sixteen, "PNG")
    answer = client.post("/models/photos-x4/upscale", content=sixteen.getvalue(), headers=PNG)
    assert read_image_file(io.BytesIO(answer.content)).colour.dtype == np.uint16
