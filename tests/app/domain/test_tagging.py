"""What a post says: the lines that must come out right, the labelled set with its floors, and that nothing makes the tagger raise."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.lexicon import load_lexicon
from app.domain.tagging import Tagger
from app.messages import Post, Tags
from tests.builders import small_gazetteer

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "labelled.jsonl"
# The set grew in five rounds (ids a to e). Rounds b to e were written before they were first read; then, unseen, kind and claim were right
# in 0.83, 0.74, 0.76 and 0.78 of them, and of what was called a report 0.94, 0.87, 0.89 and 0.82 was one. The floors hold what was learnt since.
FLOORS = {"kind": 0.96, "claim": 0.96, "actors": 0.95, "killed": 0.97, "wounded": 0.97, "quiet_days": 0.99}
REPORT_PRECISION = 0.97  # of the posts called a report; a threat shown as a strike is what makes an editor leave
REPORT_RECALL = 0.97
SLOWEST_S = 0.05  # a post, whatever stands in it; the shared machine of a test run gets three tries


class Labelled(msgspec.Struct, frozen=True):
    id: str
    text: str
    kind: str
    claim: str
    actors: list[str]
    killed: tuple[int, int] | None
    wounded: tuple[int, int] | None
    quiet_days: int | None


class Line(NamedTuple):
    """A line that must come out right: its text, and the kind, claim, place and actors that it has."""

    text: str
    kind: str
    claim: str
    place: str | None
    actors: tuple[str, ...]


MUST = (
    Line("Word of #RuAF strikes outside Jisr al Shughour #Syria", "air_strike", "report", "Jisr ash-Shughur", ("RuAF",)),
    Line(
        "Russian jets are bombing around #JisrShughour in Idlib, first such raids in 22 days",
        "air_strike", "report", "Jisr ash-Shughur", ("RuAF",),
    ),
    Line("Assad's Syria and its Russian ally must not attack Idlib Province, the president warns", "air_strike", "threat", "Idlib Governorate", ("SyAAF", "RuAF")),
    Line("Russian defence ministry denies air strikes on a clinic in Jisr al-Shughur", "air_strike", "denial", "Jisr ash-Shughur", ("RuAF",)),
    Line("Moscow could launch air strikes on Idlib within days, say analysts", "air_strike", "forecast", "Idlib Governorate", ("RuAF",)),
    Line("This is an old video from 2016 of air strikes on Jisr al-Shughur, nothing today", "air_strike", "past", "Jisr ash-Shughur", ()),
    Line("غارات للطيران الروسي على أطراف جسر الشغور في ريف إدلب", "air_strike", "report", "Jisr ash-Shughur", ("RuAF",)),
    Line("الرئيس يحذر دمشق وموسكو من الهجوم على إدلب", "air_strike", "threat", "Idlib Governorate", ("RuAF", "SyAAF")),
    Line("الدفاع الروسية تنفي شن غارات على مشفى بجسر الشغور", "air_strike", "denial", "Jisr ash-Shughur", ("RuAF",)),
    Line("محللون: روسيا قد تشن غارات على إدلب خلال أيام", "air_strike", "forecast", "Idlib Governorate", ("RuAF",)),
    Line("مقطع قديم من عام 2016 لغارات على جسر الشغور وليس اليوم", "air_strike", "past", "Jisr ash-Shughur", ()),
    Line("حصيلة جديدة في جسر الشغور: مقتل 7 مدنيين جراء الغارات الروسية", "air_strike", "aftermath", "Jisr ash-Shughur", ("RuAF",)),
    Line("Rescuers dig through rubble in Jisr al-Shughur following Russian airstrikes, 6 dead", "air_strike", "aftermath", "Jisr ash-Shughur", ("RuAF",)),
    Line("الدفاع المدني: قصف جوي روسي على ريف جسر الشغور، إصابة طفلين", "air_strike", "report", "Jisr ash-Shughur", ("RuAF",)),
    Line("Moscow resumes airstrikes on Jisr al-Shughur after weeks of calm", "air_strike", "report", "Jisr ash-Shughur", ("RuAF",)),
    Line("In Moscow media: Russian Su-34s struck targets near Jisr al-Shughur", "air_strike", "report", "Jisr ash-Shughur", ("RuAF",)),
    Line("Moscow: our planes carried out no air strikes on Idlib today", "air_strike", "denial", "Idlib Governorate", ("RuAF",)),
    Line("No Russian aircraft flew over Idlib today, the ministry in Moscow said", "air_strike", "denial", "Idlib Governorate", ("RuAF",)),
    Line("القوات الروسية قد تضرب جسر الشغور قريبا", "air_strike", "forecast", "Jisr ash-Shughur", ("RuAF",)),
    Line("UN envoy warns against a full-scale battle in Idlib", "armed_clash", "threat", "Idlib Governorate", ()),
    Line("Ankara warns: any assault on Idlib will have grave consequences", "armed_clash", "threat", "Idlib Governorate", ("Turkey",)),
    Line("Russia bombs Jisr al-Shughur again, the Kremlin keeps silent", "air_strike", "report", "Jisr ash-Shughur", ("RuAF",)),
)  # fmt: skip


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger(small_gazetteer(), load_lexicon())


def post(text: str, lang: str | None = None, created_at: datetime | None = None) -> Post:
    return Post(id="x:1", given_id="1", platform="x", author="desk", text=text, lang=lang, created_at=created_at)


@pytest.mark.parametrize("line", MUST, ids=[line.text[:40] for line in MUST])
def test_the_lines_that_must_come_out_right(tagger: Tagger, line: Line) -> None:
    tags = tagger.tag(post(line.text))

    assert (tags.kind, tags.claim, set(tags.actors)) == (line.kind, line.claim, set(line.actors)), tags.reasons
    assert line.place in {place.name for place in tags.places} | {
        other.name for place in tags.places for other in place.alternatives
    }
    assert not [
        place for place in tags.places if place.name in {"Moscow", "Damascus", "Russia"} and place.role == "event"
    ]
    assert any(reason.startswith("Kind") for reason in tags.reasons)
    assert any(reason.startswith("Claim") for reason in tags.reasons)


def test_the_labelled_set_holds_its_floors(tagger: Tagger) -> None:
    rows = [msgspec.json.decode(line, type=Labelled) for line in GOLDEN.read_bytes().splitlines()]
    assert len(rows) >= 150
    read = [tagger.tag(post(row.text)) for row in rows]

    wrong = [
        f"{row.id} {field}: {shown(row, tags)}"
        for row, tags in zip(rows, read, strict=True)
        for field in FLOORS
        if not right(row, tags, field)
    ]
    for field, floor in FLOORS.items():
        share = sum(right(row, tags, field) for row, tags in zip(rows, read, strict=True)) / len(rows)
        assert share >= floor, f"{field}: {share:.3f}\n" + "\n".join(wrong)
    called = [(row.claim == "report", tags.claim == "report") for row, tags in zip(rows, read, strict=True)]
    both = called.count((True, True))
    assert both / sum(ours for _, ours in called) >= REPORT_PRECISION, "\n".join(wrong)
    assert both / sum(gold for gold, _ in called) >= REPORT_RECALL, "\n".join(wrong)


def right(row: Labelled, tags: Tags, field: str) -> bool:
    if field == "actors":
        return set(row.actors) == set(tags.actors)
    return bool(getattr(row, field) == getattr(tags, field))


def shown(row: Labelled, tags: Tags) -> str:
    return f"{row.text} -> {tags.kind}/{tags.claim} {tags.actors} {tags.killed} {tags.wounded} {tags.quiet_days} {tags.reasons[:3]}"


def test_places_of_a_post_that_claims_nothing_are_context(tagger: Tagger) -> None:
    tags = tagger.tag(post("Coffee in Damascus this morning, lovely"))

    assert tags.claim == "none"
    assert tags.kind == "none"
    assert {place.role for place in tags.places} == {"context"}
    assert tags.actors == ()


def test_a_year_before_the_post_makes_it_past_and_its_own_year_does_not(tagger: Tagger) -> None:
    at = datetime(2018, 9, 4, tzinfo=UTC)

    assert tagger.tag(post("Video: air strike on Saraqib, 2018", created_at=at)).claim == "report"
    assert tagger.tag(post("Video: air strike on Saraqib, 2016", created_at=at)).claim == "past"


def test_terms_are_the_words_with_their_spans(tagger: Tagger) -> None:
    text = "Russian airstrikes hit Saraqib"
    tags = tagger.tag(post(text))

    assert ("airstrikes", "kind:air_strike") in {(term.surface, term.means) for term in tags.terms}
    assert all(text[term.start : term.end] == term.surface for term in tags.terms)


def test_the_platform_tells_the_language(tagger: Tagger) -> None:
    assert tagger.tag(post("Saraqib", lang="fr")).lang == "fr"
    assert tagger.tag(post("قصف على سراقب", lang="und")).lang == "ar"


NASTY = (
    "airstrike on Saraqib " * 3000, "#RuAF" * 20_000, "no " * 5000 + "airstrike", "killed 3 " * 3000, "قصف " * 4000, "a" * 100_000,
    "@" * 50_000, "1 2 3 4 5 - " * 3000, "first in 22 days " * 1500, "Russia, Iran and " * 2000 + "strike Idlib",
    "said " * 5000, "\u0301" * 100_000, "\u202e" * 5000 + "airstrike", "warns " * 3000 + "against attacking " * 1000, "?" * 10_000,
    "Syria " * 4000 + "killed " * 4000,
)  # fmt: skip


@pytest.mark.parametrize("text", NASTY, ids=[text[:12] for text in NASTY])
def test_no_text_takes_long(tagger: Tagger, text: str) -> None:
    tagger.tag(post(text))  # the tables of folded characters are filled

    def seconds() -> float:
        began = time.process_time()
        tagger.tag(post(text))
        return time.process_time() - began

    assert min(seconds() for _ in range(3)) < SLOWEST_S


FRAGMENTS: Sequence[str] = (
    "airstrike", "Saraqib", "killed", "3", "no", "denies", "Russian", "قصف", "مقتل", "5", ",", ".", "?", "#RuAF", "@x", "via", "to", "at least", "٢٢",
    "يوما", "منذ", "first", "in", "days", "old video", "2016", "will", "удар", "двое", "погибли", "-", "\n", "toll rises to", "warns", "against",
)  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=12), max_size=40))
@settings(max_examples=300, deadline=None)
def test_no_text_makes_it_raise_and_all_answers_are_sound(parts: list[str]) -> None:
    text = " ".join(parts)
    tags = _SHARED.tag(post(text))

    assert (tags.kind == "none") == (tags.claim == "none")
    assert all(text[term.start : term.end] == term.surface for term in tags.terms)
    for toll in (tags.killed, tags.wounded):
        assert toll is None or 0 <= toll[0] <= toll[1]
    assert tags.quiet_days is None or tags.quiet_days > 0
    assert tags == _SHARED.tag(post(text))


_SHARED = Tagger(small_gazetteer(), load_lexicon())
