"""Decoding of photographs, and the start of a training on many files.

    reverie data get photos
    python benchmarks/data.py decode [--folder FOLDER] [--images 2000] [--size 64] [--rounds 3]
    python benchmarks/data.py start [--folder FOLDER] [--files 100000]

`decode`: distinct JPEG photographs of 1 to 2 megapixels (random crops of the set `photos`, resized,
with noise) are opened with an empty cache, and decoded by a plain pool of as many threads, which
does the same with Pillow alone: JPEG's own downscaling to twice the size, crop, bicubic. Both take
turns; images per second of processor time, and the mean difference of pixels, in levels of 255,
from decoding in full.

`start`: times and peak memory of a new process that opens a folder of small files for the first
time, and again, along the number of files. Images are made in FOLDER where they are not there yet.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from measuring import (
    Form,
    Row,
    add_arguments,
    child,
    comparison,
    curve,
    measured_peaks,
    own_figures,
    print_rows,
    take_turns,
)
from PIL import Image

from reverie.data import DataOptions, find_source, open_dataset

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


def decode(folder: Path, images: int, size: int, rounds: int) -> Row:
    """Ours and the pool in turns."""
    make_photographs(folder, images)
    files = sorted(folder.glob("*.jpg"))[:images]
    made: dict[str, np.ndarray] = {}

    def keep(name: str, form: Callable[[], np.ndarray]) -> None:
        made[name] = form()

    forms = {
        "plain pool": Form(run=lambda: keep("plain pool", lambda: plain_pool(files, size))),
        "ours": Form(run=lambda: keep("ours", lambda: ours(folder, size))),
    }
    times = take_turns({name: form.run for name, form in forms.items()}, rounds, warm=False)
    some = slice(None, None, max(1, len(files) // 100))
    whole = in_full(files[some], size).astype(int)
    row = comparison("decode", f"{len(files):,} photographs to {size}²", forms, "plain pool", times)
    for name, form in row["forms"].items():
        form["images_per_processor_second"] = round(len(files) / form["processor_seconds"], 1)
        difference = np.abs(made[name][some].astype(int) - whole).mean()
        form["mean_difference_from_full"] = round(float(difference), 3)
    return row


def make_small_files(folder: Path, count: int) -> None:
    """Distinct images of 16×16, 1,000 a folder."""
    if folder.is_dir():
        return
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"{number:06}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(path)


def opened(folder: Path) -> Row:
    """Times of opening a folder in this process, and its peak memory."""
    options = DataOptions(data=str(folder), image_size=16)
    return own_figures(lambda: open_dataset(options), warm=False)


def start(folder: Path, files: int, rounds: int) -> Row:
    """The first opening, and again, each in a new process; medians of the latter."""
    folder = folder / str(files)
    make_small_files(folder, files)
    cache = folder.with_suffix(".cache")
    shutil.rmtree(cache, ignore_errors=True)
    found: dict[str, list[Row]] = {"first": [], "again": []}
    for name in ("first", *["again"] * rounds):
        words = ("start", "--folder", folder, "--alone")
        found[name].append(child(__file__, *words, environment={"REVERIE_CACHE": str(cache)}))
    shutil.rmtree(cache)
    return {
        name: {key: round(statistics.median(r[key] for r in own), 4) for key in own[0]}
        for name, own in found.items()
    }


def start_curve(folder: Path, counts: Sequence[int], rounds: int) -> Row:
    """Times and memory along the number of files."""
    points = [start(folder, files, rounds) for files in counts]
    series = {name: [point[name] for point in points] for name in ("first", "again")}
    return curve("start", "opening a folder", "files", list(counts), series)


def rows(part: str, folder: Path, arguments: argparse.Namespace) -> Iterator[Row]:
    """The row of a part."""
    quick = arguments.quick
    if part == "decode":
        images = min(arguments.images, 200) if quick else arguments.images
        yield decode(folder / part, images, arguments.size, arguments.rounds)
        return
    most = min(arguments.files, 3000) if quick else arguments.files
    counts = [count for count in (1000, 10_000) if count < most]
    yield start_curve(folder / part, [*counts, most], arguments.rounds)


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of both parts."""
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "reverie-data"))
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=64)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("part", choices=["decode", "start"])
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    add_data_arguments(parser)
    add_arguments(parser, rounds=3)
    arguments = parser.parse_args()
    if arguments.alone:
        print(json.dumps(opened(arguments.folder)))
        return
    found = rows(arguments.part, arguments.folder, arguments)
    print_rows(found, measured_peaks(), arguments.out)


if __name__ == "__main__":
    main()
