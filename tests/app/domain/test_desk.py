"""The desk as a fold over records: what opens, joins, moves and ends an incident, and what each watch hears of it."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.actions import Press, act
from app.domain.config import DeskOptions
from app.domain.incidents import summarise
from app.domain.ledger import Outcome
from app.domain.watches import Triggers, Watch
from app.messages import Coverage, Gap, Item, Marks, PostType, RunStart
from tests.wire import NOON, DeskInMemory, Wire, card, tags

DAY = 24 * 60


def test_second_owner_makes_the_incident_likely() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1", 0), wire.item("2", 10), wire.item("3", 20))

    (incident,) = desk.incidents()
    assert incident.posts == ("1", "2", "3")
    assert incident.origins == ("author_1", "author_2", "author_3")
    assert incident.level == "likely"
    assert [(alert.step, alert.post, alert.level) for alert in desk.alerts] == [
        ("first", "1", "reported"),
        ("promoted", "2", "likely"),
    ]


def test_two_unknown_authors_stay_reported_where_sources_are_configured() -> None:
    desk, wire = DeskInMemory(card("SyriaCivilDef", "Syria Civil Defence")), Wire()
    desk.feed(wire.item("1"), wire.item("2", 5))
    assert [one.level for one in desk.incidents()] == ["reported"]

    desk.feed(wire.item("3", 9, "SyriaCivilDef"))
    assert [one.level for one in desk.incidents()] == ["likely"]


def test_grade_e_never_counts() -> None:
    desk, wire = DeskInMemory(card("rumour", "Rumour", "E"), card("good", "Good", "B")), Wire()
    desk.feed(wire.item("1", 0, "rumour"), wire.item("2", 5, "good"))
    assert [one.level for one in desk.incidents()] == ["reported"]


def test_accounts_of_one_owner_are_one_origin() -> None:
    desk, wire = DeskInMemory(card("one", "White Helmets"), card("two", "White Helmets")), Wire()
    desk.feed(wire.item("1", 0, "one"), wire.item("2", 5, "two"))
    assert desk.incidents()[0].origins == ("White Helmets",)


def test_repost_quote_and_copy_go_back_to_their_source() -> None:
    desk, wire = DeskInMemory(), Wire()
    words = "several air raids hit the western side of the town this morning people ran to the shelters"
    desk.feed(
        wire.item("1", 0, text=words),
        wire.item("2", 1, repost_of="x:1"),
        wire.item("3", 2, quote_of="x:1", text="look"),
        wire.item("4", 40, text=words + " terrible"),
    )
    assert desk.incidents()[0].origins == ("author_1",)
    assert desk.incidents()[0].level == "reported"


def test_two_reposts_of_an_unseen_post_are_one_origin() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("2", 1, repost_of="x:gone"), wire.item("3", 2, repost_of="x:gone"))
    assert desk.incidents()[0].origins == ("unseen post x:gone",)


def test_credit_counts_as_the_one_credited() -> None:
    desk, wire = DeskInMemory(), Wire()
    credited = tags(credits=("@author_1",))
    desk.feed(wire.item("1"), wire.item("2", 5, said=credited))
    assert desk.incidents()[0].origins == ("author_1",)


def test_other_places_kinds_and_actors_are_others_and_unknown_joins_the_latest() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(
        wire.item("1"),
        wire.item("2", 1, said=tags(at=("saraqib",))),
        wire.item("3", 2, said=tags(kind="shelling")),
        wire.item("4", 3, said=tags(actors=("SyAAF",))),
        wire.item("5", 4, said=tags(actors=("unknown",))),
    )
    assert sorted(one.posts for one in desk.incidents()) == [("1",), ("2",), ("3",), ("4", "5")]


def test_one_post_of_two_places_feeds_two_incidents() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1", said=tags(at=("jisr", "saraqib"))))
    assert {one.place.place_id for one in desk.incidents()} == {"jisr", "saraqib"}
    assert len({one.id for one in desk.incidents()}) == 2


def test_posts_join_until_24_hours_after_the_last_report() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1", 0), wire.item("2", DAY - 1), wire.item("3", 2 * DAY - 2), wire.item("4", 3 * DAY))
    assert [one.posts for one in desk.incidents()] == [("1", "2", "3"), ("4",)]


def test_report_that_names_the_region_joins_the_only_incident_in_it() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1"), wire.item("2", 30, said=tags(at=("idlib",))))
    (incident,) = desk.incidents()
    assert incident.place.place_id == "jisr"


def test_region_with_two_incidents_takes_a_vague_report_into_neither() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(
        wire.item("1"), wire.item("2", 1, said=tags(at=("saraqib",))), wire.item("3", 2, said=tags(at=("idlib",)))
    )
    assert [one.posts for one in desk.incidents()] == [("1",), ("2",), ("3",)]


@pytest.mark.parametrize("claim", ["threat", "forecast", "past", "drill", "none", "denial", "aftermath"])
def test_only_a_report_opens_an_incident(claim: str) -> None:
    desk, wire = DeskInMemory(), Wire()
    assert desk.feed(wire.item("1", said=tags(claim=claim))) == []
    assert desk.incidents() == []


def test_denial_with_a_place_attaches_and_updates() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1"), wire.item("2", 30, said=tags(claim="denial")))
    (incident,) = desk.incidents()
    assert incident.related == ("2",)
    assert incident.posts == ("1",)
    assert desk.steps() == ["first", "updated"]


def test_denial_without_a_place_finds_the_one_incident_of_its_actor() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1"), wire.item("2", 30, said=tags(claim="denial", at=())))
    assert desk.incidents()[0].related == ("2",)
    assert desk.steps() == ["first", "updated"]


def test_denial_that_names_nobody_speaks_for_its_source() -> None:
    desk, wire = DeskInMemory(card("mod_russia", "Ministry", "C", actor="RuAF")), Wire()
    desk.feed(wire.item("1"), wire.item("2", 30, "mod_russia", tags(claim="denial", at=(), actors=())))
    assert desk.incidents()[0].related == ("2",)


def test_denial_that_fits_several_is_related_to_each_and_alerts_nobody() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1"), wire.item("2", 1, said=tags(at=("saraqib",))))
    assert desk.feed(wire.item("3", 30, said=tags(claim="denial", at=()))) == []
    assert [one.related for one in desk.incidents()] == [("3",), ("3",)]
    assert all("no place given, one of 2" in " ".join(one.reasons) for one in desk.incidents())


def test_denial_before_the_report_waits_six_hours_for_it() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1", 0, said=tags(claim="denial", at=())), wire.item("2", 60))
    assert desk.incidents()[0].related == ("1",)
    late = DeskInMemory()
    late.feed(Wire().item("1", 0, said=tags(claim="denial", at=())), Wire("other").item("2", 6 * 60 + 1))
    assert late.incidents()[0].related == ()


def test_threat_against_the_region_is_shown_and_alerts_nobody() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1", 0, said=tags(claim="threat", at=("idlib",), actors=("unknown",))), wire.item("2", 60))
    assert desk.incidents()[0].related == ("1",)
    assert desk.steps() == ["first"]


def test_toll_that_doubles_updates_and_one_that_falls_corrects() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1", 0, said=tags(killed=(3, 3))), wire.item("2", 5, said=tags(killed=(4, 4))))
    assert desk.steps() == ["first", "promoted"]
    desk.feed(wire.item("3", 50, said=tags(claim="aftermath", killed=(9, 9))))
    assert desk.steps()[-1] == "updated"
    assert desk.incidents()[0].killed == (3, 9)
    desk.feed(
        wire.item("3", 60, said=tags(claim="aftermath", killed=(4, 4)), text="corrected toll", type_=PostType.EDIT)
    )
    assert desk.steps()[-1] == "corrected"


def test_cooldown_holds_back_updates_and_never_a_higher_level() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1", 0), wire.item("2", 2, said=tags(claim="denial")))
    assert desk.steps() == ["first"]
    desk.feed(wire.item("3", 3))
    assert desk.steps() == ["first", "promoted"]


class TestEdits:
    def test_edit_is_decided_like_a_new_post_and_the_incident_moves(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        desk.feed(wire.item("1"))
        before = desk.incidents()[0].id
        desk.feed(wire.item("1", 5, said=tags(at=("saraqib",)), text="it was Saraqib", type_=PostType.EDIT))
        (incident,) = desk.incidents()
        assert incident.id == before
        assert incident.place.place_id == "saraqib"
        assert desk.steps() == ["first", "corrected"]

    def test_edited_post_leaves_an_incident_that_has_other_reports(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        desk.feed(wire.item("1"), wire.item("2", 1))
        desk.feed(wire.item("2", 5, said=tags(at=("saraqib",)), text="it was Saraqib", type_=PostType.EDIT))
        assert [one.posts for one in desk.incidents()] == [("1",), ("2",)]
        assert desk.steps() == ["first", "promoted", "corrected", "first"]

    def test_edit_into_no_report_withdraws(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        desk.feed(wire.item("1"))
        desk.feed(wire.item("1", 5, said=tags(claim="past"), text="sorry, an old video", type_=PostType.EDIT))
        assert desk.steps() == ["first", "withdrawn"]
        assert [one.state for one in desk.incidents()] == ["withdrawn"]

    def test_older_revision_that_comes_late_changes_nothing(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        desk.feed(wire.item("1", 5, text="second words"))
        desk.feed(wire.item("1", 0, said=tags(at=("saraqib",)), text="first words"))
        assert [one.place.place_id for one in desk.incidents()] == ["jisr"]

    def test_deletion_is_final(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        desk.feed(wire.item("1"), wire.item("1", 5, type_=PostType.DELETE))
        assert desk.steps() == ["first", "withdrawn"]
        desk.feed(wire.item("1", 9, text="again"))
        assert desk.steps() == ["first", "withdrawn"]
        assert dict(desk.changes.outcomes["spool"]) == {Outcome.STORED: 2, Outcome.DROPPED: 1}

    def test_deletion_of_an_unknown_post_is_a_tombstone(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        desk.feed(wire.item("7", type_=PostType.DELETE), wire.item("7", 1))
        assert desk.incidents() == []

    def test_deletion_of_the_second_origin_lowers_the_level(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        desk.feed(wire.item("1"), wire.item("2", 1), wire.item("2", 5, type_=PostType.DELETE))
        assert desk.steps() == ["first", "promoted", "corrected"]
        assert desk.incidents()[0].level == "reported"


class TestWatches:
    def test_watch_out_of_scope_after_an_edit_is_withdrawn_and_the_new_one_gets_first(self) -> None:
        watches = [Watch("jisr", "place:jisr"), Watch("saraqib", "place:saraqib")]
        desk, wire = DeskInMemory(watches=watches), Wire()
        desk.feed(wire.item("1"))
        desk.feed(wire.item("1", 5, said=tags(at=("saraqib",)), text="it was Saraqib", type_=PostType.EDIT))
        assert [(alert.watch, alert.step) for alert in desk.alerts] == [
            ("jisr", "first"),
            ("saraqib", "first"),
            ("jisr", "withdrawn"),
        ]

    def test_trigger_waits_for_its_origins(self) -> None:
        desk, wire = DeskInMemory(watches=[Watch("two", triggers=Triggers(origins=2))]), Wire()
        assert desk.feed(wire.item("1")) == []
        (alert,) = desk.feed(wire.item("2", 5))
        assert (alert.step, alert.post) == ("first", "2")

    def test_burst_trigger_counts_posts_within_its_minutes(self) -> None:
        watch = Watch("burst", triggers=Triggers(burst_posts=3, burst_minutes=10))
        desk, wire = DeskInMemory(watches=[watch]), Wire()
        assert desk.feed(wire.item("1"), wire.item("2", 11), wire.item("3", 12)) == []
        assert [alert.step for alert in desk.feed(wire.item("4", 13))] == ["first"]

    def test_late_and_historic_posts_raise_no_first(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        desk.feed(wire.item("1", 0, seen_after=timedelta(hours=7)))
        desk.feed(wire.item("2", 3 * DAY, marks=Marks(history=True)))
        assert desk.alerts == []
        assert len(desk.incidents()) == 2
        desk.feed(wire.item("3", 3 * DAY + 5))
        assert desk.steps() == ["first"]

    def test_gap_filled_post_within_six_hours_alerts(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        desk.feed(wire.item("1", 0, seen_after=timedelta(hours=5), marks=Marks(gapfill=True)))
        assert desk.steps() == ["first"]


class TestLulls:
    def feed_history(self, desk: DeskInMemory, wire: Wire) -> None:
        start = NOON - timedelta(days=23)
        desk.feed(RunStart("run", ("x:author_0", "x:author_1"), start, start))
        desk.feed(wire.item("0", -22 * DAY - 10, run="run"))

    def test_first_in_22_days_names_the_last_one_and_the_coverage(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        self.feed_history(desk, wire)
        desk.feed(Gap(NOON - timedelta(days=2.1), NOON - timedelta(days=1), "power cut", NOON, run="run"))
        (alert,) = desk.feed(wire.item("1", run="run"))
        assert alert.quiet_days == 22
        assert alert.headline == "Air strike near Jisr ash-Shughur by RuAF, first in 22 days (reported, 1 origin)"
        assert any("last on 13 August 2018, coverage 95%" in reason for reason in alert.reasons)

    def test_poor_coverage_gives_no_number_and_says_so(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        self.feed_history(desk, wire)
        desk.feed(Gap(NOON - timedelta(days=20), NOON - timedelta(days=10), "no network", NOON, run="run"))
        (alert,) = desk.feed(wire.item("1", run="run"))
        assert alert.quiet_days is None
        assert any("reading only 55% of the time" in reason for reason in alert.reasons)

    def test_live_coverage_counts_closed_intervals_only(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        desk.feed(wire.item("0", -22 * DAY - 10))
        desk.feed(Coverage(("x:author_0",), NOON - timedelta(days=23), NOON - timedelta(hours=1), NOON))
        (alert,) = desk.feed(wire.item("1"))
        assert alert.quiet_days == 22

    @pytest.mark.parametrize(
        "between",
        [
            tags(claim="threat"),
            tags(kind="shelling"),
            tags(claim="past"),
            tags(actors=("SyAAF",)),
            tags(at=("saraqib",)),
        ],
    )
    def test_threats_old_footage_other_kinds_actors_and_places_do_not_end_a_lull(self, between: object) -> None:
        desk, wire = DeskInMemory(), Wire()
        self.feed_history(desk, wire)
        desk.feed(wire.item("b", -10 * DAY, said=between, run="run"))  # type: ignore[arg-type]
        (alert,) = desk.feed(wire.item("1", run="run"))
        assert alert.quiet_days == 22

    def test_unknown_actor_ends_a_lull(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        self.feed_history(desk, wire)
        desk.feed(wire.item("b", -10 * DAY, said=tags(actors=("unknown",)), run="run"))
        (alert,) = desk.feed(wire.item("1", run="run"))
        assert alert.quiet_days == 10


class TestExercises:
    def test_exercise_stays_apart_and_says_test(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        desk.feed(wire.item("1"))
        (alert,) = desk.feed(wire.item("2", 5, marks=Marks(exercise=True)))
        assert alert.headline.startswith("TEST ")
        assert alert.step == "first"
        assert [one.posts for one in desk.incidents()] == [("1",), ("2",)]

    def test_exercise_is_no_sign_of_life_of_a_source(self) -> None:
        desk = DeskInMemory()
        desk.feed(Wire().item("1", marks=Marks(exercise=True)), Wire("other").item("2"))
        assert list(desk.changes.last_posts) == ["x:author_2"]


class TestLedger:
    def test_redelivery_changes_nothing(self) -> None:
        desk, wire = DeskInMemory(), Wire()
        items = [wire.item("1"), wire.item("2", 5), wire.item("1", 0)]
        desk.feed(*items)
        before = msgspec.json.encode(desk.incidents())
        assert desk.feed(*items, *items) == []
        assert msgspec.json.encode(desk.incidents()) == before
        assert dict(desk.changes.outcomes["spool"]) == {Outcome.STORED: 2, Outcome.DUPLICATE: 1}


_ROWS = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.integers(0, 3 * DAY),
        st.sampled_from(["report", "denial", "threat", "aftermath", "none"]),
        st.sampled_from(["jisr", "basanqul", "saraqib", "idlib", ""]),
        st.sampled_from(["RuAF", "SyAAF", "unknown"]),
        st.sampled_from([PostType.POST, PostType.EDIT, PostType.DELETE]),
        st.sampled_from([None, (1, 1), (7, 9)]),
    ),
    max_size=25,
)


@given(_ROWS)
def test_any_order_of_posts_edits_and_deletions_keeps_the_law(rows: list[tuple[object, ...]]) -> None:
    wire = Wire()
    items: list[Item] = []
    for number, minute, claim, where, actor, type_, toll in rows:
        said = tags(claim, at=(where,) if where else (), actors=(actor,), killed=toll)  # type: ignore[arg-type]
        items.append(wire.item(str(number), minute, said=said, type_=type_, text=f"{claim} {where} {actor}"))  # type: ignore[arg-type]
    desk, again = DeskInMemory(), DeskInMemory()
    desk.feed(*items)
    again.feed(*items, *items)

    assert sum(desk.changes.outcomes["spool"].values()) == len(items)
    assert [alert.id for alert in desk.alerts] == [alert.id for alert in again.alerts]
    assert len({alert.id for alert in desk.alerts}) == len(desk.alerts)
    assert msgspec.json.encode(desk.incidents()) == msgspec.json.encode(again.incidents())
    for view in desk.incidents():
        assert view.state == "withdrawn" or view.posts


def test_edited_post_speaks_from_when_it_was_first_written() -> None:
    desk, wire = DeskInMemory(), Wire()
    words = "several air raids hit the western side of the town this morning people ran to the shelters"
    desk.feed(wire.item("1", 0, text=words), wire.item("2", 0.5, text=words))
    desk.feed(
        wire.item(
            "1", 3, text="now in quite other words than the ones that everybody had copied by then", type_=PostType.EDIT
        )
    )
    (incident,) = desk.incidents()
    assert incident.first_at == NOON
    assert incident.origins == ("author_1",)


def test_one_voice_among_many_does_not_say_what_a_bang_was() -> None:
    desk, wire = DeskInMemory(), Wire()
    bang = tags(kind="explosion_unspecified", actors=("unknown",))
    desk.feed(*(wire.item(str(number), number, said=bang) for number in range(5)), wire.item("5", 6))
    assert [one.kind for one in desk.incidents()] == ["explosion_unspecified"]
    desk.feed(wire.item("6", 7))
    assert [one.kind for one in desk.incidents()] == ["air_strike"]


def test_first_of_few_to_name_it_says_what_a_bang_was() -> None:
    desk, wire = DeskInMemory(), Wire()
    bang = tags(kind="explosion_unspecified", actors=("unknown",))
    desk.feed(wire.item("1", 0, said=bang), wire.item("2", 1))
    assert [one.kind for one in desk.incidents()] == ["air_strike"]


def test_toll_that_names_no_weapon_joins_what_happened_there() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1"))
    desk.feed(wire.item("2", 60, said=tags("aftermath", "attack_on_civilians", actors=("unknown",), killed=(10, 10))))
    (incident,) = desk.incidents()
    assert incident.kind == "air_strike"
    assert incident.killed == (10, 10)


def test_deleted_post_is_told_to_who_was_shown_it_whatever_the_cooldown_and_once() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1"), wire.item("2", 1), wire.item("3", 2))
    (alert,) = desk.feed(wire.item("3", 3, type_=PostType.DELETE))
    assert alert.step == "updated"
    assert "post 3 was deleted by its author" in alert.reasons[0]
    assert desk.feed(wire.item("3", 4, type_=PostType.DELETE)) == []


def test_deletion_is_told_again_where_the_incident_was_taken_back_before() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1"), wire.item("2", 1))
    (incident_id,) = desk.state.incidents
    incident = desk.state.incidents[incident_id]
    incident = msgspec.structs.replace(incident, editor=act(incident.editor, Press("dismiss", "ada", NOON)))
    desk.state.put(incident, summarise(incident, any_configured=False, options=DeskOptions()))
    (dismissed,) = desk.feed(wire.item("3", 2))
    assert dismissed.step == "withdrawn"
    (alert,) = desk.feed(wire.item("1", 3, type_=PostType.DELETE))
    assert (alert.step, alert.id != dismissed.id) == ("withdrawn", True)
    assert alert.reasons == ("post 1 was deleted by its author: do not show its words any longer",)
    (alert,) = desk.feed(wire.item("2", 4, type_=PostType.DELETE))
    assert alert.step == "withdrawn"
