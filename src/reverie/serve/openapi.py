"""The interface in the terms of OpenAPI, from the dataclasses of the options."""

import dataclasses
from importlib.metadata import version

from reverie.core.option_help import help_of
from reverie.core.option_schema import schema_of
from reverie.core.result import Json, plain
from reverie.serve.work import ACTIONS, Action, SampleAction

TEXT: dict[str, Json] = {"type": "string"}
BYTES: dict[str, Json] = {"type": "string", "format": "binary"}
ERROR: dict[str, Json] = {"type": "object", "required": ["error"], "properties": {"error": TEXT}}
MODEL: dict[str, Json] = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "method": TEXT,
        "about": TEXT,
        "actions": {"type": "array", "items": {"enum": list(ACTIONS)}},
        "image_size": {"type": "object"},
        "channels": {"type": "integer"},
        "classes": {"type": "array", "items": TEXT},
        "denoises": {"type": "boolean"},
        "directions": {"type": "array", "items": TEXT},
        "scale": {"type": "integer"},
        "attributes": {"type": "array", "items": TEXT},
    },
}
MODELS: dict[str, Json] = {
    "type": "object",
    "properties": {"models": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}},
}
IMAGES: dict[str, Json] = {
    "type": "object",
    "properties": {
        "images": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "seed": {"type": "integer"},
                    "label": {"type": ["string", "null"]},
                    "png": {"type": "string", "contentEncoding": "base64"},
                },
            },
        }
    },
}
NAME: dict[str, Json] = {"name": "name", "in": "path", "required": True, "schema": TEXT}
READ: tuple[tuple[str, str, dict[str, Json]], ...] = (
    ("/", "The models and examples, as a page or as JSON.", MODELS),
    ("/models", "What each model can do.", MODELS),
    ("/models/{name}", "What a model can do.", {"$ref": "#/components/schemas/Model"}),
    ("/healthz", "200 once the models are loaded, else 503; needs no token.", {"type": "object"}),
    ("/openapi.json", "This description.", {"type": "object"}),
)
"""Path, what it answers, and the schema of the answer."""


def openapi() -> dict[str, Json]:
    """The description of the interface."""
    paths: dict[str, Json] = {
        path: {"get": _operation(about, {"application/json": {"schema": schema}}, path)}
        for path, about, schema in READ
    }
    plain_text: dict[str, Json] = {"text/plain": {"schema": TEXT}}
    paths["/metrics"] = {"get": _operation("Figures for Prometheus.", plain_text, "/metrics")}
    for name, action in ACTIONS.items():
        paths[f"/models/{{name}}/{name}"] = {"post": _action(action)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "reverie serve", "version": version("reverie")},
        "components": {
            "schemas": {"Model": MODEL, "Error": ERROR, "Images": IMAGES},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
        "paths": paths,
    }


def _operation(about: str, content: dict[str, Json], path: str) -> dict[str, Json]:
    refused: Json = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    operation: dict[str, Json] = {
        "summary": about,
        "parameters": [NAME] if "{name}" in path else [],
        "responses": {
            "200": {"description": "done", "content": content},
            "4XX": {"description": "what is wrong, in one sentence", "content": refused},
            "503": {"description": "not now, in one sentence", "content": refused},
        },
    }
    return operation | ({"security": []} if path == "/healthz" else {})


def _action(action: type[Action]) -> dict[str, Json]:
    """The operation of an action: options in JSON, or in the query where an image is sent."""
    content: dict[str, Json] = {"image/png": {"schema": BYTES}}
    if action is SampleAction:
        content["application/zip"] = {"schema": BYTES}
        content["application/json"] = {"schema": {"$ref": "#/components/schemas/Images"}}
    operation = _operation(action.about, content, "{name}")
    options = {name: _schema(action, name) for name in action.names}
    if not action.takes_image:
        schema: Json = {"type": "object", "properties": options, "additionalProperties": False}
        return operation | {"requestBody": {"content": {"application/json": {"schema": schema}}}}
    form: Json = {"type": "object", "properties": {"image": BYTES}}
    query: list[Json] = [
        {"name": name, "in": "query", "schema": schema} for name, schema in options.items()
    ]
    return operation | {
        "parameters": [NAME, *query],
        "requestBody": {
            "required": True,
            "content": {"image/*": {"schema": BYTES}, "multipart/form-data": {"schema": form}},
        },
    }


def _schema(action: type[Action], name: str) -> dict[str, Json]:
    own = {field.name: field.default for field in dataclasses.fields(action.kind)}  # type: ignore[arg-type]
    default = action.defaults.get(name, own[name])
    about = help_of(action.kind, name)
    return schema_of(action.types()[name]) | {"description": about, "default": plain(default)}
