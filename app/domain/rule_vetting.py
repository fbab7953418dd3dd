"""Rules that are well written and still of no use: they match nearly everything, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib import resources
from typing import TypeAlias

from app.domain.rule_ast import And, Node, Not, Op, Or, Rule, Term, holds, leaves, pushed
from app.domain.rules import MAX_TERMS_IN_ALL, parse_rule
from app.domain.text import words
from app.errors import RuleError

_TermHolds: TypeAlias = Callable[[Term], bool]

_STEPS = 20_000  # of the search for a post that could match; a rule that needs more is let through
_EXCLUSIVE = frozenset({Op.LANG, Op.KIND, Op.CLAIM})  # a post has one of each
_IDLE = frozenset({"none"})  # the kind and the claim of most posts


def vet_rule(rule: Rule, *, empty_allowed: bool = False, force: bool = False) -> None:
    """Raise `RuleError` where the rule would match nearly every post, or can match none.

    The empty rule is for the file only (`empty_allowed`); `force` lets a rule of common words pass.
    """
    if rule.node is None:
        if not empty_allowed:
            raise RuleError("the rule needs at least one word, phrase, hashtag or place")
        return
    node = pushed(rule.node)
    wide = _too_wide(node)
    if wide is not None:
        raise RuleError(_why_wide(node, wide), rule=rule.text, position=wide.start)
    common = None if force else _too_common(node)
    if common is not None:
        raise RuleError(
            f"{common} stands in nearly every post; add a word, phrase, hashtag or place",
            rule=rule.text,
            position=common.start,
        )
    clash = _Search().clash(node)
    if clash is not None:
        raise RuleError(
            f"the rule can never match: {clash[0]} and {_signed(clash)} exclude each other",
            rule=rule.text,
            position=clash[1].start,
        )


def refuse_over_quota(rules: Iterable[str]) -> None:
    """Raise `RuleError` where all rules together have more terms than can be matched in good time."""
    terms = sum(1 for rule in map(_read, rules) if rule is not None for _ in rule.terms())
    if terms > MAX_TERMS_IN_ALL:
        raise RuleError(f"all rules together have {terms:,} terms; at most {MAX_TERMS_IN_ALL:,} are matched")


def same_rule(one: str, other: str) -> bool:
    """Return whether two rules are alike save for spaces, brackets that change nothing, and kinds of quotes."""
    read, other_read = _read(one), _read(other)
    return read is not None and other_read is not None and read.key == other_read.key


def _read(text: str) -> Rule | None:
    try:
        return parse_rule(text)
    except RuleError:  # it was told where it was stored, and matches nothing
        return None


@cache
def common_words() -> frozenset[str]:
    """Return the match forms of the words in `data/common_words.txt`."""
    lines = resources.files("app.domain.data").joinpath("common_words.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(norm for line in lines for norm in words(line.partition("#")[0]))


def _why_wide(node: Node, term: Term) -> str:
    if all(isinstance(part, Not) for part in _literals(node)):
        return "the rule has only exclusions and would match nearly every post; name what it should find"
    if term.op in _EXCLUSIVE:
        return f"{term} alone fits too many posts; add a word, phrase, hashtag or place that must be there"
    return f"the rule would match nearly every post, all those to which {term} does not matter; join it with a word that must be there"


def _too_wide(node: Node) -> Term | None:
    """Return the term that lets through a post in which nothing is named at all, of whatever language; None where none does."""
    langs = {term.norms[0] for term in leaves(node) if term.op is Op.LANG} | {""}
    for lang in sorted(langs):

        def idle(term: Term, lang: str = lang) -> bool:
            if term.op is Op.LANG:
                return term.norms[0] == lang
            return term.op in {Op.KIND, Op.CLAIM} and term.norms[0] in _IDLE

        if holds(node, idle):
            return _letting_through(node, idle)
    return None


def _too_common(node: Node) -> Term | None:
    def said(term: Term) -> bool:
        return term.op in {Op.WORD, Op.PHRASE} and all(len(norm) == 1 or norm in common_words() for norm in term.norms)

    return _letting_through(node, said) if holds(node, said) else None


def _letting_through(node: Node, term_holds: _TermHolds) -> Term:
    """Return the first leaf of the part of a true tree that makes it true."""
    if isinstance(node, Or):
        return _letting_through(next(child for child in node.children if holds(child, term_holds)), term_holds)
    return next(leaves(node))


def _literals(node: Node) -> list[Node]:
    if isinstance(node, And | Or):
        return [literal for child in node.children for literal in _literals(child)]
    return [node]


def _signed(clash: tuple[Term, Term, bool]) -> str:
    return str(clash[1]) if clash[2] else f"-{clash[1]}"


class _Search:
    """Looks for one set of terms, present and absent, that makes a rule true: alternatives are tried one after the other."""

    def __init__(self) -> None:
        self._steps = _STEPS
        self._last: tuple[Term, Term, bool] | None = None

    def clash(self, node: Node) -> tuple[Term, Term, bool] | None:
        """Return two terms that cannot both be (the second one's sign last), None where some post can match."""
        return None if self._possible([node], [], []) else self._last

    def _possible(self, pending: list[Node], present: list[Term], absent: list[Term]) -> bool:
        choices: list[Or] = []
        while pending:
            self._steps -= 1
            match pending.pop():
                case And(children):
                    pending.extend(reversed(children))
                case Or() as choice:
                    choices.append(choice)
                case Not(child=Term() as term):
                    if not self._add(term, present, absent, is_present=False):
                        return False
                case Term() as term:
                    if not self._add(term, present, absent, is_present=True):
                        return False
        if not choices or self._steps <= 0:
            return True
        first, *later = choices
        return any(self._possible([*later, child], list(present), list(absent)) for child in first.children)

    def _add(self, term: Term, present: list[Term], absent: list[Term], *, is_present: bool) -> bool:
        if is_present:
            for other in absent:
                if _implies(term, other):
                    self._last = (term, other, False)
                    return False
            for other in present:
                if _exclude(term, other):
                    self._last = (other, term, True)
                    return False
            present.append(term)
            return True
        for other in present:
            if _implies(other, term):
                self._last = (other, term, False)
                return False
        absent.append(term)
        return True


def _implies(term: Term, other: Term) -> bool:
    """Return whether every post with `term` has `other` as well."""
    if term.key == other.key:
        return True
    if term.op in {Op.WORD, Op.PHRASE} and other.op in {Op.WORD, Op.PHRASE}:
        size = len(other.norms)
        return any(term.norms[at : at + size] == other.norms for at in range(len(term.norms) - size + 1))
    if term.op is Op.HASHTAG:
        return other.op is Op.WORD and term.norms == other.norms
    return term.op is other.op is Op.FROM and term.norms[0].partition(":")[2] == other.norms[0]


def _exclude(term: Term, other: Term) -> bool:
    if term.op is not other.op or term.norms == other.norms:
        return False
    if term.op is Op.FROM:
        handles = [one.norms[0].rpartition(":") for one in (term, other)]
        return handles[0][2] != handles[1][2] or (
            "" not in (handles[0][0], handles[1][0]) and handles[0][0] != handles[1][0]
        )
    return term.op in _EXCLUSIVE
