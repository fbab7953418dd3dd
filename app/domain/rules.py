"""The rule language: text in, one tree out, or an error that says what to change and where.

The grammar stands in `data/rules.lark`. Brackets are counted before anything is parsed, so that no input can make the parser deep.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from importlib import resources
from typing import NoReturn, TypeAlias, cast

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from app.closest import closest
from app.domain.lexicon import CLAIMS, KINDS
from app.domain.rule_ast import FIELDS, RESERVED, And, Node, Not, Op, Or, Rule, Term
from app.domain.text import fold, words
from app.errors import RuleError

MAX_BYTES = 4_096
MAX_TERMS = 200
MAX_TERMS_IN_ALL = 50_000  # of all watches together: read in 2 s at a start, 30 us a post at 10,000 short rules
MAX_DEPTH = 20
MIN_RADIUS_KM, MAX_RADIUS_KM, DEFAULT_RADIUS_KM = 0.1, 500.0, 25.0

_CLOSING = {'"': '"', "＂": "＂", "“": "”", "„": "“”", "«": "»"}
_RADIUS = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(km|mi)?", re.IGNORECASE)
_KM_PER_MILE = 1.609
_LANG = re.compile(r"[a-z]{2,3}", re.IGNORECASE)
# What writers of other rule languages reach for, and what to write here.
_OTHER_FIELDS = {
    "author": "from",
    "by": "from",
    "language": "lang",
    "location": "place",
    "in": "place",
    "point_radius": "near",
    "type": "kind",
}


@lru_cache(maxsize=20_000)  # 0.1 ms a rule: when one of 10,000 watches changes, the others are not read again
def parse_rule(text: str) -> Rule:
    """Return the tree of a rule; raise `RuleError` with the position where it cannot be read. Blank text is the empty rule."""
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise RuleError(f"the rule has {size:,} bytes; at most {MAX_BYTES:,} are read")
    if not text.strip():
        return Rule(text, None)
    _check_brackets(text)
    try:
        node = cast(Node, _parser().parse(text))  # the transformer replaces lark's trees by ours
    except VisitError as error:
        if isinstance(error.orig_exc, RuleError):
            raise error.orig_exc from None
        raise
    except RuleError as error:
        raise RuleError(error.detail, rule=text, position=error.position) from None
    except UnexpectedInput as error:
        _refuse_unexpected(text, error)
    return _limited(text, node)


@cache
def _parser() -> Lark:
    grammar = resources.files("app.domain.data").joinpath("rules.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", transformer=_Tree(), maybe_placeholders=False)


_FieldTerm: TypeAlias = Callable[[Token, str, str], Term]


class _Tree(Transformer[Token, Node]):
    """Builds the tree as the parser reduces, so that nothing recurses over what was read."""

    def any_of(self, children: list[Node]) -> Node:
        return children[0] if len(children) == 1 else Or(tuple(children))

    def all_of(self, children: list[Node]) -> Node:
        return children[0] if len(children) == 1 else And(tuple(children))

    def none_of(self, children: list[Node]) -> Node:
        return children[0].child if isinstance(children[0], Not) else Not(children[0])

    def word(self, children: list[Token]) -> Node:
        token = children[0]
        if token in {"OR", "AND"}:
            _refuse(token, f"{token} needs a term on both sides")
        wanted = RESERVED.get(token.casefold())
        if wanted:
            _refuse(token, f'write {wanted} for the operator, or "{token}" in quotes for the word')
        if "*" in token:
            _refuse(token, "there is no wildcard; name each form of the word, joined with OR")
        if len(token) > 2 and token[0] == "/" == token[-1]:
            _refuse(token, "there are no regular expressions; name the words, joined with OR")
        return _text_term(token, token.strip("‘’'"), Op.WORD)

    def phrase(self, children: list[Token]) -> Node:
        token = children[0]
        value, tail = _unquoted(token)
        if tail:
            _refuse(
                token,
                f"{tail} after a phrase is not offered; a phrase means these words in this order",
                len(token) - len(tail),
            )
        return _text_term(token, value, Op.PHRASE)

    def hashtag(self, children: list[Token]) -> Node:
        return _tag(children[0], Op.HASHTAG)

    def mention(self, children: list[Token]) -> Node:
        return _tag(children[0], Op.MENTION)

    def field(self, children: list[Token]) -> Node:
        token = children[0]
        name, _, written = token.partition(":")
        name = name.casefold()
        if name not in set(FIELDS):
            known = _OTHER_FIELDS.get(name) or closest(name, FIELDS)
            meant = f"; did you mean {known}:?" if known else ""
            _refuse(token, f'there is no operator {name}:{meant} (for the words themselves write "{token}")')
        if not written:
            _refuse(token, f"{name}: needs a value right after it", len(token))
        value, tail = _unquoted(written) if written[0] in _CLOSING else _parted(written)
        return _FIELD_TERMS[Op(name)](token, value.strip(), tail)


def _text_term(token: Token, value: str, op: Op) -> Term:
    norms = words(value)
    if not norms:
        _refuse(token, f"{token} has no letter or digit to look for")
    kind = op if len(norms) == 1 or op is Op.PHRASE else Op.PHRASE  # "al-Bab" is two words that stand together
    return Term(Op.WORD if kind is Op.PHRASE and len(norms) == 1 else kind, value.strip(), *_span(token), norms)


def _tag(token: Token, op: Op) -> Term:
    norm = fold(token[1:]).strip(".:;,!?")
    if not any(char.isalnum() for char in norm):
        _refuse(token, f"{token} names nothing")
    return Term(op, token[1:], *_span(token), (norm,))


def _from(token: Token, value: str, tail: str) -> Term:
    handle = value.removeprefix("@").replace(":@", ":")
    if tail or not handle or " " in handle:
        _refuse(token, "write from:handle or from:platform:handle", 5)
    return Term(Op.FROM, handle, *_span(token), (handle.casefold(),))


def _lang(token: Token, value: str, tail: str) -> Term:
    if tail or not _LANG.fullmatch(value):
        _refuse(token, f"{value} is not a language code such as ar, en or uk", 5)
    norm = {"iw": "he", "in": "id"}.get(value.casefold(), value.casefold())
    return Term(Op.LANG, value, *_span(token), (norm,))


def _label(op: Op, labels: tuple[str, ...]) -> _FieldTerm:
    def term(token: Token, value: str, tail: str) -> Term:
        norm = value.casefold().replace(" ", "_").replace("-", "_")
        if tail or norm not in labels:
            near = closest(norm, labels)
            meant = f"; did you mean {near}? All" if near else "; these"
            _refuse(
                token,
                f"{value or 'nothing'} is no {op} that posts are tagged with{meant} are: {', '.join(labels)}",
                len(op) + 1,
            )
        return Term(op, norm, *_span(token), (norm,))

    return term


def _actor(token: Token, value: str, tail: str) -> Term:
    if tail or not value:
        _refuse(token, 'write actor:RuAF or actor:"Islamic State"', 6)
    return Term(Op.ACTOR, value, *_span(token), (value.casefold(),))


def _place(token: Token, value: str, tail: str) -> Term:
    if tail:
        _refuse(token, f'a distance goes with near:, as in near:"{value}"~25km', len(token) - len(tail))
    if not words(value):
        _refuse(token, "place: names no place", 6)
    return Term(Op.PLACE, value, *_span(token), words(value))


def _near(token: Token, value: str, tail: str) -> Term:
    if not words(value):
        _refuse(token, "near: names no place", 5)
    read = _RADIUS.fullmatch(tail[1:])
    if tail and not read:
        _refuse(
            token,
            f'write the distance as near:"{value}"~25km, {MIN_RADIUS_KM:g} to {MAX_RADIUS_KM:g} km',
            len(token) - len(tail),
        )
    radius = DEFAULT_RADIUS_KM
    if read:
        radius = float(read[1]) * (_KM_PER_MILE if (read[2] or "").casefold() == "mi" else 1.0)
    if not MIN_RADIUS_KM <= radius <= MAX_RADIUS_KM:
        _refuse(
            token,
            f"a distance of {radius:g} km is out of range {MIN_RADIUS_KM:g} to {MAX_RADIUS_KM:g}",
            len(token) - len(tail),
        )
    return Term(Op.NEAR, value.strip(), *_span(token), words(value), radius)


_FIELD_TERMS: dict[Op, _FieldTerm] = {
    Op.FROM: _from,
    Op.LANG: _lang,
    Op.KIND: _label(Op.KIND, (*KINDS, "none")),
    Op.CLAIM: _label(Op.CLAIM, CLAIMS),
    Op.ACTOR: _actor,
    Op.NEAR: _near,
    Op.PLACE: _place,
}


def _span(token: Token) -> tuple[int, int]:
    start = token.start_pos or 0
    return start, start + len(token)


def _unquoted(written: str) -> tuple[str, str]:
    """Return what stands between the quotes, and what follows them."""
    end = max(written.rfind(mark) for mark in _CLOSING[written[0]])
    return written[1:end], written[end + 1 :]


def _parted(written: str) -> tuple[str, str]:
    value, mark, tail = written.partition("~")
    return value, mark + tail


def _refuse(token: Token, detail: str, offset: int = 0) -> NoReturn:
    raise RuleError(detail, position=(token.start_pos or 0) + offset)


def _check_brackets(text: str) -> None:
    """Refuse a bracket or quote without its partner, and brackets too deep, each with its position."""
    opened: list[int] = []
    quote, quoted_at = "", 0
    for at, char in enumerate(text):
        if quote:
            quote = "" if char in quote else quote
        elif char in _CLOSING and not _inside_hebrew(text, at):
            quote, quoted_at = _CLOSING[char], at
        elif char in "”»":
            raise RuleError(f"this {char} closes no quote", rule=text, position=at)
        elif char == "(":
            opened.append(at)
            if len(opened) > MAX_DEPTH:
                raise RuleError(f"brackets stand more than {MAX_DEPTH} deep", rule=text, position=at)
        elif char == ")":
            if not opened:
                raise RuleError("this bracket closes nothing", rule=text, position=at)
            opened.pop()
    if quote:
        raise RuleError("this quote is not closed", rule=text, position=quoted_at)
    if opened:
        raise RuleError("this bracket is not closed", rule=text, position=opened[-1])


def _inside_hebrew(text: str, at: int) -> bool:
    return text[at] == '"' and 0 < at < len(text) - 1 and all("א" <= text[at + side] <= "ת" for side in (-1, 1))


def _refuse_unexpected(text: str, error: UnexpectedInput) -> NoReturn:
    found = cast("int | None", error.pos_in_stream)  # lark's own hint leaves the number out
    position = len(text) if found is None or found < 0 else found
    kind = error.token.type if isinstance(error, UnexpectedToken) else ""
    rest = text[position : position + 1]
    if kind == "_OR":
        detail = "OR needs a term on both sides"
    elif kind == "_AND":
        detail = "AND needs a term on both sides; a space means the same"
    elif kind == "$END" or not rest:
        position, detail = len(text.rstrip()), "a term is missing at the end"
    elif kind == "RPAR" or rest == ")":
        detail = "a term is missing before this bracket"
    elif kind == "_MINUS":
        detail = "one - is enough"
    elif rest in "-−–—":
        detail = "- must touch the term that it excludes"
    elif rest in "#＃@＠":
        detail = f"{rest} needs a name right after it"
    else:
        detail = f"{rest!r} cannot stand here"
    raise RuleError(detail, rule=text, position=position)


def _limited(text: str, node: Node) -> Rule:
    rule = Rule(text, node)
    terms = list(rule.terms())
    if len(terms) > MAX_TERMS:
        raise RuleError(
            f"the rule has {len(terms)} terms; at most {MAX_TERMS} are read", rule=text, position=terms[MAX_TERMS].start
        )
    return rule
