"""What every endpoint may ask for: the resources of the process, and nothing else."""

from __future__ import annotations

from typing import Annotated, Protocol

from fastapi import Depends, Request

from app.clock import Clock
from app.db.session import Database
from app.domain.gazetteer import Gazetteer
from app.domain.tagging import Tagger
from app.settings import Settings
from app.streams.port import Stream
from app.telemetry.health import Health
from app.telemetry.metrics import Metrics


class Serving(Protocol):
    """What the API uses of the resources."""

    @property
    def settings(self) -> Settings: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def database(self) -> Database: ...

    @property
    def stream(self) -> Stream: ...

    @property
    def metrics(self) -> Metrics: ...

    @property
    def health(self) -> Health: ...

    async def open_places(self) -> Gazetteer: ...

    @property
    def tagger(self) -> Tagger: ...


def serving(request: Request) -> Serving:
    """Return the resources that `create_app` was given."""
    given: Serving = request.app.state.resources
    return given


Resources = Annotated[Serving, Depends(serving)]
