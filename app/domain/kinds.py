"""A reading -> the events it names: what happened, by the words that say it alone and by acts with the weapon or party beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.domain.lexicon import KINDS, Act
from app.domain.phrases import Hit
from app.domain.reading import Reading, overlaps

_TIERS = dict.fromkeys(KINDS[:7], 0) | {
    "attack_on_civilians": 1,
    "protest": 1,
    "explosion_unspecified": 2,
    "other_event": 3,
}
"""A bang of unknown cause is the cause that another word names; a convoy is news only where nothing else happened."""
_ALWAYS_FIRST = ("chemical_weapon", "suicide_bomb")
MOST_EVENTS = 50  # that are judged; a round-up of a day has thirty
_PLANNED = frozenset(
    {"assault", "strike", "bomb", "bombing", "raid"}
)  # spoken of before they happen, often without by whom
_SHORT = 60  # words of a post in which one sentence's weapon may be the next one's
_STORE_REACH = 3  # words between a depot and the weapons in it
_BY_WHOM = frozenset({"attack_on_civilians", "armed_clash"})  # of "killed", where nothing says by what; a bang says it
_ONTO_REACH = 4  # words between "on" and the place: "on the outskirts of"
_SIDE_REACH = 5  # words between an act and a nationality or state that did it
_VICTIM_REACH = 7  # words between an act and those it was done to
_CALMED = frozenset({"none.weather"})


@dataclass(frozen=True, slots=True)
class Event:
    """An event that a text names. `words` are the hits that say so: the act, and the weapon or party that told its kind.

    `sureness`: 2 the words say the kind, 1 the act's usual kind, 0 guessed from who did it.
    """

    hit: Hit
    kind: str
    sentence: int
    words: tuple[Hit, ...]
    act: str | None = None
    sureness: int = 2


def find_events(reading: Reading) -> list[Event]:
    """Return the events of a text in order; acts that nothing shows to be of a war are left out."""
    scene = _Scene(reading)
    events: list[Event] = []
    for hit in reading.hits:
        if len(events) == MOST_EVENTS:
            break
        family, _, name = hit.means.partition(":")
        event = scene.event(hit, family, name)
        if event is not None:
            events.append(event)
    return events


def choose_event(events: Sequence[Event]) -> Event:
    """Return the event that a sentence is about: the first of the most telling tier; a protest that comes first stays one."""
    for event in events:
        if event.kind in _ALWAYS_FIRST:
            return event
    if events[0].kind == "protest":
        return events[0]
    bangs = [event for event in events if event.kind == "explosion_unspecified"]
    told = [event for event in events if not (bangs and event.act == "harm" and event.kind in _BY_WHOM)]
    return min(told, key=lambda event: (_TIERS[event.kind], -event.sureness))


class _Scene:
    """What stands around an act: weapons, parties, places and storms, by sentence; bare hashtags count for every sentence."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._loose = reading.only_hashtags()
        self._weapons = reading.family("weapon")
        self._parties = [
            hit
            for hit in reading.family("party")
            if hit.means.endswith(("/forces", "/adjective")) or not is_site(hit, reading)
        ]
        self._hazard = reading.hazard
        self._disaster = reading.disaster
        self._told = any(
            reading.lexicon.cues[hit.means[4:]].claim in {"past", "aftermath", "denial"}
            for hit in reading.family("cue")
        )
        self._threatening = {
            reading.sentence(hit)
            for hit in reading.family("cue")
            if reading.lexicon.cues[hit.means[4:]].claim in {"threat", "denial", "forecast"}
        }
        self._stormy = {reading.sentence(hit) for hit in reading.family("cue") if hit.means[4:] in _CALMED}

    def event(self, hit: Hit, family: str, name: str) -> Event | None:
        """Return the event that a hit tells, or None."""
        if family == "kind":
            return self.plain(hit, name)
        if family == "act":
            return self.act(hit, name)
        return self.falls(hit, name) if family == "weapon" else None

    def falls(self, hit: Hit, kind: str) -> Event | None:
        """“Barrel bomb on Kafr Zita”: a weapon upon a place has struck it."""
        ahead = self._past_doer(hit.last + 1)
        if self._hazard or not self._reading.is_in(ahead, "onto") or not self._reading.follows(ahead):
            return None
        if not any(0 < first - ahead <= _ONTO_REACH for first, _ in self._reading.places):
            return None
        return Event(hit, kind, self._reading.sentence(hit), (hit,), sureness=1)

    def _past_doer(self, ahead: int) -> int:
        """Return the token after "by regime forces", which may stand between a weapon and what it fell on."""
        if not any(word.first == ahead for word in self._reading.family("by")):
            return ahead
        return max((party.last + 1 for party in self._parties if 0 < party.first - ahead <= 2), default=ahead)

    def plain(self, hit: Hit, kind: str) -> Event | None:
        """An explosion is what a weapon in its sentence makes it."""
        sentence = self._reading.sentence(hit)
        if self._disaster and self._starts(hit, "by_nature"):
            return None
        if kind == "explosion_unspecified" and not self._reading.labels(hit):
            others = [other for other in self._weapons if other.means != "weapon:chemical_weapon"]
            weapon = self._nearest(hit, self._here(others, sentence))
            if weapon is not None and not self._is_target(weapon) and not self._is_stored(weapon):
                return Event(hit, weapon.means.partition(":")[2], sentence, (hit, weapon))
        if kind == "other_event" and (self._hazard or sentence in self._stormy):
            return None
        if kind == "shelling" and self._from_aircraft(hit):
            kind = "air_strike"
        if kind == "attack_on_civilians" and self._on_armed(hit, sentence):
            kind = "armed_clash"
        return Event(hit, kind, sentence, (hit,))

    def _starts(self, hit: Hit, name: str) -> bool:
        """Does a word of the hit begin with a stem of the set?"""
        stems = self._reading.lexicon.stems[name]
        return any(token.norm.startswith(stems) for token in self._reading.tokens[hit.first : hit.last + 1])

    def _is_stored(self, weapon: Hit) -> bool:
        """“A depot of rockets blew up”: they were not fired."""
        stems = self._reading.lexicon.stems["stores"]
        before = self._reading.tokens[max(0, weapon.first - _STORE_REACH) : weapon.first]
        sentence = self._reading.sentence(weapon)
        return any(token.norm.startswith(stems) and token.sentence == sentence for token in before)

    def _from_aircraft(self, hit: Hit) -> bool:
        """“Helicopters fired rockets”: what is fired from the air is an air strike."""
        fired = self._reading.tokens[hit.first].norm.startswith(self._reading.lexicon.stems["fired"])
        return fired and any(
            weapon.means == "weapon:air_strike"
            and 0 < hit.first - weapon.last <= 2
            and self._reading.follows(hit.first)
            for weapon in self._weapons
        )

    def act(self, hit: Hit, name: str) -> Event | None:
        act = self._reading.lexicon.acts[name]
        sentence = self._reading.sentence(hit)
        if act.needs and (sentence in self._stormy or self._hazard):
            return None
        weapon = self._weapon(hit, sentence)
        party = self._nearest(
            hit, [other for other in self._here(self._parties, sentence) if self._near_enough(hit, other)]
        )
        if weapon is not None and not (party is not None and self._far(hit, weapon) and not self._far(hit, party)):
            return Event(hit, weapon.means.partition(":")[2], sentence, (hit, weapon), name)
        if act.needs and party is None and not self._shown(hit, act, sentence):
            return None
        kind = self._by_party(hit, party, act, sentence)
        if kind is None and act.id == "assault" and sentence in self._threatening:
            kind = "armed_clash"
        if kind is None and self._told and act.id in {"hit", "assault"} and self._reading.places:
            kind = "other_event"
        if kind is None:
            return None
        return Event(hit, kind, sentence, (hit,) if party is None else (hit, party), name, int(act.default is not None))

    def _weapon(self, hit: Hit, sentence: int) -> Hit | None:
        """Return the weapon nearest to an act, in its sentence or else beside it; poison is told before what carried it."""
        weapons = self._here(self._weapons, sentence)
        if not weapons and len(self._reading.tokens) <= _SHORT:
            weapons = [weapon for weapon in self._weapons if abs(self._reading.sentence(weapon) - sentence) == 1]
        poison = [weapon for weapon in weapons if weapon.means == "weapon:chemical_weapon"]
        return self._nearest(hit, poison or weapons)

    def _near_enough(self, hit: Hit, party: Hit) -> bool:
        """A nationality or a state makes an act one of war only beside it: "Israel offers aid as fires hit" is none."""
        apart = max(hit.first - party.last, party.first - hit.last)
        sentence = self._reading.sentence(party)
        beside = apart <= _SIDE_REACH or sentence in self._loose or sentence in self._threatening
        return beside or party.means.endswith("/forces")

    def _shown(self, hit: Hit, act: Act, sentence: int) -> bool:
        """Does something other than a weapon or a side show that the act is one of war?"""
        if "weapon" in act.needs:
            return False
        if act.id in _PLANNED and sentence in self._threatening and self._reading.places:
            return True
        if act.id == "harm":
            return any(self._reading.sentence(word) == sentence for word in self._reading.family("of_war"))
        if self._told and (act.id in _PLANNED or self._in_place(sentence)):
            return True
        return "context" in act.needs and self._placed(hit, sentence)

    def _in_place(self, sentence: int) -> bool:
        return any(self._reading.tokens[first].sentence == sentence for first, _ in self._reading.places)

    def _by_party(self, hit: Hit, party: Hit | None, done: Act, sentence: int) -> str | None:
        act, default = done.id, done.default
        if act == "harm":
            return "armed_clash" if self._on_armed(hit, sentence) else "attack_on_civilians"
        if "weapon" in done.needs:
            return None
        if act == "bomb" and party is None and not self._at_war():
            return "remote_explosive"
        if party is None or (act == "strike" and _party_of(party) == "police"):
            return default if party is None or self._placed(hit, sentence) else None
        known = self._reading.lexicon.parties[_party_of(party)]
        if act == "bomb" and known.country == self._reading.country and not self._at_war():
            return "remote_explosive"
        strikes_from_air = self._reading.country in known.air
        if act == "raid":
            return "air_strike" if strikes_from_air and self._reading.country != "PS" else "armed_clash"
        if act == "assault" and self._reading.country == "PS":
            return "attack_on_civilians" if self._on_civilians(hit, sentence) else "armed_clash"
        if act == "bomb" and known.country is None and not known.air:
            return "remote_explosive"
        if act in {"bombard", "hit", "assault"} and strikes_from_air:
            return "air_strike"
        if default is not None:
            return default
        if known.country is not None and act != "assault":
            return "shelling"
        if self._on_armed(hit, sentence):
            return "armed_clash"
        if self._on_civilians(hit, sentence) or known.id in {"unknown_armed", "settlers"}:
            return "attack_on_civilians"
        return "armed_clash"

    def _at_war(self) -> bool:
        """Does any side fight or strike from the air where the post plays? Elsewhere what was bombed was bombed from the ground."""
        country = self._reading.country
        return country is None or country in self._reading.lexicon.fields

    def _on_armed(self, hit: Hit, sentence: int) -> bool:
        """Were soldiers, police or a checkpoint the victims: named right after what was done to them, or before "was shot"?"""
        victims = self._victim(hit, "armed_target", sentence)
        people = self._victim(hit, "civilian", sentence)
        return victims is not None and (people is None or victims < people)

    def _on_civilians(self, hit: Hit, sentence: int) -> bool:
        return self._victim(hit, "civilian", sentence) is not None

    def _victim(self, hit: Hit, name: str, sentence: int) -> int | None:
        """Return how far from the act the nearest such word stands, of those after it, else of a passive's subject before it."""
        words = [word for word in self._reading.family(name) if self._reading.sentence(word) == sentence]
        ahead = [
            word.first - hit.last
            for word in words
            if 0 <= word.first - hit.last <= _VICTIM_REACH or hit.first < word.first <= hit.last
        ]
        passive = any(self._reading.is_in(index, "passive") for index in range(hit.first - 1, hit.last + 1))
        behind = [hit.first - word.last for word in words if passive and 0 < hit.first - word.last <= _VICTIM_REACH]
        return min(behind or ahead, default=None)

    def _placed(self, hit: Hit, sentence: int) -> bool:
        """Is the act aimed at something: "strike on Saraqib", "ضربة على", a toll beside it, or a place in its sentence?"""
        reading = self._reading
        ahead = hit.last + 1
        aimed = reading.is_in(ahead, "aimed") or reading.is_in(hit.last, "site")
        placed = self._in_place(sentence)
        if placed and aimed:
            return True
        toll = any(
            reading.sentence(word) == sentence for name in ("killed", "wounded") for word in reading.family(name)
        )
        return toll and (placed or aimed)

    def _here(self, hits: Iterable[Hit], sentence: int) -> list[Hit]:
        return [hit for hit in hits if (at := self._reading.sentence(hit)) == sentence or at in self._loose]

    def _far(self, hit: Hit, other: Hit) -> bool:
        """Does it stand in another clause, more than a few words away?"""
        left, right = (hit, other) if hit.last < other.first else (other, hit)
        return right.first - left.last > 4 and any(
            self._reading.pause(index, index + 1) for index in range(left.last, right.first)
        )

    def _is_target(self, weapon: Hit) -> bool:
        """“Blast at an artillery depot” is no shelling."""
        ahead = weapon.last + 1
        return any(hit.first == ahead for hit in self._reading.family("target"))

    @staticmethod
    def _nearest(hit: Hit, others: Sequence[Hit]) -> Hit | None:
        apart = [other for other in others if other.last < hit.first or other.first > hit.last]
        return min(apart, key=lambda other: max(hit.first - other.last, other.first - hit.last), default=None)


def is_site(hit: Hit, reading: Reading) -> bool:
    """Is the capital or country only where it happened: "in Ukraine"?"""
    if hit.means.endswith("/capital") and not governs(hit, reading):
        return True
    return reading.is_in(hit.first - 1, "site") and overlaps(hit, reading.places)


def governs(hit: Hit, reading: Reading) -> bool:
    """Does a capital stand for its government: does it say, threaten or deny something, or is it told something?"""
    cues = reading.lexicon.cues
    said = (hit for hit in reading.family("cue") if cues[hit.means[4:]].claim in {"threat", "denial", "forecast"})
    near = [*reading.family("says"), *said]
    return any(
        (0 < word.first - hit.last <= 2 or 0 < hit.first - word.last <= 2 or word.first < hit.first < word.last)
        and reading.sentence(word) == reading.sentence(hit)
        for word in near
    )


def _party_of(hit: Hit) -> str:
    return hit.means[len("party:") :].partition("/")[0]
