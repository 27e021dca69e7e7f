"""The page in a real browser."""

import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("playwright")

from playwright.sync_api import Page, expect, sync_playwright

from tests.studio.test_server import Server, place

__all__ = ["place"]

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
ROUTES = [
    "home", "new", "use/sample", "use/translate", "use/upscale", "use/dream", "use/latents",
    "use/inpaint", "compare", "learn",
]  # fmt: skip
expect.set_options(timeout=90_000)


@pytest.fixture
def page() -> Iterator[Page]:
    """A page whose console must stay free of errors, and whose requests must not fail."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(90_000)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("requestfailed", lambda one: wrong.append(f"{one.url} {one.failure}"))
        page.wrong = wrong  # type: ignore[attr-defined]
        yield page
        browser.close()


def assert_nothing_failed(page: Page) -> None:
    """No error but of a stream that a reload has cut, and of a check of a form that the page itself
    cancels when somebody types on."""
    said: list[str] = page.wrong  # type: ignore[attr-defined]
    expected = ("/api/events", "/api/check net::ERR_ABORTED")
    wrong = [one for one in said if not any(words in one for words in expected)]
    assert wrong == []


def test_from_an_empty_home_to_samples(
    page: Page, place: Path, environment: dict[str, str]
) -> None:
    """Train digits, reload in between, look at the run, and sample."""
    server = Server(place, environment)
    page.goto(f"{server.address}/?token={server.token}")
    assert "token" not in page.url
    page.get_by_role("link", name="New training").first.click()
    page.get_by_text("Dataset by name").click()
    page.get_by_role("radio", name=re.compile("10,000 handwritten")).check()
    page.get_by_role("radio", name=re.compile("variational", re.IGNORECASE)).check()
    page.get_by_label("Name of the run").fill("first <b>")
    page.get_by_label("Batch size").fill("0")
    page.get_by_label("Steps", exact=True).fill("300")
    expect(page.get_by_text("--batch-size must be at least 1, not 0.").first).to_be_visible()
    page.get_by_label("Batch size").fill("32")
    page.reload()  # the form keeps what was typed
    expect(page.get_by_label("Name of the run")).to_have_value("first <b>")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("heading", name="first <b>")).to_be_visible()
    page.reload()
    expect(page.get_by_text("finished").first).to_be_visible()
    expect(page.get_by_text("step 300").first).to_be_visible()
    assert page.locator(".uplot").count() >= 1
    page.get_by_role("link", name="Use").last.click()
    page.get_by_role("button", name="Sample", exact=True).click()
    expect(page.get_by_role("img", name="seed 15")).to_be_visible()
    assert_nothing_failed(page)
    assert (place / "runs" / "first <b>" / "model").is_dir()
    server.end()


@pytest.mark.slow
def test_the_server_is_killed_while_a_page_is_open(
    page: Page, place: Path, environment: dict[str, str]
) -> None:
    server = Server(place, environment)
    port = server.address.rpartition(":")[2]
    body = {"method": "vae", "data": "digits", "steps": 10**6, "out": "runs/long"}
    name = server.ask("/api/jobs", {"verb": "train", "options": body})["id"]
    page.goto(f"{server.address}/?token={server.token}")
    server.until(name, "running")
    expect(page.get_by_role("button", name="Stop").first).to_be_visible()
    server.end(signal.SIGKILL)
    expect(page.get_by_text("No connection to the studio")).to_be_visible()
    again = Server(place, environment, port=port)
    expect(page.get_by_text("No connection to the studio")).to_have_count(0)
    page.get_by_role("button", name="Stop").first.click()
    again.until(name, "interrupted")
    page.reload()
    page.get_by_text("Earlier").click()
    page.get_by_role("button", name="Resume").first.click()
    again.until(name, "running")
    again.ask(f"/api/jobs/{name}/stop", {})
    again.ask(f"/api/jobs/{name}/stop", {})
    again.until(name, "interrupted")
    again.end()


@pytest.mark.parametrize("width", [360, 1600])
def test_every_page_fits_its_window(
    page: Page, place: Path, environment: dict[str, str], width: int
) -> None:
    server = Server(place, environment)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{server.address}/?token={server.token}")
    for route in ROUTES:
        page.goto(f"{server.address}/#/{route}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        time.sleep(0.3)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert_nothing_failed(page)
    server.end()
