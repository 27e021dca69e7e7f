"""The HTTP interface in the terms of OpenAPI, from the dataclasses of the options."""

import json
from importlib.metadata import version
from typing import TYPE_CHECKING

from reverie.core.html import page, text
from reverie.core.result import Json

if TYPE_CHECKING:
    from reverie.studio.app import Verbs

OBJECT: dict[str, Json] = {"type": "object"}
TEXT: dict[str, Json] = {"type": "string"}
JOB: dict[str, Json] = {
    "type": "object",
    "properties": {
        "id": TEXT,
        "verb": TEXT,
        "options": OBJECT,
        "command": TEXT,
        "state": {"enum": ["queued", "running", "stopping", "done", "failed", "interrupted"]},
        "progress": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "seconds_left": {"type": ["number", "null"]},
        "message": TEXT,
        "result": {},
        "error": {"type": ["string", "null"]},
        "run": {"type": ["string", "null"]},
        "out": {"type": ["string", "null"]},
        "position": {"type": ["integer", "null"]},
        "created": {"type": "number"},
        "started": {"type": ["number", "null"]},
        "ended": {"type": ["number", "null"]},
    },
}
ROUTES: tuple[tuple[str, str, str, str], ...] = (
    ("get", "/api/state", "The machine, data sets, methods, models and experiments.", ""),
    ("get", "/api/verbs", "Every command with the JSON schema of its options.", ""),
    ("get", "/api/verbs/{verb}", "A command; the query has method, preset or name.", ""),
    ("post", "/api/check", "Whether a job could be started, and its command line.", "Request"),
    ("post", "/api/estimate", "Measure how long a training would take; a job.", "Request"),
    ("get", "/api/jobs", "All jobs, the newest first.", ""),
    ("post", "/api/jobs", "Put a job into the queue; answers its id.", "Request"),
    ("post", "/api/jobs/order", "Put the queue into the order of `ids`.", ""),
    ("get", "/api/jobs/{id}", "A job, and the end of its log.", ""),
    ("post", "/api/jobs/{id}/stop", "Finish the step and save; asked again, end it.", ""),
    ("post", "/api/jobs/{id}/resume", "Go on with a job that was interrupted or failed.", ""),
    ("post", "/api/jobs/{id}/remove", "Forget a job that is over.", ""),
    ("get", "/api/events", "Server-sent events: jobs, job, removed, runs.", ""),
    ("get", "/api/runs", "A part of the runs: offset, limit, search.", ""),
    ("get", "/api/runs/{name}", "A run: options, curves, sheets, warnings.", ""),
    ("post", "/api/runs/{name}/trash", "Move a run to the trash; answers `undo`.", ""),
    ("post", "/api/trash/restore", "Move it back: `undo`.", ""),
    ("post", "/api/uploads", "Images, tables and zip archives, as multipart `files`.", ""),
    ("get", "/api/folder", "Folders and images in a folder: path, offset, limit.", ""),
    ("get", "/api/files/{path}", "A file; `thumb` is the side of a small copy.", ""),
    ("post", "/api/sample", "Images of a model: model, count, seed, label, ...", "sample"),
    ("post", "/api/translate", "Translations: model, images, direction, ...", "translate"),
    ("post", "/api/upscale", "Upscaled images: model, images, scale, ...", "upscale"),
    ("post", "/api/edit", "An image with attributes: model, image, add.", "edit"),
    ("post", "/api/directions", "The attributes that a model can add: model.", ""),
    ("post", "/api/latent", "Images of points of a latent plane: model, points.", ""),
    ("post", "/api/drawn", "What a model makes of a drawn image: model, image.", ""),
)
"""Method, path, what it does, and the schema of its body where it has one."""


def openapi(verbs: "Verbs") -> dict[str, Json]:
    """The description of the interface; the options of each command are schemas of their own."""
    described = {name: verbs.describe(name, {}) for name in verbs.names()}
    schemas: dict[str, Json] = {
        name.replace(" ", "-"): one["schema"] for name, one in described.items()
    }
    schemas["Job"] = JOB
    schemas["Request"] = {
        "type": "object",
        "required": ["verb", "options"],
        "properties": {"verb": {"enum": list(described)}, "options": OBJECT},
    }
    schemas["Error"] = {
        "type": "object",
        "properties": {"error": TEXT, "field": {"type": ["string", "null"]}},
    }
    paths: dict[str, dict[str, Json]] = {}
    for method, path, about, body in ROUTES:
        paths.setdefault(path, {})[method] = _operation(path, about, body, method)
    return {
        "openapi": "3.1.0",
        "info": {"title": "reverie studio", "version": version("reverie")},
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
        "paths": paths,
    }


def _operation(path: str, about: str, body: str, method: str) -> dict[str, Json]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    wrong = {"$ref": "#/components/schemas/Error"}
    operation: dict[str, Json] = {
        "summary": about,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": TEXT} for name in names
        ],
        "responses": {
            "200": {"description": "done", "content": {"application/json": {"schema": OBJECT}}},
            "4XX": {
                "description": "what is wrong, in one sentence",
                "content": {"application/json": {"schema": wrong}},
            },
        },
    }
    if method == "post":
        schema: Json = {"$ref": f"#/components/schemas/{body}"} if body else OBJECT
        kind = "multipart/form-data" if path.endswith("uploads") else "application/json"
        operation["requestBody"] = {"content": {kind: {"schema": schema}}}
    return operation


def reference_page(verbs: "Verbs") -> str:
    """The interface as a page."""
    rows = "".join(
        f"<tr><td><code>{method.upper()}</code></td><td><code>{text(path)}</code></td>"
        f"<td>{text(about)}</td></tr>"
        for method, path, about, _ in ROUTES
    )
    options = []
    for name in verbs.names():
        described = verbs.describe(name, {})
        schema = json.dumps(described["schema"], indent=1)
        options.append(
            f"<details><summary>{text(name)}: {text(str(described['about']))}</summary>"
            f"<pre>{text(schema)}</pre></details>"
        )
    body = (
        "<h1>The studio's HTTP interface</h1><p>All of it as "
        '<a href="/api/openapi.json">OpenAPI</a>.</p>'
        f"<table>{rows}</table><h2>Options</h2>{''.join(options)}"
    )
    return page("reverie studio · interface", body)
