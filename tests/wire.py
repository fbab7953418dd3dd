"""Builders of records as the desk reads them, and a desk in memory that tests can feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from app.domain.changes import Changes
from app.domain.config import DeskOptions
from app.domain.desk import Desk, DeskRules
from app.domain.desk_state import DeskState
from app.domain.grades import SourceBook, SourceCard
from app.domain.incidents import view_of
from app.domain.rule_index import watches_version
from app.domain.watches import ALL_WATCH, Watch
from app.messages import (
    AlertMessage,
    IncidentView,
    Ingest,
    Item,
    Marks,
    PlaceTag,
    Post,
    PostType,
    Record,
    Tags,
)

NO_MARKS = Marks()
NOON = datetime(2018, 9, 4, 12, 0, tzinfo=UTC)

PLACES = {
    "jisr": ("Jisr ash-Shughur", "SY", 35.8142, 36.3198, 3.0, "city"),
    "basanqul": ("Basanqul", "SY", 35.8083, 36.4989, 2.0, "village"),
    "saraqib": ("Saraqib", "SY", 35.8645, 36.8059, 3.0, "city"),
    "idlib": ("Idlib Governorate", "SY", 35.8, 36.7, 45.0, "region"),
    "kharkiv": ("Kharkiv", "UA", 49.98, 36.25, 10.0, "city"),
}


def place(name: str, role: str = "event", confidence: float = 0.9) -> PlaceTag:
    full, country, lat, lon, radius, level = PLACES[name]
    return PlaceTag(full, 0, len(full), name, full, country, lat, lon, radius, confidence, role, "in", level)


def tags(
    claim: str = "report",
    kind: str = "air_strike",
    at: Sequence[str] = ("jisr",),
    actors: Sequence[str] = ("RuAF",),
    killed: tuple[int, int] | None = None,
    **more: object,
) -> Tags:
    places = tuple(place(name) for name in at)
    return Tags(lang="en", kind=kind, claim=claim, places=places, actors=tuple(actors), killed=killed, **more)  # type: ignore[arg-type]


class Wire:
    """Numbers the items as a spool would. Times are minutes after noon of 4 September 2018."""

    def __init__(self, spool: str = "spool") -> None:
        self.spool = spool
        self.sequence = 0

    def item(
        self,
        post_id: str,
        minute: float = 0,
        author: str | None = None,
        said: Tags | None = None,
        *,
        text: str | None = None,
        type_: PostType = PostType.POST,
        seen_after: timedelta = timedelta(0),
        marks: Marks = NO_MARKS,
        run: str | None = None,
        **references: str,
    ) -> Item:
        self.sequence += 1
        at = NOON + timedelta(minutes=minute)
        words = text if text is not None else f"what {author or post_id} saw, in {post_id}'s own words and no others"
        post = Post(
            id=f"x:{post_id}",
            given_id=post_id,
            platform="x",
            author=author or f"author_{post_id}",
            text="" if type_ is PostType.DELETE else words,
            type=type_,
            created_at=at,
            **references,  # type: ignore[arg-type]
        )
        return Item(
            ingest=Ingest(self.spool, self.sequence),
            source=post.source,
            seen_at=at + seen_after,
            post=post,
            marks=marks,
            run=run,
            tags=None if type_ is PostType.DELETE else said or tags(),
        )


class WordMatcher:
    """Matches every post that reports or follows up, for every watch: the scope of the built-in watch."""

    def __init__(self, watches: Mapping[str, Watch]) -> None:
        self._watches = watches

    @property
    def version(self) -> str:
        return watches_version(self._watches.values())

    def words(self, post: Post) -> Sequence[str]:
        return post.text.split()

    def hits(self, item: Item) -> Mapping[str, tuple[str, ...]]:
        if item.tags is None or item.tags.claim != "report":
            return {}
        found = {}
        for name, watch in self._watches.items():
            wanted = watch.rule.removeprefix("place:")
            if not watch.rule or any(one.place_id == wanted for one in item.tags.places):
                found[name] = (f"matches {name}",)
        return found


class DeskInMemory:
    """A desk without a database: what it decided stays in `changes`, `alerts` and `incidents()`."""

    def __init__(
        self,
        *cards: SourceCard,
        watches: Sequence[Watch] = (ALL_WATCH,),
        options: DeskOptions | None = None,
    ) -> None:
        by_name = {watch.name: watch for watch in watches}
        rules = DeskRules(SourceBook(cards), options or DeskOptions(), by_name)
        self.state = DeskState()
        self.desk = Desk(self.state, rules, WordMatcher(by_name))
        self.changes = Changes()

    def feed(self, *records: Record) -> list[AlertMessage]:
        """Decide the records; return the alerts that they raised."""
        before = len(self.changes.alerts)
        for record in records:
            self.desk.handle(record, self.changes)
        return [raised.alert for raised in self.changes.alerts[before:]]

    @property
    def alerts(self) -> list[AlertMessage]:
        return [raised.alert for raised in self.changes.alerts]

    def incidents(self) -> list[IncidentView]:
        return [view_of(one, self.state.facts[one.id]) for one in self.state.incidents.values()]

    def steps(self) -> list[str]:
        return [alert.step for alert in self.alerts]


def card(source: str, owner: str, grade: str = "B", **more: str) -> SourceCard:
    return SourceCard(id=f"x:{source}", owner=owner, grade=grade, configured=True, **more)
