"""A watch's rule -> words of an exercise post that it should match: pure. What the words really match is decided by the matcher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.domain.rule_ast import And, Node, Not, Op, Or, Rule, Term, pushed

CLOSING = (
    "End of TEST."  # no word by which a post says of itself that it is a drill: this one is to be read as a report
)
PLACE = "Jisr al-Shughur"
_KINDS = {
    "air_strike": "air strikes",
    "shelling": "artillery shelling",
    "armed_clash": "clashes",
    "chemical_weapon": "chlorine attack",
    "suicide_bomb": "suicide bombing",
    "remote_explosive": "roadside bomb explosion",
    "attack_on_civilians": "attack on civilians",
    "abduction": "abduction",
    "protest": "protest",
    "explosion_unspecified": "explosion",
}


def drill_text(rule: Rule, actors: Mapping[str, str]) -> str:
    """Return the text of an exercise post for a rule: TEST first, one reading of the rule's words, its place and kind.

    `actors` are names by id. Where the rule leaves something open, an air strike near a town in Idlib stands in.
    """
    terms = list(_one_reading(pushed(rule.node))) if rule.node is not None else []
    of: dict[Op, list[str]] = {}
    for term in terms:
        of.setdefault(term.op, []).append(term.value)
    kind = next((_KINDS[value] for value in of.get(Op.KIND, []) if value in _KINDS), _KINDS["air_strike"])
    who = [actors.get(value, value) for value in of.get(Op.ACTOR, [])]
    places = [*of.get(Op.NEAR, []), *of.get(Op.PLACE, [])] or [PLACE]
    words = [*of.get(Op.PHRASE, []), *of.get(Op.WORD, [])]
    tags = [*(f"#{value}" for value in of.get(Op.HASHTAG, [])), *(f"@{value}" for value in of.get(Op.MENTION, []))]
    event = " ".join([*who[:1], kind, "on", places[0]])
    return " ".join(part for part in ("TEST", event + ".", " ".join([*words, *tags]), CLOSING) if part)


def drill_author(rule: Rule) -> str | None:
    """Return the account that the rule wants to hear, None where it does not say."""
    if rule.node is None:
        return None
    return next((term.value for term in _one_reading(pushed(rule.node)) if term.op is Op.FROM), None)


def _one_reading(node: Node) -> Iterator[Term]:
    """Yield the terms that make the tree true in one way: the first alternative of each choice that is not an exclusion."""
    match node:
        case Term():
            yield node
        case Not():
            return
        case And(children):
            for child in children:
                yield from _one_reading(child)
        case Or(children):
            yield from _one_reading(next((child for child in children if not isinstance(child, Not)), children[0]))
