"""Who said it first: what is kept between two looks changes no answer, and a burst costs each post once."""

from __future__ import annotations

import random
import time
from datetime import timedelta

import msgspec
import pytest

from app.domain.origins import Echoes, Voice, origins_of, word_pairs
from tests.wire import NOON, DeskInMemory, Wire

WORDS = [f"word{number}" for number in range(40)]


def voice(chance: random.Random, number: int) -> Voice:
    author = f"author{chance.randint(1, 6)}"
    text = [chance.choice(WORDS[:12]) for _ in range(4)] if chance.random() < 0.5 else WORDS[: chance.randint(5, 20)]
    return Voice(
        post=f"x:{number}",
        key=author,
        owner=author.title(),
        at=NOON + timedelta(seconds=chance.randint(0, 400)),
        repeats=f"x:{chance.randint(0, 30)}" if chance.random() < 0.2 else None,
        credits=(("agency", "Agency"),) if chance.random() < 0.1 else (),
        pairs=word_pairs(text),
        round_up=chance.random() < 0.05,
    )


@pytest.mark.parametrize("seed", range(20))
def test_what_is_kept_between_two_looks_changes_no_answer(seed: int) -> None:
    chance, kept = random.Random(seed), Echoes()
    voices: list[Voice] = []
    for number in range(40):
        act = chance.random()
        if voices and act < 0.15:
            voices.pop(chance.randrange(len(voices)))
        elif voices and act < 0.3:
            at = chance.randrange(len(voices))
            voices[at] = msgspec.structs.replace(voices[at], pairs=word_pairs(WORDS[:9]), former=(voices[at].pairs,))
        else:
            voices.append(voice(chance, number))
        assert origins_of(voices, kept) == origins_of(voices)


def test_burst_of_posts_costs_each_of_them_little() -> None:
    desk, wire = DeskInMemory(), Wire()
    began = time.process_time()
    for number in range(300):  # a quarter of a second; comparing all with all at each post took eighteen
        desk.feed(wire.item(str(number), number / 10))
    assert time.process_time() - began < 5
    assert len(desk.incidents()[0].origins) == 300
