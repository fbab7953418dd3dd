"""The rules that we register with X's filtered stream, made from the tree of our own rule.

An upstream rule is a pre-filter: it may let through more than our rule, never less, save for spellings that nobody can list. What X
cannot say (kinds, claims, actors, places) is left out; so are exclusions of words, for X reads words where we do not (in a quoted
post) and would keep back posts that our rule takes. X compares letter by letter, accents and hamza included, so a word goes up in
the spellings that writers use. A rule that is too long is cut at its alternatives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import NamedTuple, TypeAlias

from app.domain.rule_ast import And, Node, Not, Op, Or, Rule, Term, pushed

MAX_LENGTH = 1_024
_SPELLINGS = 8  # of one word; more would crowd out other words
_PHRASE_SPELLINGS = 6
# The letters that fold together in a match form, and how writers write them.
_ALEF, _YEH, _TEH = "اأإ", "يى", "ةه"
_PROCLITICS = ("و", "ب", "ل")
_X_LANG = {"he": "iw", "id": "in"}  # X keeps the codes that the standard gave up


class _All(NamedTuple):
    parts: tuple[_Part, ...]


class _Any(NamedTuple):
    parts: tuple[_Part, ...]


_Part: TypeAlias = str | _All | _Any
"""A rule in X's words: an operator as it is written, or several joined."""


def to_x_rule(rule: Rule, *, max_length: int = MAX_LENGTH) -> list[str]:
    """Return rules in X's syntax, each at most `max_length` long, that together let through all that ours takes.

    Empty where X can say nothing of it (`kind:air_strike`, the empty rule): such a watch is fed by accounts alone.
    """
    upstream = None if rule.node is None else _said(pushed(rule.node))
    if upstream is None or not _stands_alone(upstream):
        return []
    return list(dict.fromkeys(_written(part) for part in _cut(upstream, max_length) or ()))


def _said(node: Node) -> _Part | None:
    """Return the part of the tree that X can say, None where that is everything and nothing."""
    match node:
        case Term():
            return _joined(_Any, _spelled(node))
        case Not(child=Term(op=Op.FROM | Op.LANG) as term):
            spelled = _spelled(term)
            return f"-{spelled[0]}" if spelled else None
        case And(children):
            return _joined(_All, [part for part in map(_said, children) if part is not None])
        case Or(children):
            parts = [_said(child) for child in children]
            known = [part for part in parts if part is not None]
            return _joined(_Any, known) if len(known) == len(parts) else None
        case _:
            return None


def _joined(kind: type[_All | _Any], parts: Sequence[_Part]) -> _Part | None:
    """Join parts, those of the same kind flattened into one."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))]
    return None if not flat else flat[0] if len(flat) == 1 else kind(tuple(dict.fromkeys(flat)))


def _stands_alone(part: _Part) -> bool:
    """Return whether X takes the rule: one part that is neither an exclusion nor a language must be in every alternative."""
    match part:
        case _All(parts):
            return any(map(_stands_alone, parts))
        case _Any(parts):
            return all(map(_stands_alone, parts))
        case _:
            return not part.startswith(("-", "lang:"))


def _cut(part: _Part, longest: int) -> list[_Part] | None:
    """Cut a rule that is too long at its widest alternatives; a conjunction that has none loses its longest parts instead.

    None where neither helps: then the rule cannot go up, for a part of it alone would keep posts back.
    """
    if len(_written(part)) <= longest:
        return [part]
    if isinstance(part, _Any):
        cut = [_cut(one, longest) for one in part.parts]
        return _packed([piece for pieces in cut for piece in pieces or ()], longest) if all(cut) else None
    if isinstance(part, str):
        return None
    widest = max((one for one in part.parts if isinstance(one, _Any)), key=lambda one: len(_written(one)), default=None)
    if widest is None:
        dropped = max(part.parts, key=lambda one: len(_written(one)))
        rest = _joined(_All, [one for one in part.parts if one is not dropped])
        return _cut(rest, longest) if rest is not None and _stands_alone(rest) else None
    half = (len(widest.parts) + 1) // 2
    found: list[_Part] = []
    for alternatives in (widest.parts[:half], widest.parts[half:]):
        narrower = _joined(_All, [_joined(_Any, alternatives) or "" if one is widest else one for one in part.parts])
        pieces = _cut(narrower, longest) if narrower is not None else None
        if pieces is None:
            return None
        found += pieces
    return found


def _packed(parts: Iterable[_Part], longest: int) -> list[_Part]:
    """Join alternatives into as few rules as hold them."""
    packed: list[list[_Part]] = [[]]
    for part in parts:
        if packed[-1] and len(" OR ".join(map(_written, (*packed[-1], part)))) > longest:
            packed.append([])
        packed[-1].append(part)
    return [part for part in (_joined(_Any, group) for group in packed) if part is not None]


def _written(part: _Part, *, inside: bool = False) -> str:
    match part:
        case _All(parts):
            return " ".join(_written(one, inside=True) for one in parts)
        case _Any(parts):
            # AND binds tighter than OR there as well: alternatives need no brackets of their own.
            text = " OR ".join(_written(one) for one in parts)
            return f"({text})" if inside else text
        case _:
            return part


def _spelled(term: Term) -> list[str]:
    """Return how the term is written for X, none where X has no word for it."""
    match term.op:
        case Op.HASHTAG:
            return [f"#{form}" for form in dict.fromkeys((term.value, *_spellings(term.norms[0], _SPELLINGS)))]
        case Op.MENTION:
            return [f"@{term.value}"]
        case Op.FROM:
            platform, _, handle = term.norms[0].rpartition(":")
            return [f"from:{handle}"] if platform in {"", "x"} else []
        case Op.LANG:
            # A post that X cannot place is "und" to it, and may well be of the language when we read it.
            return [f"lang:{_X_LANG.get(term.norms[0], term.norms[0])}", "lang:und"]
        case Op.WORD:
            forms = dict.fromkeys((term.value, *_with_proclitics(term.norms[0])))
            return [form if form.isalnum() else f'"{form}"' for form in list(forms)[: _SPELLINGS * 2]]
        case Op.PHRASE:
            choices = product(*(_spellings(norm, 2) for norm in term.norms))
            forms = dict.fromkeys(
                (term.value, *(" ".join(choice) for choice, _ in zip(choices, range(_PHRASE_SPELLINGS), strict=False)))
            )
            return [f'"{form}"' for form in forms]
        case _:
            return []


def _with_proclitics(norm: str) -> list[str]:
    """Return spellings of a word; an Arabic one also with the particles and the article that are written onto it."""
    forms = list(_spellings(norm, _SPELLINGS))
    if not _arabic(norm):
        return forms
    bare = forms[0]
    if bare.startswith("ال"):
        return [*forms, f"و{bare}", f"ب{bare}", f"لل{bare[2:]}"]
    return [*forms, *(f"{particle}{bare}" for particle in _PROCLITICS), f"ال{bare}", f"وال{bare}", f"بال{bare}"]


def _spellings(norm: str, most: int) -> list[str]:
    """Return how an Arabic word is written with and without hamza and dots; any other word as it is in its match form."""
    if not _arabic(norm):
        return [norm]
    article, stem = ("ال", norm[2:]) if norm.startswith("ال") and len(norm) > 4 else ("", norm)
    starts = [f"{article}{alef}{stem[1:]}" for alef in _ALEF] if stem[0] == "ا" else [norm]
    ends = _TEH if norm[-1] == "ه" else _YEH if norm[-1] == "ي" else norm[-1]
    forms = [f"{start[:-1]}{end}" if len(norm) > 1 else start for end in ends for start in starts]
    return list(dict.fromkeys(forms))[:most]


def _arabic(norm: str) -> bool:
    return "\u0600" <= norm[0] <= "\u06ff"
