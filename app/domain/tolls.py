"""A reading -> how many were killed and wounded as the post itself says it, or None where it says nothing countable."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.numbers import Number, find_numbers
from app.domain.phrases import Hit
from app.domain.reading import Reading
from app.domain.text import TokenKind

Toll = tuple[int, int] | None
_PROCLITICS = frozenset("بجفو")
_BACK = 6  # words between a number and "killed" after it
_AHEAD = 5  # words between "killing" and its number


def find_tolls(reading: Reading) -> tuple[Toll, Toll]:
    """Return (killed, wounded). Joint figures, "dozens" and "casualties" give None; "no casualties" gives (0, 0) for both."""
    if (
        not reading.family("killed")
        and not reading.family("wounded")
        and not reading.family("no_casualties")
        and not reading.family("joint")
    ):
        return None, None
    return _Count(reading).both()


class _Count:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        numbers = [number for number in find_numbers(reading) if not self._is_year(number)]
        self._ends = {number.last: number for number in numbers}
        self._starts = {number.first: number for number in numbers}
        self._people = self._tokens("people")
        self._said = self._tokens("killed") | self._tokens("wounded")
        self._subset = {hit.last for hit in reading.family("including")}
        self._vague = self._tokens("vague")
        self._joint = {
            index for hit in reading.family("joint") for index in range(hit.first, hit.last + 1) if hit.last > hit.first
        }
        self._used: set[int] = set()

    def both(self) -> tuple[Toll, Toll]:
        killed, wounded = self._first("killed"), self._first("wounded")
        if killed is None and wounded is None and self._reading.family("no_casualties"):
            return (0, 0), (0, 0)
        if killed is None and self._reading.family("no_deaths"):
            killed = (0, 0)
        if wounded is None and self._reading.family("no_injuries"):
            wounded = (0, 0)
        return self._without_bomber(killed), wounded

    def _tokens(self, name: str) -> set[int]:
        return {index for hit in self._reading.family(name) for index in range(hit.first, hit.last + 1)}

    def _is_year(self, number: Number) -> bool:
        return number.low == number.high and 1900 <= number.low <= 2100 and number.first == number.last

    def _first(self, name: str) -> Toll:
        """Return the first figure of the class; a number that one word took is not another's."""
        risen = self._risen(name)
        if risen is not None:
            return risen
        for hit in self._reading.family(name):
            if hit.first in self._joint or self._within_none(hit):
                continue
            toll = self._of(hit, name)
            if toll is not None:
                return toll
        return None

    def _risen(self, name: str) -> Toll:
        """“Toll rises to 16 as two more die”: what it rose to, of the dead unless it is said to be of the wounded."""
        tokens = self._reading.tokens
        for word in self._reading.family("rise"):
            before = [
                hit
                for kind in ("killed", "wounded")
                for hit in self._reading.family(kind)
                if 0 < word.first - hit.last <= 8
            ]
            of = "wounded" if before and max(before).means == "word:wounded" else "killed"
            for at in range(word.last + 1, min(len(tokens), word.last + 12)):
                first = at if at == word.last + 1 and at in self._starts else at + 1
                number = self._starts.get(first)
                if tokens[at].sentence != tokens[word.last].sentence:
                    break
                if (
                    of == name
                    and (first == at or self._reading.is_in(at, "up_to"))
                    and number is not None
                    and self._usable(number, word)
                ):
                    self._used.update(range(number.first, number.last + 1))
                    return number.low, number.high
        return None

    def _within_none(self, hit: Hit) -> bool:
        return any(
            no.first <= hit.first <= no.last
            for name in ("no_deaths", "no_injuries", "no_casualties")
            for no in self._reading.family(name)
        )

    def _of(self, hit: Hit, name: str) -> Toll:
        takes_after = self._reading.is_in(hit.first, "takes_after")
        for reader in (self._ahead, self._behind) if takes_after else (self._adjacent, self._behind):
            if (number := reader(hit)) is not None:
                return self._take(number)
        by_word = self._by_word(hit, name, takes_after=takes_after)
        passive = self._reading.is_in(hit.first - 1, "passive")
        if by_word is None and not takes_after and not passive and (number := self._ahead(hit)) is not None:
            return self._take(number)
        return by_word

    def _take(self, number: Number) -> Toll:
        self._used.update(range(number.first, number.last + 1))
        return number.low, number.high

    def _adjacent(self, hit: Hit) -> Number | None:
        """“3 killed”, "3 people dead"."""
        at = hit.first - 1
        while at >= 0 and at >= hit.first - 3 and at in self._people and at not in self._ends:
            at -= 1
        if (
            at not in self._ends
            and at == hit.first - 1
            and not self._reading.is_in(at, "unit")
            and not self._reading.is_in(at, "barrier")
        ):
            at -= 1  # "two migrants dead": a word for people that no list has
        number = self._ends.get(at)
        return number if number is not None and self._usable(number, hit) and not self._counts_things(number) else None

    def _behind(self, hit: Hit) -> Number | None:
        """“5 civilians, including 2 children, were killed”: back over people and small words to the number that is no subset."""
        at = hit.first - 1
        steps = 0
        found: Number | None = None
        while at >= 0 and steps <= _BACK + 6:
            if self._reading.tokens[at].sentence != self._reading.tokens[hit.first].sentence or (
                at in self._said and at not in self._people
            ):
                break
            number = self._ends.get(at)
            if number is not None and self._usable(number, hit):
                if not self._is_subset(number.first):
                    return number if found is None else found
                at = number.first - 1
            elif at not in self._people and not self._reading.is_in(at, "link") and at not in self._subset:
                break
            else:
                at -= 1
            steps += 1
        return found

    def _ahead(self, hit: Hit) -> Number | None:
        """“killing at least five civilians”, "death toll rises to 12", "مقتل 3 مدنيين"."""
        tokens = self._reading.tokens
        for at in range(hit.last + 1, min(len(tokens), hit.last + 2 + _AHEAD)):
            if tokens[at].sentence != tokens[hit.last].sentence or at in self._subset:
                return None
            if at in self._vague or (at in self._said and at not in self._people):
                return None
            if self._reading.is_in(at, "and") and at - 1 in self._people and tokens[at].norm != "the":
                return None  # "kills a mother and her two sons": nobody has added them up
            number = self._starts.get(at)
            if number is not None:
                return number if self._usable(number, hit) and not self._counts_things(number) else None
        return None

    def _counts_things(self, number: Number) -> bool:
        """Is it "3 airstrikes" or "22 days" rather than people?"""
        ahead = number.last + 1
        if (
            ahead >= len(self._reading.tokens)
            or self._reading.tokens[ahead].sentence != self._reading.tokens[number.last].sentence
        ):
            return False
        glued = (
            self._reading.tokens[ahead].norm[0] in _PROCLITICS
        )  # "اثنين بانفجار": two by an explosion, not two explosions
        if not glued and any(
            hit.first == ahead
            for name in ("kind", "weapon", "act", "day", "week", "month")
            for hit in self._reading.family(name)
            if hit.first not in self._said
        ):
            return True
        return self._reading.is_in(ahead, "unit")

    def _usable(self, number: Number, hit: Hit) -> bool:
        if number.first in self._used or number.low == 0:
            return False
        before = self._reading.text.text[: self._reading.tokens[number.first].start].rstrip()
        after = self._reading.text.text[
            self._reading.tokens[number.last].end : self._reading.tokens[number.last].end + 1
        ]
        if (
            after in {"%", ":"}
            and self._reading.tokens[number.last].kind is TokenKind.NUMBER
            and hit.first != number.last + 1
        ):
            return False
        return not before.endswith(("$", "€", "#"))

    def _is_subset(self, first: int) -> bool:
        number = self._starts[first]
        after = {hit.first for hit in self._reading.family("including") if self._reading.is_in(hit.first, "part_of")}
        return any(first - 3 <= index < first for index in self._subset) or bool(
            after & {number.last + 1, number.last + 2}
        )

    def _by_word(self, hit: Hit, name: str, *, takes_after: bool) -> Toll:
        """A word that is a count itself: "قتيلان", "a child was killed", "استشهاد طفلين"."""
        for word, value in _OWN_COUNT[name]:
            if any(other.first == hit.first for other in self._reading.family(word)):
                return None if self._vague & {hit.first - 1, hit.first - 2} else (value, value)
        if any(self._is_alone(other, hit) for other in self._reading.family("single")):
            return 1, 1
        for word, value in (("two_persons", 2), ("one_person", 1)):
            for other in self._reading.family(word):
                if self._beside(other, hit) and (other.first > hit.last or not takes_after):
                    return value, value
        return None

    def _is_alone(self, person: Hit, hit: Hit) -> bool:
        """“Guard killed”, “kills a rebel commander”: one person beside the word, and no number or "and" between or before."""
        tokens = self._reading.tokens
        if tokens[person.first].sentence != tokens[hit.first].sentence:
            return False
        first, last = (person.last, hit.first) if person.last < hit.first else (hit.last, person.first)
        between = range(first + 1, last)
        if len(between) > 2 or any(index in self._starts or self._reading.is_in(index, "barrier") for index in between):
            return False
        if any(
            self._reading.pause(index, index + 1) or self._reading.is_in(index, "and") for index in range(first, last)
        ):
            return False
        before = person.first - 1
        return (
            before not in self._ends
            and before not in self._vague
            and not any(
                self._reading.is_in(index, "and") and self._reading.tokens[index].norm != "the"
                for index in (before, before - 1)
            )
        )

    def _beside(self, person: Hit, hit: Hit) -> bool:
        tokens = self._reading.tokens
        if tokens[person.first].sentence != tokens[hit.first].sentence or person.first in self._used:
            return False
        if hit.last < person.first:
            near = person.first - hit.last <= 2
        else:
            linked = all(self._reading.is_in(index, "link") for index in range(person.last + 1, hit.first))
            near = 0 < hit.first - person.last <= 3 and linked
        ahead = set(range(person.last + 1, hit.first))
        if ahead & (self._people - {person.last + 1}) or (
            ahead & self._people and self._reading.is_in(person.last + 1, "and")
        ):
            return False  # "a woman and her child were injured": how many is not said by one word
        between = range(min(hit.last, person.last) + 1, max(hit.first, person.first))
        return near and not any(index in self._said or index in self._vague for index in between)

    def _without_bomber(self, killed: Toll) -> Toll:
        if killed is None or killed[1] < 2:
            return killed
        included = {hit.last for hit in self._reading.family("including")}
        if any(included & {hit.first - 1, hit.first - 2} for hit in self._reading.family("killed_ally")):
            return killed[0] - 1, killed[1] - 1
        return killed


_OWN_COUNT: dict[str, Sequence[tuple[str, int]]] = {
    "killed": (("two_dead", 2), ("one_dead", 1)),
    "wounded": (("two_hurt", 2), ("one_hurt", 1)),
}
