"""Build the gallery of the documentation: pages that run models in the browser, embedded in one.

    make gallery
    python scripts/build_gallery.py [--out docs/gallery] [--runs RUN ...] [--pictures docs/figures]

It has digits, the upscaler of photographs, and a page with sliders: of the given runs, or, if none
is given, of a VAE of digits, which is trained first. Its `index.html` opens by double-click, and
the folder works on any static host. With `--pictures` the gallery and its pages are also drawn in
Chromium (Debian's package, and playwright), as WebP.
"""

import argparse
import html
import shutil
import sys
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

import reverie

SIZE = {"width": 1000, "height": 900}
PATIENCE = 300_000
"""Milliseconds."""
PHOTOGRAPHS = ("astronaut", "coffee", "chelsea", "rocket")
"""Of scikit-image, in the public domain, for the upscaler's page."""
SIDE = 160
"""Of them, so that a page upscales one in a few seconds."""
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gallery of reverie</title>
<link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: auto; padding: 1rem; }}
iframe {{ width: 100%; height: 58rem; border: 1px solid #8884; border-radius: .5rem; }}
pre {{ overflow-x: auto; padding: .5rem .75rem; background: #8882; border-radius: .4rem; }}
</style>
<h1>Gallery</h1>
<p>Models to try. Each is computed in this browser; no image leaves the machine. Every page is also
a file of its own in this folder, which can be sent to others. Loading takes some seconds.</p>
{sections}
</html>
"""
SECTION = """<section>
<h2>{title}</h2>
<p>{text} <a href="{name}.html">Alone in a tab</a>.</p>
<pre>{command}</pre>
<iframe src="{name}.html" title="{title}" allow="camera; clipboard-read" loading="lazy"></iframe>
</section>
"""


@dataclass(frozen=True)
class Entry:
    """One page of the gallery."""

    name: str
    place: Path | str
    title: str
    text: str
    command: str
    """With which a reader makes the page."""


DIGITS = Entry(
    "digits",
    "digits",
    "Handwritten digits from noise",
    "A diffusion model. Choose a class and the guidance; the last slider shows the denoising.",
    "reverie export digits --to web --single-file --out digits.html",
)
UPSCALER = Entry(
    "photos-x4",
    "photos-x4",
    "Photographs, four times larger",
    "Click on a photograph, or drop one of yours. Drag on the result to compare.",
    "reverie export photos-x4 --to web --single-file --examples photos --out photos-x4.html",
)
VAE = Entry(
    "digits-vae",
    "runs/digits-vae",
    "Draw a digit, and change it",
    "A variational autoencoder. Draw into the left image; the sliders are those of its latents "
    "that change images most.",
    "reverie train vae --preset digits-20 --out runs/digits-vae\n"
    "reverie export runs/digits-vae --to web --single-file --out digits-vae.html",
)


def build(out: Path, runs: list[Path], folder: Path) -> list[Entry]:
    """Write the gallery; what is only needed for it goes into `folder`."""
    entries = [DIGITS, UPSCALER, *(_of_run(run) for run in runs)]
    if not runs:
        run = folder / VAE.name
        reverie.train("vae", preset="digits-20", out=run)
        entries.append(Entry(VAE.name, run, VAE.title, VAE.text, VAE.command))
    out.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        examples = _photographs(folder / "photographs") if entry is UPSCALER else None
        made = reverie.export(
            entry.place,
            to="web",
            out=out / f"{entry.name}.html",
            single_file=True,
            half=True,
            examples=examples,
        )
        print(made.summary())
    (out / "index.html").write_text(index(entries))
    return entries


def index(entries: list[Entry]) -> str:
    """The page that embeds the others."""
    sections = "".join(
        SECTION.format(
            name=html.escape(entry.name),
            title=html.escape(entry.title),
            text=html.escape(entry.text),
            command=html.escape(entry.command),
        )
        for entry in entries
    )
    return PAGE.format(sections=sections)


def _of_run(run: Path) -> Entry:
    name = run.resolve().name
    command = f"reverie export {run} --to web --single-file --out {name}.html"
    return Entry(name, run, name, f"The model: {reverie.load(run).method.about}.", command)


def _photographs(folder: Path) -> Path:
    """Small photographs to upscale."""
    from skimage import data

    folder.mkdir()
    for number, name in enumerate(PHOTOGRAPHS):
        image = Image.fromarray(getattr(data, name)())
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        image.save(folder / f"{number}-{name}.png")
    return folder


def draw(out: Path, entries: list[Entry], pictures: Path) -> None:
    """Draw the gallery and its pages, opened from the disk, when they show their first images."""
    from playwright.sync_api import sync_playwright

    pictures.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for entry in entries:
            page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
            page.goto((out / f"{entry.name}.html").resolve().as_uri())
            page.wait_for_selector("body[data-ready]", timeout=PATIENCE)
            _save(page.screenshot(), pictures / f"page-{entry.name}.webp")
            page.close()
        whole = SIZE | {"height": 1200 * (len(entries) + 1)}
        page = browser.new_page(viewport=whole)  # type: ignore[arg-type]
        page.goto((out / "index.html").resolve().as_uri())
        for at in range(len(entries)):
            inside = page.frame_locator("iframe").nth(at)
            inside.locator("body[data-ready]").wait_for(timeout=PATIENCE)
        _save(page.locator("body").screenshot(), pictures / "gallery.webp", factor=0.5)
        browser.close()


def _save(content: bytes, path: Path, factor: float = 1) -> None:
    with Image.open(BytesIO(content)) as image:
        size = (round(image.width * factor), round(image.height * factor))
        image.resize(size, Image.Resampling.LANCZOS).save(path, quality=80, method=6)


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/gallery"))
    parser.add_argument("--runs", type=Path, nargs="*", default=[])
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        entries = build(arguments.out, arguments.runs, Path(folder))
    if arguments.pictures is not None:
        draw(arguments.out, entries, arguments.pictures)
    print(f"open {arguments.out / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
