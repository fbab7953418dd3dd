"""How many were killed and wounded, as the post says it."""

from __future__ import annotations

import pytest

from app.domain.lexicon import load_lexicon
from app.domain.reading import Reading
from app.domain.text import read_text
from app.domain.tolls import find_tolls

LEXICON = load_lexicon()
Toll = tuple[int, int] | None


def tolls(text: str) -> tuple[Toll, Toll]:
    read = read_text(text)
    return find_tolls(Reading(read, LEXICON, LEXICON.find(read)))


@pytest.mark.parametrize(
    ("text", "killed", "wounded"),
    [
        ("3 killed, 7 wounded in the strike", (3, 3), (7, 7)),
        ("Strike kills at least five civilians and injures 12", (5, 5), (12, 12)),
        ("More than 20 people were killed", (20, 20), None),
        ("20+ dead after the shelling", (20, 20), None),
        ("between 30 and 40 killed", (30, 40), None),
        ("5 civilians, including 2 children, were killed", (5, 5), None),
        ("No casualties reported after the strike", (0, 0), (0, 0)),
        ("no injuries reported", None, (0, 0)),
        ("Dozens killed and several wounded", None, None),
        ("14 killed and wounded in the market", None, None),
        ("30 casualties", None, None),
        ("A child was killed and two others were injured", (1, 1), (2, 2)),
        ("Death toll rises to 16 as two more die", (16, 16), None),
        ("Number of wounded rises to 40", None, (40, 40)),
        ("Suicide bomber kills 4, including the bomber", (3, 3), None),
        ("killed in 3 airstrikes", None, None),
        ("killed 22 days ago", None, None),
        ("Two soldiers killed, three wounded", (2, 2), (3, 3)),
        ("In 2018 jets killed people", None, None),
        ("مقتل 3 مدنيين وإصابة خمسة آخرين", (3, 3), (5, 5)),
        ("استشهاد طفلين وإصابة سيدة", (2, 2), (1, 1)),
        ("٤ قتلى و٩ جرحى", (4, 4), (9, 9)),
        ("قتيلان وجريح في القصف", (2, 2), (1, 1)),
        ("مقتل مدني وإصابة اثنين بانفجار لغم", (1, 1), (2, 2)),
        ("ما لا يقل عن 20 قتيلا", (20, 20), None),
        ("عشرات القتلى والجرحى", None, None),
        ("قصف دون وقوع إصابات", (0, 0), (0, 0)),
        ("ارتفاع حصيلة القتلى إلى 14", (14, 14), None),
        ("15 بين قتيل وجريح", None, None),
        ("двоє загиблих, семеро поранених", (2, 2), (7, 7)),
        ("погиб один человек, трое ранены", (1, 1), (3, 3)),
        ("постраждалих немає", (0, 0), (0, 0)),
        ("a quiet day", None, None),
    ],
)
def test_tolls_are_read(text: str, killed: Toll, wounded: Toll) -> None:
    assert tolls(text) == (killed, wounded)
