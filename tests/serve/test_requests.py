"""Bodies in parts, options from texts, and what a client accepts."""

from collections.abc import AsyncIterator

import anyio
import pytest
from starlette.requests import Request
from starlette.types import Message

from reverie.core.errors import UserError
from reverie.inference.options import EditOptions, SampleOptions, UpscaleOptions
from reverie.serve.refusal import Refusal
from reverie.serve.requests import accepted, options_of_request, read_body, read_texts, texts_of
from reverie.serve.work import ACTIONS


def request_of(parts: AsyncIterator[bytes]) -> Request:
    async def receive() -> Message:
        try:
            return {"type": "http.request", "body": await anext(parts), "more_body": True}
        except StopAsyncIteration:
            return {"type": "http.request", "body": b"", "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def trickle(count: int, part: bytes, seconds: float = 0.0) -> AsyncIterator[bytes]:
    for _ in range(count):
        await anyio.sleep(seconds)
        yield part


def read(parts: AsyncIterator[bytes], most: int = 100, seconds: float = 5.0) -> bytes:
    return anyio.run(read_body, request_of(parts), most, seconds)


def test_a_body_is_read_whole_within_its_limits() -> None:
    assert read(trickle(10, b"0123456789")) == b"0123456789" * 10
    with pytest.raises(Refusal, match="longer than the 100 bytes") as refused:
        read(trickle(11, b"0123456789"))
    assert refused.value.status == 413
    endless = trickle(10**9, b"0123456789")
    with pytest.raises(Refusal, match="longer"):
        read(endless)
    with pytest.raises(Refusal, match=r"not arrive within 0\.2 seconds") as refused:
        read(trickle(1000, b"0", 0.05), seconds=0.2)
    assert refused.value.status == 408
    assert refused.value.headers["connection"] == "close"


def test_texts_become_what_the_options_are() -> None:
    pairs = [("scale", "2.5"), ("precision", "fp32")]
    given = read_texts(ACTIONS["upscale"], texts_of(pairs))
    options = options_of_request(ACTIONS["upscale"], given)
    assert options == UpscaleOptions(scale=2.5, precision="fp32")
    pairs = [("add", "Smiling=1"), ("add", "Male"), ("refine", "0")]
    given = read_texts(ACTIONS["edit"], texts_of(pairs))
    options = options_of_request(ACTIONS["edit"], given)
    assert options == EditOptions(add=("Smiling=1", "Male"), refine=0)
    pairs = [("label", "3"), ("seed", "-7"), ("between", "1"), ("between", "2")]
    given = read_texts(ACTIONS["sample"], texts_of(pairs))
    options = options_of_request(ACTIONS["sample"], given)
    assert options == SampleOptions(count=1, label=("3",), seed=-7, between=(1, 2))


def test_options_that_do_not_fit_are_named() -> None:
    sample = ACTIONS["sample"]
    assert options_of_request(sample, {"label": None, "steps": None}) == SampleOptions(count=1)
    assert options_of_request(sample, {"label": [1, "b"]}) == SampleOptions(
        count=1, label=("1", "b")
    )
    for given, words in (
        ({"conut": 1}, "did you mean 'count'"),
        ({"init": "/etc/passwd"}, "there is no option 'init'"),
        ({"count": float("nan")}, "count must be an integer"),
        ({"label": True}, "label must be"),
        ({"x" * 10_000: 1}, "there is no option"),
    ):
        with pytest.raises(UserError, match=words) as refused:
            options_of_request(sample, given)
        assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, "image/png"),
        ("*/*", "image/png"),
        ("image/*", "image/png"),
        ("application/zip", "application/zip"),
        ("application/json;q=0.9, image/png;q=0.1", "application/json"),
        ("image/webp, application/zip;q=0.5, */*;q=0.1", "application/zip"),
        ("APPLICATION/ZIP", "application/zip"),
        ("text/html, */*;q=x", None),
        ("text/html", None),
        ("image/png;q=0", None),
        ("", "image/png"),
        (";;;,,", None),
        ("*", None),
    ],
)
def test_what_is_accepted_best_is_answered(header: str | None, chosen: str | None) -> None:
    offered = ("image/png", "application/zip", "application/json")
    if chosen is None:
        with pytest.raises(Refusal, match="accept one of them") as refused:
            accepted(header, offered)
        assert refused.value.status == 406
    else:
        assert accepted(header, offered) == chosen
