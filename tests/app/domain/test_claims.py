"""How an event is put: scope of negation, threats, guesses, age, exercises, and what is not of a war at all."""

from __future__ import annotations

import pytest

from app.domain.claims import judge
from app.domain.kinds import find_events
from app.domain.lexicon import load_lexicon
from app.domain.reading import Reading
from app.domain.text import read_text

LEXICON = load_lexicon()


def read(text: str, year: int | None = None) -> Reading:
    words = read_text(text)
    return Reading(words, LEXICON, LEXICON.find(words), ((len(words.tokens) - 1, len(words.tokens) - 1),), "SY", year)


def claim(text: str, year: int | None = None) -> str:
    reading = read(text, year)
    return judge(reading, find_events(reading)).claim


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Airstrikes on Saraqib", "report"),
        ("Reports of airstrikes on Saraqib", "report"),
        ("No casualties after airstrikes on Saraqib", "report"),
        ("Not only airstrikes but shelling of Saraqib", "report"),
        ("Airstrikes on Saraqib, cannot confirm casualties", "report"),
        ("First airstrikes since last year on Saraqib", "report"),
        ("Sirens, then explosions in Saraqib", "report"),
        ("No airstrikes on Saraqib", "denial"),
        ("No airstrikes but heavy shelling of Saraqib", "report"),
        ("The army denies the airstrikes on Saraqib", "denial"),
        ("Airstrikes on Saraqib denied by the army", "denial"),
        ("Claims of airstrikes on Saraqib are false", "denial"),
        ("The army warns against airstrikes on Saraqib", "threat"),
        ("They must not bomb Saraqib", "threat"),
        ("Warplanes took off towards Saraqib", "threat"),
        ("The army could launch airstrikes on Saraqib", "forecast"),
        ("Airstrikes expected within days on Saraqib", "forecast"),
        ("If airstrikes hit Saraqib", "forecast"),
        ("Death toll of the airstrikes on Saraqib rises", "aftermath"),
        ("Funeral after airstrikes on Saraqib", "aftermath"),
        ("Airstrikes hit Saraqib, rescuers under the rubble", "report"),
        ("Old video of airstrikes on Saraqib", "past"),
        ("Five years ago: airstrikes on Saraqib", "past"),
        ("Air raid drill in Saraqib", "drill"),
        ("Were there airstrikes on Saraqib?", "none"),
        ("Stop the airstrikes on Saraqib", "none"),
        ("A new film about airstrikes on Saraqib", "none"),
        ("لا غارات على سراقب", "denial"),
        ("الوزارة تنفي الغارات على سراقب", "denial"),
        ("قد تشن غارات على سراقب", "forecast"),
        ("هل هناك غارات على سراقب؟", "none"),
        ("غارات على سراقب دون وقوع إصابات", "report"),
        ("The president warns Assad, Moscow and Tehran not to recklessly attack Saraqib", "threat"),
        ("Pilots were told not to bomb Saraqib", "threat"),
        ("Coastguard drill today, expect loud bangs until noon, this is an exercise off Saraqib", "drill"),
        ("A man is on trial for the kidnapping of aid workers in Saraqib", "past"),
        ("Police seek the bombing suspect of Saraqib", "aftermath"),
        ("Our prayers go out to all hurt by the explosion in Saraqib", "none"),
        ("عائلات مفقودين جراء الانفجار في سراقب", "aftermath"),
        ("Rubber tyres burn at the riot act reading in Saraqib", "none"),
        ("Clinics are open all night, bring water #SaraqibExplosion", "aftermath"),
        ("Breaking: windows shattered across town #SaraqibExplosion", "report"),
        ("نفتح بيوتنا لكل من تضرر #انفجار_سراقب", "aftermath"),
        ("We pray for you all #SaraqibExplosion", "none"),
        ("A blast at a market kills five in Saraqib", "report"),
        ("We had a blast at the wedding in Saraqib", "none"),
        ("Missile strike hits high-rise in Saraqib", "report"),
        ("Not one but three strikes on Saraqib", "report"),
        ("Drone strike on an arsenal in Saraqib", "report"),
        ("Airstrike beside the tennis club in Saraqib", "report"),
        ("Arsenal win the match, a late strike on Saraqib", "none"),
        ("Explosion at a chemical plant, gas leak in Saraqib", "none"),
        ("Explosion at a chemical plant in the shelling of Saraqib", "report"),
        ("مسلسل القصف مستمر وغارات على سراقب", "report"),
        ("تحطم شباك المنازل بغارة على سراقب", "report"),
        ("Ten years on, families remember the massacre of Saraqib", "past"),
        ("In the new season the heroes survive an air strike on Saraqib", "none"),
        ("Residents brace for more air strikes on Saraqib", "forecast"),
        ("Not one but three air strikes on Saraqib", "report"),
        ("Volunteers clear landmines near Saraqib", "none"),
        ("إعادة تأهيل مشفى دمره القصف في سراقب", "aftermath"),
        ("إحباط مخطط لتفجير سوق في سراقب", "forecast"),
        ("عاجل نفتح بيوتنا لكل من تضرر #انفجار_سراقب", "report"),
        ("#انفجار في سراقب", "report"),
        ("#غارات_روسية على سراقب", "report"),
        ("#RussianAirstrikes on Saraqib", "report"),
        ("Explosion in #Saraqib", "report"),
        ("Tsunami sirens going off in Saraqib", "none"),
        ("Air raid sirens going off in Saraqib", "threat"),
    ],
)
def test_cues_reach_the_events_that_they_speak_of(text: str, expected: str) -> None:
    assert claim(text) == expected


def test_a_report_quotes_the_event_that_its_kind_is_of() -> None:
    reading = read("Three civilians killed by an explosion in Saraqib")

    assert "Claim report: “explosion” is said to have happened." in judge(reading, find_events(reading)).reasons


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Two bodies found in Saraqib", "report"),
        ("Two bodies found in Saraqib after the flood", "none"),
        ("Mudslide: blocked roads after the earthquake near Saraqib", "none"),
        ("Floods everywhere. Airstrikes on Saraqib", "report"),
    ],
)
def test_what_a_disaster_does_is_not_done_by_anybody(text: str, expected: str) -> None:
    assert claim(text) == expected


def test_a_year_before_the_post_is_past() -> None:
    assert claim("In 2016 airstrikes hit Saraqib", 2018) == "past"
    assert claim("In 2018 airstrikes hit Saraqib", 2018) == "report"
    assert claim("Airstrikes on Saraqib, worst since 2016", 2018) == "report"


def test_the_kind_is_none_exactly_when_the_claim_is() -> None:
    for text in ("Were there airstrikes on Saraqib?", "Air raid drill in Saraqib", "Good morning"):
        reading = read(text)
        judged = judge(reading, find_events(reading))

        assert (judged.kind == "none") == (judged.claim == "none")


def test_the_words_that_decided_are_told() -> None:
    reading = read("The army denies the airstrikes on Saraqib")
    judged = judge(reading, find_events(reading))

    assert judged.reasons == ("Kind air_strike: “airstrikes”.", "Claim denial: “denies” denies it.")


def test_a_hedge_is_told_and_changes_nothing() -> None:
    reading = read("Unconfirmed airstrikes on Saraqib")

    assert "hedged by “Unconfirmed”" in judge(reading, find_events(reading)).reasons[-1]
