"""Who did it, threatens it or is accused; never the victims, never who merely tells it."""

from __future__ import annotations

import pytest

from app.domain.actors import find_actors
from app.domain.claims import judge
from app.domain.kinds import find_events
from app.domain.lexicon import load_lexicon
from app.domain.reading import Reading
from app.domain.text import read_text

LEXICON = load_lexicon()


def actors(text: str, country: str) -> set[str]:
    words = read_text(text)
    reading = Reading(words, LEXICON, LEXICON.find(words), (), country)
    return set(find_actors(reading, judge(reading, find_events(reading)))[0])


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("Russian airstrikes on the town", "SY", {"RuAF"}),
        ("Russian drones hit the town", "UA", {"RU_forces"}),
        ("Airstrike by Russian jets", "SY", {"RuAF"}),
        ("Regime helicopters drop barrel bombs", "SY", {"SyAAF"}),
        ("Regime artillery shells the town with mortars", "SY", {"SAA"}),
        ("IDF airstrike on Hezbollah positions", "LB", {"IDF"}),
        ("Ukrainian drones hit a Russian oil depot", "RU", {"UA_forces"}),
        ("Ukraine accuses Russia of shelling the town", "UA", {"RU_forces"}),
        ("Airstrike kills three SAA soldiers", "SY", {"unknown"}),
        ("Clashes between SAA and HTS", "SY", {"SAA", "HTS"}),
        ("Russia and the regime bombed the town from jets", "SY", {"RuAF", "SyAAF"}),
        ("Anti-Houthi forces report airstrikes", "YE", {"unknown"}),
        ("IDF says it struck a launcher with a drone", "LB", {"IDF"}),
        ("Shahed drone hits a house", "UA", {"RU_forces"}),
        ("Barrel bombs dropped on the town", "SY", {"SyAAF"}),
        ("Airstrike on the town", "SY", {"unknown"}),
        ("Were there Russian airstrikes?", "SY", set()),
        ("Sirens sounding across the city", "UA", set()),
        ("Russian defence ministry denies airstrikes", "SY", {"RuAF"}),
        ("غارات روسية على البلدة", "SY", {"RuAF"}),
        ("قصف من قوات النظام بالمدفعية", "SY", {"SAA"}),
        ("مقتل عنصرين من قوات النظام بقصف مدفعي", "SY", {"unknown"}),
        ("مقتل جندي تركي بانفجار عبوة ناسفة", "SY", {"unknown"}),
        ("الطيران الإسرائيلي يقصف مواقع حزب الله", "LB", {"IDF"}),
        ("ВСУ обстреляли город", "UA", {"UA_forces"}),
        ("Coalition airstrike on ISIS cell", "IQ", {"coalition"}),
        ("US drone strike on militants", "SO", {"other"}),
        ("Israeli planes have bombed the town", "PS", {"IDF"}),
        ("A few regime shells near the front", "SY", {"SAA"}),
        ("Two shells by regime forces hit the town", "SY", {"SAA"}),
        ("Hezbollah says the explosion in the harbour is a tragedy", "LB", {"unknown"}),
        ("Explosion in the harbour #Hezbollah", "LB", {"unknown"}),
        ("IDF blew up the house with a drone", "LB", {"IDF"}),
        ("مقتل فرنسي في انفجار", "LB", {"unknown"}),
        ("Знищені російські літаки на аеродромі", "UA", {"unknown"}),
        ("Самолет, уничтоженный российским ударом по аэродрому", "UA", {"RU_forces"}),
        ("Знищено російські дрони над областю", "UA", {"RU_forces"}),
        ("ЗСУ знищили російський склад боєприпасів", "UA", {"UA_forces"}),
        ("شهداء للجيش اللبناني بقصف مدفعي", "LB", {"unknown"}),
        ("قصف مدفعي لقوات النظام", "SY", {"SAA"}),
    ],
)
def test_roles_are_told_apart(text: str, country: str, expected: set[str]) -> None:
    assert actors(text, country) == expected
