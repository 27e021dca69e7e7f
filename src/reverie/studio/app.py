"""The studio's HTTP interface, and the page that uses it."""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from reverie.core.errors import UserError
from reverie.core.result import Json
from reverie.studio.events import Events, message
from reverie.studio.home import MOST_LISTED, Home, listing, relative_paths
from reverie.studio.models import BusyError, ModelProcess
from reverie.studio.openapi import openapi, reference_page
from reverie.studio.requests import Requests
from reverie.studio.run_list import RunList
from reverie.studio.state import state_of
from reverie.studio.supervisor import Supervisor
from reverie.studio.thumbnails import SIDES, key_of, placeholder, thumbnail
from reverie.studio.uploads import MOST_FILES, Upload, upload_folder

PAGE = Path(__file__).parent / "page"
SHOWN_SUFFIXES = frozenset([
    ".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".avif", ".mp4", ".json", ".csv", ".txt",
    ".npz", ".safetensors", ".zip",
])  # fmt: skip
"""Files sent as what they are; pages of HTML are sent in a sandbox, others as downloads."""
SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'"
)
FIRST_FILES = 500

Handler = Callable[["Studio", Request], Awaitable[Response]]


class Verbs(Protocol):
    """The commands that can be run: see `cli/verbs.py`."""

    def names(self) -> list[str]: ...

    def describe(self, verb: str, options: Mapping[str, Json]) -> dict[str, Json]: ...

    def argv(self, verb: str, options: Mapping[str, Json]) -> list[str]: ...

    def outputs(self, verb: str, options: Mapping[str, Json]) -> dict[str, Json]: ...


class Studio:
    """What the routes share."""

    def __init__(self, home: Home, verbs: Verbs, parallel: int = 1) -> None:
        self.home = home
        self.verbs = verbs
        self.events = Events()
        self.runs = RunList(home)
        self.supervisor = Supervisor(home, self.events, self.runs, parallel)
        self.models = ModelProcess(home)
        self.requests = Requests(home, verbs, self.supervisor)

    def close(self) -> None:
        """Stop watching; jobs that run go on."""
        self.events.close()
        self.supervisor.close()
        self.models.close()


def build(studio: Studio) -> Starlette:
    """The application, without its guard."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        studio.supervisor.start()
        yield
        await run_in_threadpool(studio.close)

    def route(path: str, handler: Handler, method: str = "GET") -> Route:
        return Route(path, _answering(studio, handler), methods=[method])

    return Starlette(
        lifespan=lifespan,
        routes=[
            route("/api/state", state),
            route("/api/verbs", verbs),
            route("/api/verbs/{verb:path}", one_verb),
            route("/api/check", check, "POST"),
            route("/api/estimate", estimate, "POST"),
            route("/api/jobs", jobs),
            route("/api/jobs", new_job, "POST"),
            route("/api/jobs/order", order, "POST"),
            route("/api/jobs/{id}", one_job),
            route("/api/jobs/{id}/{action}", act_on_job, "POST"),
            route("/api/events", events),
            route("/api/runs", runs),
            route("/api/runs/{name}", one_run),
            route("/api/runs/{name}/trash", trash_run, "POST"),
            route("/api/trash/restore", restore, "POST"),
            route("/api/uploads", upload, "POST"),
            route("/api/folder", folder),
            route("/api/files/{path:path}", file),
            route("/api/openapi.json", api_description),
            route("/api", api_reference),
            *(
                route(f"/api/{verb}", _immediate(verb), "POST")
                for verb in (
                    "sample", "translate", "upscale", "edit", "directions", "latent", "drawn"
                )
            ),
            Mount("/page", StaticFiles(directory=PAGE)),
            Route("/", _index),
        ],
    )  # fmt: skip


def _answering(studio: Studio, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A route's function; what cannot be done is answered in one sentence."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(studio, request)
        except BusyError as error:
            return _error(429, str(error))
        except UserError as error:
            return _error(422, str(error), getattr(error, "option", None))
        except MultiPartException as error:
            return _error(400, f"this upload cannot be read ({error.message}).")
        except OSError as error:
            return _error(507 if error.errno == 28 else 500, f"{error.strerror or error}.")

    return answer


def _error(status: int, sentence: str, field: str | None = None) -> JSONResponse:
    return JSONResponse({"error": sentence, "field": field}, status)


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        UserError: if it is none.
    """
    try:
        content = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise UserError("the request must be a JSON object.") from None
    if not isinstance(content, dict):
        raise UserError("the request must be a JSON object.")
    return content


async def _index(request: Request) -> Response:
    return FileResponse(PAGE / "index.html", headers={"cache-control": "no-cache"})


async def state(studio: Studio, request: Request) -> Response:
    """What does not change while the studio runs, and the disk."""
    return JSONResponse(await run_in_threadpool(state_of, studio.home))


async def verbs(studio: Studio, request: Request) -> Response:
    """Every command with the JSON schema of its options."""
    described = {name: studio.verbs.describe(name, {}) for name in studio.verbs.names()}
    return JSONResponse({"verbs": described})


async def one_verb(studio: Studio, request: Request) -> Response:
    """A command; the query has the options on which the others depend."""
    verb, options = request.path_params["verb"], dict(request.query_params)
    return JSONResponse(await run_in_threadpool(studio.verbs.describe, verb, options))


async def check(studio: Studio, request: Request) -> Response:
    """Whether a job could be started; that it could not is an answer, and no error."""
    body = await _body(request)
    try:
        command = await run_in_threadpool(studio.requests.check, body)
    except UserError as error:
        field = getattr(error, "option", None)
        return JSONResponse({"ok": False, "error": str(error), "field": field})
    return JSONResponse({"ok": True, "command": command})


async def estimate(studio: Studio, request: Request) -> Response:
    """A job that measures how long a training would take."""
    job = await run_in_threadpool(studio.requests.estimate, await _body(request))
    return JSONResponse({"id": job.id}, 201)


async def new_job(studio: Studio, request: Request) -> Response:
    """Put a job into the queue."""
    job = await run_in_threadpool(studio.requests.submit, await _body(request))
    return JSONResponse({"id": job.id}, 201)


async def jobs(studio: Studio, request: Request) -> Response:
    """All jobs, the newest first."""
    return JSONResponse({"jobs": await run_in_threadpool(studio.supervisor.all)})


async def one_job(studio: Studio, request: Request) -> Response:
    """A job, and the end of its log."""
    job = studio.supervisor.store.find(request.path_params["id"])
    if job is None:
        return _error(404, "there is no such job any more.")
    log = "\n".join(studio.supervisor.workers.log(job).splitlines()[-200:])
    return JSONResponse(studio.supervisor.view(job) | {"log": log})


async def act_on_job(studio: Studio, request: Request) -> Response:
    """Stop, resume or remove a job."""
    name, action = request.path_params["id"], request.path_params["action"]
    if studio.supervisor.store.find(name) is None:
        return _error(404, "there is no such job any more.")
    if action == "stop":
        job = await run_in_threadpool(studio.supervisor.stop, name)
    elif action == "resume":
        job = await run_in_threadpool(studio.requests.resume, name)
    elif action == "remove":
        await run_in_threadpool(studio.supervisor.remove, name)
        return JSONResponse({"ok": True})
    else:
        return _error(404, "a job can be stopped, resumed and removed.")
    return JSONResponse(studio.supervisor.view(job))


async def order(studio: Studio, request: Request) -> Response:
    """Put the queue into another order."""
    names = (await _body(request)).get("ids")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError("ids must be a list of the ids of jobs.")
    await run_in_threadpool(studio.supervisor.order, names)
    return JSONResponse({"ok": True})


async def events(studio: Studio, request: Request) -> Response:
    """Server-sent events: all jobs at once, then what changes."""
    first = message("jobs", {"jobs": await run_in_threadpool(studio.supervisor.all)})
    first += message("trouble", {"message": studio.supervisor.trouble})
    return StreamingResponse(
        studio.events.listen("retry: 1000\n" + first),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def runs(studio: Studio, request: Request) -> Response:
    """A part of the runs, in short."""
    offset = _number(request, "offset", 0, 10**9)
    limit = _number(request, "limit", 60, 500)
    search = request.query_params.get("search", "")
    found = await run_in_threadpool(studio.runs.page, offset, limit, search)
    for run in found["runs"]:
        run["job"] = studio.requests.job_of(run["path"])
    return JSONResponse(found)


async def one_run(studio: Studio, request: Request) -> Response:
    """A run in full."""
    name = request.path_params["name"]
    if studio.runs.look(name) is None:
        job = studio.requests.job_of(f"runs/{name}")
        if job is not None:  # it has not begun yet
            return JSONResponse({"name": name, "job": job}, 202)
        return _error(404, "there is no such run any more.")
    found = await run_in_threadpool(studio.runs.details, name)
    return JSONResponse(found | {"job": studio.requests.job_of(f"runs/{name}")})


async def trash_run(studio: Studio, request: Request) -> Response:
    """Move a run to the trash."""
    run = studio.runs.run(request.path_params["name"])
    look = studio.runs.look(run.folder.name)
    if studio.requests.job_of(studio.home.relative(run.folder)) or (look and look["training"]):
        raise UserError("this run is being trained: stop it first.")
    return JSONResponse({"undo": studio.home.move_to_trash(run.folder)})


async def restore(studio: Studio, request: Request) -> Response:
    """Move a run back from the trash."""
    key = (await _body(request)).get("undo")
    if not isinstance(key, str):
        raise UserError("undo must be what moving to the trash answered.")
    return JSONResponse({"ok": True, "path": studio.home.restore(key)})


async def upload(studio: Studio, request: Request) -> Response:
    """Write images, tables and the images of zip archives into a folder of uploads."""
    async with request.form(max_files=MOST_FILES, max_fields=10) as form:
        target = upload_folder(studio.home, form.get("folder"))
        taken = Upload(target)
        try:
            for part in form.getlist("files"):
                if isinstance(part, UploadFile):
                    await run_in_threadpool(taken.add, part.filename or "", part.file)
        except BaseException:
            await run_in_threadpool(taken.undo)
            raise
    paths = [studio.home.relative(path) for path in taken.files]
    answer = {
        "folder": studio.home.relative(target),
        "count": len(paths),
        "files": paths[:FIRST_FILES],
        "skipped": taken.skipped[:FIRST_FILES],
        "skipped_count": len(taken.skipped),
    }
    return JSONResponse(answer, 201)


async def folder(studio: Studio, request: Request) -> Response:
    """The folders and images in a folder of the home."""
    path = studio.home.inside(request.query_params.get("path", ""))
    offset = _number(request, "offset", 0, 10**9)
    limit = _number(request, "limit", 200, MOST_LISTED)
    if not path.is_dir():
        return _error(404, "there is no such folder.")
    return JSONResponse(await run_in_threadpool(listing, studio.home, path, offset, limit))


async def file(studio: Studio, request: Request) -> Response:
    """A file of the home, or a small copy of an image."""
    path = studio.home.inside(request.path_params["path"])
    if not path.is_file():
        return _error(404, "there is no such file.")
    side = request.query_params.get("thumb")
    if side is not None:
        if side not in map(str, SIDES):
            raise UserError(f"thumb must be one of {', '.join(map(str, SIDES))}.")
        headers = {"cache-control": "no-cache", "etag": f'"{key_of(path, int(side))}"'}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        try:
            small = await run_in_threadpool(thumbnail, path, int(side), studio.home.thumbnails)
        except UserError:  # a browser would log an error for every broken image of a folder
            small = await run_in_threadpool(placeholder, int(side))
        return Response(small, media_type="image/webp", headers=headers)
    suffix = path.suffix.lower()
    if suffix in (".html", ".htm"):
        return FileResponse(path, headers={"content-security-policy": SANDBOX})
    kind = "inline" if suffix in SHOWN_SUFFIXES else "attachment"
    return FileResponse(
        path, filename=path.name, content_disposition_type=kind,
        headers={"cache-control": "no-cache"},
    )  # fmt: skip


async def api_description(studio: Studio, request: Request) -> Response:
    """This interface, as OpenAPI describes it."""
    return JSONResponse(await run_in_threadpool(openapi, studio.verbs))


async def api_reference(studio: Studio, request: Request) -> Response:
    """This interface, as a page."""
    return Response(await run_in_threadpool(reference_page, studio.verbs), media_type="text/html")


def _immediate(verb: str) -> Handler:
    """Work on a loaded model that is answered at once."""

    async def answer(studio: Studio, request: Request) -> Response:
        body = await _body(request)
        return JSONResponse(await run_in_threadpool(_ask, studio, verb, body))

    return answer


def _ask(studio: Studio, verb: str, body: dict[str, Any]) -> dict[str, Json]:
    home = studio.home
    out = home.new_folder(home.outputs)
    request = studio.requests.located(body) | {"out": str(out)}
    try:
        found = studio.models.ask(verb, request)
    finally:
        with contextlib.suppress(OSError):  # unless something was written
            out.rmdir()
    return relative_paths(found, home) | {"folder": home.relative(out)}


def _number(request: Request, name: str, default: int, most: int) -> int:
    """A number in the query.

    Raises:
        UserError: if it is none, or out of range.
    """
    text = request.query_params.get(name, str(default))
    if not text.isdecimal() or int(text) > most:
        raise UserError(f"{name} must be 0 to {most}.")
    return int(text)
