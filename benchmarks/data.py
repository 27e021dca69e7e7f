"""Decoding of photographs, and the start of a training on many files.

    reverie data get photos
    python benchmarks/data.py decode [--folder FOLDER] [--images 2000] [--size 64] [--rounds 3]
    python benchmarks/data.py start [--folder FOLDER] [--files 100000]

`decode`: distinct JPEG photographs of 1 to 2 megapixels (random crops of the set `photos`, resized,
with noise) are opened with an empty cache, and decoded by a plain pool of as many threads, which
does the same with Pillow alone: JPEG's own downscaling to twice the size, crop, bicubic. Both take
turns; medians of images per second, and the ratio; and the mean difference of pixels, in levels of
255, from decoding in full.

`start`: seconds and peak memory of a new process that opens a folder of small files for the first
time, and again. The images are made in FOLDER where they are not there yet.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from reverie.data import DataOptions, find_source, open_dataset
from reverie.runs.environment import machine

NOISE_SIDE = 2048


def make_photographs(folder: Path, count: int) -> None:
    """Write the photographs that are missing: image i is a function of i."""
    source = find_source("photos")
    folder.mkdir(parents=True, exist_ok=True)
    originals = [Image.fromarray(source.read(i, None)) for i in range(len(source.names))]
    noise = np.random.default_rng(0).normal(0, 4, (NOISE_SIDE, NOISE_SIDE, 3)).astype(np.int16)

    def make(number: int) -> None:
        path = folder / f"{number:06}.jpg"
        if path.exists():
            return
        random = np.random.default_rng(number)
        original = originals[random.integers(len(originals))]
        share = random.uniform(0.5, 1)
        width, height = (round(side * share) for side in original.size)
        left, top = (
            random.integers(side - part + 1)
            for side, part in zip(original.size, (width, height), strict=True)
        )
        scale = (random.uniform(1e6, 2e6) / (width * height)) ** 0.5
        shape = tuple(min(round(side * scale), NOISE_SIDE) for side in (width, height))
        box = (left, top, left + width, top + height)
        pixels = np.asarray(original.resize(shape, Image.Resampling.BICUBIC, box), np.int16)
        x, y = (random.integers(NOISE_SIDE - side + 1) for side in shape)
        grain = noise[y : y + shape[1], x : x + shape[0]]
        noisy = np.clip(pixels + grain, 0, 255).astype(np.uint8)
        aside = path.with_suffix(".part")
        Image.fromarray(noisy).save(aside, "jpeg", quality=int(random.integers(80, 95)))
        aside.rename(path)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(make, range(count)))


def plain_pool(files: list[Path], size: int) -> np.ndarray:
    """Decode with Pillow in a pool of threads, into one array."""

    def decode(path: Path) -> np.ndarray:
        with Image.open(path) as image:
            image.draft("RGB", (2 * size, 2 * size))
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            square = image.crop((left, top, left + side, top + side))
            return np.asarray(square.resize((size, size), Image.Resampling.BICUBIC))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.stack(list(pool.map(decode, files)))


def in_full(files: list[Path], size: int) -> np.ndarray:
    """The same without JPEG's own downscaling."""
    images = []
    for path in files:
        with Image.open(path) as image:
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            square = image.crop((left, top, left + side, top + side))
            images.append(np.asarray(square.resize((size, size), Image.Resampling.BICUBIC)))
    return np.stack(images)


def ours(folder: Path, size: int) -> np.ndarray:
    """Open the folder as a dataset, with an empty cache."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as cache:
        os.environ["REVERIE_CACHE"] = cache
        return np.array(open_dataset(DataOptions(data=str(folder), image_size=size)).pixels)


def decode(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    make_photographs(folder, arguments.images)
    files = sorted(folder.glob("*.jpg"))
    forms: dict[str, Callable[[], np.ndarray]] = {
        "plain": lambda: plain_pool(files, arguments.size),
        "ours": lambda: ours(folder, arguments.size),
    }
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    made = {}
    for _ in range(arguments.rounds):
        for name, form in forms.items():
            started = time.perf_counter()
            made[name] = form()
            seconds[name].append(time.perf_counter() - started)
    some = slice(None, None, max(1, len(files) // 100))
    whole = in_full(files[some], arguments.size).astype(int)
    pairs = zip(seconds["plain"], seconds["ours"], strict=True)
    return {
        "images": len(files),
        "size": arguments.size,
        "images_per_second": {
            name: round(len(files) / statistics.median(s), 1) for name, s in seconds.items()
        },
        "times_as_fast_as_plain": round(statistics.median(a / b for a, b in pairs), 2),
        "mean_difference_from_full": {
            name: round(float(np.abs(images[some].astype(int) - whole).mean()), 3)
            for name, images in made.items()
        },
    }


OPENING = """
import sys, time
started = time.perf_counter()
from reverie.data import DataOptions, open_dataset
imported = time.perf_counter()
images = open_dataset(DataOptions(data=sys.argv[1], image_size=16))
opened = time.perf_counter() - imported
status = open("/proc/self/status").read()
print(len(images), imported - started, opened, int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


def make_small_files(folder: Path, count: int) -> None:
    """Distinct images of 16×16, 1,000 a folder."""
    if folder.is_dir():
        return
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"{number:06}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(path)


def start(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    folder = folder / str(arguments.files)
    make_small_files(folder, arguments.files)
    cache = folder.with_suffix(".cache")
    shutil.rmtree(cache, ignore_errors=True)
    row: dict[str, Any] = {"files": arguments.files}
    for name in ("first", *["again"] * arguments.rounds):
        done = subprocess.run(
            [sys.executable, "-c", OPENING, str(folder)],
            env=os.environ | {"REVERIE_CACHE": str(cache)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        _, imported, opened, peak = done.stdout.split()
        found = {"import": float(imported), "seconds": float(opened), "peak_memory_MB": int(peak)}
        row.setdefault(name, []).append(found)
    shutil.rmtree(cache)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("part", choices=["decode", "start"])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "reverie-data"))
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    parts = {"decode": decode, "start": start}
    row = parts[arguments.part](arguments.folder / arguments.part, arguments)
    print(json.dumps(row | {"machine": machine()}))


if __name__ == "__main__":
    main()
