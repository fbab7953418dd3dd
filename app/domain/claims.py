"""A reading and its events -> how they are put: a report, a threat, a forecast, a denial, an aftermath, the past, a drill, or nothing.

Each sentence is judged by the cues that reach its events; the post says what its sentences say, a report before a threat, and the cues that
speak of the whole post ("old video", "drill", sport) before all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.domain.kinds import Event, choose_event
from app.domain.lexicon import Cue, Party, Scope
from app.domain.phrases import Hit
from app.domain.reading import Reading

_NEAR_FOOTAGE = 8  # words between "video" and its year
MOST_YEARS = 20
NEXT_WORDS = 5  # how far a bare "no" reaches
_CIVIL = frozenset({"none.sport", "none.advert"})
_ALARMS = frozenset(
    {"threat.siren", "threat.missile", "threat.movement"}
)  # they tell their own event and colour no other
_WAR_ENOUGH = 2  # signs of war that outweigh the word "derby"
_PLAINLY_WAR = frozenset(
    {"air_strike", "shelling", "chemical_weapon", "suicide_bomb"}
)  # as one does, where words of their own say it
_UNSURE_OF_WAR = frozenset(
    {"explosion_unspecified", "protest", "other_event", "attack_on_civilians", "remote_explosive", "chemical_weapon"}
)
_CIVIL_TOO = frozenset({"explosion_unspecified", "protest", "other_event", "attack_on_civilians"})
_HARM = "harm"
_SPOKEN_OF = frozenset({"forecast", "past", "denial"})
_ORDER = ("report", "denial", "threat", "forecast", "aftermath", "past", "drill", "none")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a post claims, of which kind, by which words. `events` are those that the claim is about, `cue` what made it other than a report."""

    claim: str
    kind: str
    events: tuple[Event, ...] = ()
    cue: Hit | None = None
    hedge: Hit | None = None
    reasons: tuple[str, ...] = ()


class _Said(NamedTuple):
    event: Event
    claim: str
    cue: Hit | None
    background: bool


class _Verdict(NamedTuple):
    sentence: int
    claim: str
    events: tuple[Event, ...]
    cue: Hit | None


NOTHING = Judgement("none", "none", reasons=("Claim none: no word for something that happened in a war.",))


def judge(reading: Reading, events: Sequence[Event]) -> Judgement:
    """Return what the post claims. Deterministic; linear in the text but for cues times events of one sentence."""
    court = _Court(reading, events)
    judged = court.whole_post() or court.by_sentences()
    return NOTHING if judged is None else judged


class _Court:
    def __init__(self, reading: Reading, events: Sequence[Event]) -> None:
        self._reading = reading
        self._events = events
        self._cues: list[tuple[Hit, Cue]] = [
            (hit, reading.lexicon.cues[hit.means[4:]]) for hit in reading.family("cue")
        ]
        self._years = [index for index, token in enumerate(reading.tokens) if _is_year(token.norm)][:MOST_YEARS]
        self._war = self._signs_of_war()

    def _signs_of_war(self) -> int:
        if any(event.act is None and event.kind in _PLAINLY_WAR for event in self._events):
            return _WAR_ENOUGH
        signs = {event.hit.means for event in self._events if event.kind not in _UNSURE_OF_WAR}
        signs |= {hit.means for hit in self._reading.family("weapon")}
        signs |= {hit.means.partition("/")[0] for hit in self._reading.family("party") if hit.means.endswith("/forces")}
        return len(signs)

    # the whole post ------------------------------------------------------------------------------------------------------------------

    def whole_post(self) -> Judgement | None:
        """A cue that speaks of the whole post decides alone."""
        ranked = sorted(
            ((hit, cue) for hit, cue in self._cues if cue.scope is Scope.POST), key=lambda pair: -pair[1].rank
        )
        for hit, cue in ranked:
            if cue.claim == "none":
                if cue.id in _CIVIL and self._war >= _WAR_ENOUGH:
                    continue
                return Judgement("none", "none", (), hit, reasons=(f"Claim none: {self._quote(hit)} {cue.says}.",))
            if not self._events and not cue.alone and not (cue.claim == "past" and self._reading.family("weapon")):
                continue
            if cue.claim == "past" and not self._is_past(hit):
                continue
            if "war" in cue.needs and not self._events and not self._war:
                continue
            return self._made(cue.claim, self._events, hit)
        return self._past_by_date()

    def _is_past(self, hit: Hit) -> bool:
        """“First strike since last year” and "died months after" are news; so is an old wound named beside what happens now."""
        before = hit.first - 1
        if before >= 0 and any(
            word.last == before and not self._reading.is_in(word.last, "span") for word in self._reading.family("since")
        ):
            return False
        if any(
            word.last < hit.first and self._reading.sentence(word) == self._reading.sentence(hit)
            for word in self._reading.family("first")
        ):
            return False
        sentence = self._reading.sentence(hit)
        marching = next((event for event in self._events if event.sentence == sentence), None)
        if marching is not None and marching.kind == "protest" and marching.hit.first < hit.first:
            return False  # a march that marks an anniversary is held today
        elsewhere = [event for event in self._events if event.sentence != sentence]
        fresh = {self._reading.sentence(word) for word in self._reading.family("now")}
        return not any(event.sentence in fresh and event.sentence < sentence for event in elsewhere)

    def _past_by_date(self) -> Judgement | None:
        """“Video of a strike from 2016”: footage of a year before that of the post, or of any year where that is unknown."""
        filmed = {self._reading.sentence(hit) for hit in self._reading.family("media")}
        for sentence in sorted(filmed):
            year = self._old_year(sentence, filmed=True)
            events = [event for event in self._events if event.sentence == sentence]
            if year is not None and (events or self._reading.family("weapon")):
                return self._made("past", events or self._events, year)
        return None

    def _old_year(self, sentence: int, *, filmed: bool) -> Hit | None:
        """Return a year in the sentence that lies before the post's: "in 2016 jets hit"; "since 2016" is another matter."""
        tokens = self._reading.tokens
        for index in self._years:
            token = tokens[index]
            if token.sentence != sentence or (self._reading.year is not None and int(token.norm) >= self._reading.year):
                continue
            before = index - 1 if self._reading.follows(index) else -1
            dated = before < 0 or self._reading.is_in(before, "in_a_year") or (filmed and self._dates_footage(index))
            if dated and not self._reading.is_in(before, "since_a_year"):
                return Hit("cue:past.old", index, index, token.start, token.end)
        return None

    def _dates_footage(self, index: int) -> bool:
        """Is the year that of the footage: known to be an earlier one, or close to the word for it?"""
        close = any(-_NEAR_FOOTAGE <= index - word.last <= _NEAR_FOOTAGE for word in self._reading.family("media"))
        return self._reading.year is not None or close

    # sentences -----------------------------------------------------------------------------------------------------------------------

    def by_sentences(self) -> Judgement | None:
        verdicts = [
            verdict for sentence in self._sentences() if (verdict := self._judge_sentence(sentence)) is not None
        ]
        if not verdicts:
            return None
        speaking = [verdict for verdict in verdicts if verdict.claim != "none"]
        if not speaking:
            cue = verdicts[0].cue
            said = "the only event is asked about" if cue is None else f"{self._quote(cue)} {self._cue(cue).says}"
            return Judgement("none", "none", (), cue, reasons=(f"Claim none: {said}.",))
        chosen = self._choose(speaking)
        events = [event for verdict in speaking if verdict.claim == chosen.claim for event in verdict.events]
        if chosen.claim == "report" and self._only_labelled(events):
            return self._labelled(events)
        return self._made(chosen.claim, chosen.events or events or self._events, chosen.cue)

    def _only_labelled(self, events: Sequence[Event]) -> bool:
        """“Shelters are open #BeirutExplosion”: a topic, on which a post says something else, unless it says that it is now."""
        return not self._reading.family("now") and all(self._reading.labels(event.hit) for event in events)

    def _labelled(self, events: Sequence[Event]) -> Judgement:
        wish = next((hit for hit, cue in self._cues if cue.id == "none.opinion"), None)
        if wish is not None:
            return self._made("none", (), wish)
        kind, by = self._kind(events, None)
        said = f"Claim aftermath: {self._quote(events[0].hit)} names a topic, the post does not say that it happened."
        return Judgement("aftermath", kind, tuple(events), reasons=(f"Kind {kind}: {by}.", said))

    def _choose(self, verdicts: Sequence[_Verdict]) -> _Verdict:
        first = verdicts[0]
        solid = [verdict for verdict in verdicts if verdict.events or verdict.claim not in {"threat", "aftermath"}]
        reports = [verdict for verdict in verdicts if verdict.claim == "report"]
        strong = [verdict for verdict in reports if any(event.kind != "other_event" for event in verdict.events)]
        if (
            first.claim in {"aftermath", "denial"}
            and first.cue is not None
            and self._cue(first.cue).id != "denial.none"
        ):
            return first
        if strong:
            return strong[0]
        if first.claim in {"threat", "forecast"} or not reports:
            return min(
                solid or verdicts,
                key=lambda verdict: _ORDER.index(verdict.claim) if verdict.claim != first.claim else 0,
            )
        return reports[0]

    def _sentences(self) -> list[int]:
        found = {event.sentence for event in self._events}
        found |= {self._reading.sentence(hit) for hit, cue in self._cues if cue.alone}
        return sorted(found)

    def _judge_sentence(self, sentence: int) -> _Verdict | None:
        events = [event for event in self._events if event.sentence == sentence]
        cues = [
            (hit, cue)
            for hit, cue in self._cues
            if self._reading.sentence(hit) == sentence and self._valid(cue, sentence)
        ]
        if events and self._reading.asks(sentence):
            return _Verdict(sentence, "none", tuple(events), None)
        said = [self._say(event, events, cues) for event in events]
        news = [item for item in said if not item.background]
        if all(item.event.act == _HARM for item in news):
            news = said  # "ten killed after strikes": what killed them is what happened
        main = [item for item in news if item.event.kind != "other_event"] or news
        plain = [item for item in main if item.claim == "report"]
        if plain:
            return self._unless_alone(sentence, plain, cues, said)
        alone = [(hit, cue) for hit, cue in cues if cue.alone]
        if main and (not alone or all(cue.rank <= self._rank(main[0]) for _, cue in alone)):
            first = max(main, key=self._rank)
            return _Verdict(
                sentence, first.claim, tuple(item.event for item in main if item.claim == first.claim), first.cue
            )
        if alone:
            hit, cue = max(alone, key=lambda pair: pair[1].rank)
            return _Verdict(sentence, cue.claim, tuple(events), hit)
        return None

    def _unless_alone(
        self, sentence: int, plain: Sequence[_Said], cues: Sequence[tuple[Hit, Cue]], said: Sequence[_Said]
    ) -> _Verdict:
        """An event that nothing qualifies is a report, unless it is only the background of what the sentence says, or only a truce."""
        weak = all(item.background or item.event.kind == "other_event" for item in plain)
        ruling = [(hit, cue) for hit, cue in cues if cue.alone and weak]
        if ruling:
            hit, cue = max(ruling, key=lambda pair: pair[1].rank)
            return _Verdict(sentence, cue.claim, tuple(item.event for item in said), hit)
        return _Verdict(sentence, "report", tuple(item.event for item in said if item.claim == "report"), None)

    def _rank(self, said: _Said) -> int:
        return 0 if said.cue is None else self._cue(said.cue).rank

    def _say(self, event: Event, events: Sequence[Event], cues: Sequence[tuple[Hit, Cue]]) -> _Said:
        reaching = [(hit, cue) for hit, cue in cues if self._reaches(hit, cue, event, events)]
        background = self._in_background(event)
        if not reaching:
            year = self._old_year(event.sentence, filmed=False)
            return _Said(event, "report" if year is None else "past", year, background)
        hit, cue = max(reaching, key=lambda pair: (pair[1].rank, -abs(pair[0].first - event.hit.first)))
        return _Said(event, cue.claim, hit, background)

    def _in_background(self, event: Event) -> bool:
        """“..., after strikes”: not what the sentence is about, unless the sentence begins so."""
        for word in self._reading.family("background"):
            if (
                self._reading.sentence(word) != event.sentence
                or word.last >= event.hit.first
                or event.hit.first - word.last > 8
            ):
                continue
            opening = word.first == 0 or self._reading.tokens[word.first - 1].sentence != event.sentence
            if not opening and not self._pauses(word, event.hit):
                return True
        return False

    def _pauses(self, left: Hit, right: Hit) -> bool:
        return any(self._reading.pause(index, index + 1) for index in range(left.last, right.first))

    def _valid(self, cue: Cue, sentence: int) -> bool:
        if cue.id == "none.metaphor":
            return False  # the phrase has already taken its word out of the text
        if cue.id in _ALARMS and self._reading.disaster:
            return False  # a siren warns of the flood
        if "weapon" in cue.needs:
            return any(self._reading.sentence(weapon) == sentence for weapon in self._reading.family("weapon"))
        return (
            not cue.alone
            or "war" not in cue.needs
            or bool(self._events)
            or (self._war > 0 and not self._reading.hazard)
        )

    def _reaches(self, hit: Hit, cue: Cue, event: Event, events: Sequence[Event]) -> bool:
        if cue.id in _ALARMS or (cue.claim == "none" and not self._can_be_peace(cue, event)):
            return False
        if cue.id == "none.accident" and any(other.kind in _PLAINLY_WAR for other in events):
            return False  # "explosion at a chemical plant after shelling"
        if hit.first <= event.hit.last and event.hit.first <= hit.last:
            return True  # "did not strike", "will attack"
        ahead = hit.last < event.hit.first
        if event.kind == "protest" and cue.claim in {"aftermath", "none"} and cue.scope is not Scope.NEXT:
            return cue.id == "none.labour" and cue.scope is Scope.SENTENCE
        if cue.scope is Scope.NEXT:
            near = ahead and event.hit.first - hit.last <= NEXT_WORDS and not self._pauses(hit, event.hit)
            return near and not any(hit.last < other.hit.first and other.hit.last < event.hit.first for other in events)
        if cue.scope is Scope.FORWARD:
            return ahead and not self._reading.between(hit, event.hit, "contrast")
        if cue.scope is Scope.BACKWARD:
            return not ahead and not self._reading.between(event.hit, hit, "contrast")
        if cue.claim == "aftermath" and cue.id == "aftermath.scene":
            return ahead or self._in_background(event)
        return cue.scope is Scope.SENTENCE

    @staticmethod
    def _can_be_peace(cue: Cue, event: Event) -> bool:
        """A storm or a gas leak makes nothing of an air strike; a labour strike is only a strike."""
        if cue.id == "none.labour":
            return event.act == "strike" or event.kind == "protest"
        if cue.id in {"none.weather", "none.accident"}:
            return event.kind in _UNSURE_OF_WAR and event.kind != "protest"
        return True

    # answers -------------------------------------------------------------------------------------------------------------------------

    def _made(self, claim: str, events: Sequence[Event], cue: Hit | None) -> Judgement:
        if claim in _SPOKEN_OF and not self._of_this_war(events):
            return NOTHING
        if claim == "none":
            said = "nothing is said to have happened" if cue is None else f"{self._quote(cue)} {self._cue(cue).says}"
            return Judgement("none", "none", (), cue, reasons=(f"Claim none: {said}.",))
        kind, by = self._kind(events, cue)
        reasons = [f"Kind {kind}: {by}."]
        hedge = None
        if cue is not None:
            reasons.append(f"Claim {claim}: {self._quote(cue)} {self._cue(cue).says}.")
        else:
            hedge = self._hedge(events)
            doubt = f", hedged by {self._quote(hedge)}" if hedge is not None else ""
            reasons.append(f"Claim report: {self._quote(choose_event(events).hit)} is said to have happened{doubt}.")
        return Judgement(claim, kind, tuple(events), cue, hedge, tuple(reasons))

    def _of_this_war(self, events: Sequence[Event]) -> bool:
        """What is only spoken of needs a sign of arms, or a place: "if they arrest him there will be a riot" is talk."""
        return self._war > 0 or bool(self._reading.places) or any(event.kind not in _CIVIL_TOO for event in events)

    def _kind(self, events: Sequence[Event], cue: Hit | None) -> tuple[str, str]:
        if cue is not None and cue.means == "cue:threat.missile":
            return "shelling", self._quote(cue)
        if events:
            event = choose_event(events)
            return event.kind, " and ".join(self._quote(hit) for hit in event.words)
        if cue is not None and (implied := self._cue(cue).kind) is not None and not self._reading.family("weapon"):
            return implied, self._quote(cue)
        for hit in self._reading.family("weapon"):
            return hit.means.partition(":")[2], self._quote(hit)
        for hit in self._reading.family("party"):
            if cue is not None and self._cue(cue).claim == "threat" and self._reading.country in self._party(hit).air:
                return "air_strike", self._quote(hit)
        return "other_event", "no word says of what kind"

    def _hedge(self, events: Sequence[Event]) -> Hit | None:
        sentences = {event.sentence for event in events}
        return next((hit for hit in self._reading.family("hedge") if self._reading.sentence(hit) in sentences), None)

    def _party(self, hit: Hit) -> Party:
        return self._reading.lexicon.parties[hit.means[len("party:") :].partition("/")[0]]

    def _cue(self, hit: Hit) -> Cue:
        return self._reading.lexicon.cues[hit.means[4:]]

    def _quote(self, hit: Hit) -> str:
        return f"“{self._reading.surface(hit)}”"


def _is_year(norm: str) -> bool:
    return len(norm) == 4 and norm.isdigit() and "1900" <= norm <= "2100"
