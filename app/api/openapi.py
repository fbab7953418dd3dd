"""The OpenAPI document: answers come from our own structs, errors are the same everywhere, and examples are real ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api import schemas
from app.api.problems import CODES, MEDIA_TYPE

KEY = "An API key, `wd_...`. Needed as soon as one exists, or the desk is reachable from outside."
Responses = dict[int | str, dict[str, Any]]


def answers(
    model: type, example: object = None, *, media: str = "application/json", others: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the description of a 200 that answers with `model`; `others` are media types beside the first."""
    content: dict[str, Any] = {media: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
    if example is not None:
        content[media]["example"] = example
    content.update(others or {})
    return {"description": (model.__doc__ or "").splitlines()[0], "content": content}


def errors(*statuses: int) -> Responses:
    """Return the descriptions of these errors: a problem each."""
    return {
        status: {
            "description": CODES[status].replace("_", " "),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        }
        for status in statuses
    }


IDEMPOTENCY = "Makes a retry safe: the same key and body get the first answer again, for 24 h."
HEADERS = {
    "Idempotency-Key": {"type": "string", "pattern": "^[!-~]{1,200}$", "description": IDEMPOTENCY},
    "If-Match": {
        "type": "string",
        "description": "The ETag that you read: needed where something stands.",
    },
    "If-None-Match": {
        "type": "string",
        "description": "The ETag that you hold: 304 while it is the same.",
    },
}
OPEN = frozenset({"/healthz", "/readyz"})
ASKING = ("/explain", "/backtest", "/secret")  # they change nothing, or something new each time


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        known = document.setdefault("components", {}).setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            known.pop(unused, None)
        known.update(schemas.components())
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": KEY}}
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                _finish(operation, is_open=path in OPEN)
                if not path.endswith(ASKING):
                    _add_headers(method, operation)
        app.openapi_schema = document
    return app.openapi_schema


def _finish(operation: dict[str, Any], *, is_open: bool) -> None:
    """Add what holds for every operation: who may call it, and the errors that any of them can end in."""
    responses: dict[str, Any] = operation["responses"]
    usual = (422,) if is_open else (400, 401, 403, 421, 422, 429)
    given = {str(status): answer for status, answer in errors(*usual).items()}
    if "422" not in responses and not operation.get("parameters") and "requestBody" not in operation:
        given.pop("422")
    for status in usual:
        found = responses.get(str(status))
        if found is None or "application/json" in found.get("content", {}):
            responses.update({key: value for key, value in given.items() if key == str(status)})
    operation["security"] = [] if is_open else [{}, {"key": []}]


def _add_headers(method: str, operation: dict[str, Any]) -> None:
    """Name the headers that the operation reads."""
    wanted = {
        "post": ("Idempotency-Key",),
        "put": ("Idempotency-Key", "If-Match"),
        "delete": ("Idempotency-Key", "If-Match"),
    }
    names = wanted.get(method, ("If-None-Match",) if "304" in operation["responses"] else ())
    for name in names:
        schema = {key: value for key, value in HEADERS[name].items() if key != "description"}
        about = {
            "name": name,
            "in": "header",
            "required": False,
            "description": HEADERS[name]["description"],
            "schema": schema,
        }
        operation.setdefault("parameters", []).append(about)
