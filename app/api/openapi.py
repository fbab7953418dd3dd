"""The OpenAPI document: answers come from our own structs, errors are the same everywhere, and examples are real ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api import schemas
from app.api.problems import CODES, MEDIA_TYPE

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


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        known = document.setdefault("components", {}).setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            known.pop(unused, None)
        known.update(schemas.components())
        for operations in document["paths"].values():
            for operation in operations.values():
                if "422" in operation.get("responses", {}):
                    operation["responses"].update({str(key): value for key, value in errors(422).items()})
        app.openapi_schema = document
    return app.openapi_schema
