"""Why a rule holds for a post, and why it does not: the tree of the rule with what was found at each part."""

from __future__ import annotations

import msgspec

from app.domain.rule_ast import And, Node, Not, Op, Or, Term, written
from app.domain.rule_match import CompiledRule, PlaceTest, PostWords, Reason, empty_reason, expected


class Explanation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part of a rule against one post. `operator` is "and", "or", "not", "empty" or a term's; `says` is a plain sentence.

    `reason` is set at terms that were found, also where finding them speaks against the post.
    """

    matched: bool
    operator: str
    part: str
    says: str
    reason: Reason | None = None
    parts: tuple[Explanation, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        """Return what decided: of a match what was found, else only what is missing or in the way."""
        if not self.parts or self.operator == "not" or (self.operator == "or" and not self.matched):
            return (self.says,)
        deciding = [part for part in self.parts if part.matched == self.matched]
        return tuple(dict.fromkeys(sentence for part in deciding for sentence in part.sentences()))


def explain(rule: CompiledRule, words: PostWords) -> Explanation:
    """Return the rule's tree with what was found in the post at each of its parts."""
    if rule.rule.node is None:
        if words.tags.claim == "report":
            return Explanation(True, "empty", "", empty_reason().says)
        return Explanation(False, "empty", "", f"it is no report; its claim is {words.tags.claim}")
    return _explain(rule.rule.node, rule, words)


def _explain(node: Node, rule: CompiledRule, words: PostWords) -> Explanation:
    match node:
        case Term():
            reason = rule.find(node, words)
            if reason is not None:
                return Explanation(True, node.op, str(node), reason.says, reason)
            return Explanation(False, node.op, str(node), _missing(node, rule, words))
        case Not(child):
            inner = _explain(child, rule, words)
            says = f"{inner.says}, which the rule excludes" if inner.matched else f"it is not so that {expected(child)}"
            return Explanation(not inner.matched, "not", written(node), says, parts=(inner,))
        case And(children):
            parts = tuple(_explain(child, rule, words) for child in children)
            met = sum(part.matched for part in parts)
            return Explanation(
                met == len(parts), "and", written(node), f"{met} of {len(parts)} parts hold", parts=parts
            )
        case Or(children):
            parts = tuple(_explain(child, rule, words) for child in children)
            held = [part.says for part in parts if part.matched]
            says = held[0] if held else "none of these holds: " + "; ".join(part.part for part in parts)
            return Explanation(bool(held), "or", written(node), says, parts=parts)


def _missing(term: Term, rule: CompiledRule, words: PostWords) -> str:
    """Return why the term does not hold, with what the post has in its place."""
    tags = words.tags
    match term.op:
        case Op.WORD | Op.PHRASE | Op.HASHTAG | Op.MENTION:
            return f"it does not say “{term.value}”" if term.op in {Op.WORD, Op.PHRASE} else f"it does not carry {term}"
        case Op.FROM:
            return f"it is from {words.post.author}, not from {term.value}"
        case Op.LANG:
            return f"its language is {words.langs()[0]}, not {term.value}"
        case Op.KIND:
            return f"its kind is {tags.kind}, not {term.value}"
        case Op.CLAIM:
            return f"its claim is {tags.claim}, not {term.value}"
        case Op.ACTOR:
            named = ", ".join(tags.actors) or "nobody"
            return f"it names {named} as actor, not {term.value}"
        case _:
            return _elsewhere(rule.places[term], words)


def _elsewhere(test: PlaceTest, words: PostWords) -> str:
    places = list(words.where())
    if not places:
        return f"it does not say where it happened, so it is not taken to be {_asked(test)}"
    nearest = min(places, key=test.away)
    away = test.away(nearest)
    if test.term.op is Op.NEAR and away <= test.term.radius_km:
        return f"it happened in {nearest.name}, an area of {nearest.radius_km:.0f} km around: too wide to be {_asked(test)}"
    return f"it happened at {nearest.name}, {away:.0f} km from {test.place.name}, not {_asked(test)}"


def _asked(test: PlaceTest) -> str:
    if test.term.op is Op.NEAR:
        return f"within {test.term.radius_km:g} km of {test.place.name}"
    return f"in {test.place.name}"
