"""The forms under which a place's name is found, and the 64-bit hash under which a form is stored.

A name has a plain key (its norms joined by spaces), the same without articles, a joined key for glued hashtags, and a skeleton:
the consonants that survive when Arabic, Ukrainian and their Latin transliterations are laid over each other ("Jisr al-Choghour",
"JisrShoghur" and "جسر الشغور" are all "jsrSgr").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from zlib import crc32

# Articles as transliterators write them before sun letters too; "ال" stands apart only in careless writing.
ARTICLES = frozenset({"al", "el", "ul", "ar", "er", "as", "es", "ash", "esh", "ech", "ach", "ad", "ed", "adh", "edh", "az", "ez", "at", "et", "ath", "an", "en", "ال"})  # fmt: skip
SKELETON_MIN = 3  # consonants; two fit half the map
_TWO_LETTERS = (("sch", "S"), ("sh", "S"), ("ch", "S"), ("kh", "x"), ("gh", "g"), ("dj", "j"), ("th", "t"), ("dh", "d"), ("ph", "f"), ("zh", "j"), ("ck", "k"))  # fmt: skip
_LETTER = {
    "b": "b", "p": "b", "t": "t", "d": "d", "j": "j", "g": "g", "k": "k", "q": "k", "c": "k", "x": "x", "S": "S", "s": "s", "z": "z",
    "r": "r", "l": "l", "m": "m", "n": "n", "f": "f", "v": "f",
    "ب": "b", "پ": "b", "ت": "t", "ط": "t", "ث": "t", "د": "d", "ض": "d", "ذ": "d", "ج": "j", "چ": "S", "غ": "g", "گ": "g", "ق": "k", "ك": "k",
    "خ": "x", "ش": "S", "س": "s", "ص": "s", "ز": "z", "ظ": "z", "ر": "r", "ل": "l", "م": "m", "ن": "n", "ف": "f", "ڤ": "f",
    "б": "b", "п": "b", "т": "t", "д": "d", "ж": "j", "г": "g", "к": "k", "х": "x", "ш": "S", "щ": "S", "ч": "S", "с": "s", "ц": "s", "з": "z",
    "р": "r", "л": "l", "м": "m", "н": "n", "ф": "f", "в": "f",
}  # fmt: skip
_MASK = (1 << 64) - 1


def key_hash(kind: str, key: str) -> int:
    """Return the 64-bit hash of a key in its namespace `kind` (one ASCII letter). The same on every machine and Python.

    CRC-32 fills the upper bits evenly, which the directory needs; the residue modulo 2^61 - 1 tells apart what CRC does not.
    """
    data = f"{kind}{key}".encode()
    return ((crc32(data) << 32) ^ (int.from_bytes(data, "little") % 2305843009213693951)) & _MASK


def without_articles(norms: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a name without its articles ("jisr al shughur" -> "jisr shughur"), never nothing."""
    kept = []
    for norm in norms:
        if norm in ARTICLES:
            continue
        kept.append(norm[2:] if len(norm) > 4 and norm.startswith("ال") else norm)
    return tuple(kept) or tuple(norms)


def skeleton(norms: Iterable[str]) -> str:
    """Return the consonants of a name, articles left out, words joined; "" where the name has another script."""
    kept = without_articles(tuple(norms))
    out = [_consonants(norm[:-1] if _ends_in_bound_t(norm) else norm) for norm in kept[:-1]]
    return "".join((*out, _consonants(kept[-1]) if kept[-1] else "")) if kept else ""


_ENDINGS = ("ією", "иею", "иеи", "іеи", "ами", "ями", "ого", "ому", "ими", "ыми", "ах", "ях", "ом", "ем", "єм", "ою", "ею", "ои", "еи", "іи", "ыи", "ии", "іі", "ия", "ія", "ию", "ію", "ім", "их", "ых", "ую", "ая", "оі", "ое", "а", "я", "о", "е", "є", "у", "ю", "и", "ы", "і", "ь")  # fmt: skip  # folded: й is и, ї is і
_LAST_SYLLABLE = ((re.compile("[іеєо]в$"), "ов"), (re.compile("[іоуе]г$|[оі]з$"), "ог"), (re.compile("ц$"), "к"))


def stem(norm: str) -> str:
    """Return what a Cyrillic name keeps in all its cases: "харків", "харкові" and "харьков" give "харков"; others as they are.

    The longest case ending comes off where three letters stay; then the vowels and consonants that change before it are levelled.
    """
    if not norm or not "\u0400" <= norm[0] <= "\u04ff":
        return norm
    bare = norm.replace("ь", "")
    for ending in _ENDINGS:
        if bare.endswith(ending) and len(bare) - len(ending) >= 3:
            bare = bare[: -len(ending)]
            break
    for pattern, level in _LAST_SYLLABLE:
        bare = pattern.sub(level, bare)
    return bare


def _ends_in_bound_t(norm: str) -> bool:
    """Whether a word that is not the last ends in the t of a bound form: "Maarrat" for معرة."""
    return len(norm) > 3 and norm.endswith(("at", "et", "ات"))


def _consonants(word: str) -> str:
    if word[0] < "\x80":
        for pair, one in _TWO_LETTERS:
            if pair in word:
                word = word.replace(pair, one)
    out = []
    last = ""
    for char in word:
        letter = _LETTER.get(char, "")
        if letter and letter != last:
            out.append(letter)
        if letter or char in "aeiouyاوي":  # a vowel between two equal consonants keeps both
            last = letter
    return "".join(out)
