"""What a request holds: its body within limits of size and time, its options, what it accepts."""

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from reverie.core.errors import UserError, nearest
from reverie.core.files import parse_json
from reverie.core.options import Checked, InvalidValue, coerce
from reverie.serve.options import ServeOptions
from reverie.serve.refusal import Refusal
from reverie.serve.work import Action

LONGEST_JSON = 65_536
"""Bytes of a JSON object of options."""
OVERHEAD_OF_FORM = 65_536
"""Bytes that a multipart form may have beside the image."""
IMAGE, SHEET, ARCHIVE, OBJECT = "image", "image/png", "application/zip", "application/json"


async def read_body(request: Request, most: int, seconds: float) -> bytes:
    """The body of a request.

    Raises:
        Refusal: if it is longer than `most` bytes, or has not arrived within `seconds`.
    """
    parts, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > most:  # the connection reads on for a while, see `TimedConnection`
                    raise Refusal(413, f"the request is longer than the {most:,} bytes taken.")
                parts.append(part)
    except TimeoutError:
        raise Refusal(
            408, f"the request did not arrive within {seconds:g} seconds.", connection="close"
        ) from None
    except ClientDisconnect:
        raise Refusal(400, "the request ended before its body did.") from None
    return b"".join(parts)


async def read_request(
    request: Request, kind: type[Action], limits: ServeOptions
) -> tuple[Checked, bytes]:
    """The options of a request for an action, and the image that it sends.

    Raises:
        Refusal: if the body is too long, too slow, or of another type.
        UserError: if an option is unknown, or its value does not fit.
    """
    given: dict[str, Any] = texts_of(request.query_params.multi_items())
    if not kind.takes_image:
        body = await read_body(request, LONGEST_JSON, limits.body_timeout)
        return options_of_request(kind, {**read_texts(kind, given), **_json(body)}), b""
    form = request.headers.get("content-type", "").startswith("multipart/form-data")
    most = limits.max_bytes + (OVERHEAD_OF_FORM if form else 0)
    body = await read_body(request, most, limits.body_timeout)
    if form:
        fields, body = await _form(request, body, limits)
        given |= fields
    else:
        _refuse_other_types(request)
    if not body:
        raise Refusal(400, "send an image: its bytes as the body, or as the file of a form.")
    return options_of_request(kind, read_texts(kind, given)), body


def _json(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; an empty body is an empty one."""
    if not body.strip():
        return {}
    try:
        content = parse_json(body.decode())
    except ValueError:
        raise Refusal(400, "the body must be a JSON object of options.") from None
    if not isinstance(content, dict):
        raise Refusal(400, "the body must be a JSON object of options.")
    return content


async def _form(
    request: Request, body: bytes, limits: ServeOptions
) -> tuple[dict[str, list[str]], bytes]:
    """The fields and the file of a multipart form whose body was read."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {name: value for name, value in request.scope.items() if name != "app"}
    try:
        async with Request(scope, receive).form(max_files=1, max_fields=50) as form:
            files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
            pairs = [(name, part) for name, part in form.multi_items() if isinstance(part, str)]
            image = await files[0].read() if files else b""
    except MultiPartException as error:
        raise Refusal(400, f"the form cannot be read ({error.message}).") from None
    except (ValueError, LookupError):  # of the parser, on a damaged form
        raise Refusal(400, "the form cannot be read.") from None
    if len(image) > limits.max_bytes:
        raise Refusal(413, f"the image is longer than the {limits.max_bytes:,} bytes taken.")
    return texts_of(pairs), image


def _refuse_other_types(request: Request) -> None:
    kind = request.headers.get("content-type", "image/").partition(";")[0].strip().lower()
    if not kind.startswith("image/") and kind != "application/octet-stream":
        raise Refusal(
            415, "send the bytes of an image with content-type: image/png or another image type, "
            "or a multipart form with a file.",
        )  # fmt: skip


def texts_of(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Values by name, in their order."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def read_texts(kind: type[Action], given: Mapping[str, list[str]]) -> dict[str, Any]:
    """Options from the texts of a query or a form: one, or several for an option that is a list."""
    types = kind.types()
    return {
        name: _value(types[name], texts[0] if len(texts) == 1 else texts)
        if name in types
        else texts
        for name, texts in given.items()
    }


def _value(kind: object, text: str | list[str]) -> object:
    """A text, or the number that it stands for where the option is one."""
    try:
        return coerce(kind, text)
    except InvalidValue:
        try:
            return [_number(one) for one in text] if isinstance(text, list) else _number(text)
        except ValueError:
            return text  # what is wrong with it is said with the other options


def _number(text: str) -> int | float:
    if len(text) > 30:
        raise ValueError(text)
    return int(text) if text.removeprefix("-").isdecimal() else float(text)


def options_of_request(kind: type[Action], given: Mapping[str, Any]) -> Checked:
    """The options dataclass of an action.

    Raises:
        UserError: if an option is unknown, or its value does not fit.
    """
    types = kind.types()
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        if name not in types:
            raise UserError(f"there is no option {name[:80]!r}; {nearest(name[:80], types)}")
        if name == "label":
            value = _labels(value)
        try:
            coerce(types[name], value)
        except InvalidValue as invalid:
            raise UserError(f"{name} must be {invalid}.") from None
    labelled = {"label": _labels(given["label"])} if "label" in given else {}
    return kind.kind(**{**kind.defaults, **given, **labelled})


def _labels(value: object) -> object:
    """Classes by name, also where they are given by number."""
    several = value if isinstance(value, list | tuple) else [value]
    return [str(one) if type(one) is int else one for one in several]


def accepted(header: str | None, offered: tuple[str, ...]) -> str:
    """The media type to answer with: of those offered, the one that `Accept` likes best.

    Raises:
        Refusal: if it is none of them.
    """
    best, quality = offered[0], 0.0
    for part in (header or "*/*").split(","):
        pattern, *parameters = (word.strip().lower() for word in part.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            value = min(max(float(weight), 0.0), 1.0)
        except ValueError:
            value = 0.0
        start = pattern.removesuffix("*")
        match = next((o for o in offered if pattern in ("*/*", o) or _begins(o, start)), None)
        if match is not None and value > quality:
            best, quality = match, value
    if quality == 0.0:
        raise Refusal(406, f"this is answered as {' or '.join(offered)}: accept one of them.")
    return best


def _begins(offered: str, start: str) -> bool:
    return start.endswith("/") and offered.startswith(start)
