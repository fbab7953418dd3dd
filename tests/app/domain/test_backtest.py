"""A rule run over posts that we have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.domain.backtest import SHOWN, Seen, backtest
from app.domain.rule_match import PostWords
from app.domain.rule_places import compile_rule
from app.domain.rules import parse_rule
from app.domain.text import read_text
from app.messages import Post, Tags
from tests.builders import small_gazetteer

GAZETTEER = small_gazetteer()
START = datetime(2018, 9, 1, 22, tzinfo=UTC)


def seen(number: int, text: str, claim: str) -> Seen:
    post = Post(f"x:{number}", str(number), "x", "eve", text=text)
    return Seen(PostWords(post, read_text(text), Tags(claim=claim)), START + timedelta(hours=number))


def test_posts_are_counted_by_day_and_claim_and_the_newest_hits_are_shown() -> None:
    posts = [
        seen(0, "idlib", "report"),
        seen(1, "hama", "report"),
        seen(3, "idlib", "threat"),
        seen(4, "idlib", "report"),
    ]
    found = backtest(compile_rule(parse_rule("idlib"), GAZETTEER), posts)
    assert (found.posts, found.matched, found.reports) == (4, 3, 2)
    assert found.by_day == {"2018-09-01": 1, "2018-09-02": 2}
    assert found.by_claim == {"report": 2, "threat": 1}
    assert [hit.post for hit in found.hits] == ["x:4", "x:3", "x:0"]
    assert found.hits[0].sentences == ("it says “idlib”",)
    assert (found.start, found.end) == (START, START + timedelta(hours=4))


def test_a_wide_rule_is_called_so_with_both_numbers() -> None:
    found = backtest(compile_rule(parse_rule("idlib"), GAZETTEER), (seen(n, "idlib", "report") for n in range(9_001)))
    assert found.says == "would have matched 9,001 of 9,001 posts: so wide a rule alerts all the time"
    assert len(found.hits) == SHOWN


def test_no_posts_are_no_fault() -> None:
    found = backtest(compile_rule(parse_rule("idlib"), GAZETTEER), ())
    assert (found.posts, found.matched, found.start, found.says) == (0, 0, None, "would have matched 0 of 0 posts")
