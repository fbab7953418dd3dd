"""What a rule means, as one tree: the live matcher, explain, vetting and the upstream rules of X all walk this one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Op(StrEnum):
    """What a term looks at."""

    WORD = "word"
    PHRASE = "phrase"
    HASHTAG = "hashtag"
    MENTION = "mention"
    FROM = "from"
    LANG = "lang"
    KIND = "kind"
    CLAIM = "claim"
    ACTOR = "actor"
    NEAR = "near"
    PLACE = "place"


FIELDS = (Op.FROM, Op.LANG, Op.KIND, Op.CLAIM, Op.ACTOR, Op.NEAR, Op.PLACE)
"""The operators that are written `name:value`."""

RESERVED = {"or": "OR", "and": "AND", "not": "-", "أو": "OR", "или": "OR", "або": "OR"}
"""Words that look like an operator, and the operator that is meant: as words they stand in quotes."""

_BARE = re.compile(r"\w[\w.'’]*")
_BARE_VALUE = re.compile(r"[\w.:@-]+")


@dataclass(frozen=True, slots=True)
class Term:
    """A leaf. `value` is as written without its sign, `norms` its words in match form, `start`/`end` code points of the rule."""

    op: Op
    value: str
    start: int
    end: int
    norms: tuple[str, ...] = ()
    radius_km: float = 0.0

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two terms the same one, wherever they stand."""
        return (self.op, *(self.norms or (self.value,)), f"{self.radius_km:g}")

    def __str__(self) -> str:
        match self.op:
            case Op.WORD:
                return (
                    self.value
                    if _BARE.fullmatch(self.value) and self.value.casefold() not in RESERVED
                    else _quoted(self.value)
                )
            case Op.PHRASE:
                return _quoted(self.value)
            case Op.HASHTAG:
                return f"#{self.value}"
            case Op.MENTION:
                return f"@{self.value}"
            case Op.NEAR:
                return f"near:{_quoted(self.value)}~{self.radius_km:g}km"
            case Op.PLACE:
                return f"place:{_quoted(self.value)}"
            case _:
                return f"{self.op}:{self.value if _BARE_VALUE.fullmatch(self.value) else _quoted(self.value)}"


def _quoted(value: str) -> str:
    return f'"{value.replace(chr(34), " ")}"'


@dataclass(frozen=True, slots=True)
class Not:
    child: Node


@dataclass(frozen=True, slots=True)
class And:
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    children: tuple[Node, ...]


Node: TypeAlias = Term | Not | And | Or


@dataclass(frozen=True, slots=True)
class Rule:
    """A parsed rule. `node` None is the empty rule: everything that may open an incident."""

    text: str
    node: Node | None

    def terms(self) -> Iterator[Term]:
        """Yield the leaves in the order in which they are written."""
        return leaves(self.node) if self.node is not None else iter(())

    @property
    def key(self) -> str:
        """The same for two rules that are written alike save for spaces, brackets that change nothing, and kinds of quotes."""
        return "" if self.node is None else written(self.node)


def leaves(node: Node) -> Iterator[Term]:
    match node:
        case Term():
            yield node
        case Not(child):
            yield from leaves(child)
        case And(children) | Or(children):
            for child in children:
                yield from leaves(child)


def written(node: Node, *, inside: bool = False) -> str:
    """Return the tree as a rule again."""
    match node:
        case Term():
            return str(node)
        case Not(child):
            return f"-{written(child, inside=True)}"
        case And(children):
            text = " ".join(written(child, inside=True) for child in children)
        case Or(children):
            text = " OR ".join(written(child, inside=True) for child in children)
    return f"({text})" if inside else text


def pushed(node: Node, *, negated: bool = False) -> Node:
    """Return the same tree with every Not moved down to a term."""
    match node:
        case Term():
            return Not(node) if negated else node
        case Not(child):
            return pushed(child, negated=not negated)
        case And(children):
            moved = tuple(pushed(child, negated=negated) for child in children)
            return Or(moved) if negated else And(moved)
        case Or(children):
            moved = tuple(pushed(child, negated=negated) for child in children)
            return And(moved) if negated else Or(moved)


def holds(node: Node, term_holds: Callable[[Term], bool]) -> bool:
    """Return whether the tree is true where `term_holds` says which terms are."""
    match node:
        case Term():
            return term_holds(node)
        case Not(child):
            return not holds(child, term_holds)
        case And(children):
            return all(holds(child, term_holds) for child in children)
        case Or(children):
            return any(holds(child, term_holds) for child in children)
