"""What the words before and after a name say: the preposition, "near", "countryside", a compass point, the kind of place, who speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.place_cues import PlaceCues
from app.domain.place_mentions import Mention
from app.domain.text import ReadText, TokenKind

_REACH = 6  # tokens looked back over, cues and fillers together
_CLITICS = {"ب": "in", "ل": "to", "ك": ""}


@dataclass(slots=True)
class Surroundings:
    """`says`: meanings of the cues next to the name ("in", "from", "to", "near", "countryside", "settlement", "region", "within")."""

    says: set[str] = field(default_factory=set)
    compass: str = ""
    distance_km: float = 0.0
    departed: bool = False
    treated: bool = False
    speaks: bool = False
    named_after: bool = False  # "Moscow media": the name only says whose

    @property
    def triggered(self) -> bool:
        """Whether something says that a place's name stands here."""
        return bool(self.says & {"in", "near", "countryside", "settlement", "region"} or self.compass)


def look_around(text: ReadText, mention: Mention, cues: PlaceCues) -> Surroundings:
    """Return what stands around a mention, within its sentence."""
    around = Surroundings()
    clitic = mention.clitic.removesuffix("ال")
    if clitic and (meaning := _CLITICS.get(clitic[-1])):
        around.says.add(meaning)
    if clitic == "لل":
        around.says.add("to")
    at = _look_back(text, mention, cues, around)
    _look_ahead(text, mention, cues, around)
    _look_wide(text, mention, cues, around, at)
    return around


def _look_back(text: ReadText, mention: Mention, cues: PlaceCues, around: Surroundings) -> int:
    """Read cues from right to left until a word that is none; return the index of that word."""
    tokens = text.tokens
    sentence = tokens[mention.first].sentence
    at = mention.first - 1
    floor = max(-1, mention.first - 1 - _REACH)
    while at > floor and tokens[at].sentence == sentence:
        if at == mention.first - 1 and _parted(text, at):
            break
        size, meaning = _cue_ending_at(text, at, cues.before)
        if not size and tokens[at].kind is TokenKind.NUMBER and around.compass and not around.distance_km:
            around.distance_km = min(100.0, float(tokens[at].norm)) if tokens[at].norm.isdigit() else 0.0
            size, meaning = 1, "between"
        if not size:
            break
        if not (meaning == "in" and "from" in around.says):
            _take(around, meaning)
        at -= size
        if meaning in {"in", "from", "to"}:
            break
    return at


def _parted(text: ReadText, at: int) -> bool:
    """Whether a stop or a comma stands between a token and the next."""
    gap = text.text[text.tokens[at].end : text.tokens[at + 1].start]
    return any(char in gap for char in ",،;؛|")


def _cue_ending_at(text: ReadText, at: int, cues: Mapping[str, str]) -> tuple[int, str]:
    tokens = text.tokens
    for size in (3, 2, 1):
        if at - size + 1 >= 0:
            phrase = " ".join(token.norm for token in tokens[at - size + 1 : at + 1])
            if meaning := cues.get(phrase):
                return size, meaning
    return 0, ""


def _take(around: Surroundings, meaning: str) -> None:
    if meaning.startswith("compass:"):
        around.compass = around.compass or meaning[8:]
    elif meaning != "between":
        around.says.add(meaning)


def _look_ahead(text: ReadText, mention: Mention, cues: PlaceCues, around: Surroundings) -> None:
    tokens = text.tokens
    after = tokens[mention.last + 1 : mention.last + 4]
    sentence = tokens[mention.first].sentence
    after = tuple(token for token in after if token.sentence == sentence)
    if not after or _parted(text, mention.last):
        return
    for size in (3, 2, 1):
        meaning = cues.after.get(" ".join(token.norm for token in after[:size])) if len(after) >= size else None
        if meaning == "speaks":
            around.speaks = True
        elif meaning == "institution":
            around.named_after = True
        elif meaning:
            around.says.add(meaning)
        if meaning:
            return
    if len(after) > 1 and cues.before.get(after[0].norm) == "within" and cues.after.get(after[1].norm) == "countryside":
        around.says.add("countryside")


def _look_wide(text: ReadText, mention: Mention, cues: PlaceCues, around: Surroundings, at: int) -> None:
    """Read what need not stand next to the name: a take-off before "from", a transport to hospital, a verb before its subject."""
    tokens = text.tokens
    sentence = tokens[mention.first].sentence
    if tokens[mention.first].in_hashtag and not around.says:
        return
    window = [token.norm for token in tokens[max(0, mention.first - 9) : mention.first] if token.sentence == sentence]
    if "from" in around.says:
        around.departed = not cues.departed.isdisjoint(_phrases(window))
    if not cues.treated_last.isdisjoint(window[-5:]):
        around.treated = not cues.treated.isdisjoint(_phrases(window[-5:]))
    before = [token.norm for token in tokens[max(0, at - 1) : mention.first] if token.sentence == sentence]
    ends = {" ".join(before[-size:]) for size in (1, 2, 3) if len(before) >= size}
    said = ends & cues.speaker_before
    if said and not ({"near", "countryside"} & around.says):
        around.speaks = True
        if any(cue.endswith(" in") for cue in said):
            around.says.discard("in")  # "the ministry in Kyiv" says where it sits, not where it happened


def _phrases(norms: list[str]) -> set[str]:
    return {" ".join(norms[i : i + size]) for size in (1, 2, 3, 4) for i in range(len(norms) - size + 1)}
