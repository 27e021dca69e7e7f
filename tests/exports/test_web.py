"""Exported pages in a real browser: the pictures that they draw are the library's."""

import base64
import io
import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")
pytest.importorskip("playwright")

from playwright.sync_api import Page, sync_playwright

import reverie
from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.exports import web
from reverie.exports.web import export_page
from reverie.exports.web_runtime import runtime_files
from reverie.inference.model import Model
from reverie.inference.options import ExportOptions
from reverie.methods import METHODS
from reverie.runs.model_folder import save_model
from reverie.testing.subject import OTHER_SPECS, random_images, subject_of

CHROMIUM = shutil.which("chromium")
PATIENCE = 120
"""Seconds."""
SINGLE = ExportOptions(to="web", single_file=True)
FOLDER = ExportOptions(to="web")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """ONNX Runtime for browsers, from the user's own cache or from npm."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium here")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("REVERIE_CACHE", raising=False)
            return runtime_files()
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture
def runtime(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages get these files."""
    monkeypatch.setattr(web, "runtime_files", lambda webgpu: files)


SOFTWARE_GRAPHICS = (
    *("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"),
    *("--enable-features=Vulkan", "--use-vulkan=swiftshader"),
)
"""Arguments with which Chromium has WebGPU without a graphics processor."""


@pytest.fixture(params=[()])
def page(runtime: None, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page whose console must stay free of errors, and that loads what lies beside it alone."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", *request.param]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.set_default_timeout(120_000)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("request", lambda one: _check_request(one.url, wrong))
        yield page
        browser.close()
        assert wrong == []


def _check_request(url: str, wrong: list[str]) -> None:
    if not re.match(r"(file|blob|data):|http://127\.0\.0\.1:", url):
        wrong.append(f"the page asked for {url}")


ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
"""Headers with which browsers let a page use several threads."""


@pytest.fixture(params=[{}])
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address at which `tmp_path` is served, with headers of the test's choice."""

    class Quiet(SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            for name, value in request.param.items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def tiny(method: str, folder: Path, spec: int = 0) -> Model:
    """A small model with random weights of a method, saved and loaded."""
    made = subject_of(METHODS[method]).build(OTHER_SPECS[spec])
    save_model(folder, method, made.eval().requires_grad_(False), "a test")
    return reverie.load(folder)


def opened(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("body[data-ready]")


def finished(page: Page, number: int) -> None:
    """Wait until `number` things have been done since the page was loaded."""
    until = time.monotonic() + PATIENCE
    while int(page.get_attribute("body", "data-done") or 0) < number:
        assert time.monotonic() < until
        page.wait_for_timeout(50)  # the page's policy forbids what wait_for_function does


def pixels(page: Page, canvas: str) -> np.ndarray:
    """What a canvas shows, [H, W, 3]."""
    url = page.locator(canvas).evaluate("canvas => canvas.toDataURL('image/png')")
    image = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))
    return np.asarray(image.convert("RGB"))


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """In decibels, of 8 bits."""
    error = np.square(one.astype(float) - other.astype(float)).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def sheet(images: torch.Tensor, columns: int) -> np.ndarray:
    """Images side by side as the page shows them, without gaps, [H, W, 3]."""
    made = image_io.to_uint8(images)
    rows = [np.concatenate(made[at : at + columns], 1) for at in range(0, len(made), columns)]
    whole = np.concatenate(rows)
    return whole.repeat(3, -1) if whole.shape[-1] == 1 else whole


@pytest.mark.timeout(600)
def test_a_served_page_samples_what_the_library_samples(
    page: Page, tmp_path: Path, served: str
) -> None:
    model = reverie.load("digits")
    made = export_page(model, tmp_path / "page", FOLDER)
    assert made.page == tmp_path / "page" / "index.html"
    assert made.size_bytes == sum(file.stat().st_size for file in made.page.parent.iterdir())
    opened(page, f"{served}/page/index.html")
    assert psnr(pixels(page, "#grid"), sheet(model.sample(16), 4)) > 45
    assert page.locator("#film").input_value() == "11"  # the last of 12 steps
    page.select_option("#label", "3")
    page.locator("#guidance").fill("2")
    page.select_option("#count", "4")
    page.get_by_label("Seed").fill("100")
    page.get_by_label("Seed").press("Enter")
    finished(page, 4)
    wanted = model.sample(4, seed=100, label=3, guidance=2.0)
    assert psnr(pixels(page, "#grid"), sheet(wanted, 2)) > 45
    page.get_by_role("button", name="Again").click()
    finished(page, 5)
    wanted = model.sample(4, seed=104, label=3, guidance=2.0)
    assert psnr(pixels(page, "#grid"), sheet(wanted, 2)) > 45


@pytest.mark.timeout(600)
def test_a_single_file_upscales_as_the_library_does(page: Page, tmp_path: Path) -> None:
    model = reverie.load("photos-x4")
    made = export_page(model, tmp_path / "large.html", SINGLE)
    assert made.page.stat().st_size == made.size_bytes
    image = random_images(1, OTHER_SPECS[3])[..., :50]
    image = torch.nn.functional.interpolate(image, (150, 140), mode="bicubic").clamp(-1, 1)
    image_io.save(image[0], tmp_path / "in.png")
    opened(page, made.page.as_uri())
    page.set_input_files("#file", tmp_path / "in.png")
    finished(page, 1)  # in two by two tiles
    wanted = model.upscale(image_io.to_tensor(image_io.read(tmp_path / "in.png")[None]))
    assert psnr(pixels(page, "#after"), image_io.to_uint8(wanted)[0]) > 45
    (tmp_path / "rubbish.png").write_bytes(b"no image")
    page.set_input_files("#file", tmp_path / "rubbish.png")
    finished(page, 2)
    assert "no image that the browser can read" in page.locator("#status").inner_text()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_page_translates_both_ways(page: Page, tmp_path: Path) -> None:
    model = tiny("cyclegan", tmp_path / "model")
    made = export_page(model, tmp_path / "page.html", SINGLE)
    image = random_images(1, OTHER_SPECS[0])
    image_io.save(image[0], tmp_path / "in.png")
    opened(page, made.page.as_uri())
    page.set_input_files("#file", tmp_path / "in.png")
    seen = image_io.to_tensor(image_io.read(tmp_path / "in.png")[None])
    for number, direction in enumerate(("ab", "ba"), 1):
        if direction == "ba":
            page.select_option("#direction", "ba")
        finished(page, number)
        wanted = image_io.to_uint8(model.translate(seen, direction))[0]
        assert psnr(pixels(page, "#after"), wanted) > 45


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", ["pix2pix", "cut"])
def test_a_page_begins_with_an_example(
    page: Page, tmp_path: Path, served: str, method: str
) -> None:
    model = tiny(method, tmp_path / "model")
    (tmp_path / "photos").mkdir()
    images = random_images(2, OTHER_SPECS[0])
    for number, image in enumerate(images):
        image_io.save(image, tmp_path / "photos" / f"{number}.png")
    wanted = image_io.to_uint8(model.translate(image_io.to_tensor(image_io.to_uint8(images))))
    export_page(model, tmp_path / "page", replace(FOLDER, examples=tmp_path / "photos"))
    opened(page, f"{served}/page/index.html")
    assert psnr(pixels(page, "#after"), wanted[0]) > 45
    page.get_by_role("button", name="Example 2").click()
    finished(page, 1)
    assert psnr(pixels(page, "#after"), wanted[1]) > 45


def test_examples_are_images_for_a_model_that_takes_images(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither translates nor upscales"):
        export_page(reverie.load("digits"), tmp_path / "page", replace(FOLDER, examples=tmp_path))
    with pytest.raises(UserError, match="there are no images in this folder"):
        export_page(
            reverie.load("photos-x4"), tmp_path / "page", replace(FOLDER, examples=tmp_path)
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", ["vae", "encoder"])
def test_a_page_reconstructs_and_edits(page: Page, tmp_path: Path, method: str) -> None:
    model = tiny(method, tmp_path / "model", 2)
    made = export_page(model, tmp_path / "page.html", SINGLE)
    opened(page, made.page.as_uri())
    (size,) = model.method.latent_shape  # type: ignore[attr-defined]
    latents = reverie.core.rng.latents_of_seeds([0], (size,))  # type: ignore[attr-defined]
    assert psnr(pixels(page, "#output"), sheet(model.generate(latents), 1)) > 45
    image_io.save(random_images(1, OTHER_SPECS[2])[0], tmp_path / "in.png")
    page.set_input_files("#file", tmp_path / "in.png")
    finished(page, 1)
    seen = image_io.to_tensor(image_io.read(tmp_path / "in.png")[None])
    found = model.encode(seen)
    assert psnr(pixels(page, "#output"), sheet(model.generate(found), 1)) > 45
    page.locator("#slider-0").fill("1.5")
    finished(page, 2)
    facts = json.loads(page.locator("#page").text_content() or "")
    moved = found + 1.5 * torch.tensor(facts["sliders"][0]["direction"])
    assert psnr(pixels(page, "#output"), sheet(model.generate(moved), 1)) > 45
    assert page.locator("#value-0").inner_text() == "1.5"
    page.get_by_role("button", name="Reset the sliders").click()
    finished(page, 3)
    assert psnr(pixels(page, "#output"), sheet(model.generate(found), 1)) > 45
    page.get_by_role("button", name="Next seed").click()  # the one in the field, then the next
    finished(page, 4)
    assert psnr(pixels(page, "#output"), sheet(model.generate(latents), 1)) > 45
    page.get_by_role("button", name="Next seed").click()
    finished(page, 5)
    latents = reverie.core.rng.latents_of_seeds([1], (size,))  # type: ignore[attr-defined]
    assert psnr(pixels(page, "#output"), sheet(model.generate(latents), 1)) > 45
    assert page.get_by_role("button", name="Next example").is_hidden()
    page.locator("#input").hover()
    page.mouse.down()
    page.mouse.move(100, 500)
    page.mouse.up()
    finished(page, 6)  # what was drawn is encoded


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", ["gan", "dcgan", "cgan"])
def test_a_page_samples_from_networks(page: Page, tmp_path: Path, method: str) -> None:
    model = tiny(method, tmp_path / "model")
    made = export_page(model, tmp_path / "page.html", SINGLE)
    opened(page, made.page.as_uri())
    assert psnr(pixels(page, "#grid"), sheet(model.sample(16), 4)) > 45
    page.get_by_label("Seed").fill("-5")
    page.get_by_label("Seed").press("Enter")
    finished(page, 1)
    assert psnr(pixels(page, "#grid"), sheet(model.sample(16, seed=-5), 4)) > 45


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_people_do_by_mistake(page: Page, tmp_path: Path) -> None:
    model = tiny("cyclegan", tmp_path / "model")
    made = export_page(model, tmp_path / "page.html", SINGLE)
    opened(page, made.page.as_uri())
    Image.new("RGB", (1, 300)).save(tmp_path / "thin.png")
    page.set_input_files("#file", tmp_path / "thin.png")
    finished(page, 1)
    assert "too small or too narrow" in page.locator("#status").inner_text()
    assert page.get_by_role("button", name="Save").is_disabled()
    image_io.save(random_images(1, OTHER_SPECS[0])[0], tmp_path / "in.png")
    page.set_input_files("#file", tmp_path / "in.png")
    finished(page, 2)
    box = page.locator("#both").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 5)
    page.mouse.up()
    assert int(page.locator("#slider").input_value()) == pytest.approx(90, abs=2)
    page.get_by_label("Choose an image").focus()  # the keyboard reaches it
    assert page.evaluate("document.activeElement.id") == "file"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_seeds_of_64_bits_and_newer_work_replaces_older(page: Page, tmp_path: Path) -> None:
    model = tiny("gan", tmp_path / "model")
    made = export_page(model, tmp_path / "page.html", SINGLE)
    opened(page, made.page.as_uri())
    for number, (typed, seed) in enumerate(
        (("9007199254740993", 9007199254740993), ("1e300", 0), ("many", 0), ("-3", -3)), 1
    ):
        page.get_by_label("Seed").fill(typed)
        page.get_by_label("Seed").press("Enter")
        finished(page, number)
        assert page.get_by_label("Seed").input_value() == str(seed)
        assert psnr(pixels(page, "#grid"), sheet(model.sample(16, seed=seed), 4)) > 45
        assert f"seeds {seed} to {seed + 15}" in page.locator("#status").inner_text()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("served", [ISOLATION], indirect=True)
def test_an_isolated_page_uses_several_threads(page: Page, tmp_path: Path, served: str) -> None:
    model = tiny("diffusion", tmp_path / "model")
    export_page(model, tmp_path / "page", FOLDER)
    opened(page, f"{served}/page/index.html")
    assert page.evaluate("self.crossOriginIsolated")
    cores = page.evaluate("navigator.hardwareConcurrency")
    assert page.get_attribute("body", "data-threads") == str(min(cores, 8))
    assert psnr(pixels(page, "#grid"), sheet(model.sample(16), 4)) > 45


@pytest.fixture
def with_webgpu(runtime: None, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages get the files with WebGPU."""
    with monkeypatch.context() as patch:
        patch.delenv("REVERIE_CACHE", raising=False)
        larger = runtime_files(webgpu=True)
    monkeypatch.setattr(web, "runtime_files", lambda webgpu: larger if webgpu else files)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("with_webgpu")
def test_a_page_with_webgpu_falls_back(page: Page, tmp_path: Path) -> None:
    model = tiny("dcgan", tmp_path / "model")
    made = export_page(model, tmp_path / "page.html", replace(SINGLE, webgpu=True))
    wanted = sheet(model.sample(16), 4)
    opened(page, made.page.as_uri())  # in a browser without a graphics processor
    assert page.get_attribute("body", "data-provider") == "wasm"
    assert psnr(pixels(page, "#grid"), wanted) > 45


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_where_webgpu_fails_a_page_falls_back(page: Page, tmp_path: Path) -> None:
    model = tiny("dcgan", tmp_path / "model")
    # The runtime without WebGPU, in a browser that seems to have it.
    made = export_page(model, tmp_path / "page.html", replace(SINGLE, webgpu=True))
    device = "{requestDevice: async () => ({destroy() {}})}"
    page.add_init_script(
        "Object.defineProperty(navigator, 'gpu', "
        f"{{value: {{requestAdapter: async () => ({device})}}}})"
    )
    opened(page, made.page.as_uri())
    assert page.get_attribute("body", "data-provider") == "wasm"
    assert psnr(pixels(page, "#grid"), sheet(model.sample(16), 4)) > 45


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("with_webgpu")
@pytest.mark.parametrize("page", [SOFTWARE_GRAPHICS], indirect=True)
def test_a_page_computes_with_webgpu(page: Page, tmp_path: Path) -> None:
    model = tiny("dcgan", tmp_path / "model")
    made = export_page(model, tmp_path / "page.html", replace(SINGLE, webgpu=True))
    opened(page, made.page.as_uri())
    if not page.evaluate("navigator.gpu?.requestAdapter().then(Boolean)"):
        pytest.skip("this browser has no WebGPU")
    assert page.get_attribute("body", "data-provider") == "wasm"  # it is software, and slow
    page.add_init_script(
        "Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', {get: () => false})"
    )
    opened(page, made.page.as_uri())
    assert page.get_attribute("body", "data-provider") == "webgpu"
    assert psnr(pixels(page, "#grid"), sheet(model.sample(16), 4)) > 45


def test_a_folder_says_that_it_needs_a_server() -> None:
    text = web._page(reverie.load("digits"), {"kind": "sample", "title": "digits"}, {})
    assert "put the folder on a web server" in text
    assert "put the folder on a web server" not in web._page(
        reverie.load("digits"), {"kind": "sample", "title": "digits"}, {"a": b""}
    )


def test_a_place_that_does_not_fit_is_refused_before_work(tmp_path: Path) -> None:
    model = reverie.load("digits")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("kept")
    for out, options, words in (
        (tmp_path / "page.html", FOLDER, "add --single-file"),
        (tmp_path / "page", SINGLE, "is named .html"),
        (tmp_path / "mine", FOLDER, "this folder has other files"),
    ):
        with pytest.raises(UserError, match=words):
            export_page(model, out, options)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_options_of_pages_alone() -> None:
    for changes in ({"single_file": True}, {"webgpu": True}, {"examples": Path("photos")}):
        with pytest.raises(UserError, match="--single-file, --webgpu and --examples are for"):
            ExportOptions(**changes)  # type: ignore[arg-type]
