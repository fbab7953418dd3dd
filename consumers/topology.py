"""The pipeline, in the order it runs. Read this first.

| stage  | reads             | writes                                                        | members                           |
|--------|-------------------|---------------------------------------------------------------|-----------------------------------|
| tag    | topic posts       | topic tagged                                                  | as many as partitions             |
| desk   | topic tagged      | database: posts, incidents, alerts, outbox, its own offset    | one active, the others stand by   |
| notify | database (outbox) | Slack, webhooks, topic alerts ...                             | any number, claimed by lease      |
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import NamedTuple

from app.resources import Resources
from app.streams.topics import POSTS, TAGGED
from consumers.desk import DeskStage
from consumers.runner import run_stage
from consumers.tag import TagStage


class Stage(NamedTuple):
    """A stage by name; `run` works until it is cancelled. It joins its group with the places open: what it is given it can work on."""

    name: str
    run: Callable[[Resources], Coroutine[None, None, None]]


async def _tag(resources: Resources) -> None:
    await resources.open_places()
    await run_stage(resources, "tag", POSTS.name, lambda: TagStage(resources).run)


async def _desk(resources: Resources) -> None:
    await resources.open_places()
    await run_stage(resources, "desk", TAGGED.name, lambda: DeskStage(resources).run)


STAGES = (Stage("tag", _tag), Stage("desk", _desk))
