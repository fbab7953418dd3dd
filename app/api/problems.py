"""Every error as problem+json (RFC 9457), with a `code` that programs can rely on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.errors import RuleError, Unavailable, WatchdeskError
from app.telemetry.logging import get_logger

MEDIA_TYPE = "application/problem+json"
MAX_BODY = 1024 * 1024  # bytes of a request
TOO_LARGE = "The body is larger than 1 MiB."
MAX_SHOWN = 200  # code points of a value of the caller's that an answer repeats

CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    410: "gone",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    421: "misdirected",
    422: "invalid",
    428: "precondition_required",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}


class Problem(WatchdeskError):  # noqa: N818 - RFC 9457's word for it
    """The request cannot be answered.

    `more` holds members beside the standard ones; `headers` go with the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.problem_status = status
        self.problem_code = code or CODES.get(status, "error")
        self.headers = dict(headers or {})
        self.more = more


class ProblemBody(msgspec.Struct, frozen=True):
    """An error: `type` names its sort, `code` the same for programs; `detail` says in a sentence what to do."""

    type: str
    title: str
    status: int
    code: str
    detail: str


def answer(status: int, detail: str, code: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """Return the response for one error."""
    title = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
    body = {
        "type": f"urn:watchdesk:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        **more,
    }
    return Response(msgspec.json.encode(body), status, headers=headers, media_type=MEDIA_TYPE)


def add_handlers(app: FastAPI) -> None:
    """Answer every error that can leave an endpoint, or that comes before one."""
    app.add_exception_handler(WatchdeskError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _ours(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, WatchdeskError)  # noqa: S101 - how the handler is registered
    if isinstance(error, Problem):
        return answer(error.problem_status, error.detail, error.problem_code, headers=error.headers, **error.more)
    if isinstance(error, Unavailable):
        get_logger("app.api").warning("a dependency is down", what=error.what, detail=error.detail)
        wait = {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
        return answer(503, f"The {error.what} cannot be reached; try again shortly.", error.code, headers=wait)
    if isinstance(error, RuleError):
        return answer(error.status, error.detail, error.code, position=error.position, field="rule")
    if error.status >= 500:
        raise error
    return answer(error.status, error.detail, error.code)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    details = {
        404: f"There is nothing at {shown(request.url.path)}.",
        405: f"{shown(request.method)} is not offered here.",
        413: TOO_LARGE,
    }
    if error.status_code == 400:  # the only one that the framework makes: a body that it could not read
        return answer(400, "The body is not JSON.", "bad_json")
    detail = details.get(error.status_code) or str(error.detail)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code == 405:
        # The router names the methods of the first route that fits; the resource has those of all.
        path = request.url.path
        allowed = {
            method for pattern, methods in request.app.state.methods if pattern.match(path) for method in methods
        }
        headers["allow"] = ", ".join(sorted(allowed)) or headers.get("allow", "GET")
    return answer(error.status_code, detail, CODES.get(error.status_code, "error"), headers=headers)


async def _invalid(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return answer(400, "The body is not JSON.", "bad_json")
    errors = [{"pointer": _pointer(one["loc"]), "detail": shown(_said(one))} for one in found[:20]]
    first = errors[0]
    return answer(
        422,
        f"{first['pointer']}: {first['detail']}",
        "invalid",
        field=str(found[0]["loc"][-1]) if found[0]["loc"] else None,
        errors=errors,
    )


def _said(error: Mapping[str, Any]) -> str:
    """Return what is wrong with a field, in words for somebody who does not know the checker's own."""
    if error["type"] == "extra_forbidden":
        return "This is not known here; /openapi.json says what is."
    return str(error["msg"])


def shown(value: str) -> str:
    """Return a caller's value as an answer may repeat it: bounded, printable."""
    cut = value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cut)


def _pointer(location: Sequence[int | str]) -> str:
    where, *rest = location or ("body",)
    path = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in rest)
    return f"{where}{shown(path)}"
