"""The live producers of an installation: its sources, what its watches look for, and their running until cancelled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from app.db.config import load_sources, load_watches
from app.domain.config import SourceConfig
from app.domain.rule_ast import And, Node, Op, Or, Term
from app.domain.rules import parse_rule
from app.domain.watches import Watch
from app.domain.x_rules import to_x_rule
from app.errors import RuleError, Unavailable
from app.outbound.targets import policy_of
from app.resources import Resources
from producers.port import Setup
from producers.roster import plan
from producers.runner import Planned, run_producers
from producers.spool import Spool
from producers.watchdog import WatchdogProducer

KEPT = "configured"  # state: sources and watches as last read, for a start while the database is away


class Configured(msgspec.Struct, frozen=True):
    sources: tuple[SourceConfig, ...] = ()
    watches: tuple[Watch, ...] = ()


async def produce(resources: Resources, spool: Spool, platforms: Sequence[str] = ()) -> None:
    """Read what is configured, on the named platforms or on all, until cancelled."""
    await _Live(resources, spool, platforms).run()


class _Live:
    def __init__(self, resources: Resources, spool: Spool, platforms: Sequence[str]) -> None:
        self._resources = resources
        self._spool = spool
        self._platforms = platforms
        self._configured: Configured | None = None
        self._mark: int | None = None
        outbound = resources.settings.config.section("outbound")
        allowed = [*outbound.get("allow_hosts", ()), *outbound.get("allow_networks", ())]
        self._policy = policy_of(allowed, plain=True)  # many feeds are still served over plain HTTP

    async def run(self) -> None:
        await run_producers(self._load, self._plan, self._spool, self._resources.clock)

    async def _load(self) -> Sequence[SourceConfig]:
        """Return the sources as they stand, or as they were last read while the database is away."""
        mark = self._resources.database.mark()
        if self._configured is not None and mark is not None and mark == self._mark:
            return self._chosen(self._configured)
        try:
            async with self._resources.database.read() as session:
                found = Configured(tuple(await load_sources(session)), tuple(await load_watches(session)))
        except Unavailable:
            if self._configured is None:
                stored = await self._spool.state(KEPT)
                self._configured = msgspec.json.decode(stored, type=Configured) if stored else Configured()
            found = self._configured
        else:
            self._mark = mark
            if found != self._configured:
                self._configured = found
                await self._spool.append([], state={KEPT: msgspec.json.encode(found)})
        return self._chosen(found)

    def _chosen(self, found: Configured) -> Sequence[SourceConfig]:
        return found.sources

    def _plan(self, sources: Sequence[SourceConfig]) -> dict[str, Planned]:
        settings = self._resources.settings
        planned = plan(sources, settings.config.sections, self._setup)
        if self._platforms:
            return {name: one for name, one in planned.items() if name in self._platforms}
        if (period := settings.watchdog_period) > 0:
            planned["watchdog"] = Planned(period, lambda: WatchdogProducer(period))
        return planned

    def _setup(self) -> Setup:
        watches = self._configured.watches if self._configured else ()
        return Setup(
            sources=(),
            section={},
            secret=self._resources.settings.secret_of,
            clock=self._resources.clock,
            policy=self._policy,
            home=self._resources.settings.home,
            database=self._resources.database,
            rules=x_rules(watches),
            words=words_of(watches),
        )


def x_rules(watches: Iterable[Watch]) -> list[str]:
    """Return what the watches look for in X's own form; a watch that X has no words for is fed by the accounts alone."""
    found: dict[str, None] = {}
    for watch in watches:
        try:
            found.update(dict.fromkeys(to_x_rule(parse_rule(watch.rule))))
        except RuleError:
            continue  # it was checked when it was stored: a rule of a newer version
    return list(found)


def words_of(watches: Iterable[Watch]) -> frozenset[str]:
    """Return the words that the watches look for, in match form; of a phrase its longest word."""
    found: set[str] = set()
    for watch in watches:
        try:
            terms = list(_asked(parse_rule(watch.rule).node))
        except RuleError:
            continue
        found.update(
            max(term.norms, key=len) for term in terms if term.op in {Op.WORD, Op.PHRASE, Op.HASHTAG} and term.norms
        )
    return frozenset(found)


def _asked(node: Node | None) -> Iterator[Term]:
    """Yield the terms that a rule asks for, not those that it excludes."""
    match node:
        case Term():
            yield node
        case And(children) | Or(children):
            for child in children:
                yield from _asked(child)
        case _:
            return
