"""Whether a name in a text means a place at all: most names of villages are also words, people or brands."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.gazetteer import Gazetteer
from app.domain.name_keys import stem
from app.domain.place_cues import PlaceCues
from app.domain.place_mentions import Mention, Spelling
from app.domain.place_resolution import ARABIC_LANDS, Found
from app.domain.text import ReadText, Token

ACCEPTED = 0.5  # strength from which a mention is a place
FIRM = 5.0  # prior score from which a place far from the scene stays (100,000 people)
SURE = 0.8  # strength from which it says what the post is about
_LARGE_PEOPLE = 150_000  # below it no town reaches LARGE
_SHORT_LETTERS = 4  # of an Arabic word that is rather a word than a town abroad
LARGE, _KNOWN, _TOWN = 5.3, 4.6, 4.0  # prior scores: 200,000 people or a region; 40,000; 10,000


@dataclass(frozen=True, slots=True)
class Manner:
    """How a text is written as a whole: whether capitals tell anything in it."""

    no_capitals: bool
    all_capitals: bool
    titled: bool  # "Most Words Like This"
    storm: bool  # speaks of a storm, which bears a person's name


def manner_of(text: ReadText, cues: PlaceCues) -> Manner:
    """Return how capitals are used in the words outside hashtags that have case, and whether a storm is spoken of."""
    source = text.text
    cased = heads = whole = long = long_heads = 0
    storm = False
    for token in text.tokens:
        storm = storm or token.norm in cues.storms
        surface = source[token.start : token.end]
        if token.in_hashtag or not (surface[0].isupper() or surface[0].islower()):
            continue
        cased += 1
        if len(surface) > 3:
            long += 1
        if surface[0].isupper():
            heads += 1
            long_heads += len(surface) > 3
            whole += len(surface) > 1 and surface.isupper()
    storm = storm or any(tag.norm.startswith(word) for tag in text.hashtags for word in cues.storms)
    return Manner(heads == 0, cased > 3 and whole > 0.7 * cased, long > 4 and long_heads > 0.8 * long, storm)


def ruled_out(text: ReadText, mention: Mention, gazetteer: Gazetteer, cues: PlaceCues) -> bool:
    """Whether a mention has no strength, told without looking around: only what `strength` would give 0 for certain."""
    norm = mention.norm
    if norm in cues.demonyms and norm not in cues.both:
        return True
    if text.tokens[mention.first].norm in cues.borrowed and _in_borrowed(text, mention, cues):
        return True
    if mention.spelling is Spelling.STEM and stem(norm) in cues.stems:
        return True
    if norm in cues.never:
        before = text.tokens[mention.first - 1].norm if mention.first else ""
        return cues.before.get(before) is None
    if mention.first != mention.last or not norm.isascii():
        return False
    first = text.text[mention.start]
    if first.isupper() or text.tokens[mention.first].in_hashtag:
        return False
    if norm in cues.small:
        return True
    level, people = gazetteer.size(mention.numbers[0] >> 1)
    return level > 2 and people < _LARGE_PEOPLE and not _cued(text, mention, cues)


def _in_borrowed(text: ReadText, mention: Mention, cues: PlaceCues) -> bool:
    """Whether the name is part of another's: the "Bayda" of "الخوذ البيضاء" is the colour of helmets."""
    tokens = text.tokens
    before = tokens[mention.first - 1].norm if mention.first else ""
    after = tokens[mention.last + 1].norm if mention.last + 1 < len(tokens) else ""
    norm = tokens[mention.first].norm
    return f"{before} {norm}" in cues.never or f"{norm} {after}" in cues.never


def _cued(text: ReadText, mention: Mention, cues: PlaceCues) -> bool:
    """Whether the very next word, before or after, speaks of a place."""
    tokens = text.tokens
    before = tokens[mention.first - 1].norm if mention.first else ""
    after = tokens[mention.last + 1].norm if mention.last + 1 < len(tokens) else ""
    return cues.before.get(before, "between") != "between" or cues.after.get(after, "speaks") in {
        "settlement",
        "region",
        "countryside",
    }


def strength(text: ReadText, found: Found, cues: PlaceCues, manner: Manner) -> float:
    """Return how likely the mention is a place by itself, 0 to 1, before anything else in the post speaks for it."""
    mention = found.mention
    norm = mention.norm
    if norm in cues.demonyms and norm not in cues.both:
        return 0.0
    first = norm[0]
    if "\u0590" <= first <= "\u06ff":
        return _uncased(text, found, cues)
    return _cased(text, found, cues, manner)


def _by_size(found: Found, steps: tuple[float, float, float, float]) -> float:
    top = found.prominence
    return steps[0] if top >= LARGE else steps[1] if top >= _KNOWN else steps[2] if top >= _TOWN else steps[3]


def _cased(text: ReadText, found: Found, cues: PlaceCues, manner: Manner) -> float:
    mention, around = found.mention, found.around
    tokens = text.tokens
    surface = text.text[mention.start : mention.end]
    single = mention.first == mention.last
    tag = tokens[mention.first].in_hashtag
    named = bool(around.says & {"settlement", "region"})
    if mention.norm in cues.never and not ("settlement" in around.says and surface[0].isupper()):
        return 0.0
    if len(mention.norm.replace(" ", "")) <= 3 and not _short_name(surface, found, tag=tag, named=named):
        return 0.0
    if single and manner.storm and (mention.norm in cues.small or _follows_storm(tokens, mention.first, cues)):
        return 0.0
    if not surface[0].isupper() and not tag:
        return _lower(found, cues, manner, single=single)
    if single and not tag and not named and _of_a_person(text, mention, cues):
        return 0.0
    base = _by_size(found, (0.95, 0.85, 0.6, 0.4 if single else 0.55))
    if mention.norm in cues.small and (
        found.best.level != "country" or (manner.all_capitals and len(mention.norm) < 4)
    ):
        if manner.titled or manner.all_capitals or _opens_sentence(tokens, mention.first):
            return 0.6 if named else 0.0
        base -= 0.3
    if single and _is_short_by_name(found, cues):
        base -= 0.4
    if tag:
        return base - (0.1 if mention.spelling is Spelling.GLUED else 0.0)
    if single and found.prominence < 5.0 and not manner.titled and (penalty := _in_a_name(text, mention, cues)):
        base -= penalty
    return min(0.98, base + (0.25 if named else 0.15 if around.triggered else 0.0))


def _short_name(surface: str, found: Found, *, tag: bool, named: bool) -> bool:
    """Whether two or three letters may name a place: as an abbreviation in capitals, or after "city of"."""
    bare = surface.replace(".", "")
    if found.readings[0].secondary and not bare.isupper():  # "Ri" is not Rhode Island
        return False
    if bare.isupper() and len(bare) > 1:
        return found.prominence >= _KNOWN
    return named or (tag and found.prominence >= LARGE) or (surface[0].isupper() and found.prominence >= LARGE)


def _is_short_by_name(found: Found, cues: PlaceCues) -> bool:
    """Whether a few letters lead to a town only under another name than its own."""
    norm = found.mention.norm
    if len(norm) > 4 or norm in cues.abbreviations:
        return False
    return all(
        reading.secondary for reading in found.readings[:3] if reading.place.level in {"city", "village", "region"}
    )


def _lower(found: Found, cues: PlaceCues, manner: Manner, *, single: bool) -> float:
    """Small letters name a place where the writer uses no capitals, or the name has several words."""
    if found.mention.norm in cues.small or found.best.place_id == "":
        return 0.0
    if single:
        if found.prominence >= LARGE:
            return 0.7 if manner.no_capitals else 0.55 if found.around.triggered else 0.0
        if found.around.says & {"settlement", "region"}:
            return 0.6 if manner.no_capitals else 0.3
        return 0.3 if manner.no_capitals and found.around.triggered else 0.0
    return 0.6 if found.prominence >= _KNOWN or found.around.triggered else 0.3


def _follows_storm(tokens: tuple[Token, ...], index: int, cues: PlaceCues) -> bool:
    return index > 0 and tokens[index - 1].norm in cues.storms


def _opens_sentence(tokens: tuple[Token, ...], index: int) -> bool:
    return index == 0 or tokens[index - 1].sentence != tokens[index].sentence


def _of_a_person(text: ReadText, mention: Mention, cues: PlaceCues) -> bool:
    """Whether a given name stands before a word, or it is one itself and a surname follows."""
    tokens, source = text.tokens, text.text
    before, after = mention.first - 1, mention.last + 1
    if before >= 0 and tokens[before].norm in cues.given and source[tokens[before].start].isupper():
        if before and tokens[before - 1].norm in cues.holy:
            return False
        return source[tokens[before].end : tokens[mention.first].start] == " "
    if mention.norm not in cues.given or after == len(tokens) or tokens[after].norm in cues.after:
        return False
    return source[tokens[mention.last].end : tokens[after].start] == " " and source[tokens[after].start].isupper()


def _in_a_name(text: ReadText, mention: Mention, cues: PlaceCues) -> float:
    """Return how much speaks against a word in a row of capitalised words: it is a person's name, or the end of a longer one."""
    tokens, source = text.tokens, text.text
    before, after = mention.first - 1, mention.last + 1
    if before >= 0 and source[tokens[before].end : tokens[mention.first].start] == " ":
        word = source[tokens[before].start : tokens[before].end]
        if word[0].isupper() and tokens[before].norm not in cues.before and not _opens_sentence(tokens, before):
            return 0.5
    if after < len(tokens) and source[tokens[mention.last].end : tokens[after].start] == " ":
        word = source[tokens[after].start : tokens[after].end]
        if word[0].isupper() and not word.isupper() and tokens[after].norm not in cues.after:
            return 0.35
    return 0.0


def _uncased(text: ReadText, found: Found, cues: PlaceCues) -> float:
    """Arabic and Hebrew have no capitals: a single word that is no large place needs something that says so."""
    mention, around = found.mention, found.around
    single = mention.first == mention.last
    tag = text.tokens[mention.first].in_hashtag
    named = bool(around.says & {"settlement", "region", "countryside", "near"})
    if not single:
        return min(0.98, _by_size(found, (0.95, 0.9, 0.8, 0.7)) + (0.1 if around.triggered else 0.0))
    whole = text.tokens[mention.first].norm
    if {mention.norm, whole} & cues.never and not ("settlement" in around.says and "في" not in mention.norm):
        return 0.0
    if mention.first and text.tokens[mention.first - 1].norm in cues.kin and mention.clitic in {"", "ال"}:
        return 0.0
    if mention.norm in cues.both and (mention.clitic.endswith("ال") or _after_noun(text, mention, cues)):
        return 0.0
    letters = len(mention.norm.removeprefix("ال"))
    if letters < 3 and not named:
        return 0.0
    base = _by_size(found, (0.9, 0.75, 0.45, 0.3))
    if mention.clitic.removesuffix("ال") and letters < 4:
        base -= 0.3
    if {mention.norm, whole} & cues.small:
        base -= 0.4
    if "ك" in mention.clitic and "settlement" in around.says:
        return 0.0  # "بلدة كورين": after "town" stands a name, not a "like"
    if not named and not (tag and not mention.in_part):
        base -= _abroad(found, cues, letters)
    if tag:
        base += 0.1
    return min(0.98, base + (0.3 if named else 0.1 if around.triggered else 0.0))


def _abroad(found: Found, cues: PlaceCues, letters: int) -> float:
    """Return how much speaks against a town where nobody writes Arabic: "بليل" is by night, not in Lille."""
    mention = found.mention
    if found.best.country in ARABIC_LANDS or not found.best.country or mention.norm in cues.abbreviations:
        return 0.0
    if found.best.level == "country" or mention.norm[0] < "\u0600":
        return 0.0
    if letters <= _SHORT_LETTERS or "ك" in mention.clitic:
        return 0.5
    return 0.4 if mention.clitic.removesuffix("ال") else 0.0


def _after_noun(text: ReadText, mention: Mention, cues: PlaceCues) -> bool:
    """Whether "سورية" follows a noun that it describes ("طائرات سورية"), not a preposition or a stop."""
    if mention.first == 0 or mention.clitic:
        return False
    before = text.tokens[mention.first - 1]
    gap = text.text[before.end : text.tokens[mention.first].start]
    return (
        gap == " "
        and not before.in_hashtag
        and before.norm not in cues.before
        and before.norm.endswith(("ات", "ه", "اء", "درون"))
    )
