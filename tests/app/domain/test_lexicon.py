"""The word lists: every line means something, nothing means two things, and a fault is named with its place."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib import resources

import pytest

from app.domain.lexicon import CLAIMS, FILES, KINDS, Lexicon, LexiconError, build_lexicon, load_lexicon
from app.domain.phrases import expand
from app.domain.text import read_text

KIND = '[[kind]]\nid = "air_strike"\n[kind.events]\nen = [{}]\n'


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return load_lexicon()


def lines() -> Iterator[tuple[str, str]]:
    """Every line of every list, with the file it stands in."""
    for name in FILES:
        data = tomllib.loads((resources.files("app.domain") / "data" / name).read_text(encoding="utf-8"))
        for section, rows in data.items():
            for row in rows:
                if section == "set":
                    continue
                tables = [value for value in row.values() if isinstance(value, dict)]
                for table in tables:
                    for listed in table.values():
                        yield from ((name, line) for line in listed)


def test_every_line_is_found_in_its_own_words(lexicon: Lexicon) -> None:
    missed = []
    for name, line in lines():
        for form in expand(line):
            plain = form.replace("~ ", "").replace("*", "").replace("=", "")
            if not lexicon._trie.find(read_text(plain)):
                missed.append(f"{name}: {line} ({plain})")
    assert not missed


def test_every_kind_and_claim_has_words(lexicon: Lexicon) -> None:
    assert {cue.claim for cue in lexicon.cues.values()} == set(CLAIMS) - {"report"}
    for kind, text in {
        "air_strike": "airstrike",
        "shelling": "قصف مدفعي",
        "abduction": "kidnapped",
        "other_event": "ceasefire",
    }.items():
        assert kind in KINDS
        assert f"kind:{kind}" in {hit.means for hit in lexicon.find(read_text(text))}


def test_a_longer_phrase_takes_the_meaning_of_its_words(lexicon: Lexicon) -> None:
    means = {hit.means for hit in lexicon.find(read_text("missile strike"))}

    assert means == {"kind:shelling"}


def test_a_phrase_that_is_no_event_takes_the_event_out(lexicon: Lexicon) -> None:
    assert not [hit for hit in lexicon.find(read_text("a heart attack")) if hit.means.startswith(("act:", "kind:"))]
    assert not [hit for hit in lexicon.find(read_text("no casualties")) if hit.means.startswith("cue:")]


def test_where_a_party_acts_tells_which_actor_it_is(lexicon: Lexicon) -> None:
    russia = lexicon.parties["russia"]

    assert russia.actor("SY", "air_strike") == "RuAF"
    assert russia.actor("UA", "air_strike") == "RU_forces"
    assert lexicon.parties["damascus"].actor("SY", "air_strike") == "SyAAF"
    assert lexicon.parties["damascus"].actor("SY", "shelling") == "SAA"
    assert lexicon.parties["usa"].actor("SO", "air_strike") == "other"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (KIND.format('"strike(s"'), r"k\.toml, line 4, kind\[air_strike\]\.events\.en: 'strike\(s' brackets"),
        (KIND.format('"!!"'), "holds no letter"),
        (KIND.replace("air_strike", "air_raid").format('"x y z"'), r"'air_raid' is not one of"),
        (KIND.replace("en =", "xx =").format('"abc"'), "a language is one of"),
        ('[[kinds]]\nid = "x"\n', r"\[\[kind\]\]"),
        (
            '[[cue]]\nid = "c"\nclaim = "denial"\nscope = "far"\nrank = 1\nsays = "x"\n[cue.words]\nen = ["abc"]\n',
            "far",
        ),
        ('[[cue]]\nid = "c"\n', "claim is missing"),
        ('[[kind]]\nid = "air_strike"\ncolour = "red"\n', "colour: is unknown here"),
        (
            '[[act]]\nid = "a"\n[act.words]\nen = ["abc"]\n[[act]]\nid = "a"\n[act.words]\nen = ["abd"]\n',
            "stands here twice",
        ),
        ("not toml", "not TOML"),
        ('[[set]]\nid = "s"\nwords = { en = ["two words"] }\n', "is not one word"),
    ],
)
def test_a_fault_is_named_with_file_and_key(text: str, said: str) -> None:
    with pytest.raises(LexiconError, match=said):
        build_lexicon({"k.toml": text})


def test_one_phrase_cannot_mean_two_things() -> None:
    text = KIND.format('"barrage"') + '[[kind]]\nid = "shelling"\n[kind.events]\nen = ["barrage(s)"]\n'

    with pytest.raises(LexiconError, match=r"means kind:shelling here and kind:air_strike in k\.toml"):
        build_lexicon({"k.toml": text})


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(LexiconError) as caught:
        build_lexicon({"k.toml": KIND.format('"a(b", "c(d"')})

    assert len(str(caught.value).splitlines()) == 2
