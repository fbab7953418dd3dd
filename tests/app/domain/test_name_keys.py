"""Spellings of one name meet in one key; a key's hash is the same everywhere."""

import pytest

from app.domain.name_keys import key_hash, skeleton, stem, without_articles
from app.domain.text import words


@pytest.mark.parametrize(
    "spellings",
    [
        ("Jisr al-Shughour", "Jisr ash-Shughur", "Jisr al-Choghour", "JisrShoghur", "جسر الشغور"),
        ("Khan Sheikhoun", "Khan Shaykhun", "KhanSheikhun", "خان شيخون"),
        ("Saraqib", "Saraqeb", "Sarakeb", "سراقب"),
        ("Kafr Nabl", "Kafranbel", "Kafranbl", "كفرنبل", "Kafer Nabel"),
        ("Maarrat al-Numan", "Ma'arat al-Nu'man", "Maaret an Numan", "معرة النعمان"),
        ("Deir ez-Zor", "Deir al-Zour", "دير الزور"),
        ("Al-Janoudiya", "al-Janudiyah", "الجانودية"),
    ],
)
def test_transliterations_of_one_name_share_their_skeleton(spellings: tuple[str, ...]) -> None:
    bones = {skeleton(words(spelling)) for spelling in spellings}
    assert len(bones) == 1, dict(zip(spellings, map(skeleton, map(words, spellings)), strict=True))


def test_skeletons_keep_names_apart_that_are_others() -> None:
    assert (
        len(
            {
                skeleton(words(name))
                for name in ("Jisr al-Shughur", "Jisr al-Hamra", "Khan Shaykhun", "Saraqib", "Sarmin")
            }
        )
        == 5
    )
    assert skeleton(words("東京")) == ""


def test_articles_come_off_and_never_leave_nothing() -> None:
    assert without_articles(("jisr", "al", "shughur")) == ("jisr", "shughur")
    assert without_articles(("جسر", "الشغور")) == ("جسر", "شغور")
    assert without_articles(("al",)) == ("al",)


@pytest.mark.parametrize(
    "cases",
    [
        "Россия России Россию Россией",
        "Росія Росії Росію Росією",
        "Сирия Сирии Сирию Сирией",
        "Евпатория Евпатории Евпаторию",
        "Одесса Одессе Одессу",
        "Харків Харкові Харкова Харьков Харькове",
        "Маріуполь Маріуполі Маріуполя",
    ],
)
def test_the_cases_of_a_cyrillic_name_share_their_stem(cases: str) -> None:
    assert len({stem(word) for word in words(cases)}) == 1, {word: stem(word) for word in words(cases)}


def test_the_hash_is_fixed_and_namespaces_are_apart() -> None:
    assert key_hash("n", "idlib") == 0xF5143A566C64696E
    assert key_hash("n", "idlib") != key_hash("j", "idlib")
    assert 0 <= key_hash("n", "x" * 1000) < 1 << 64
