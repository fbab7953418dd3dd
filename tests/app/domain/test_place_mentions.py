"""The fast look-up of names finds what a brute force over every window of words finds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.name_keys import ARTICLES, without_articles
from app.domain.place_mentions import LONGEST_NAME, Spelling, find_mentions, reach_from
from app.domain.text import ReadText, TokenKind, read_text, variants, words
from tests.builders import place_rows, small_gazetteer

GAZETTEER = small_gazetteer()
NAMES = {
    form
    for row in place_rows()
    for name in (row.name, *row.names)
    for form in (" ".join(words(name)), " ".join(without_articles(words(name))))
}
PIECES = st.sampled_from(
    [*sorted({word for name in NAMES for word in name.split()}), "al", "the", "in", "و", "بادلب", ",", "#", "-"]
)


def by_brute_force(text: ReadText) -> set[tuple[int, int]]:
    """Every window of neighbouring tokens whose words, with or without proclitics and articles, are a name."""
    found = set()
    for first, token in enumerate(text.tokens):
        if token.kind is not TokenKind.WORD:
            continue
        for size in range(1, reach_from(text, first, LONGEST_NAME + 1) + 1):
            rest = [other.norm for other in text.tokens[first + 1 : first + size]]
            for head in variants(token.norm):
                spelt = (head, *rest)
                if " ".join(spelt) in NAMES or (size > 1 and " ".join(without_articles(spelt)) in NAMES):
                    found.add((first, first + size - 1))
    return found


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=14).map(" ".join))
def test_the_index_finds_what_brute_force_finds(text: str) -> None:
    read = read_text(text)
    quick = {
        (mention.first, mention.last)
        for slot in find_mentions(read, GAZETTEER)
        for mention in slot
        if mention.spelling is Spelling.EXACT
    }
    slow = by_brute_force(read)
    only_articles = {(a, b) for a, b in slow if any(token.norm in ARTICLES for token in read.tokens[a : b + 1])}
    assert quick <= slow
    assert slow - only_articles <= quick


def test_a_name_never_runs_through_a_comma_a_stop_or_into_a_hashtag() -> None:
    for text in ("Khan, Shaykhun", "Khan. Shaykhun", "Khan #Shaykhun", "Khan\nShaykhun"):
        assert all(m.first == m.last for slot in find_mentions(read_text(text), GAZETTEER) for m in slot), text
