"""Kill a piece of work at each call that makes something durable, do it again, and compare.

    python -m tests.crashes gan                       every point: before and after each call
    python -m tests.crashes gan --sample 20           twenty of them
    python -m tests.crashes gan --error ENOSPC        the n-th write, flush or rename fails instead

Each attempt is a forked process, so that PyTorch is imported once; a crash is a real SIGKILL. What
must hold after any crash and one more call of the same work: its files are those of a run that was
never interrupted, and nothing else is left. After an error: exit by a sentence, and the same.
"""

import argparse
import builtins
import ctypes
import errno
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.state import AcceleratorState
from PIL import Image
from safetensors.torch import load_file

import reverie
from reverie.core import files
from reverie.core.errors import UserError
from reverie.inference.options import SampleOptions
from reverie.inference.sample import sample_files
from reverie.runs.run import Run

DURABLE = ("replace", "rename", "fsync", "unlink", "remove", "rmdir", "mkdir")
"""The calls of `os` at which a crash is made; and at the exchange of two folders' names."""

FAILING = ("replace", "fsync")
"""Those that fail on a full or damaged disk."""

TIMES = ("seconds", "images_per_second", "waiting_share")
CRASHED, REFUSED, BROKEN = -signal.SIGKILL, 2, 3


class Point:
    """Counts the durable calls of a process, and crashes or fails at one of them.

    Args:
        number: the call, from 0; none for -1.
        after: crash after the call instead of before it.
        error: raise an OSError of this number instead of crashing; also when a file is written.
    """

    def __init__(self, number: int = -1, after: bool = False, error: int | None = None) -> None:
        self.number, self.after, self.error = number, after, error
        self.count = 0

    def install(self) -> None:
        for name in DURABLE if self.error is None else FAILING:
            setattr(os, name, self._counted(getattr(os, name)))
        files._exchange_names = self._counted(files._exchange_names)
        if self.error is not None:
            opened = builtins.open
            builtins.open = lambda *a, **k: self._written(opened(*a, **k))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **keywords: Any) -> Any:
            mine = self.count
            self.count += 1
            if mine == self.number and self.error is not None:
                named = [a for a in arguments[:1] if isinstance(a, str | os.PathLike)]
                traceback.print_stack(limit=4)
                raise OSError(self.error, os.strerror(self.error), *map(str, named))
            if mine == self.number and not self.after:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return call(*arguments, **keywords)
            finally:
                if mine == self.number:
                    os.kill(os.getpid(), signal.SIGKILL)

        return counted

    def _written(self, file: Any) -> Any:
        return _CountedFile(file, self._counted(file.write)) if file.writable() else file


class _CountedFile:
    """A file whose method `write` is replaced, which that of a built-in file cannot be."""

    def __init__(self, file: Any, write: Callable[..., Any]) -> None:
        self._file, self.write = file, write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "_CountedFile":
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()


def attempt(work: Callable[[], object], point: Point) -> tuple[int, int, str]:
    """Do `work` in a forked process; returns its exit status, its durable calls and its words."""
    reading, writing = os.pipe()
    said, words = tempfile.mkstemp()
    child = os.fork()
    if child == 0:
        os.dup2(said, 1)
        os.dup2(said, 2)
        status = BROKEN
        try:
            point.install()
            work()
            status = 0
        except UserError as error:
            print(error, file=sys.stderr)
            status = REFUSED
        except OSError as error:
            print(f"{error.filename}: {error.strerror}", file=sys.stderr)
            status = REFUSED if error.filename and error.errno == point.error else BROKEN
        except BaseException:
            traceback.print_exc()
        finally:
            os.write(writing, str(point.count).encode())
            sys.stderr.flush()
            os._exit(status)
    os.close(writing)
    os.close(said)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    count = os.read(reading, 20)
    os.close(reading)
    content = Path(words).read_text()
    Path(words).unlink()
    return status, int(count or 0), content


@dataclass(frozen=True)
class Work:
    """A piece of work on a folder: how it is begun or gone on with, and what it leaves.

    `prepare` fills the folder with what the work needs; `do` begins it, or goes on after a crash;
    `result` is what must be equal, by name.
    """

    prepare: Callable[[Path], None]
    do: Callable[[Path], object]
    result: Callable[[Path], dict[str, Any]]
    forks: bool = False
    """Whether the work forks by itself, and so cannot be done in the first process."""


def run_files(folder: Path) -> dict[str, Any]:
    """All that a run holds, as far as it does not tell the time."""
    run, found = Run(folder), {}
    for file in sorted(folder.rglob("*")):
        name = str(file.relative_to(folder))
        if file.is_dir() or name in (".lock", "report.html") or file.name == "README.md":
            found[name] = "present"
        elif file.suffix == ".safetensors":
            tensors = load_file(file)
            found |= {f"{name} {key}": tensor for key, tensor in tensors.items()}
        elif file.suffix == ".jsonl":
            found[name] = [_without_times(line) for line in run.read_log()]
        elif name == "options.json":
            facts = json.loads(file.read_text())
            found[name] = {k: v for k, v in facts.items() if k not in ("run", "began")}
        elif file.suffix == ".sha256":
            found[name] = "present"
        else:
            found[name] = file.read_bytes()
    return found


def _without_times(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key not in TIMES}


def all_files(folder: Path) -> dict[str, Any]:
    """The bytes of all files."""
    return {
        str(f.relative_to(folder)): f.read_bytes() if f.is_file() else "folder"
        for f in sorted(folder.rglob("*"))
    }


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Names of what differs, or is in one of both only."""
    wrong = sorted(one.keys() ^ other.keys())
    for name in one.keys() & other.keys():
        a, b = one[name], other[name]
        same = torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
        wrong += [] if same else [name]
    return wrong


# --- trainings -------------------------------------------------------------------------------

STEPS: dict[str, Any] = {
    "steps": 6, "batch_size": 2, "checkpoint_every": 2, "sample_every": 3, "log_every": 4,
    "keep_checkpoints": 2,
}  # fmt: skip


def images(folder: Path, count: int, size: int = 16) -> None:
    """Files of random pixels."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(count)
    for number in range(count):
        pixels = random.integers(0, 256, (size, size, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def training(method: str, **options: Any) -> Work:
    """A training of six steps."""

    def prepare(folder: Path) -> None:
        images(folder / "a", 6, 32)
        images(folder / "b", 4, 32)

    def do(folder: Path) -> None:
        run = folder / "run"
        known = Run(run).exists()
        given = {k: str(folder / v) if k in ("data", "data_b") and v != "digits" else v
                 for k, v in (STEPS | {"data": "digits"} | options).items()}  # fmt: skip
        reverie.train(method, out=run, resume=known, **({} if known else given))

    return Work(prepare, do, lambda folder: run_files(folder / "run"))


def encoder() -> Work:
    """An encoder of a generator, which is copied beside it."""
    generator = training("dcgan", **DCGAN)

    def prepare(folder: Path) -> None:
        generator.prepare(folder)
        generator.do(folder)
        (folder / "run").rename(folder / "generator")

    def do(folder: Path) -> None:
        run = folder / "run"
        known = Run(run).exists()
        given = STEPS | {"data": "digits", "width": 4, "init": str(folder / "generator")}
        reverie.train("encoder", out=run, resume=known, **({} if known else given))

    def result(folder: Path) -> dict[str, Any]:
        beside = {f"beside/{k}": v for k, v in run_files(folder / "generator").items()}
        return run_files(folder / "run") | beside

    return Work(prepare, do, result)


def in_two_processes(method: str, **options: Any) -> Work:
    """A training by two processes, of which the one that writes is killed."""
    alone = training(method, **options)

    def do(folder: Path) -> None:
        AcceleratorState._reset_state(reset_partial_state=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        world = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        child = os.fork()
        rank = "1" if child == 0 else "0"
        os.environ |= world | {"RANK": rank, "LOCAL_RANK": rank, "ACCELERATE_USE_CPU": "true"}
        if child == 0:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            alone.do(folder)
            os._exit(0)
        alone.do(folder)
        os.waitpid(child, 0)

    return Work(alone.prepare, do, alone.result, forks=True)


PR_SET_PDEATHSIG = 1
"""Linux's option of prctl: the signal that a process gets when its parent ends."""

DCGAN = {"width": 4, "latent_size": 8}
SIDES = {"data": "a", "data_b": "b", "image_size": 32, "width": 4, "discriminator_width": 4,
         "blocks": 1}  # fmt: skip


def verb(prepare: Callable[[Path], object], do: Callable[[Path], object]) -> Work:
    """A command that reads what is in `folder` and writes to `folder/out`."""

    def begin(folder: Path) -> None:
        images(folder / "a", 3, 32)
        prepare(folder)

    def within(folder: Path) -> None:
        torch.manual_seed(0)
        (folder / "out").mkdir(exist_ok=True)
        do(folder)

    return Work(begin, within, all_files)


def run_of(method: str, **options: Any) -> Callable[[Path], None]:
    """A trained run, beside images, in `folder/run`."""
    work = training(method, **options)

    def prepare(folder: Path) -> None:
        images(folder / "b", 4, 32)
        work.do(folder)

    return prepare


VERBS: dict[str, Callable[[], Work]] = {
    "translate": lambda: verb(
        run_of("cyclegan", **SIDES),
        lambda f: reverie.translate(f / "run", f / "a", out=f / "out" / "new"),
    ),
    "upscale": lambda: verb(
        lambda f: None, lambda f: reverie.upscale(f / "a", out=f / "out", scale=2.0)
    ),
    "sample": lambda: verb(
        lambda f: None,
        lambda f: sample_files(
            reverie.load("digits"),
            f / "out",
            SampleOptions(count=3, steps=2, film=f / "out" / "film.gif"),
        ),
    ),
    "film": lambda: verb(
        run_of("dcgan", **DCGAN),
        lambda f: reverie.interpolate(
            f / "run", out=f / "out" / "walk.gif", frames=4, seeds=(1, 2)
        ),
    ),
    "dream-film": lambda: verb(
        lambda f: None,
        lambda f: reverie.dream(
            f / "a" / "0.png", out=f / "out" / "film.gif", film=2, octaves=1, steps=1
        ),
    ),
    "evaluate": lambda: verb(
        run_of("gan", hidden=(8,)),
        lambda f: reverie.evaluate(
            f / "run", data="digits", count=20, out=f / "out" / "figures.json"
        ),
    ),
}

WORKS: dict[str, Callable[[], Work]] = {
    "gan": lambda: training("gan", hidden=(8,)),
    "vae": lambda: training("vae", hidden=(8,), latent_size=2),
    "diffusion": lambda: training("diffusion", width=8, blocks=1),
    "cyclegan": lambda: training("cyclegan", **SIDES, pool_size=3),
    "srgan": lambda: training(
        "srgan", data="a", image_size=16, width=8, blocks=1, discriminator_width=4
    ),
    "accumulation": lambda: training("dcgan", **DCGAN, accumulate=2),
    "validation": lambda: training(
        "gan", hidden=(8,), evaluate_every=2, evaluate_count=20, patience=1
    ),
    "encoder": encoder,
    "two-processes": lambda: in_two_processes("gan", hidden=(8,)),
    **VERBS,
}


# --- crashes ---------------------------------------------------------------------------------


def crash(work: Work, home: Path, sample: int | None, error: int | None) -> list[str]:
    """What is wrong after a crash or an error at some of the points; empty if nothing is."""
    start, place = home / "start", home / "work"
    start.mkdir(parents=True)
    work.prepare(start)

    def attempt_anew(point: Point) -> tuple[int, int, str]:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(start, place)
        return attempt(lambda: work.do(place), point)

    if not work.forks:
        shutil.copytree(start, place)
        work.do(place)  # imports what is imported late, and fills the cache
    status, count, words = attempt_anew(Point(error=error))
    if status != 0:
        return [f"without a crash it ends with {status}: {words}"]
    expected, wrong = work.result(place), []
    ends = (False, True) if error is None else (False,)
    points = [Point(number, after, error) for number in range(count) for after in ends]
    chosen = np.arange(len(points))
    if sample is not None:
        chosen = np.random.default_rng(count).choice(
            chosen, min(sample, len(chosen)), replace=False
        )
    for point in (points[index] for index in chosen):
        name = f"{'after' if point.after else 'before'} call {point.number} of {count}"
        status, _, words = attempt_anew(point)
        unneeded = error is not None and status == 0  # a note of the cache that was not written
        if not unneeded and status != (CRASHED if error is None else REFUSED):
            wrong.append(f"{name}: exit status {status}: {words}")
            continue
        if error is not None:
            left = [str(part) for part in place.rglob("*.part")]
            wrong += [f"{name}: {', '.join(left)} is left"] if left else []
        if not unneeded:  # else it must be right as it is
            status, _, words = attempt(lambda: work.do(place), Point())
        if status != 0:
            wrong.append(f"{name}: the second call ends with {status}: {words}")
            continue
        differ = differences(expected, work.result(place))
        wrong += [f"{name}: {', '.join(differ[:5])} differ"] if differ else []
    print(f"{len(chosen)} of {len(points)} points, {len(wrong)} wrong")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("works", nargs="+", choices=WORKS, metavar="WORK")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--error", choices=["ENOSPC", "EIO"])
    chosen = parser.parse_args()
    torch.set_num_threads(1)  # a forked process has no other threads
    with tempfile.TemporaryDirectory() as home:
        os.environ["REVERIE_CACHE"] = f"{home}/cache"
        error = getattr(errno, chosen.error) if chosen.error else None
        wrong = []
        for name in chosen.works:
            print(f"{name}: ", end="", flush=True)
            found = crash(WORKS[name](), Path(home) / name, chosen.sample, error)
            wrong += [f"{name}, {one}" for one in found]
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
