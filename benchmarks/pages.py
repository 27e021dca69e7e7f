"""Exported pages in Chromium: their images beside the library's, and seconds.

    python benchmarks/pages.py [--data IMAGES] [--pictures FOLDER] [--dark] [MODEL ...]

Each page is opened from the disk as a single file, and from a server as a folder. A page that
samples shows its first images; one that takes images gets one of the model's size, from the model
or at random, and one that edits has its first slider moved as well. Peak signal-to-noise ratio of
what the page draws to the library's image for the same seed or input, in decibels; seconds from the
start of the page's script until it is ready, and of the last image or sheet, with one thread.
Requests to other hosts and messages of errors are counted. Needs Debian's package `chromium`, and
playwright.
"""

import argparse
import base64
import functools
import http.server
import io
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

import reverie
from reverie.core import image_io
from reverie.core.files import readable_bytes
from reverie.inference.load import BUILT_IN_MODELS
from reverie.inference.model import Model
from reverie.methods import Encodes, Samples, Translates, Upscales
from reverie.runs.environment import machine

PATIENCE = 600
"""Seconds."""
COUNT = 16
"""Images of a page that samples."""
STRENGTH = 1.5
"""Of a slider that is moved."""
UPSCALED_SIDE = 128


@dataclass
class Watched:
    """A page, and what it should not do."""

    page: Page
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, page: Page) -> "Watched":
        made = cls(page)
        page.on("pageerror", lambda error: made.errors.append(str(error)))
        page.on(
            "console", lambda one: made.errors.append(one.text) if one.type == "error" else None
        )
        page.on("request", lambda one: made.note(one.url))
        return made

    def note(self, url: str) -> None:
        if not url.startswith(("file:", "blob:", "data:", "http://127.0.0.1:")):
            self.foreign.append(url)

    def finish(self, number: int) -> None:
        """Wait until the page has done `number` things."""
        until = time.monotonic() + PATIENCE
        while int(self.page.get_attribute("body", "data-done") or 0) < number:
            if time.monotonic() > until:
                raise TimeoutError(self.page.locator("#status").inner_text())
            self.page.wait_for_timeout(50)

    def pixels(self, canvas: str) -> np.ndarray:
        """What a canvas shows, [H, W, 3]."""
        url = self.page.locator(canvas).evaluate("canvas => canvas.toDataURL('image/png')")
        image = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))
        return np.asarray(image.convert("RGB"))


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """In decibels, of 8 bits; 99 of equal images."""
    error = np.square(one.astype(float) - other.astype(float)).mean()
    return float(10 * np.log10(255**2 / error)) if error else 99.0


def sheet(images: torch.Tensor) -> np.ndarray:
    """Images in a square without gaps, as pages show them, [H, W, 3]."""
    made, columns = image_io.to_uint8(images), round(len(images) ** 0.5)
    rows = [np.concatenate(made[at : at + columns], 1) for at in range(0, len(made), columns)]
    whole = np.concatenate(rows)
    return whole.repeat(3, -1) if whole.shape[-1] == 1 else whole


def image_of(model: Model) -> torch.Tensor:
    """An image for a model, [1, C, H, W]: one of its own, or smooth random colours."""
    spec = model.method.spec
    if isinstance(model.method, Samples):
        return model.sample(1, seed=1)
    side = UPSCALED_SIDE if isinstance(model.method, Upscales) else spec.width
    coarse = torch.rand(1, spec.channels, 8, 8, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(2 * coarse - 1, (side, side), mode="bicubic")


def compared(watched: Watched, model: Model, image: Path) -> tuple[list[float], float]:
    """Peak signal-to-noise ratios of what a page draws, and seconds of the last of it."""
    page, method = watched.page, model.method
    seen = image_io.to_tensor(image_io.read(image)[None])
    if isinstance(method, Samples) and not isinstance(method, Encodes):
        first = psnr(watched.pixels("#grid"), sheet(model.sample(COUNT)))
        started = time.perf_counter()
        page.get_by_role("button", name="Again").click()
        watched.finish(1)
        seconds = time.perf_counter() - started
        return [
            first,
            psnr(watched.pixels("#grid"), sheet(model.sample(COUNT, seed=COUNT))),
        ], seconds
    ratios, seconds, done = [], 0.0, 0

    def wait(canvas: str, wanted: torch.Tensor) -> None:
        nonlocal seconds, done
        started, done = time.perf_counter(), done + 1
        watched.finish(done)
        seconds = time.perf_counter() - started
        ratios.append(psnr(watched.pixels(canvas), sheet(wanted)))

    page.set_input_files("#file", image)
    if isinstance(method, Upscales):
        wait("#after", model.upscale(seen))
    elif isinstance(method, Translates):
        for number, direction in enumerate(method.directions):
            if number:
                page.select_option("#direction", direction)
            wait("#after", model.translate(seen, direction))
    else:
        latents = model.encode(seen)
        wait("#output", model.generate(latents))
        page.locator("#slider-0").fill(str(STRENGTH))
        slider = json.loads(page.locator("#page").text_content() or "")["sliders"][0]
        wait("#output", model.generate(latents + STRENGTH * torch.tensor(slider["direction"])))
    return ratios, seconds


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server of a folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def tried(
    browser: Browser, folder: Path, address: str, place: str, asked: argparse.Namespace
) -> None:
    """Print a model's rows of the table."""
    model, name = reverie.load(place), Path(place).name
    image = folder / "image.png"
    image_io.save(image_of(model).clamp(-1, 1)[0], image)
    data = asked.data if isinstance(model.method, Encodes) else None
    for where in ("disk", "server"):
        single = where == "disk"
        out = folder / (f"{name}.html" if single else name)
        made = reverie.export(model, to="web", out=out, single_file=single, data=data)
        page = browser.new_page(
            viewport={"width": asked.width, "height": 900},
            color_scheme="dark" if asked.dark else "light",
        )
        page.set_default_timeout(1000 * PATIENCE)
        watched = Watched.of(page)
        page.goto(out.as_uri() if single else f"{address}/{name}/index.html")
        page.wait_for_selector("body[data-ready]")
        ratios, seconds = compared(watched, model, image)
        if asked.pictures:
            asked.pictures.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=asked.pictures / f"{name}-{where}.png")
        print(
            f"| `{name}`, {model.method_name} | {where} | {readable_bytes(made.size_bytes)} | "
            f"{min(ratios):.0f} | {len(watched.foreign)} | {len(watched.errors)} | "
            f"{page.get_attribute('body', 'data-ready')} | {seconds:.2f} |",
            flush=True,
        )
        page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("models", nargs="*", default=[*BUILT_IN_MODELS])
    parser.add_argument("--data", help="images with attributes, for sliders")
    parser.add_argument("--pictures", type=Path, help="where screenshots are written")
    parser.add_argument("--width", type=int, default=1000)
    parser.add_argument("--dark", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| model | opened from | size | PSNR | foreign requests | errors | load s | image s |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    chromium = shutil.which("chromium")
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with served(Path(made)) as address:
            for place in arguments.models:
                tried(browser, Path(made), address, place, arguments)
        browser.close()
    print(f"\n{machine()}, one thread")


if __name__ == "__main__":
    main()
