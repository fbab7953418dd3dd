"""Which language a post is in: as its platform says, else by its script and a few letters and words that only one language has."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.text import ReadText

MOST_WORDS = 80  # that are looked at
MOST_LETTERS = 600
_RENAMED = {"iw": "he", "in": "id", "ji": "yi", "ua": "uk"}
_NOTHING_SAID = frozenset(
    {"und", "zxx", "mul", "mis", "qam", "qct", "qht", "qme", "qst", "art", "xx"}
)  # X's own codes for "cannot tell"
_UKRAINIAN = frozenset("іїєґ")
_RUSSIAN = frozenset("ыэъё")
_PERSIAN = frozenset("پچژگ")
_SET = "language:"  # the sets of words that tell a language
_TURKISH = frozenset("ğışİ")


def find_language(given: str | None, text: ReadText, sets: Mapping[str, frozenset[str]]) -> str:
    """Return a two- or three-letter code, "und" where neither the platform nor the text tells."""
    if given:
        code = given.replace("_", "-").partition("-")[0].lower()
        code = _RENAMED.get(code, code)
        if code.isascii() and code.isalpha() and len(code) in {2, 3} and code not in _NOTHING_SAID:
            return code
    return _by_script(text, sets)


def _by_script(text: ReadText, sets: Mapping[str, frozenset[str]]) -> str:
    norms = [token.norm for token in text.tokens[:MOST_WORDS]]
    counts: dict[str, int] = {}
    for norm in norms:
        script = _script(norm[:1])
        counts[script] = counts.get(script, 0) + len(norm)
    counts.pop("", None)
    if not counts:
        return "und"
    script = max(counts, key=counts.__getitem__)
    letters = set(text.text[:MOST_LETTERS].lower())
    if script == "arabic":
        return "fa" if letters & _PERSIAN else "ar"
    if script == "cyrillic":
        return "uk" if letters & _UKRAINIAN and not letters & _RUSSIAN else "ru"
    if script == "hebrew":
        return "he"
    return _by_words(set(norms), letters, sets) if script == "latin" else "und"


def _script(first: str) -> str:
    if "a" <= first <= "z":
        return "latin"
    if "\u0400" <= first <= "\u052f":
        return "cyrillic"
    if "\u0590" <= first <= "\u05ff":
        return "hebrew"
    if "\u0600" <= first <= "\u06ff":
        return "arabic"
    return "" if first.isdigit() else "other"


def _by_words(norms: set[str], letters: set[str], sets: Mapping[str, frozenset[str]]) -> str:
    counts = {name.removeprefix(_SET): len(norms & words) for name, words in sets.items() if name.startswith(_SET)}
    if letters & _TURKISH and not counts.get("en"):
        return "tr"
    best = max(counts, key=counts.__getitem__, default="und")
    return best if counts.get(best) else "und"
