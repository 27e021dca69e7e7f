"""The routes of the server."""

import asyncio
import base64
import contextlib
import io
import logging
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial, wraps

import anyio
import numpy as np
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.core.image_file import ImageFile, encode_image_file
from reverie.core.progress import printable
from reverie.core.result import Json, plain
from reverie.serve.metrics import ROUTE, Measured
from reverie.serve.models import model_of
from reverie.serve.openapi import openapi
from reverie.serve.page import index_page
from reverie.serve.refusal import Refusal
from reverie.serve.requests import accepted, read_request
from reverie.serve.security import Guard
from reverie.serve.service import Service
from reverie.serve.work import ACTIONS, Action, SampleAction

PNG, ZIP, JSON, HTML = "image/png", "application/zip", "application/json", "text/html"
ENCODERS = 2
"""Images that are encoded at a time, beside the thread that computes."""

Handler = Callable[[Service, Request], Awaitable[Response]]

log = logging.getLogger(__name__)


def build(service: Service, token: str | None, hosts: frozenset[str]) -> ASGIApp:
    """The whole application: routes, token and figures."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.encoders = CapacityLimiter(ENCODERS)
        service.worker.start()
        yield
        await run_in_threadpool(service.close)

    def route(path: str, handler: Handler, method: str = "GET") -> Route:
        return Route(path, _answering(service, handler, path), methods=[method])

    app = Starlette(
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, Exception: _defect},
        routes=[
            route("/", index),
            route("/models", models),
            route("/models/{name}", one_model),
            *(
                route(f"/models/{{name}}/{name}", partial(act, kind=kind), "POST")
                for name, kind in ACTIONS.items()
            ),
            route("/healthz", health),
            route("/metrics", metrics),
            route("/openapi.json", description),
        ],
    )
    return Measured(Guard(app, token, hosts), service.metrics)


def _answering(
    service: Service, handler: Handler, path: str
) -> Callable[[Request], Awaitable[Response]]:
    """A route's function; what cannot be done is answered in one sentence."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        request.scope[ROUTE] = path
        try:
            return await handler(service, request)
        except Refusal as refusal:
            return error(refusal.status, str(refusal), refusal.headers)
        except UserError as refused:
            return error(422, str(refused))
        except asyncio.CancelledError:  # uvicorn ends what is left when the server does
            if not service.is_closing:
                raise
            return error(503, "the server is ending.")

    return answer


def error(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer to a request that is not met."""
    # What a request holds may be no text that UTF-8 has.
    return JSONResponse({"error": printable(sentence)}, status, headers)


async def _http_error(request: Request, failure: Exception) -> Response:
    """What Starlette refuses: paths and methods that there are not."""
    assert isinstance(failure, HTTPException)
    allowed = (failure.headers or {}).get("Allow", "")
    sentences = {
        404: "there is nothing at this path: GET / lists what there is.",
        405: f"this path is asked with {allowed}.",
    }
    sentence = sentences.get(failure.status_code, str(failure.detail))
    return error(failure.status_code, sentence, dict(failure.headers or {}))


async def _defect(request: Request, failure: Exception) -> Response:
    """A defect: what it was stands in the log of the server alone."""
    return error(500, "the server failed at this; its log says at what.")


async def index(service: Service, request: Request) -> Response:
    """The models, and how to ask for each."""
    served = service.ready().values()
    address = str(request.base_url).rstrip("/")
    kind = accepted(request.headers.get("accept"), (JSON, HTML))
    if kind == HTML:
        return HTMLResponse(index_page(list(served), address))
    return JSONResponse({"models": plain([one.to_json() for one in served])})


async def models(service: Service, request: Request) -> Response:
    """What each model can do."""
    return JSONResponse({"models": plain([one.to_json() for one in service.ready().values()])})


async def one_model(service: Service, request: Request) -> Response:
    """What a model can do."""
    return JSONResponse(plain(model_of(service.ready(), request.path_params["name"]).to_json()))


async def health(service: Service, request: Request) -> Response:
    """Whether requests would be answered now."""
    service.ready()
    return JSONResponse({"status": "ok"})


async def metrics(service: Service, request: Request) -> Response:
    """Figures in Prometheus' text format."""
    return service.metrics.answer()


async def description(service: Service, request: Request) -> Response:
    """This interface, as OpenAPI describes it."""
    return JSONResponse(openapi())


async def act(service: Service, request: Request, kind: type[Action]) -> Response:
    """Let a model do what a request asks for."""
    served = service.model_for(request.path_params["name"], kind.name)
    offered = (PNG, ZIP, JSON) if kind is SampleAction else (PNG,)
    media_type = accepted(request.headers.get("accept"), offered)
    with service.answering():
        with service.reading():
            options, image = await read_request(request, kind, service.options)
        action = await run_in_threadpool(kind, served, options, image, service.options)
        made = await service.compute(action, request)
        encode = partial(_encoded, action, made, media_type)
        content = await anyio.to_thread.run_sync(encode, limiter=request.app.state.encoders)
    return Response(content, media_type=media_type)


def _encoded(action: Action, made: object, media_type: str) -> bytes:
    """What an action has made, as a file of a media type."""
    if isinstance(made, ImageFile):
        return encode_image_file(made, ".png")
    assert isinstance(action, SampleAction)
    assert isinstance(made, np.ndarray)
    if media_type == PNG:
        return _sheet(made)
    files = [image_io.encode(pixels) for pixels in made]
    if media_type == ZIP:
        return _archive(action.seeds, files)
    return JSONResponse({"images": _listed(action, files)}).body  # type: ignore[return-value]


def _sheet(pixels: np.ndarray) -> bytes:
    """One image as it is, several as a sheet."""
    if len(pixels) == 1:
        return image_io.encode(pixels[0])
    return image_io.encode_sheet(image_io.to_tensor(pixels))


def _archive(seeds: Sequence[int], files: Sequence[bytes]) -> bytes:
    """A zip archive of PNG files, each named by its seed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for seed, file in zip(seeds, files, strict=True):
            archive.writestr(f"{seed:06d}.png", file)
    return buffer.getvalue()


def _listed(action: SampleAction, files: Sequence[bytes]) -> list[Json]:
    """Images in JSON, each with its seed and class."""
    names = action.class_names or [None] * len(files)
    return [
        {"seed": seed, "label": label, "png": base64.b64encode(file).decode()}
        for seed, label, file in zip(action.seeds, names, files, strict=True)
    ]
