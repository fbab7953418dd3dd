"""The receivers of docs/webhooks.md, each as a stranger would run it, against what we really send."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.notify.port import Delivered, Failed, Outcome
from app.notify.secrets import new_secret
from app.notify.webhook import SigningSecrets, WebhookNotifier
from app.outbound.client import Ask, OutboundClient
from app.outbound.targets import policy_of
from tests.outgoing import outgoing

FOLDER = Path(__file__).parents[2] / "docs" / "receivers"
SECRET = new_secret()
CLIENT = OutboundClient(policy_of(["127.0.0.1"]))


class Running:
    """A receiver on a port, and what it said so far."""

    def __init__(self, port: int, said: asyncio.StreamReader) -> None:
        self.url = f"http://127.0.0.1:{port}/hook"
        self._said = said

    async def line(self) -> str:
        return (await asyncio.wait_for(self._said.readline(), 20)).decode().strip()

    async def silent(self) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._said.readline(), 0.5)
            return False
        return True


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def until_open(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def server(*command: str) -> AsyncIterator[Running]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *command, str(port), env=os.environ | {"WEBHOOK_SECRET": SECRET}, stdout=asyncio.subprocess.PIPE
    )
    try:
        await until_open(port)
        assert process.stdout is not None
        yield Running(port, process.stdout)
    finally:
        process.kill()
        await process.communicate()


@asynccontextmanager
async def per_connection(script: Path, folder: Path) -> AsyncIterator[Running]:
    """Run a script for each connection with its socket as stdin and stdout, as socat does."""
    said = asyncio.StreamReader()
    environ = os.environ | {"WEBHOOK_SECRET": SECRET, "SEEN_DIR": str(folder)}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(str(script), env=environ, stdin=pipe, stdout=pipe, stderr=pipe)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        out, err = await process.communicate(head + await reader.readexactly(length))
        writer.write(out)
        writer.close()
        said.feed_data(err)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Running(listening.sockets[0].getsockname()[1], said)
    finally:
        listening.close()
        await listening.wait_closed()


@pytest.fixture(params=["python", "node", "shell"])
async def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Running]:
    if request.param == "shell":
        async with per_connection(FOLDER / "receiver.sh", tmp_path / "seen") as running:
            yield running
        return
    node = shutil.which("node")
    if request.param == "node" and node is None:
        pytest.skip("there is no Node on this machine")
    command = (
        (sys.executable, str(FOLDER / "receiver.py"))
        if request.param == "python"
        else (str(node), str(FOLDER / "receiver.mjs"))
    )
    async with server(*command) as running:
        yield running


async def send(receiver: Running, secrets: SigningSecrets, delivery: str = "d1", age: float = 0) -> Outcome:
    now = datetime.now(UTC) - timedelta(seconds=age)
    return await WebhookNotifier(receiver.url, secrets, CLIENT).send(outgoing(id=delivery, now=now))


async def test_an_alert_is_taken_and_the_same_one_again_is_answered_and_dropped(receiver: Running) -> None:
    assert await send(receiver, SigningSecrets(SECRET)) == Delivered()
    assert await receiver.line() == "Air strike near Jisr al-Shughur (1)"
    assert await send(receiver, SigningSecrets(SECRET)) == Delivered()
    assert await receiver.silent()
    assert await send(receiver, SigningSecrets(SECRET), "d2") == Delivered()
    assert await receiver.line() == "Air strike near Jisr al-Shughur (1)"


async def test_during_a_rotation_either_secret_will_do(receiver: Running) -> None:
    rotated = SigningSecrets(new_secret(), SECRET, datetime.now(UTC))
    assert await send(receiver, rotated) == Delivered()


async def test_what_is_signed_by_somebody_else_or_old_or_changed_is_refused(receiver: Running) -> None:
    for secrets, age in (
        (SigningSecrets(new_secret()), 0.0),
        (SigningSecrets(SECRET), 400.0),
        (SigningSecrets(SECRET), -400.0),
    ):
        outcome = await send(receiver, secrets, age=age)
        assert isinstance(outcome, Failed)
        assert outcome.reason == "HTTP 401"
    reply = await CLIENT.request("POST", receiver.url, Ask(headers={"webhook-id": "x"}, body=b"{}"))
    assert reply.status == 401
    assert await receiver.silent()
