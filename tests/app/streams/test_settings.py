"""Where the log is and how a broker is spoken to."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.environment import Environment
from app.errors import SettingsError
from app.streams.settings import VARIABLES, StreamSettings, read_stream_settings


def read(**environ: str) -> StreamSettings:
    given = {f"WATCHDESK_{name}": value for name, value in environ.items()}
    return read_stream_settings(Environment(given, VARIABLES), Path("/home"))


def test_without_a_url_the_log_is_a_file_in_the_home() -> None:
    settings = read()
    assert (settings.url, settings.file, settings.kafka) == ("", Path("/home/log.db"), None)


def test_a_broker_is_spoken_to_as_told(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    kafka = read(
        STREAM_URL="kafka://b1:9092, b2:9093/",
        KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        KAFKA_SASL_MECHANISM="PLAIN",
        KAFKA_USERNAME="desk",
        KAFKA_PASSWORD="secret",
        KAFKA_CA_FILE=str(ca),
        KAFKA_COMPRESSION="none",
    ).kafka
    assert kafka is not None
    assert kafka.bootstrap == ("b1:9092", "b2:9093")
    assert (kafka.security_protocol, kafka.sasl_mechanism, kafka.username, kafka.password) == (
        "SASL_SSL",
        "PLAIN",
        "desk",
        "secret",
    )
    assert (kafka.ca_file, kafka.compression) == (ca, "none")


def test_the_defaults_keep_their_own_rules() -> None:
    kafka = read(STREAM_URL="kafka://b:9092").kafka
    assert kafka is not None
    assert kafka.request_timeout > kafka.session_timeout >= 3 * kafka.heartbeat


@pytest.mark.parametrize(
    "url", ["kafka://", "kafka://b", "kafka://b:0", "kafka://b:99999", "kafka://:9092", "kafka://b:9092,", "b:9092"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="WATCHDESK_STREAM_URL"):
        read(STREAM_URL=url)
