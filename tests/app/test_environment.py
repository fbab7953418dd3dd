"""Typed reading of variables; each error names its variable."""

from __future__ import annotations

import pytest

from app.environment import Environment, Variable
from app.errors import SettingsError

TABLE = (Variable("A", "5", "A number."), Variable("B", "", "A list."), Variable("C", "no", "A switch."))


def env(**values: str) -> Environment:
    return Environment(values, TABLE)


def test_a_blank_value_means_the_default() -> None:
    assert env(A="  ").whole("A", 0, 9) == 5


def test_a_list_is_cut_at_commas_and_blanks_fall_out() -> None:
    assert env(B="a, b,,c ").listed("B") == ("a", "b", "c")


@pytest.mark.parametrize(
    ("value", "on"), [("yes", True), ("1", True), ("true", True), ("no", False), ("0", False), ("", False)]
)
def test_a_switch_may_be_written_in_several_ways(value: str, *, on: bool) -> None:
    assert env(C=value).flag("C") is on


@pytest.mark.parametrize("value", ["10", "-1", "4.5", "five"])
def test_a_number_outside_its_range_is_refused_by_name(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^A="):
        env(A=value).whole("A", 0, 9)


@pytest.mark.parametrize("value", ["inf", "nan", "-0.1", "1e999"])
def test_seconds_are_finite_and_within_their_range(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^A="):
        env(A=value).seconds("A", 0, 100)


def test_a_long_value_is_cut_in_an_error() -> None:
    with pytest.raises(SettingsError) as caught:
        env(A="x" * 10_000).whole("A", 0, 9)
    assert len(caught.value.detail) < 120
