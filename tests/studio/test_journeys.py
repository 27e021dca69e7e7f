"""What people do with finished models, in a real browser: with the mouse, and by the keyboard."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("uvicorn")
pytest.importorskip("playwright")

from playwright.sync_api import Page, expect

import reverie
from tests.studio.test_page import CHROMIUM, assert_nothing_failed, page
from tests.studio.test_server import Server, end_all

__all__ = ["page"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
COUNT, SIDE = 48, 16
MOST_TABS = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio whose home has a VAE of discs with attributes, and a translator."""
    home = tmp_path_factory.mktemp("studio")
    discs = home / "discs"
    (discs / "img_align_celeba").mkdir(parents=True)
    y, x = np.mgrid[:SIDE, :SIDE]
    lines = [f"{COUNT}", "Bright Large"]
    for n in range(COUNT):
        bright, large = n % 2 == 0, n % 4 < 2
        disc = (x - 8) ** 2 + (y - 8) ** 2 < (6 if large else 3) ** 2
        pixels = np.where(disc, 250 if bright else 120, 10).astype(np.uint8)
        Image.fromarray(pixels).save(discs / "img_align_celeba" / f"{n:03d}.png")
        lines.append(f"{n:03d}.png {1 if bright else -1} {1 if large else -1}")
    (discs / "list_attr_celeba.txt").write_text("\n".join(lines))
    reverie.train(
        "vae", out=home / "runs" / "discs", data=str(discs), image_size=SIDE, latent_size=4,
        hidden=(32,), steps=60, batch_size=16, learning_rate=2e-3,
    )  # fmt: skip
    reverie.train(
        "pix2pix", out=home / "runs" / "sharpen", data=str(discs), image_size=32, pair_by="blur",
        width=4, discriminator_width=4, steps=2, batch_size=2,
    )  # fmt: skip
    started = Server(home, os.environ | {"OMP_NUM_THREADS": "1"})
    yield started
    end_all(home)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Two small images."""
    files = []
    for n in range(2):
        pixels = np.random.default_rng(n).integers(0, 256, (20, 28, 3), np.uint8)
        files.append(tmp_path / f"image-{n}.png")
        Image.fromarray(pixels).save(files[-1])
    return files


@pytest.fixture
def go(page: Page, server: Server) -> Callable[[str], None]:
    """Opens a page of the studio."""
    page.goto(f"{server.address}/?token={server.token}")

    def open_page(route: str) -> None:
        page.goto(f"{server.address}/#/{route}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()

    return open_page


@pytest.mark.parametrize(
    ("verb", "model"), [("translate", "runs/sharpen"), ("upscale", "photos-x4")]
)
def test_images_in_images_out(
    page: Page, go: Callable[[str], None], images: list[Path], verb: str, model: str
) -> None:
    go(f"use/{verb}?model={model}")
    page.locator("input[type=file]").first.set_input_files(images)
    page.get_by_role("button", name=verb.capitalize(), exact=True).click()
    divider = page.get_by_role("slider", name="Divider")
    expect(divider).to_have_attribute("aria-valuenow", "50")
    divider.press("ArrowLeft")
    expect(divider).to_have_attribute("aria-valuenow", "48")
    page.get_by_role("button", name="Zoom in").click()
    expect(page.get_by_text("150 %")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save all 2 images as a zip").click()
    assert saved.value.suggested_filename.endswith(".zip")
    page.reload()  # the result is still there
    expect(page.get_by_role("slider", name="Divider")).to_be_visible()
    assert_nothing_failed(page)


def test_attributes_and_arithmetic(
    page: Page, go: Callable[[str], None], server: Server, images: list[Path]
) -> None:
    go("use/latents?model=runs/discs")
    page.locator("input[type=file]").first.set_input_files(images[:1])
    result = page.get_by_role("img", name="Edited image")
    expect(result).to_be_visible()  # with all sliders at 0: the reconstruction
    before = result.get_attribute("src")
    page.get_by_label("Bright", exact=True).fill("1.5")
    expect(result).not_to_have_attribute("src", str(before))
    page.get_by_text("Arithmetic", exact=True).click()
    for group, attribute, presses in ((1, "Bright", 1), (2, "Bright", 2), (3, "Large", 1)):
        inside = page.get_by_role("group", name=f"Group {group}")
        for _ in range(presses):
            inside.get_by_role("button", name=f"{attribute}:").click()
    expect(page.get_by_text("Bright - !Bright + Large").first).to_be_visible()
    page.get_by_role("button", name="Compute").click()
    expect(page.get_by_role("img", name="Result of Bright - !Bright + Large")).to_be_visible()
    assert_nothing_failed(page)


def test_stop_and_resume_on_the_page_of_a_run(
    page: Page, go: Callable[[str], None], server: Server
) -> None:
    body = {"method": "vae", "data": "digits", "hidden": [8], "steps": 10**6, "out": "runs/long"}
    name = server.ask("/api/jobs", {"verb": "train", "options": body})["id"]
    server.until(name, "running")
    go("run/long")
    stop, resume = (
        page.get_by_role("button", name=re.compile(w)).first for w in ("Stop", "Resume")
    )
    expect(page.get_by_text(re.compile(r"step \d")).first).to_be_visible()
    stop.click()
    server.until(name, "interrupted")
    resume.click()
    server.until(name, "running")
    page.reload()
    stop.click()
    server.until(name, "interrupted")
    expect(resume).to_be_visible()
    assert page.context.browser is not None
    other = page.context.browser.new_page()
    other.goto(f"{server.address}/?token={server.token}")
    other.goto(f"{server.address}/#/run/long")
    expect(other.get_by_role("button", name="Delete")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    expect(other.get_by_text("The folder of this run is gone")).to_be_visible()
    expect(other.get_by_role("button", name="Delete")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="long")).to_be_visible()
    assert_nothing_failed(page)


def test_a_training_by_the_keyboard_alone(
    page: Page, go: Callable[[str], None], server: Server
) -> None:
    go("home")

    def reach(role: str, name: str | re.Pattern[str]) -> None:
        wanted = page.get_by_role(role, name=name).first  # type: ignore[arg-type]
        for _ in range(MOST_TABS):
            if wanted.evaluate("one => one === document.activeElement"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {name}")

    reach("link", "New training")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New training")).to_be_visible()
    reach("radio", "Upload")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    reach("radio", re.compile("10,000 handwritten"))
    reach("textbox", "Name of the run")
    page.keyboard.type("by-keyboard")
    reach("textbox", re.compile("^Steps$"))
    page.keyboard.type("3")
    reach("button", "Start training")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="by-keyboard")).to_be_visible()
    job = server.ask("/api/jobs")["jobs"][0]
    assert server.until(job["id"], "done", "failed")["state"] == "done"
    assert_nothing_failed(page)
