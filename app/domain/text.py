"""The three texts of a post: raw (elsewhere), text (repaired), match copy (folded, bounded); every span points into the text.

Folding goes character by character through a table, never through `unicodedata.normalize` on a whole string: that is quadratic
on runs of mixed combining marks (100,000 of them take 10 s), a table is linear, and a token's span is exact by construction.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from app.domain.hashtags import cut_tag
from app.messages import MAX_TEXT, Flag

READ_LIMIT = 10_000  # code points of text that are read; a 1 MB text costs no more than this
NORM_LIMIT = 10_000  # code points of match copy; U+FDFA alone folds to 15 letters
TAG_LIMIT = 200  # hashtags, mentions and urls kept, each
MARK_RUN = 30  # UAX #15: no word of any language has more marks on one letter

HashtagSplitter = Callable[[str], Sequence[tuple[int, int]] | None]
"""Folded hashtag body -> spans of its known words in it, ascending and disjoint, or None where none is known."""


class TokenKind(StrEnum):
    WORD = "word"
    NUMBER = "number"


class Token(NamedTuple):
    """A word or number. `norm` is its match form; `text[start:end]` its surface; `sentence` counts from 0.

    A named tuple, not a frozen dataclass: it is made 23 times a post, and this one is made in a third of the time.
    """

    norm: str
    start: int
    end: int
    kind: TokenKind
    sentence: int
    in_hashtag: bool


class Tag(NamedTuple):
    """A whole hashtag, mention or url. The span includes '#' or '@'; `norm` is folded and does not (a url's is as written)."""

    norm: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ReadText:
    """A text as it was read. All spans are code points of `text`; tokens are in order and do not overlap."""

    text: str
    tokens: tuple[Token, ...]
    hashtags: tuple[Tag, ...]
    mentions: tuple[Tag, ...]
    urls: tuple[Tag, ...]
    flags: tuple[Flag, ...]


# Letters that Unicode does not decompose, or that writers of one name use for each other. "" drops the character.
_LETTERS = {
    "ٱ": "ا", "ى": "ي", "ی": "ي", "ې": "ي", "ے": "ي", "ة": "ه", "ہ": "ه", "ە": "ه", "ھ": "ه", "ک": "ك", "ڪ": "ك", "ء": "", "ـ": "",
    "ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h", "ŧ": "t", "ə": "a", "ɣ": "g",
    "'": "", "’": "", "‘": "", "`": "", "´": "", "ʻ": "", "ʼ": "", "ʽ": "", "ʾ": "", "ʿ": "", "ʹ": "", "ʺ": "", "′": "", "׳": "", "״": "",
}  # fmt: skip
_APOSTROPHES = frozenset("'’‘`´′׳״")
_DASHES = frozenset("-‐‑‒–—―־")
_STOPS = frozenset("!?؟…。！？۔")
# Marks that only colour a letter in Latin, Greek, Cyrillic, Hebrew and Arabic; in Indic scripts marks are vowels and stay.
_COLOURING = (
    (0x0300, 0x036F), (0x0483, 0x0489), (0x0591, 0x05C7), (0x0610, 0x061A), (0x064B, 0x065F), (0x0670, 0x0670), (0x06D6, 0x06ED),
    (0x08CA, 0x08FF), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F), (0xFB1E, 0xFB1E),
)  # fmt: skip
_TABLE_LIMIT = 30_000  # entries a table keeps: no post can make it grow without bound


def _colours(char: str) -> bool:
    return any(low <= ord(char) <= high for low, high in _COLOURING)


def _fold_char(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf":  # zero-width, soft hyphen, bidi controls
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(char))
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", _LETTERS.get(char, char)).casefold())
    folded = "".join(_LETTERS.get(piece, piece) for piece in plain if not _colours(piece))
    return folded if len(folded) == 1 else "".join(folded.split())


def _class_char(char: str) -> str:
    """One ASCII letter for what a character is to the scanner: see `_SCAN`."""
    category = unicodedata.category(char)
    if char in _APOSTROPHES:
        return "'"
    if category[0] == "L":
        if char in "sS":
            return char
        if "ARABIC" in unicodedata.name(char, ""):
            return "r"
        return "A" if category in {"Lu", "Lt"} else "a"
    if category == "Nd":
        return "0"
    if category[0] == "M":
        return "m"
    if category == "Cf":
        return "z"
    if char in "#@_\n":
        return char
    if char == "＃":  # the full-width hash of East Asian keyboards
        return "#"
    if char in ".,٫٬،":
        return "." if char in ".٫" else ","
    if char in _DASHES:
        return "-"
    return "!" if char in _STOPS else "\n" if char in "\r\u2028\u2029\v\f" else " "


class _Table(dict[int, str]):
    """A `str.translate` table filled as characters turn up: a pure function remembered."""

    def __init__(self, of_char: Callable[[str], str]) -> None:
        super().__init__()
        self._of_char = of_char

    def __missing__(self, code: int) -> str:
        value = self._of_char(chr(code))
        if len(self) < _TABLE_LIMIT:
            self[code] = value
        return value


_FOLD = _Table(_fold_char)
_CLASSES = _Table(_class_char)

# Over class letters: A/S upper, a/s lower or caseless, r Arabic, 0 digit, m mark, z invisible, ' apostrophe.
_LATIN = r"[AaSs0](?:[AaSs0mz]*[AaSs0m])?"
_POSSESSIVE = r"'s(?![AaSs0m])"
_SCAN = re.compile(
    r"(?P<tag>\#(?=[AaSsr0_mz]*[AaSsr])[AaSsr0_](?:[AaSsr0_mz]*[AaSsr0_m])?)"
    r"|(?P<number>0+(?:[.,]0+)*(?![AaSsm0]))"
    r"|(?P<initials>(?:[AS]\.){2,}(?:[AS](?![AaSs0']))?)"
    rf"|(?P<word>r(?:[rmz]*[rm])?|{_LATIN}(?:'(?!s(?![AaSs0m])){_LATIN})*)(?:{_POSSESSIVE})?"
    r"|(?P<stop>[!\n]|\.(?=[ \n!z]|$))"
)
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"'،]+|(?<![\w.@/])t\.co/\w+", re.IGNORECASE)
_MENTION = re.compile(r"(?<![\w@/.])@([A-Za-z0-9_]{1,64}(?:[.-][A-Za-z0-9_-]{1,64}){0,6}(?:@[A-Za-z0-9.-]{1,128})?)")
_MARK_RUN = re.compile(f"m{{{MARK_RUN + 1},}}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_THOUSANDS = re.compile(r"[,٬،](?=\d{3}(?!\d))")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_LATIN_LETTER = re.compile("[A-Za-z]")


def repair(raw: str) -> tuple[str, tuple[Flag, ...]]:
    """Return the text that we store and what had to be done to it: NUL and lone surrogates become U+FFFD, the length is bounded."""
    flags = []
    if len(raw) > MAX_TEXT:
        raw = raw[:MAX_TEXT]
        flags.append(Flag.TRUNCATED)
    if "\0" in raw:
        raw = raw.replace("\0", "�")
        flags.append(Flag.NUL)
    if _SURROGATE.search(raw):  # two halves that stand together are one character
        raw = raw.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        flags.append(Flag.SURROGATES)
    return raw, tuple(flags)


def fold(text: str) -> str:
    """Return the match form of a string: case, width, marks, Arabic letter forms, tatweel and invisible characters levelled."""
    return text.translate(_FOLD)


def words(text: str) -> tuple[str, ...]:
    """Return the norms of a plain string's tokens, as they stand in a post: how a name or phrase of a data file is looked up."""
    spaced = text.replace("-", " ")
    if (
        spaced.replace(" ", "").isalpha() and max(spaced) < "\u0590"
    ):  # letters and blanks: no scan needed, and a million names are such
        return tuple(fold(spaced).split())[:READ_LIMIT]
    return tuple(token.norm for token in read_text(text.replace("#", " ").replace("@", " ")).tokens)


def read_text(text: str, split: HashtagSplitter | None = None) -> ReadText:
    """Return the tokens, tags and flags of `text` (repaired); never raises, in time linear in the first 10,000 code points."""
    flags: list[Flag] = []
    head = text
    if len(text) > READ_LIMIT:
        head = text[:READ_LIMIT]
        flags.append(Flag.TRUNCATED)
    classes = head.translate(_CLASSES)
    urls, classes = _take(_URL, head, classes) if "://" in head or "." in head else ((), classes)
    mentions, classes = _take(_MENTION, head, classes) if "@" in head else ((), classes)
    if "m" in classes and _MARK_RUN.search(classes):
        flags.append(Flag.MARKS)
    reader = _Reader(head, classes, split)
    tokens = tuple(reader.read())
    flags.extend(flag for flag in reader.flags if flag not in flags)
    return ReadText(text, tokens, tuple(reader.hashtags), mentions, urls, tuple(flags))


def _take(pattern: re.Pattern[str], text: str, classes: str) -> tuple[tuple[Tag, ...], str]:
    """Return what `pattern` finds, and the classes with those stretches blanked, so that no word is read in them."""
    found = []
    for match in pattern.finditer(text):
        start, end = match.span()
        if pattern is _URL:
            end = start + len(match[0].rstrip(".,;:!?)]}»”…"))
        classes = f"{classes[:start]}{' ' * (end - start)}{classes[end:]}"
        found.append(Tag(fold(match[1]) if pattern.groups else text[start:end], start, end))
        if len(found) == TAG_LIMIT:
            break
    return tuple(found), classes


class _Reader:
    """One pass over a text. Holds what the pass has found so far."""

    def __init__(self, text: str, classes: str, split: HashtagSplitter | None) -> None:
        self._text = text
        self._classes = classes
        self._split = split
        self._sentence = 0
        self._fresh = False  # whether this sentence has a word yet
        self._room = NORM_LIMIT
        self._mixes = not text.isascii() and bool(_CYRILLIC.search(text))
        self.hashtags: list[Tag] = []
        self.flags: list[Flag] = []

    def read(self) -> Iterator[Token]:
        """Yield the tokens; a letter that folds to nothing (a lone hamza) is none."""
        return (token for token in self._scan() if token.norm)

    def _scan(self) -> Iterator[Token]:
        last = ""
        for match in _SCAN.finditer(self._classes):
            group = match.lastgroup
            start, end = match.span(group or 0)
            if group == "stop":
                if not (match[0] == "." and 0 < len(last) <= 2 and last[0].isupper()):  # "Mt. Hermon", "St. Denys"
                    self._sentence += self._fresh
                    self._fresh = False
                last = ""
                continue
            if self._room <= 0:
                self._flag(Flag.TRUNCATED)
                return
            self._fresh = True
            if group == "tag":
                yield from self._read_tag(start, end)
                last = ""
                continue
            last = self._text[start:end]
            yield self._token(start, end, TokenKind.NUMBER if group == "number" else TokenKind.WORD, in_hashtag=False)

    def _token(self, start: int, end: int, kind: TokenKind, *, in_hashtag: bool) -> Token:
        surface = self._text[start:end]
        if kind is TokenKind.WORD:
            norm = surface.lower() if surface.isalnum() and surface.isascii() else self._fold_word(surface)
        else:
            norm = fold(_THOUSANDS.sub("", surface) if end - start > 3 else surface)
            if "," in norm or "٫" in norm:
                norm = norm.replace("٫", ".").replace("،", ",")
        if len(norm) > self._room:
            norm = norm[: self._room]
            self._flag(Flag.TRUNCATED)
        self._room -= len(norm)
        return Token(norm, start, end, kind, self._sentence, in_hashtag)

    def _fold_word(self, surface: str) -> str:
        if self._mixes and _CYRILLIC.search(surface) and _LATIN_LETTER.search(surface):
            self._flag(Flag.MIXED_SCRIPT)
        return fold(surface).replace(".", "")

    def _read_tag(self, start: int, end: int) -> Iterator[Token]:
        if len(self.hashtags) >= TAG_LIMIT:
            self._flag(Flag.TRUNCATED)
            return
        self.hashtags.append(Tag(fold(self._text[start + 1 : end]), start, end))
        for left, right in cut_tag(self._classes[start + 1 : end], self._text[start + 1 : end]):
            known = self._known(start + 1 + left, start + 1 + right)
            for low, high in known:
                yield self._token(low, high, TokenKind.WORD, in_hashtag=True)

    def _known(self, start: int, end: int) -> list[tuple[int, int]]:
        """Cut a part of a hashtag at the borders of known words; what lies between them is a part as well."""
        if self._split is None or not 6 <= end - start <= 100:
            return [(start, end)]
        pieces = [fold(char) for char in self._text[start:end]]
        spans = self._split("".join(pieces))
        if not spans:
            return [(start, end)]
        at = [start + index for index, piece in enumerate(pieces) for _ in piece] + [end]
        cuts = sorted({start, end, *(at[low] for low, _ in spans), *(at[high] for _, high in spans)})
        return list(pairwise(cuts))

    def _flag(self, flag: Flag) -> None:
        if flag not in self.flags:
            self.flags.append(flag)


def variants(norm: str) -> tuple[str, ...]:
    """Return `norm` and what it may be without Arabic proclitics (و ف, ب ل ك, ال, لل) or Hebrew ones, the fullest first.

    For look-ups: "وبالرقه" is also "بالرقه", "الرقه" and "رقه". At least three letters stay (two after "ال").
    """
    if not norm or norm[0] > "\u06ff" or norm[0] < "\u05d0":
        return (norm,)
    found = [norm]
    if norm[0] <= "\u05ea":
        rest = norm
        while len(rest) > 3 and rest[0] in "ובלמהשכ" and len(found) < 4:
            rest = rest[1:]
            found.append(rest)
        return tuple(found)
    rest = norm
    for heads in ("وف", "بلك"):
        if rest[0] in heads and len(rest) > 3:
            if heads == "بلك" and rest.startswith("لل") and len(rest) > 4:
                found += ["ال" + rest[2:], rest[2:]]
            rest = rest[1:]
            found.append(rest)
    for name in tuple(found):
        if name.startswith("ال") and len(name) > 4 and name[2:] not in found:
            found.append(name[2:])
    return tuple(dict.fromkeys(found))
