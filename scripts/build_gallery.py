"""Build a gallery of pages that run models in the browser, for a web server.

    python scripts/build_gallery.py [--out gallery] [--runs RUN ...] [--pictures docs/figures]

It has the models of the package and the given runs, each as `reverie export --to web` writes it.
With `--pictures` each page is also drawn in Chromium (Debian's package, and playwright), as WebP.
"""

import argparse
import functools
import html
import http.server
import shutil
import sys
import threading
from io import BytesIO
from pathlib import Path

from PIL import Image

import reverie

SHIPPED = ("digits", "photos-x4")
SIZE = {"width": 820, "height": 900}
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Models to play with</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: auto; }}
iframe {{ width: 100%; height: 52rem; border: 1px solid #8884; border-radius: .5rem; }}</style>
<h1>Models to play with</h1>
{frames}
</html>
"""
FRAME = '<h2>{name}</h2>\n<iframe src="{name}/index.html" title="{name}" loading="lazy"></iframe>\n'


def build(out: Path, places: list[str]) -> list[str]:
    """Export every model into a folder of its name below `out`; returns the names."""
    names = []
    for place in places:
        name = Path(place).resolve().name if Path(place).exists() else place
        result = reverie.export(place, out=out / name, to="web", half=True)
        print(result.summary())
        names.append(name)
    frames = "".join(FRAME.format(name=html.escape(name)) for name in names)
    (out / "index.html").write_text(PAGE.format(frames=frames))
    return names


def draw(folder: Path, names: list[str], pictures: Path) -> None:
    """Draw each page of the gallery when it has shown its first images."""
    from playwright.sync_api import sync_playwright

    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pictures.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name in names:
            page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
            page.goto(f"http://127.0.0.1:{server.server_port}/{name}/index.html")
            page.wait_for_selector("body[data-ready]", timeout=120_000)
            if page.locator("#compare").count():
                _upscale_a_photograph(page, folder)
            with Image.open(BytesIO(page.screenshot())) as image:
                image.save(pictures / f"page-{name}.webp", quality=80, method=6)
            page.close()
        browser.close()
    server.shutdown()


def _upscale_a_photograph(page, folder: Path) -> None:
    """Give the page a small photograph, and wait for the result."""
    from skimage import data

    pixels = Image.fromarray(data.astronaut()).resize((128, 128), Image.Resampling.BICUBIC)
    small = folder / "photograph.png"
    pixels.save(small)
    page.set_input_files("#file", small)
    page.wait_for_selector("body[data-done]", timeout=120_000)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build a gallery of pages that run models.")
    parser.add_argument("--out", type=Path, default=Path("gallery"))
    parser.add_argument("--runs", nargs="*", default=[])
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    names = build(arguments.out, [*SHIPPED, *arguments.runs])
    if arguments.pictures is not None:
        draw(arguments.out, names, arguments.pictures)
    print(f"python -m http.server --directory {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
