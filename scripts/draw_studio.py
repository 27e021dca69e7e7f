"""Draw every page of the studio at three widths into `docs/studio`.

    python scripts/draw_studio.py [--home DIR]

The pages are those of a real studio with real runs: what is missing in the home is trained first,
by the presets, about 40 minutes on two cores in all; a home that has the runs takes a minute. Each
picture shows a page at 1600 pixels, at 900 in the dark scheme, and at 360. It needs Chromium, the
extras `studio`, `reproduce` and the package `playwright`.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

from reverie.core import image_io
from reverie.experiments.photographs import photograph

OUT = Path(__file__).parents[1] / "docs" / "studio"
WIDTHS = {1600: "light", 900: "dark", 360: "light"}
HEIGHT, SHRUNK, GAP = 1000, 0.56, 16
BACKGROUND = (190, 196, 204)
SETTLED = """
!document.querySelector("[aria-busy=true], .bench .progress")
&& [...document.images].every((one) => one.complete || one.loading == "lazy")
"""
SET = "faces"
RUNS: Mapping[str, Mapping[str, object]] = {
    "digits-map": {"method": "vae", "preset": "digits-2"},
    "digits-by-class": {"method": "cgan", "preset": "digits"},
    "digits-diffusion": {"method": "diffusion", "preset": "digits", "steps": 600},
    "faces": {"method": "vae", "preset": "faces-small"},
    "men-women": {
        "method": "cyclegan",
        "preset": "faces-small",
        "domain_a": "Male & Eyeglasses",
        "domain_b": "!Male & Eyeglasses",
    },
}


class Server:
    """`reverie studio` in a home, with the runs that the pages show."""

    def __init__(self, home: Path) -> None:
        command = ["studio", "--no-browser", "--port", "0", "--home", str(home)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reverie", *command], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.entrance = self.process.stdout.readline().strip()
        self.address, _, self.token = self.entrance.partition("/?token=")

    def ask(self, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            self.address + path,
            None if body is None else json.dumps(body).encode(),
            {"authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def job(self, verb: str, **options: object) -> None:
        """Run a command to its end."""
        name = options.get("out") or options.get("name")
        job = self.ask("/api/jobs", {"verb": verb, "options": options})
        while job.get("state") not in ("done", "failed", "interrupted"):
            time.sleep(2)
            job = self.ask(f"/api/jobs/{job['id']}")
            print(f"\r{name}: {job['progress'] or 0:.0%} ", end="", file=sys.stderr)
        print(file=sys.stderr)
        if job["state"] != "done":
            raise SystemExit(f"{name}: {job['error'] or job['message']}")


def go(page: Page, route: str) -> None:
    page.evaluate("route => { location.hash = route }", f"#/{route}")
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_timeout(800)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def choose_files(page: Page, *files: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(files)


def stroke(page: Page, canvas: Locator, *points: tuple[float, float]) -> None:
    """Draw along points, which are shares of the canvas."""
    box = canvas.bounding_box()
    assert box is not None
    for number, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=10)
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def show_frame(page: Page, film: str, frame: int) -> None:
    """Wait for a film, and show one of its frames."""
    slider = page.get_by_role("slider", name=film)
    slider.wait_for(timeout=300_000)
    slider.fill(str(frame))


def settled(page: Page) -> None:
    """Wait until nothing runs and all images in sight are there."""
    page.wait_for_timeout(500)
    while not page.evaluate(SETTLED):  # the page's policy forbids what wait_for_function does
        page.wait_for_timeout(200)
    page.wait_for_timeout(700)


def sample(page: Page, files: Path) -> None:
    go(page, "use/sample?model=runs/digits-by-class")
    press(page, "Sample")
    page.get_by_role("img", name="seed 15").wait_for()
    page.get_by_role("img", name="seed 3").first.click()


def translate(page: Page, files: Path) -> None:
    go(page, "use/translate?model=runs/men-women")
    choose_files(page, *sorted(files.glob("face-*.png")))
    press(page, "Translate")
    page.get_by_role("slider", name="Divider").wait_for()
    page.get_by_role("button", pressed=False).filter(has=page.get_by_role("img")).nth(2).click()


def upscale(page: Page, files: Path) -> None:
    go(page, "use/upscale")
    choose_files(page, files / "cat.png")
    press(page, "Upscale")
    page.get_by_role("slider", name="Divider").wait_for(timeout=300_000)
    for _ in range(3):
        press(page, "Zoom in")


def dream(page: Page, files: Path) -> None:
    go(page, "use/dream")
    choose_files(page, files / "coffee.png")
    page.get_by_role("button", name="Dream", exact=True).wait_for()
    page.wait_for_timeout(1000)
    press(page, "Dream")
    page.get_by_role("slider", name="Divider").wait_for(timeout=600_000)


def attributes(page: Page, files: Path) -> None:
    go(page, "use/latents?model=runs/faces")
    page.get_by_text("Attributes", exact=True).click()
    choose_files(page, sorted(files.glob("face-*.png"))[0])
    slider = page.get_by_label("Smiling", exact=True)
    slider.wait_for(timeout=300_000)
    for name, value in (("Eyeglasses", "-1.5"), ("Smiling", "1")):
        page.get_by_label(name, exact=True).fill(value)
    page.get_by_role("img", name="Edited image").wait_for(timeout=300_000)


def arithmetic(page: Page, files: Path) -> None:
    go(page, "use/latents?model=runs/faces")
    page.get_by_text("Arithmetic", exact=True).click()
    presses = ((1, "Male", 1), (1, "Eyeglasses", 1), (2, "Male", 1), (2, "Eyeglasses", 2),
               (3, "Male", 2), (3, "Eyeglasses", 2))  # fmt: skip
    for group, attribute, times in presses:
        inside = page.get_by_role("group", name=f"Group {group}")
        for _ in range(times):
            inside.get_by_role("button", name=f"{attribute}:").click()
    press(page, "Compute")
    page.get_by_role("img", name="Result of").wait_for(timeout=300_000)


def inpaint(page: Page, files: Path) -> None:
    go(page, "use/inpaint")
    press(page, "Take one from the model")
    canvas = page.get_by_label("Mask over the image")
    canvas.wait_for(timeout=120_000)
    stroke(page, canvas, (0.35, 0.7), (0.7, 0.72))
    press(page, "Regenerate")
    page.get_by_role("heading", name="Results").wait_for(timeout=300_000)
    page.get_by_role("img", name="seed 0").click()


def compare(page: Page, files: Path) -> None:
    go(page, "compare")
    for name in ("digits-by-class", "digits-diffusion"):
        page.get_by_role("checkbox", name=name).check()


def plane(page: Page, files: Path) -> None:
    go(page, "learn/plane")
    box = page.get_by_role("application").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.35 * box["height"])


def interpolate(page: Page, files: Path) -> None:
    go(page, "use/latents?model=runs/digits-by-class")
    page.get_by_text("Interpolate", exact=True).click()
    for number in (0, 3, 5):
        page.get_by_role("img", name="Image of seed").nth(number).click()
    press(page, "Interpolate")
    show_frame(page, "Interpolation between the held images", 10)


def steps(page: Page, files: Path) -> None:
    go(page, "learn/diffusion")
    page.get_by_label("Model").select_option("digits")
    press(page, "Show the steps")
    show_frame(page, "Steps of the denoising", 14)


def job(page: Page, files: Path) -> None:
    go(page, "home")
    page.get_by_text("Earlier").click()
    page.locator(".job a").first.click()
    page.wait_for_timeout(800)


def draw(page: Page, files: Path) -> None:
    go(page, "learn/draw")
    seven = ((0.3, 0.25), (0.65, 0.25), (0.6, 0.45), (0.45, 0.8))
    stroke(page, page.locator("canvas.pad-canvas"), *seven)
    page.get_by_role("img", name="Reconstruction of the drawing").wait_for(timeout=120_000)
    page.mouse.move(0, 0)


def new(page: Page, files: Path) -> None:
    go(page, "new?data=faces&method=dcgan&preset=faces-small")


PAGES: Mapping[str, Callable[[Page, Path], None]] = {
    "home": lambda page, files: go(page, "home"),
    "new": new,
    "run": lambda page, files: go(page, "run/digits-by-class"),
    "sample": sample,
    "translate": translate,
    "upscale": upscale,
    "dream": dream,
    "attributes": attributes,
    "arithmetic": arithmetic,
    "inpaint": inpaint,
    "compare": compare,
    "plane": plane,
    "steps": steps,
    "draw": draw,
    "interpolate": interpolate,
    "job": job,
}


def inputs(folder: Path) -> None:
    """Images that the pages are tried on: photographs, and drawn faces of men with glasses."""
    from reverie.data.attributes import read_attributes

    for old in folder.glob("face-*.png"):
        old.unlink()
    image_io.save(photograph("chelsea", (224, 150))[0], folder / "cat.png")
    image_io.save(photograph("coffee", (420, 280))[0], folder / "coffee.png")
    faces = read_attributes(SET, "test")
    men = faces.with_attribute("Male") & faces.with_attribute("Eyeglasses")
    for number in men.nonzero()[0][:8]:
        shutil.copyfile(faces.files[number], folder / f"face-{number}.png")


def shot(page: Page, file: Path) -> None:
    """The page at all widths, side by side."""
    parts = []
    for width, scheme in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        settled(page)
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(400)
        whole = Image.open(BytesIO(page.screenshot()))
        size = (round(width * SHRUNK), round(HEIGHT * SHRUNK))
        parts.append(whole.convert("RGB").resize(size, Image.Resampling.LANCZOS))
    total = sum(part.width for part in parts) + GAP * (len(parts) + 1)
    sheet = Image.new("RGB", (total, parts[0].height + 2 * GAP), BACKGROUND)
    left = GAP
    for part in parts:
        sheet.paste(part, (left, GAP))
        left += part.width + GAP
    sheet.save(file, "WEBP", quality=78, method=6)
    page.set_viewport_size({"width": 1600, "height": HEIGHT})
    page.emulate_media(color_scheme="light")


def draw_pages(server: Server, home: Path, only: Sequence[str]) -> None:
    """Draw the pages of a home, whose missing runs are trained first."""
    files = home / ".inputs"
    files.mkdir(exist_ok=True)
    if not all(one["ready"] for one in server.ask("/api/state")["datasets"] if one["name"] == SET):
        server.job("data get", name=SET)
    inputs(files)
    for name, options in RUNS.items():
        if only == list(PAGES) and not (home / "runs" / name / "report.html").is_file():
            server.job("train", **options, out=f"runs/{name}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1600, "height": HEIGHT})
        page.goto(server.entrance)
        for name in only:
            PAGES[name](page, files)
            shot(page, OUT / f"{name}.webp")
            print(name, file=sys.stderr)
        browser.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Draw every page of the studio.")
    parser.add_argument("--home", type=Path, default=Path("studio-home"), help="where the runs are")
    parser.add_argument(
        "--only",
        nargs="*",
        default=list(PAGES),
        help="these pages alone, with the runs that are there",
    )
    chosen = parser.parse_args()
    chosen.home.mkdir(parents=True, exist_ok=True)
    OUT.mkdir(exist_ok=True)
    server = Server(chosen.home)
    try:
        draw_pages(server, chosen.home, chosen.only)
    finally:
        server.process.terminate()
        server.process.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
