"""Fuzzing: whatever a file holds, a function returns or raises `UserError`.

`assert_only_user_errors` calls a function with each input in a child process whose memory and time
are limited, so that a bomb, an endless loop or a crash of a C library is one failure of one test.
`damaged_bytes` and `damaged_json` draw inputs; the same seed draws the same ones.
"""

import copy
import faulthandler
import json
import os
import random
import resource
import signal
import struct
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from reverie.core.errors import UserError

T = TypeVar("T")

MEMORY = 2**30
SECONDS = 10.0
SHOWN = 3
"""Failures that are shown in full."""


def rounds(few: int, many: int) -> pytest.MarkDecorator:
    """Parametrizes `count`, the inputs to draw, and `seed`: few of them, and many if slow."""
    slow = pytest.param(many, 1, id="many", marks=pytest.mark.slow)
    return pytest.mark.parametrize(("count", "seed"), [pytest.param(few, 0, id="few"), slow])


def assert_only_user_errors(
    function: Callable[[T], object],
    inputs: Iterable[T],
    *,
    memory: int = MEMORY,
    seconds: float = SECONDS,
) -> None:
    """Call `function` with each of `inputs`; nothing but `UserError` may escape.

    The calls are made in a fork of this process, so `function` may be any closure; files that it
    writes stay, other effects are lost. An assertion in `function` is a failure like any other.

    Args:
        function: reads one input.
        inputs: shown by `repr` when they fail; a generator is drawn from in the child.
        memory: bytes of address space that the calls may take beyond what is taken already.
        seconds: CPU time of one call; ten times as much of wall time.

    Raises:
        AssertionError: with every input that failed, and the first few tracebacks.
    """
    read_end, write_end = os.pipe()
    with warnings.catch_warnings(action="ignore"):  # of threads, as 3.12 warns of them
        child = os.fork()
    if child == 0:
        os.close(read_end)
        _limit_memory(memory)
        _call_each(function, inputs, write_end, seconds)
    os.close(write_end)
    with os.fdopen(read_end, encoding="utf-8", errors="replace") as stream:
        messages = [json.loads(line) for line in stream if line.endswith("\n")]
    failures = [message for message in messages if "raised" in message]
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) or os.WEXITSTATUS(status):
        how = "stopped by " + signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(
            status
        ) else f"ended with exit code {os.WEXITSTATUS(status)}"  # fmt: skip
        last = messages[-1]["input"] if messages else "the first input"
        failures.append({"input": last, "raised": f"the process was {how}"})
    said = [f"{one['input']}\n{one['raised']}" for one in failures[:SHOWN]]
    said += [f"{one['input']}: {one['raised'].splitlines()[-1]}" for one in failures[SHOWN:]]
    assert not failures, f"{len(failures)} inputs failed:\n" + "\n".join(said)


def _limit_memory(memory: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def _call_each(
    function: Callable[[T], object], inputs: Iterable[T], pipe: int, seconds: float
) -> None:
    """In the child: one line of JSON before each call, one after a failure; never returns."""

    def tell(**message: str) -> None:
        os.write(pipe, (json.dumps(message) + "\n").encode())

    faulthandler.disable()  # the parent says how this process ended
    for kind, alarm in ((signal.ITIMER_PROF, signal.SIGPROF), (signal.ITIMER_REAL, signal.SIGALRM)):
        signal.setitimer(kind, 0)
        signal.signal(alarm, signal.SIG_DFL)  # ends the process, whatever C code is at work
    code = 1
    try:
        for value in inputs:
            shown = _shown(value)
            tell(input=shown)
            signal.setitimer(signal.ITIMER_PROF, seconds)
            signal.setitimer(signal.ITIMER_REAL, 10 * seconds)
            try:
                function(value)
            except UserError:
                pass
            except BaseException:
                tell(input=shown, raised=traceback.format_exc(limit=-8)[-3000:])
        code = 0
    except BaseException:  # of the generator of inputs
        tell(input="the next input", raised=traceback.format_exc())
    finally:
        os._exit(code)


def _shown(value: object) -> str:
    try:
        return repr(value)[:400]
    except ValueError:  # of integers with thousands of digits
        return f"{type(value).__name__} that cannot be shown"


def damaged_bytes(content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """`count` variants of a file: bits flipped, bytes cut out, repeated, replaced or appended."""
    draw = random.Random(seed)
    for _ in range(count):
        data = bytearray(content)
        for _ in range(draw.choice((1, 1, 1, 2, 4))):
            place = draw.choice(
                (draw.randrange(len(data) + 1), draw.randrange(min(len(data), 256) + 1))
            )
            size = draw.choice((1, 1, 2, 4, 8, 64, len(data)))
            kind = draw.randrange(6)
            if kind == 0 and place < len(data):
                data[place] ^= 1 << draw.randrange(8)
            elif kind == 1:
                del data[place : place + size]
            elif kind == 2:
                data[place:place] = data[place : place + size]
            elif kind == 3:
                data[place : place + size] = draw.randbytes(size)
            elif kind == 4:
                data[place : place + 4] = struct.pack(
                    draw.choice("<>") + "i", draw.choice(ODD_INTS)
                )
            else:
                del data[place:]
        yield bytes(data)


ODD_INTS = (0, 1, -1, 2**31 - 1, -(2**31), 2**16, 2**24, 255, 256)


def deep(levels: int) -> list[Any]:
    """A list in a list, `levels` deep."""
    nested: list[Any] = []
    for _ in range(levels):
        nested = [nested]
    return nested


ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 1e9, 10**9, 10**30, -(10**30), 2**63, 0.5, -0.5, 1e-320, 1e308,
    float("nan"), float("inf"), float("-inf"), "", "x", "1", "nan", "../../etc/passwd", "a\0b",
    "\ud800", "é" * 300, "<script>", [], [[]], [0], [10**9] * 3, [None], ["x"], {}, {"x": 1},
    {"": {}}, deep(50),
)  # fmt: skip
"""Values that JSON can hold and that few readers expect."""


def damaged_json(content: Any, count: int, seed: int) -> Iterator[str]:
    """`count` variants of a JSON document: entries replaced, left out, added, or the text damaged.

    Every entry is replaced by every odd value once, in random order, before any is damaged twice.
    """
    draw = random.Random(seed)
    places = list(_places(content))
    plan = [(place, value) for place in places for value in ODD_VALUES]
    draw.shuffle(plan)
    for number in range(count):
        changed = copy.deepcopy(content)
        kind = draw.randrange(8)
        if kind == 0:
            text = json.dumps(changed).encode()
            yield next(damaged_bytes(text, 1, draw.randrange(2**32))).decode(errors="replace")
            continue
        if kind == 1:
            _put(changed, draw.choice(places), None, remove=True)
        elif kind == 2:
            _put(changed, (*draw.choice(places)[:-1], "foreign"), draw.choice(ODD_VALUES))
        else:
            changed = _put(changed, *plan[number % len(plan)])
            for _ in range(draw.choice((0, 0, 1))):
                changed = _put(changed, draw.choice(places), draw.choice(ODD_VALUES))
        yield json.dumps(changed)


Place = tuple[str | int, ...]
"""The keys and indices that lead to an entry; () is the whole document."""


def _places(content: Any, here: Place = ()) -> Iterator[Place]:
    yield here
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(content, dict):
        inner = content.items()
    elif isinstance(content, list):
        inner = enumerate(content)
    for key, value in inner:
        yield from _places(value, (*here, key))


def _put(content: Any, place: Place, value: Any, remove: bool = False) -> Any:
    """`content` with another entry at `place`, as far as that still exists."""
    if not place:
        return content if remove else value
    inside = content
    for key in place[:-1]:
        if not _has(inside, key):
            return content
        inside = inside[key]
    if remove and _has(inside, place[-1]):
        del inside[place[-1]]
    elif isinstance(inside, dict) or _has(inside, place[-1]):
        inside[place[-1]] = copy.deepcopy(value)
    return content


def _has(content: Any, key: str | int) -> bool:
    if isinstance(content, dict):
        return key in content
    return isinstance(content, list) and isinstance(key, int) and key < len(content)


def named(path: Path, contents: Iterable[bytes | str]) -> Iterator[Path]:
    """Write each content to `path` in turn and yield it, for functions that read a file."""
    for content in contents:
        data = content.encode(errors="surrogatepass") if isinstance(content, str) else content
        path.write_bytes(data)
        yield path
