"""watchdesk.toml: what it can say, and how its faults are told."""

from __future__ import annotations

import time

import pytest

from app.domain.config import Config, ConfirmRule, DeskOptions
from app.domain.config_file import MAX_CONFIG_BYTES, parse_config, parse_watches
from app.domain.watches import Triggers, Watch
from app.errors import SettingsError

SLACK = '[[destination]]\nname = "desk"\ntype = "slack"\nurl_env = "SLACK_URL"\n'


def refusal(text: str | bytes) -> str:
    with pytest.raises(SettingsError) as caught:
        parse_config(text if isinstance(text, bytes) else text.encode())
    assert "\n" not in caught.value.detail
    return caught.value.detail


def test_an_empty_file_says_the_defaults() -> None:
    config = parse_config(b"")
    assert (config.sources, config.watches, config.destinations) == ((), (), ())
    assert config.desk == DeskOptions()


def test_a_source_with_its_options() -> None:
    (source,) = parse_config(
        b'[[source]]\nid = "x:SyriaCivilDef"\nowner = "Syria Civil Defence"\ngrade = "B"\narea = "Idlib"\nvia = "activity"\n'
    ).sources
    assert (source.platform, source.handle, source.owner, source.grade) == (
        "x",
        "SyriaCivilDef",
        "Syria Civil Defence",
        "B",
    )
    assert source.options == {"via": "activity"}


def test_a_source_without_owner_and_grade_is_its_own_owner_and_grade_f() -> None:
    (source,) = parse_config(b'[[source]]\nid = "telegram:some_channel"\n').sources
    assert (source.owner, source.grade, source.rights) == ("some_channel", "F", "full")


def test_a_watch_with_triggers_and_destinations() -> None:
    text = SLACK + '[[watch]]\nname = "Idlib"\nrule = "idlib"\ndestinations = ["desk"]\n[watch.triggers]\norigins = 2\n'
    (watch,) = parse_config(text.encode()).watches
    assert watch == Watch("Idlib", "idlib", Triggers(origins=2), ("desk",))


def test_the_desks_numbers() -> None:
    text = b'[desk]\nlate_hours = 3\nhome_countries = ["SY"]\nconfirm = { origins = 4, graded = 2, grade = "A" }\n'
    desk = parse_config(text).desk
    assert (desk.late_hours, desk.home_countries, desk.confirm) == (3, ("SY",), ConfirmRule(4, 2, "A"))


def test_every_variable_that_the_file_cites_is_listed() -> None:
    text = SLACK + (
        '[[destination]]\nname = "hook"\ntype = "webhook"\nurl = "https://a.example"\nsecret_env = "HOOK_SECRET"\n'
        '[[source]]\nid = "mastodon:a@b.example"\ntoken_env = "MASTODON"\n[x]\nbearer_token_env = "X_TOKEN"\n'
    )
    assert set(parse_config(text.encode()).cited()) == {"SLACK_URL", "HOOK_SECRET", "MASTODON", "X_TOKEN"}


def test_two_files_have_one_digest_only_where_their_bytes_are_the_same() -> None:
    assert parse_config(b"# a\n").digest == parse_config(b"# a\n").digest != parse_config(b"# b\n").digest


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter() -> None:
    config = parse_config('\ufeff[[watch]]\r\nname = "a"\r\n'.encode())
    assert [watch.name for watch in config.watches] == ["a"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[source]]\nid = "x:a"\ngrad = "B"\n', "line 3: unknown key grad; did you mean grade?"),
        ('[[source]]\nid = "x:a"\ngrade = "G"\n', "line 3: grade: "),
        ('[[source]]\nid = "x:a"\ngrade = 1\n', "line 3: grade: "),
        ('[[source]]\nowner = "a"\n', "line 1: missing key id"),
        ('[[source]]\nid = "xx:a"\n', "line 2: platform 'xx' is not one we know"),
        ('[[source]]\nid = "twiter:a"\n', "line 2: platform"),
        ('[[source]]\nid = "x:a"\n\n[[source]]\nid = "X:a"\n', "line 5: platform 'X'"),
        ('[[source]]\nid = "x:a"\n\n[[source]]\nid = "x:A"\n', "line 5: id 'x:a' stands in two [[source]]s"),
        ('[[source]]\nid = "x:"\n', "line 2: id 'x:': write platform:handle"),
        ('[source]\nid = "x:a"\n', "line 1: write [[source]] with two brackets"),
        ("[[desk]]\n", "line 1: write [desk] with one bracket"),
        ("[[sorce]]\n", "line 1: unknown table [sorce]; did you mean source?"),
        ("kafka_boostrap = 1\n", "line 1: unknown table [kafka_boostrap]"),
        ('[[watch]]\nname = "a"\n[[watch]]\nname = "a"\n', "line 4: name 'a' stands in two [[watch]]s"),
        ('[[watch]]\nname = "a"\nrul = "x"\n', "line 3: unknown key rul; did you mean rule?"),
        (
            '[[watch]]\nname = "a"\ntriggers = { lul_days = 2 }\n',
            "line 3: triggers: unknown key lul_days; did you mean lull_days?",
        ),
        ('[[watch]]\nname = "a"\ntriggers = { origins = 0 }\n', "line 3: triggers.origins: "),
        (
            '[[watch]]\nname = "a"\ndestinations = ["dsk"]\n' + SLACK,
            "line 3: no [[destination]] is named 'dsk'; did you mean desk?",
        ),
        ('[[watch]]\nname = "a\\u0007"\n', "line 2: name: "),
        ('[[watch]]\nname = "a"\ncooldown_s = "1h"\n', "line 3: cooldown_s: Expected a whole number, got a text"),
        (
            '[[destination]]\nname = "d"\ntype = "slak"\n',
            "line 3: type 'slak' is not one we can send to; did you mean slack?",
        ),
        ('[[destination]]\nname = "d"\ntype = "slack"\n', "line 1: a slack destination needs url_env or token_env"),
        (
            '[[destination]]\nname = "d"\ntype = "slack"\nurl = "https://x"\n',
            "line 4: unknown key url; did you mean url_env?",
        ),
        ('[[destination]]\nname = "d"\ntype = "slack"\nurl_env = "https://hooks.example"\n', "line 4: url_env: "),
        ('[[destination]]\nname = "d"\ntype = "webhook"\nurl = "u"\nsecret_env = "a b"\n', "line 5: secret_env: "),
        (
            '[[destination]]\nname = "d"\ntype = "webhook"\nurl = "u"\nmode = "refrence"\n',
            "line 5: mode: 'refrence' is not one of full, reference; did you mean reference?",
        ),
        ("[desk]\ncoverage_min = 80\n", "line 2: coverage_min: "),
        ("[desk]\nconfirm = { orgins = 3 }\n", "line 2: confirm: unknown key orgins; did you mean origins?"),
        ('[desk]\nhome_countries = ["syria"]\n', "line 2: home_countries: "),
        ('[x]\nbearer_token = "AAAA"\n', "line 2: unknown key bearer_token; did you mean bearer_token_env?"),
        ('[[source]]\nid = "x:a"\narea = no\n', "line 3 column 8: "),
        ('[[source]]\nid = "x:a"\nid = "x:b"\n', "line 3"),
        ('[[source]]\n\tid = "x:a\n', "line 2"),
        ('[[source]]\nid = "x:a"\nurl = "https://a.example"\n', "line 3: unknown key url"),
    ],
)
def test_a_fault_is_told_with_its_line_and_the_nearest_right_name(text: str, said: str) -> None:
    refused = refusal(text)
    assert refused.startswith("watchdesk.toml")
    assert said in refused


def test_a_file_that_is_not_utf_8_is_refused_with_the_line() -> None:
    assert refusal(b"# fine\n# caf\xe9\n") == "watchdesk.toml line 2: the file is not UTF-8 text"


def test_a_file_above_one_mebibyte_is_refused() -> None:
    assert "larger than 1 MiB" in refusal(b"#" * (MAX_CONFIG_BYTES + 1))


def test_a_file_that_nests_without_end_is_refused() -> None:
    assert refusal("a = " + "[" * 100_000).startswith("watchdesk.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n[a" + ".a" * 400_000 + "]\n", "watchdesk.toml line 2: a name has more than 32 parts between dots"),
        ('"a"' + ' . "a"' * 100_000 + " = 1", "watchdesk.toml line 1: a name has more than 32 parts between dots"),
        ("a = 1" + "0" * 100_000, "watchdesk.toml: a number has too many digits"),
    ],
)
def test_a_file_made_to_cost_time_is_refused_at_once(text: str, said: str) -> None:
    began = time.process_time()
    assert refusal(text) == said
    assert time.process_time() - began < 2


def test_a_file_of_twenty_thousand_sources_is_read_within_the_time_of_a_refusal() -> None:
    text = "".join(f'[[source]]\nid = "x:a{n}"\ngrade = "B"\n' for n in range(20_000))
    began = time.process_time()
    assert len(parse_config(text.encode()).sources) == 20_000
    assert time.process_time() - began < 2


def test_no_value_of_a_secret_key_is_repeated_in_an_error() -> None:
    assert "s3cret" not in refusal('[[destination]]\nname = "d"\ntype = "slack"\nurl_env = "https://s3cret.example"\n')


def test_a_rules_file_may_name_destinations_that_it_does_not_hold() -> None:
    assert parse_watches(b'[[watch]]\nname = "a"\ndestinations = ["desk"]\n', "rules.toml") == (
        Watch("a", destinations=("desk",)),
    )


def test_a_section_that_is_not_there_is_empty() -> None:
    assert Config().section("x") == {}
