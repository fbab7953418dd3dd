"""The places that a rule names."""

from __future__ import annotations

import pytest

from app.domain.rule_match import CompiledRule
from app.domain.rule_places import compile_rule
from app.domain.rules import parse_rule
from app.errors import RuleError
from tests.builders import small_gazetteer

GAZETTEER = small_gazetteer()


def compiled(rule: str) -> CompiledRule:
    return compile_rule(parse_rule(rule), GAZETTEER)


def meant(rule: str) -> str:
    (test,) = compiled(rule).places.values()
    return test.place.place_id


def test_a_distance_is_from_the_city_and_an_area_is_the_region_of_that_name() -> None:
    assert meant("near:Idlib") == "p:idlib"
    assert meant("place:Idlib") == "r:idlib"


def test_a_name_in_another_script_means_the_same_place() -> None:
    assert meant('near:"جسر الشغور"') == meant('near:"Jisr al-Shughour"') == "p:jisr"


def test_a_name_that_several_places_have_is_noted() -> None:
    (note,) = compiled("near:Idlib").notes
    assert note.startswith("Idlib is read as Idlib, SY (city); it could also be Idlib Governorate, SY (region)")


def test_a_name_may_be_told_apart_by_what_it_lies_in() -> None:
    assert meant('near:"Idlib, Syria"') == "p:idlib"
    with pytest.raises(RuleError):
        compiled('near:"Idlib, Ukraine"')


@pytest.mark.parametrize("name", ["Jisr", "Idlb", "Jisr ash Shughoor town"])
def test_an_unknown_place_is_refused_with_near_names_and_its_position(name: str) -> None:
    with pytest.raises(RuleError, match=r"no place is called .* did you mean") as caught:
        compiled(f'strike near:"{name}"')
    assert caught.value.position == len("strike near:")
    assert caught.value.detail.count("(") <= 5


def test_a_name_like_no_other_is_refused_without_suggestions() -> None:
    with pytest.raises(RuleError, match=r"no place is called Xyzzyqwv$"):
        compiled("place:Xyzzyqwv")
