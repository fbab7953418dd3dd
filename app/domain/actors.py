"""A reading and what it claims -> who did it, threatens it or is accused of it; never the victims, never who merely tells it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from app.domain.claims import Judgement
from app.domain.kinds import governs
from app.domain.phrases import Hit
from app.domain.reading import Reading, overlaps

_REACH = 4  # words between "by" and the party, or between the party and what it did


class Role(IntEnum):
    """How sure it is that a party is the doer."""

    VICTIM = 0
    SPEAKER = 1
    BYSTANDER = 2
    SUBJECT = 3
    DOER = 4


def find_actors(reading: Reading, judged: Judgement) -> tuple[tuple[str, ...], str]:
    """Return the actor ids and the sentence that says why. `("unknown",)` for a report that names nobody."""
    if judged.claim == "none":
        return (), ""
    cast = _Cast(reading, judged)
    chosen = cast.choose()
    actors: dict[str, Hit] = {}
    for hit in chosen:
        actors.setdefault(cast.actor(hit), hit)
    if len(actors) > 1:
        actors.pop("unknown", None)
    if not actors:
        if judged.claim != "report":
            return (), ""
        return ("unknown",), "Actor unknown: nobody is named as the doer."
    words = ", ".join(f"{actor} by “{reading.surface(hit)}”" for actor, hit in actors.items())
    return tuple(actors), f"Actor {words}."


class _Cast:
    def __init__(self, reading: Reading, judged: Judgement) -> None:
        self._reading = reading
        self._judged = judged
        loose = reading.only_hashtags()
        self._sentences = {event.sentence for event in judged.events}
        if judged.cue is not None:
            self._sentences.add(reading.sentence(judged.cue))
        self._loose = loose
        self._parties = self._longest([hit for hit in reading.family("party") if self._form(hit) != "weapon"])
        self._doings: list[Hit] = sorted(
            [event.hit for event in judged.events] + list(reading.family("weapon")) + self._own_kinds()
        )

    def _own_kinds(self) -> list[Hit]:
        return [hit for hit in self._reading.family("kind") if hit.means.partition(":")[2] == self._judged.kind]

    def actor(self, hit: Hit) -> str:
        return self._reading.lexicon.parties[self._party(hit)].actor(self._reading.country, self._judged.kind)

    def choose(self) -> list[Hit]:
        """Return the parties that did it: the surest roles; of an armed clash both sides; else what the weapon gives away."""
        here = [hit for hit in self._parties if self._reading.sentence(hit) in self._sentences]
        roles = [(self._role(hit), hit) for hit in here]
        tags = [
            (Role.BYSTANDER, hit)
            for hit in self._parties
            if self._reading.sentence(hit) in self._loose and hit not in here
        ]
        if self._intercepted():
            return self._senders()
        doers = [hit for role, hit in roles if role is Role.DOER]
        subjects = [hit for role, hit in roles if role is Role.SUBJECT]
        if self._judged.kind in {"armed_clash", "other_event"} and self._two_sided():
            sides = [hit for role, hit in roles if role is not Role.SPEAKER and self._form(hit) != "state"]
            if sides:
                return sides
        if doers:
            threatened = subjects if self._judged.claim == "threat" or self._judged.kind == "armed_clash" else []
            return self._with_partners(sorted([*doers, *threatened]))
        if subjects and self._judged.kind != "explosion_unspecified":
            return self._with_partners(subjects[:1] if self._judged.claim == "report" else subjects)
        if self._judged.claim in {"denial", "threat"}:
            speakers = [hit for role, hit in roles if role is Role.SPEAKER]
            if speakers:
                return speakers[:1]
        if self._judged.kind == "explosion_unspecified":
            return []  # a bang has no doer but one that is said to be
        standing = [hit for role, hit in roles + tags if role is Role.BYSTANDER and self._form(hit) == "forces"]
        if standing:
            return standing[:1]
        return self._by_weapon() or self._elsewhere()

    def _intercepted(self) -> bool:
        """Is the post about what was shot down? Who shot it down is not who sent it."""
        stems = self._reading.lexicon.stems["intercepts"]
        return bool(self._judged.events) and all(
            any(norm.startswith(stems) for norm in self._norms(event.hit.first, event.hit.last + 1))
            for event in self._judged.events
        )

    def _senders(self) -> list[Hit]:
        """Return whose the weapons were: "12 Ukrainian drones", "two drones from Iran", or a weapon that one side has."""
        owners = [
            hit
            for hit in self._parties
            if self._form(hit) != "capital" and (self._owns_weapon(hit) or self._lead(hit) == "by")
        ]
        return owners[:1] or self._by_weapon()

    def _owns_weapon(self, hit: Hit) -> bool:
        weapons = [*self._reading.family("weapon"), *(event.hit for event in self._judged.events)]
        ahead = any(0 < weapon.first - hit.last <= 2 and weapon.last - weapon.first <= 3 for weapon in weapons)
        return ahead or any(weapon.first < hit.first <= weapon.last for weapon in weapons)

    def _with_partners(self, doers: Sequence[Hit]) -> list[Hit]:
        """“The regime and Russia strike”: a party joined by "and" to a doer is one too."""
        found = list(doers)
        for hit in reversed(self._parties):
            if hit not in found and any(self._joined(hit, doer) or self._joined(doer, hit) for doer in found):
                found.append(hit)
        return sorted(found)

    def _joined(self, left: Hit, right: Hit) -> bool:
        """“Russia, Iran and the regime”: nothing but a comma or an "and" stands between."""
        between = self._norms(left.last + 1, right.first)
        if not 0 < right.first - left.last <= 3 or self._reading.sentence(left) != self._reading.sentence(right):
            return False
        if ":" in self._reading.text.text[left.end : right.start]:
            return False  # "Damascus: Israeli strike"
        glued = self._reading.tokens[right.first].norm.startswith("و") and not between
        return glued or ((self._crosses(left.last, right.first) or bool(between)) and set(between) <= self._set("and"))

    def _two_sided(self) -> bool:
        stems = self._reading.lexicon.stems["two_sides"]
        norms = [
            self._reading.tokens[index].norm
            for event in self._judged.events
            for index in range(event.hit.first, event.hit.last + 1)
        ]
        return any(norm.startswith(stems) for norm in norms)

    def _by_weapon(self) -> list[Hit]:
        weapons = [hit for hit in self._reading.family("party") if self._form(hit) == "weapon"]
        return [hit for hit in weapons if self.actor(hit) not in {"unknown", "other"}][:1]

    def _elsewhere(self) -> list[Hit]:
        """A party that another sentence names as the doer, as in "Strike on X. It was an Israeli drone"."""
        outside = [hit for hit in self._parties if self._reading.sentence(hit) not in self._sentences | self._loose]
        return [hit for hit in outside if self._role(hit) is Role.DOER][:1]

    def _role(self, hit: Hit) -> Role:
        if overlaps(
            hit, [(word.first, word.last) for word in self._doings if word.means.startswith("kind:")]
        ) and self._form(hit) in {"forces", "adjective"}:
            return Role.DOER
        if self._died(hit) or self._lost(hit):
            return Role.VICTIM
        lead = self._lead(hit)
        if lead == "accuses" or self._beside(hit, "blamed"):
            return Role.DOER
        if self._beside(hit, "suffers"):
            return Role.VICTIM
        if self._judged.claim == "denial" and self._announces(hit):
            return Role.SPEAKER  # "Moscow: we struck nothing"
        if self._form(hit) == "capital" and not self._rules(hit):
            return Role.VICTIM
        if self._does_next(hit) and not self._is_target(hit):
            return Role.DOER if lead != "against" or self._form(hit) == "adjective" else Role.VICTIM
        if self._did_before(hit):
            return Role.DOER
        if lead == "by":
            return Role.DOER
        if lead == "against" or self._is_target(hit):
            return Role.VICTIM
        if self._form(hit) in {"state", "capital"} and self._is_place(hit):
            return Role.VICTIM
        if lead == "credit" or self._speaks(hit):
            return Role.DOER if self._speaks_of_itself(hit) else Role.SPEAKER
        if self._form(hit) != "adjective" and self._before_event(hit):
            return Role.SUBJECT
        return Role.BYSTANDER

    def _lead(self, hit: Hit) -> str:
        """Return the class of the nearest word before the party that says what it is to the event."""
        best, lead = _REACH + 1, ""
        for name in ("against", "by", "accuses", "credit"):
            reach = {"against": 3, "by": 3, "accuses": 2, "credit": 2}[name]
            for word in self._reading.family(name):
                distance = hit.first - word.last
                if (
                    0 < distance <= reach
                    and distance < best
                    and self._reading.sentence(word) == self._reading.sentence(hit)
                ):
                    barred = name == "against" and (
                        self._set("barrier") & set(self._norms(word.last + 1, hit.first)) or not self._was_done(word)
                    )
                    if not barred and not self._crosses(word.last, hit.first):
                        best, lead = distance, name
                        if name == "by" and self._of_victims(word):
                            lead = "against"
        return lead

    def _of_victims(self, word: Hit) -> bool:
        """“Two soldiers of the army”: in Arabic the word for "of" is the one for "by"."""
        named = [*self._reading.family("people"), *self._reading.family("against")]
        return self._reading.is_in(word.first, "from") and any(hit.last == word.first - 1 for hit in named)

    def _was_done(self, word: Hit) -> bool:
        """Stands something that was done at or before this word of its sentence? Only then is what follows struck by it."""
        return any(
            doing.first <= word.last and self._reading.sentence(doing) == self._reading.sentence(word)
            for doing in self._doings
        )

    def _does_next(self, hit: Hit) -> bool:
        """Does what was done follow at once: "Russian warplanes", "IDF drone strike", "قوات النظام تقصف"?"""
        if self._form(hit) == "adjective" and "\u0590" <= self._reading.tokens[hit.first].norm[0] <= "\u06ff":
            return False  # an Arabic or Hebrew adjective follows what it is of
        for doing in self._doings:
            gap = doing.first - hit.last
            paired = gap in {3, 4} and self._reading.is_in(hit.last + 1, "and")
            if (0 < gap <= 2 or paired) and not self._crosses(hit.last, doing.first):
                return True
        return False

    def _did_before(self, hit: Hit) -> bool:
        """Does the doer follow what was done, as Arabic has it: "غارات روسية", "قصف قوات النظام"?"""
        if self._reading.tokens[hit.first].norm.isascii():
            return False
        people = (*self._reading.family("people"), *self._reading.family("armed_target"))
        if any(word.last == hit.first - 1 for word in people):
            return False  # "a Turkish soldier was killed", in Arabic the soldier before the Turk
        reach = 2 if self._form(hit) == "adjective" else 1
        return any(
            0 < hit.first - doing.last <= reach and not self._crosses(doing.last, hit.first) for doing in self._doings
        )

    def _died(self, hit: Hit) -> bool:
        """“مقتل فرنسي”, "شهداء للجيش": after a noun of dying stands who died."""
        stems = self._reading.lexicon.stems["dies"]
        return self._reading.follows(hit.first) and self._reading.tokens[hit.first - 1].norm.startswith(stems)

    def _lost(self, hit: Hit) -> bool:
        """“Destroyed Russian jets”: they were the Russians', unless they were drones and missiles on their way."""
        if self._form(hit) != "adjective" or not self._reading.follows(hit.first):
            return False
        stems = self._reading.lexicon.stems
        sent = any(norm.startswith(stems["sent"]) for norm in self._norms(hit.last + 1, hit.last + 3))
        does = any(event.hit.first == hit.last + 1 for event in self._judged.events)  # "destroyed by Russian strikes"
        return not (sent or does) and self._reading.tokens[hit.first - 1].norm.startswith(stems["destroys"])

    def _is_target(self, hit: Hit) -> bool:
        """“Regime checkpoint”, "Hezbollah commander": the party owns what was struck."""
        ahead = {hit.last + 1, hit.last + 2} if self._form(hit) == "adjective" else {hit.last + 1}
        ahead -= {event.hit.first for event in self._judged.events}
        if self._people_struck(ahead):
            return True
        return any(
            word.first in ahead
            and not overlaps(word, [(doing.first, doing.last) for doing in self._doings])
            and not self._crosses(hit.last, word.first)
            and self._reading.sentence(word) == self._reading.sentence(hit)
            for word in self._reading.family("target")
        )

    def _rules(self, hit: Hit) -> bool:
        """Does a capital stand for its government: it says, threatens or may do something, or what it does names another place?"""
        if governs(hit, self._reading):
            return True
        ahead = hit.last + 1
        if self._reading.is_in(ahead, "wages"):
            ahead += 1
        done = [event for event in self._judged.events if event.hit.first == ahead]
        if not done or not (done[0].act or ahead > hit.last + 1):
            return False
        return any(0 < first - done[0].hit.last <= 2 for first, _ in self._reading.places)

    def _people_struck(self, ahead: set[int]) -> bool:
        """“SAA soldiers killed in”, but not “SAA soldiers killed three”."""
        reading = self._reading
        counted = {
            token
            for name in ("number", "people", "civilian")
            for word in reading.family(name)
            for token in (word.first, word.first - 1)
        }
        return any(
            person.first in ahead
            and struck.first == person.last + 1
            and not {struck.last + 1, struck.last + 2} & counted
            for person in reading.family("target_person")
            for name in ("killed", "wounded")
            for struck in reading.family(name)
        )

    def _beside(self, hit: Hit, name: str) -> bool:
        """Does a word of the class follow the party at once, or almost?"""
        return any(
            0 < word.first - hit.last <= 2 and self._reading.sentence(word) == self._reading.sentence(hit)
            for word in self._reading.family(name)
        )

    def _is_place(self, hit: Hit) -> bool:
        return self._reading.follows(hit.first) and self._reading.is_in(hit.first - 1, "site")

    def _speaks(self, hit: Hit) -> bool:
        """Does it say something: "Moscow says", "says Moscow", "Russian embassy: ..."?"""
        sentence = self._reading.sentence(hit)
        said = any(
            (0 < word.first - hit.last <= 2 or hit.first - word.last == 1) and self._reading.sentence(word) == sentence
            for word in self._reading.family("says")
        )
        return said or self._announces(hit)

    def _announces(self, hit: Hit) -> bool:
        tokens, text = self._reading.tokens, self._reading.text.text
        last = min(len(tokens) - 1, hit.last + 3)
        return text[hit.end : tokens[last].start].count(":") > 0 and not any(
            event.hit.first <= hit.last for event in self._judged.events
        )

    def _speaks_of_itself(self, hit: Hit) -> bool:
        """“IDF says it struck”, "Houthis claim they fired"."""
        return (
            self._form(hit) != "adjective"
            and bool(self._set("itself") & set(self._norms(hit.last + 2, hit.last + 6)))
            and self._before_event(hit)
        )

    def _before_event(self, hit: Hit) -> bool:
        sentence = self._reading.sentence(hit)
        return any(event.sentence == sentence and 0 < event.hit.first - hit.last <= 10 for event in self._judged.events)

    def _crosses(self, left: int, right: int) -> bool:
        return any(self._reading.pause(index, index + 1) for index in range(left, right))

    def _set(self, name: str) -> frozenset[str]:
        return self._reading.lexicon.sets[name]

    def _norms(self, first: int, end: int) -> list[str]:
        return [token.norm for token in self._reading.tokens[first:end]]

    def _form(self, hit: Hit) -> str:
        form = hit.means.rpartition("/")[2]
        return "state" if form == "adjective" and self._reading.is_in(hit.last + 1, "government") else form

    @staticmethod
    def _party(hit: Hit) -> str:
        return hit.means[len("party:") :].partition("/")[0]

    @staticmethod
    def _longest(hits: Sequence[Hit]) -> list[Hit]:
        """Of party words that overlap the longest counts: "Turkish-backed rebels" are not Turkish forces."""
        kept: list[Hit] = []
        for hit in sorted(
            hits, key=lambda item: (item.first - item.last, item.means.rpartition("/")[2] != "forces", item.first)
        ):
            if not overlaps(hit, [(other.first, other.last) for other in kept]):
                kept.append(hit)
        return sorted(kept)
