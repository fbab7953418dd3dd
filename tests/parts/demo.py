"""The demo on a real Apache Kafka and a real PostgreSQL of its own: `python -m tests.parts.demo --stream kafka --db postgres`.

The servers start from wheels, on free ports and in temporary folders, and go when the demo does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic

from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer


@contextmanager
def started(
    name: str, make: Callable[[], KafkaBroker] | Callable[[], PostgresServer]
) -> Iterator[KafkaBroker | PostgresServer]:
    """Start a server and say how long it took."""
    began = monotonic()
    print(f"starting {name} ...", end=" ", file=sys.stderr, flush=True)
    server = make()
    try:
        server.start()
        print(f"{monotonic() - began:.1f} s", file=sys.stderr, flush=True)
        yield server
    finally:
        server.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the demo on servers of its own.")
    parser.add_argument("--stream", choices=["embedded", "kafka"], default="embedded")
    parser.add_argument("--db", choices=["sqlite", "postgres"], default="sqlite")
    chosen = parser.parse_args()
    environ = dict(os.environ)
    with ExitStack() as servers:
        if chosen.stream == "kafka":
            broker = servers.enter_context(started("Apache Kafka", KafkaBroker))
            assert isinstance(broker, KafkaBroker)
            environ["WATCHDESK_STREAM_URL"] = f"kafka://{broker.bootstrap}"
        if chosen.db == "postgres":
            server = servers.enter_context(started("PostgreSQL", PostgresServer))
            assert isinstance(server, PostgresServer)
            environ["WATCHDESK_DATABASE_URL"] = server.create_database("demo")
        watchdesk = Path(sys.executable).with_name("watchdesk")
        process = subprocess.Popen([watchdesk, "demo"], env=environ)
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the demo got it too, and ends by itself
                continue


if __name__ == "__main__":
    sys.exit(main())
