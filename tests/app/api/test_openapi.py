from __future__ import annotations

from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.api import examples
from app.api.schemas import (
    Accepted,
    ActionAnswer,
    AlertDetail,
    AlertPage,
    DeliveryList,
    DestinationList,
    ExplainAnswer,
    FeatureCollection,
    IncidentDetail,
    IncidentPage,
    PostDetail,
    Queued,
    SourceList,
    WatchList,
)
from app.domain.backtest import Backtest
from tests.app.api.desk import Desk


async def document(desk: Desk) -> dict[str, Any]:
    body: dict[str, Any] = (await desk.get("/openapi.json")).body
    return body


async def test_the_description_is_valid_openapi(sqlite_desk: Desk) -> None:
    found = await document(sqlite_desk)
    assert found["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(found).validate()


async def test_every_operation_is_described_with_its_errors_as_problems(sqlite_desk: Desk) -> None:
    found = await document(sqlite_desk)
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], path
            assert operation["description"], path
            for status, answer in operation["responses"].items():
                if status >= "400" and path != "/readyz":
                    assert list(answer["content"]) == ["application/problem+json"], (method, path, status)


async def test_no_page_or_document_points_elsewhere(sqlite_desk: Desk) -> None:
    for path in ("/docs", "/redoc"):
        assert (await sqlite_desk.get(path)).status == 404


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (AlertPage, examples.ALERT_PAGE),
        (AlertDetail, examples.ALERT_DETAIL),
        (IncidentPage, examples.INCIDENT_PAGE),
        (IncidentDetail, examples.INCIDENT_DETAIL),
        (FeatureCollection, examples.FEATURES),
        (PostDetail, examples.POST_DETAIL),
        (ActionAnswer, examples.ACTION_ANSWER),
        (Accepted, examples.ACCEPTED),
        (SourceList, examples.SOURCE_LIST),
        (DestinationList, examples.DESTINATION_LIST),
        (DeliveryList, examples.DELIVERY_LIST),
        (Queued, examples.QUEUED),
        (WatchList, examples.WATCH_LIST),
        (ExplainAnswer, examples.EXPLANATION),
        (Backtest, examples.BACKTEST),
    ],
)
def test_examples_are_what_we_would_answer(model: type, example: dict[str, Any]) -> None:
    value: Any = msgspec.convert(example, model)
    assert msgspec.json.decode(msgspec.json.encode(value)).keys() == example.keys() | {
        name for name, default in _defaults(model).items() if default is not msgspec.NODEFAULT
    }


def _defaults(model: type) -> dict[str, object]:
    return {one.name: one.default for one in msgspec.structs.fields(model)}
