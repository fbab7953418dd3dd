"""The topics on a broker: created where they are missing, refused with the command that mends them where they cannot serve."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from app.errors import SettingsError
from app.messages import MAX_RECORD_BYTES
from app.streams.kafka import BATCH_BYTES, Connection, create_topic, describe_settings, describe_topics
from app.streams.settings import BACKUPS_COVERED, StreamSettings
from app.streams.topics import POSTS, TAGGED, Topic, retention_of

OVERHEAD_BYTES = 1024  # of a batch around its records


class TopicCheck:
    """Checks once that the topics can serve; `done` does it when it has not been done."""

    def __init__(self, connection: Connection, settings: StreamSettings, topics: Sequence[Topic]) -> None:
        self._connection = connection
        self._settings = settings
        self._topics = [self._with_partitions(topic) for topic in topics]
        self._passed = False
        self._checking = asyncio.Lock()

    async def done(self) -> None:
        """Return when every topic is known to be right. Raises SettingsError, or Unavailable while the broker is away."""
        if self._passed:
            return
        async with self._checking:
            if not self._passed:
                await self._check()
                self._passed = True

    async def _check(self) -> None:
        names = [topic.name for topic in self._topics]
        async with self._connection.admin() as admin:
            found = await describe_topics(self._connection, admin, names)
            for topic in self._topics:
                if topic.name not in found:
                    await self._create(admin, topic)
            while len(found) < len(names):  # what we or others have just made is seen a moment later
                await self._connection.clock.sleep(0.05)
                found = await describe_topics(self._connection, admin, names)
            for topic in self._topics:
                self._check_partitions(topic, found[topic.name])
                self._check_settings(topic, await describe_settings(self._connection, admin, topic.name))

    async def _create(self, admin: Any, topic: Topic) -> None:
        replication = self._settings.kafka.replication if self._settings.kafka else 1
        retention = self._retention(topic)
        settings = {"retention.ms": str(retention), "cleanup.policy": "delete"}
        refusal = await create_topic(
            self._connection,
            admin,
            topic.name,
            partitions=topic.partitions,
            replication=replication,
            settings=settings,
        )
        if refusal:
            command = self._command(
                "kafka-topics.sh",
                f"--create --topic {topic.name} --partitions {topic.partitions} --replication-factor {replication}",
                f"--config retention.ms={retention}",
            )
            raise SettingsError(
                f"topic {topic.name} is missing and the broker refuses to make it ({refusal}). Make it: {command}"
            )

    def _check_partitions(self, topic: Topic, count: int) -> None:
        if topic.name == TAGGED.name and count != 1:
            raise SettingsError(
                f"topic {topic.name} has {count} partitions, one is needed: one desk reads all in one order. Stop watchdesk and "
                f"delete it, it is made anew: {self._command('kafka-topics.sh', f'--delete --topic {topic.name}')}"
            )
        if count < topic.partitions:
            alter = self._command("kafka-topics.sh", f"--alter --topic {topic.name} --partitions {topic.partitions}")
            raise SettingsError(
                f"topic {topic.name} has {count} partitions, {topic.partitions} are set. Add them: {alter}"
            )

    def _check_settings(self, topic: Topic, found: Mapping[str, str]) -> None:
        needed = self._settings.backup_hours * BACKUPS_COVERED * 3_600_000
        keeps = int(found.get("retention.ms", "-1"))
        if 0 <= keeps < needed:
            self._refuse(
                topic,
                f"keeps records for {keeps / 3_600_000:g} h, less than {BACKUPS_COVERED} backups",
                f"retention.ms={needed}",
            )
        if "compact" in found.get("cleanup.policy", "delete"):
            self._refuse(
                topic, "is compacted, which deletes posts of a source before they are read", "cleanup.policy=delete"
            )
        largest = max(BATCH_BYTES, MAX_RECORD_BYTES) + OVERHEAD_BYTES
        if int(found.get("max.message.bytes", largest)) < largest:
            self._refuse(topic, f"takes {found['max.message.bytes']} bytes at most", f"max.message.bytes={largest}")

    def _with_partitions(self, topic: Topic) -> Topic:
        """Return the topic with as many partitions as the settings say, where the table allows more than one."""
        chosen = (
            self._settings.kafka.partitions if self._settings.kafka and topic.name == POSTS.name else topic.partitions
        )
        return topic._replace(partitions=chosen)

    def _refuse(self, topic: Topic, fault: str, setting: str) -> None:
        target = f"--alter --entity-type topics --entity-name {topic.name} --add-config {setting}"
        raise SettingsError(f"topic {topic.name} {fault}. Change it: {self._command('kafka-configs.sh', target)}")

    def _retention(self, topic: Topic) -> int:
        backups = timedelta(hours=self._settings.backup_hours * BACKUPS_COVERED)
        chosen = max(retention_of(topic.name, self._settings.retention_days), backups)
        return round(chosen.total_seconds() * 1000)

    def _command(self, program: str, *arguments: str) -> str:
        return " ".join((program, f"--bootstrap-server {self._connection.name}", *arguments))
