from __future__ import annotations

from app.domain.watches import Watch
from producers.live import words_of, x_rules


def test_watches_become_rules_for_x_and_words_for_streams_that_are_sifted_here() -> None:
    watches = [
        Watch("strikes", '(airstrike OR "air strike") Idlib -drill'),
        Watch("kinds", "kind:air_strike"),
        Watch("all"),
        Watch("tags", "#RuAF"),
    ]
    rules = x_rules(watches)
    assert any("airstrike" in rule and "Idlib" in rule for rule in rules)
    assert any("#RuAF" in rule for rule in rules)
    assert not any("kind:" in rule for rule in rules)
    assert {"airstrike", "idlib", "ruaf"} <= words_of(watches)
    assert "drill" not in words_of(watches)
    assert words_of([Watch("all")]) == frozenset()
