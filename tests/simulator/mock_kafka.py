"""librdkafka's mock cluster, out of the `confluent-kafka` wheel: for what a real broker will not do on command.

It answers with any error code to any request, moves coordinators and takes brokers down. It knows no topics' settings and settles a group
of one member only, so it proves how we take a fault; the real broker proves the rest.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import confluent_kafka

PRODUCE, FETCH, LIST_OFFSETS, METADATA, OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR = 0, 1, 2, 3, 8, 9, 10
JOIN_GROUP, HEARTBEAT = 11, 12
LEADER_NOT_AVAILABLE = 5


class MockKafka:
    """A running mock cluster of `brokers` brokers with numbers from 1."""

    def __init__(self, library: ctypes.CDLL, cluster: int, brokers: int) -> None:
        self._library = library
        self._cluster = ctypes.c_void_p(cluster)
        self._brokers = brokers

    @property
    def bootstrap(self) -> str:
        return str(self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode())

    def create_topic(self, topic: str, partitions: int = 1) -> None:
        self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, 1)

    def push_errors(self, api: int, *codes: int) -> None:
        """Answer the next requests of this kind with these error codes, one each."""
        array = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(api), ctypes.c_size_t(len(codes)), array
        )

    def clear_errors(self, api: int) -> None:
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, ctypes.c_int16(api))

    def set_topic_error(self, topic: str, code: int) -> None:
        """Say this of the topic in every answer, metadata first, until it is set to 0."""
        self._library.rd_kafka_mock_topic_set_error(self._cluster, topic.encode(), code)

    def set_down(self, broker: int = 1) -> None:
        self._library.rd_kafka_mock_broker_set_down(self._cluster, ctypes.c_int32(broker))

    def set_up(self, broker: int = 1) -> None:
        self._library.rd_kafka_mock_broker_set_up(self._cluster, ctypes.c_int32(broker))

    def set_round_trip(self, milliseconds: int, broker: int = 1) -> None:
        self._library.rd_kafka_mock_broker_set_rtt(self._cluster, ctypes.c_int32(broker), milliseconds)

    def set_coordinator(self, group: str, broker: int) -> None:
        self._library.rd_kafka_mock_coordinator_set(self._cluster, b"group", group.encode(), ctypes.c_int32(broker))

    def count_requests(self) -> dict[int, int]:
        """Return how many requests of each kind came since the start or the last count."""
        number = ctypes.c_size_t()
        requests = self._library.rd_kafka_mock_get_requests(self._cluster, ctypes.byref(number))
        counts: dict[int, int] = {}
        for i in range(number.value):
            api = int(self._library.rd_kafka_mock_request_api_key(requests[i]))
            counts[api] = counts.get(api, 0) + 1
        self._library.rd_kafka_mock_request_destroy_array(requests, number)
        self._library.rd_kafka_mock_clear_requests(self._cluster)
        return counts


@contextmanager
def mock_kafka(brokers: int = 1) -> Iterator[MockKafka]:
    library = _load()
    reason = ctypes.create_string_buffer(512)
    handle = library.rd_kafka_new(0, None, reason, ctypes.c_size_t(512))
    if not handle:
        raise RuntimeError(reason.value.decode())
    cluster = library.rd_kafka_mock_cluster_new(ctypes.c_void_p(handle), brokers)
    library.rd_kafka_mock_start_request_tracking(ctypes.c_void_p(cluster))
    library.rd_kafka_mock_group_initial_rebalance_delay_ms(ctypes.c_void_p(cluster), ctypes.c_int32(0))
    try:
        yield MockKafka(library, cluster, brokers)
    finally:
        library.rd_kafka_mock_cluster_destroy(ctypes.c_void_p(cluster))
        library.rd_kafka_destroy(ctypes.c_void_p(handle))


def _load() -> ctypes.CDLL:
    wheel = Path(confluent_kafka.__file__).parent
    found = next(wheel.parent.glob("confluent_kafka.libs/librdkafka-*"), None) or next(
        wheel.glob(".dylibs/librdkafka*")
    )
    library = ctypes.CDLL(str(found))
    library.rd_kafka_new.restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    library.rd_kafka_mock_get_requests.restype = ctypes.POINTER(ctypes.c_void_p)
    library.rd_kafka_mock_request_api_key.argtypes = [ctypes.c_void_p]
    library.rd_kafka_mock_request_api_key.restype = ctypes.c_int16
    library.rd_kafka_mock_request_destroy_array.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t]
    return library
