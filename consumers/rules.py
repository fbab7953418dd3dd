"""The desk's rules as the stages hold them: read from the database, read again when somebody changed a watch or a source."""

from __future__ import annotations

from dataclasses import dataclass

from babel import Locale
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.config import load_destinations, load_sources, load_watches, rules_mark
from app.domain.alerts import Names, load_actor_names
from app.domain.desk import DeskRules
from app.domain.exercises import WATCHDOG
from app.domain.gazetteer import Gazetteer
from app.domain.grades import SourceBook, SourceCard
from app.domain.rule_index import WatchSet
from app.domain.watches import ALL_WATCH
from app.resources import Resources
from consumers.matching import PostMatcher


@dataclass(frozen=True)
class LoadedRules:
    """One reading of the rules. `mark` differs as soon as anything in them was changed."""

    mark: str
    rules: DeskRules
    matcher: PostMatcher
    areas: dict[str, tuple[str, float, float, float] | None]
    destinations: tuple[str, ...]


async def load_rules(session: AsyncSession, resources: Resources, before: LoadedRules | None) -> LoadedRules:
    """Return the rules as they stand in the database; `before` itself where nothing has changed since."""
    mark = await rules_mark(session)
    if before is not None and before.mark == mark:
        return before
    sources = await load_sources(session)
    watches = await load_watches(session) or (ALL_WATCH,)
    cards = [
        SourceCard(one.id, one.owner or one.handle, one.grade, configured=True, area=one.area, actor=one.actor)
        for one in sources
    ]
    gazetteer = resources.gazetteer
    watch_set = WatchSet(watches, gazetteer)
    rules = DeskRules(
        book=SourceBook(cards),
        options=resources.settings.config.desk,
        watches={watch.name: watch for watch in (*watches, WATCHDOG)},
        names=Names(actors=load_actor_names(), countries=dict(Locale("en").territories)),
        protests_from_x=bool(resources.settings.config.section("x").get("protests_acknowledged", "").strip()),
    )
    return LoadedRules(
        mark=mark,
        rules=rules,
        matcher=PostMatcher(resources.tagger, watch_set),
        areas={card.id: _area(card.area, gazetteer) for card in cards},
        destinations=tuple(await load_destinations(session)),
    )


def _area(name: str | None, gazetteer: Gazetteer) -> tuple[str, float, float, float] | None:
    """Return country, lat, lon and radius (km) of a source's area; a country counts whole (radius 0)."""
    found = gazetteer.lookup(name) if name else ()
    if not found:
        return None
    place = found[0]
    return place.country, place.lat, place.lon, 0.0 if place.level == "country" else place.radius_km
