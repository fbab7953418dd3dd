"""The story that must come out right, in English and Arabic, through `watchdesk tag` and through the whole pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.end_to_end.lines import line
from tests.parts.desk_home import DeskHome, write_lines


class Said(NamedTuple):
    """A post of the story: its id, its text, the claim it makes, whether it belongs to the incident as one of its own posts."""

    id: str
    text: str
    claim: str
    own: bool = False


STORY = (
    Said("terse", "#RuAF hitting the outskirts of Jisr al Shughour #Syria", "report", own=True),
    Said("glued", "#JisrShoghur bombed by Russian warplanes, the first such raids in 22 days", "report", own=True),
    Said("arabic", "غارات جوية روسية تستهدف مدينة جسر الشغور وريفها غربي إدلب", "report", own=True),
    Said("arabic_tag", "#جسر_الشغور غارات روسية الآن", "report", own=True),
    Said("kremlin", "Russia bombs Jisr ash-Shugur again, the Kremlin keeps silent", "report", own=True),
    Said("moscow", "Moscow resumes airstrikes on #Jisr_al_Shughur after three weeks of calm", "report", own=True),
    Said("media", "Reports in Moscow media that Russian jets struck near Jisr al-Shughur", "report", own=True),
    Said("rescue", "الدفاع المدني: قصف جوي روسي على ريف جسر الشغور، إصابة أربعة مدنيين", "report", own=True),
    Said("toll", "حصيلة جديدة في جسر الشغور: مقتل 8 مدنيين جراء الغارات الروسية", "aftermath", own=True),
    Said(
        "funeral", "Funeral in Jisr al-Shughour for those killed in this morning's air strikes", "aftermath", own=True
    ),
    Said(
        "rubble",
        "Crews pull people from rubble in Jisr al-Shughour following Russian airstrikes",
        "aftermath",
        own=True,
    ),
    Said(
        "leader",
        "President: Assad must not recklessly attack Idlib, the Russians would be making a grave error",
        "threat",
    ),
    Said("ankara", "Turkey warns Damascus: any assault on Idlib will have consequences", "threat"),
    Said("leader_ar", "الرئيس التركي يحذر من الهجوم على إدلب", "threat"),
    Said("denied", "Russian Defence Ministry denies striking Jisr al-Shughur, calls it fake", "denial"),
    Said("denied_wide", "Moscow: we carried out no air strikes in Syria today", "denial"),
    Said("denied_ar", "وزارة الدفاع الروسية تنفي قصف جسر الشغور", "denial"),
    Said("soon", "US could launch strikes against Syria within days, officials say", "forecast"),
    Said("soon_ar", "من المتوقع أن تشن روسيا ضربات على إدلب خلال الأيام القادمة", "forecast"),
    Said("old", "This is an old video from 2016 showing a strike on Jisr al-Shughour", "past"),
    Said("old_ar", "فيديو قديم من عام 2016 لغارة على جسر الشغور", "past"),
)
OWN = [said.id for said in STORY if said.own]
LINES = [line(said.id, said.text, minute, f"author_{said.id}") for minute, said in enumerate(STORY)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, gazetteer_file: Path) -> DeskHome:
    home = DeskHome(tmp_path_factory.mktemp("story"), gazetteer_file)
    home.ok("replay", write_lines(home.path / "story.jsonl", [*LINES]))
    return home


def test_tag_says_what_each_post_claims_and_where(desk: DeskHome) -> None:
    told = [json.loads(said) for said in desk.ok("tag", given=(desk.path / "story.jsonl").read_bytes()).splitlines()]
    assert [(one["id"], one["claim"]) for one in told] == [(said.id, said.claim) for said in STORY]
    for one in told:
        struck = [place for place in one["places"] if place["role"] == "event"]
        assert all(place["country"] == "SY" for place in struck), one
        if one["id"] in OWN:
            assert one["kind"] == "air_strike", one
            assert [round(place["lat"], 1) for place in struck] == [35.8], one
        if one["claim"] == "report":
            assert one["actors"] == ["RuAF"], one


def test_pipeline_makes_one_incident_of_it(desk: DeskHome) -> None:
    (incident,) = desk.objects("incidents", "--json")
    assert incident["posts"] == OWN
    assert incident["origins"] == [f"author_{own}" for own in OWN]
    assert (incident["kind"], incident["actors"], incident["level"]) == ("air_strike", ["RuAF"], "likely")
    assert {"denied", "denied_wide", "denied_ar", "old", "old_ar"} <= set(incident["related"])
    assert desk.law().in_flight == 0


def test_alerts_go_from_reported_to_likely_to_denied(desk: DeskHome) -> None:
    told = [(alert["post"], alert["step"], alert["level"]) for alert in desk.objects("alerts", "--json")]
    assert told[:2] == [("terse", "first", "reported"), ("glued", "promoted", "likely")]
    assert all(step == "updated" for _, step, _ in told[2:])
