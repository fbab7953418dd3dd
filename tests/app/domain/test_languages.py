"""Which language a post is in."""

from __future__ import annotations

import pytest

from app.domain.languages import find_language
from app.domain.lexicon import load_lexicon
from app.domain.text import read_text

SETS = load_lexicon().sets


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("en", "en"),
        ("ar-SY", "ar"),
        ("pt_BR", "pt"),
        ("iw", "he"),
        ("EN", "en"),
        ("toolong", "en"),
        ("1!", "en"),
        ("und", "en"),
        ("qme", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_what_the_platform_says_counts_unless_it_says_nothing(given: str | None, code: str) -> None:
    assert find_language(given, read_text("the strike on the town"), SETS) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Strikes on the town after dawn", "en"), ("قصف على المدينة", "ar"), ("حمله هوایی به شهر، گزارش", "fa"),
        ("Вибухи у місті, є загиблі", "uk"), ("Взрывы в городе, есть раненые", "ru"), ("פיצוץ בעיר", "he"),
        ("Şehirde patlama sesi", "tr"), ("les frappes sur la ville", "fr"), ("12345", "und"), ("", "und"), ("😀", "und"), ("日本語", "und"),
    ],
)  # fmt: skip
def test_the_script_and_its_letters_tell_the_rest(text: str, code: str) -> None:
    assert find_language(None, read_text(text), SETS) == code
