from __future__ import annotations

import pytest

from tests.app.streams.contract import Bench, DurableContract
from tests.app.streams.kafka_bench import KafkaBench

pytestmark = pytest.mark.kafka


@pytest.fixture
def bench(kafka_bench: KafkaBench) -> Bench:
    return kafka_bench


class TestKafkaStream(DurableContract):
    pass
