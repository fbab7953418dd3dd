from __future__ import annotations

from datetime import timedelta

import pytest

from app.errors import Invalid, Reason
from app.messages import MAX_RECORD_BYTES
from app.streams.port import Outgoing
from app.streams.topics import ALERTS, DEFAULT_RETENTION, TAGGED, TOPICS, check_sizes, retention_of


def test_the_desk_reads_one_partition() -> None:
    assert TAGGED.partitions == 1
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


def test_a_topic_outside_of_the_table_stands_for_a_week() -> None:
    assert retention_of(ALERTS.name) == timedelta(days=30)
    assert retention_of("items") == DEFAULT_RETENTION == timedelta(days=7)


def test_the_settings_decide_how_long_texts_of_posts_stand_and_alerts_keep_their_month() -> None:
    assert retention_of(TAGGED.name, 1) == retention_of("items", 1) == timedelta(days=1)
    assert retention_of(ALERTS.name, 1) == timedelta(days=30)


def test_the_limit_counts_key_and_value() -> None:
    check_sizes("t", [Outgoing("k", b"x" * (MAX_RECORD_BYTES - 1))])
    with pytest.raises(Invalid) as refused:
        check_sizes("t", [Outgoing("kk", b"x" * (MAX_RECORD_BYTES - 1))])
    assert refused.value.reason is Reason.TOO_LARGE
