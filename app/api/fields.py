"""Kinds of fields that several requests have. A number is a number and a time is a text: nothing is guessed from another type."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field


def _written(value: Any) -> Any:
    if isinstance(value, datetime) or (isinstance(value, str) and "T" in value.upper()[:20]):
        return value
    raise ValueError("write the time as 2018-09-04T09:31:00Z")


Moment = Annotated[AwareDatetime, BeforeValidator(_written)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True)]
YesNo = Annotated[bool, Field(strict=True)]
