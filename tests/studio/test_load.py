"""Many requests, listeners, runs and uploads."""

import http.client
import io
import json
import os
import shutil
import statistics
import time
import zipfile
from pathlib import Path

import psutil
import pytest
from PIL import Image

pytest.importorskip("uvicorn")

from tests.studio.test_server import Server, place

__all__ = ["place"]

REQUESTS, LISTENERS, RUNS, IMAGES = 2000, 200, 500, 10_000
ROUTES = ("/api/jobs", "/api/runs", "/api/state", "/", "/page/style.css", "/api/folder?path=runs")
MOST_GROWTH = 20e6
"""Bytes that a process may vary by without growing: a leak of 10 kB a request is twice as much."""


def connection(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=60)


def headers(server: Server) -> dict[str, str]:
    return {"authorization": f"Bearer {server.token}"}


def measured(process: psutil.Process) -> tuple[float, int]:
    return process.memory_info().rss, process.num_fds()


def test_requests_and_listeners_leave_nothing_behind(
    place: Path, environment: dict[str, str]
) -> None:
    server = Server(place, environment)
    process = psutil.Process(server.process.pid)
    client = connection(server)

    def ask(count: int) -> None:
        for number in range(count):
            client.request("GET", ROUTES[number % len(ROUTES)], headers=headers(server))
            answer = client.getresponse()
            answer.read()
            assert answer.status == 200

    ask(REQUESTS // 4)
    memory, files = measured(process)
    ask(REQUESTS)
    after, files_after = measured(process)
    assert after - memory < MOST_GROWTH
    assert files_after <= files + 2

    pages = [connection(server) for _ in range(LISTENERS)]
    streams = []
    for page in pages:
        page.request("GET", "/api/events", headers=headers(server))
        streams.append(page.getresponse())
    client.request("POST", "/api/jobs/order", json.dumps({"ids": []}), headers(server))
    client.getresponse().read()
    for stream in streams:
        said = [stream.readline().decode() for _ in range(10)]
        assert said.count("event: jobs\n") == 2  # all at first, and then the new order
    for page, stream in zip(pages, streams, strict=True):
        stream.close()
        page.close()
    ask(100)
    for _ in range(200):  # a stream that was closed is noticed at its next event
        if process.num_fds() <= files + 4:
            break
        time.sleep(0.1)
    assert process.num_fds() <= files + 4
    client.close()
    server.end()


@pytest.mark.slow
def test_thousands_of_uploads_are_listed(place: Path, environment: dict[str, str]) -> None:
    server = Server(place, environment)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number in range(IMAGES):
            image = io.BytesIO()
            Image.new("L", (8, 8), number % 256).save(image, "PNG")
            archive.writestr(f"images/{number:05d}.png", image.getvalue())
    border = "border-of-the-parts"
    body = (
        f'--{border}\r\nContent-Disposition: form-data; name="files"; filename="a.zip"\r\n'
        f"Content-Type: application/zip\r\n\r\n"
    ).encode()
    body += content.getvalue() + f"\r\n--{border}--\r\n".encode()
    client = connection(server)
    kind = {"content-type": f"multipart/form-data; boundary={border}"}
    client.request("POST", "/api/uploads", body, headers(server) | kind)
    made = json.loads(client.getresponse().read())
    client.close()
    assert made["count"] == IMAGES
    folder = f"{made['folder']}/images"
    started = time.monotonic()
    found = server.ask(f"/api/folder?path={folder}&offset={IMAGES - 100}&limit=200")
    assert time.monotonic() - started < 1
    assert found["total"] == IMAGES
    assert found["files"][-1]["name"] == f"{IMAGES - 1:05d}.png"
    server.end()


@pytest.mark.slow
def test_a_page_with_many_runs_opens_in_less_than_a_second(
    place: Path, environment: dict[str, str]
) -> None:
    pytest.importorskip("playwright")
    if (chromium := shutil.which("chromium")) is None:
        pytest.skip("there is no chromium here")
    from playwright.sync_api import expect, sync_playwright

    server = Server(place, environment)
    options = {"method": "vae", "data": "digits", "hidden": [8], "steps": 4, "out": "runs/run-000"}
    server.until(server.ask("/api/jobs", {"verb": "train", "options": options})["id"], "done")
    for number in range(1, RUNS):
        shutil.copytree(place / "runs" / "run-000", place / "runs" / f"run-{number:03d}")
        os.utime(place / "runs" / f"run-{number:03d}" / "log.jsonl", (number, number))
    seconds = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.goto(f"{server.address}/?token={server.token}")
        page.locator(".run-card").nth(59).wait_for()
        for _ in range(5):
            page.goto("about:blank")
            started = time.monotonic()
            page.goto(f"{server.address}/")
            page.locator(".run-card").nth(59).wait_for()
            first = page.locator(".run-card img").first
            expect(first).to_have_js_property("complete", True)
            seconds.append(time.monotonic() - started)
        assert page.get_by_text(str(RUNS), exact=True).first.is_visible()
        browser.close()
    assert statistics.median(seconds) < 1, seconds
    server.end()
