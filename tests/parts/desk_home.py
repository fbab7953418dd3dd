"""A home of its own for a test, and the real command line run in it as a real process."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select

from app.db.ledger import balance
from app.db.models import Alert, Incident
from app.db.session import open_database
from app.domain.ledger import Balance
from app.messages import AlertMessage, IncidentView

TIMEOUT_S = 110.0


class Result(NamedTuple):
    """What a day of posts comes to: alerts in their order, incidents by id, the ledger's five numbers."""

    alerts: list[AlertMessage]
    incidents: list[IncidentView]
    outcomes: tuple[int, ...]


class DeskHome:
    """Runs `watchdesk` with its state in `path`. `settings` are WATCHDESK_* variables beyond home, config and gazetteer."""

    def __init__(self, path: Path, gazetteer: Path, **settings: str) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.config = path / "watchdesk.toml"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("WATCHDESK_")}
        self.env = clean | {
            "WATCHDESK_HOME": str(path / "home"),
            "WATCHDESK_GAZETTEER": str(gazetteer),
            "WATCHDESK_PORT": "0",
            "WATCHDESK_WATCHDOG_PERIOD": "0",
            "WATCHDESK_BALLAST_MB": "0",
            **settings,
        }

    @property
    def home(self) -> Path:
        return self.path / "home"

    @property
    def database_url(self) -> str:
        return self.env.get("WATCHDESK_DATABASE_URL") or f"sqlite:///{self.home / 'watchdesk.db'}"

    def command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "app", *map(str, arguments)]

    def environment(self, **more: str) -> dict[str, str]:
        with_config = {"WATCHDESK_CONFIG": str(self.config)} if self.config.exists() else {}
        return self.env | with_config | more

    def run(self, *arguments: str | Path, given: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end; `more` are variables for this call alone."""
        return subprocess.run(
            self.command(*arguments),
            input=given,
            capture_output=True,
            env=self.environment(**more),
            timeout=TIMEOUT_S,
            check=False,
        )

    def start(self, *arguments: str | Path, **more: str) -> subprocess.Popen[bytes]:
        """Start a command in the background; the caller ends it."""
        return subprocess.Popen(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(**more),
        )

    def ok(self, *arguments: str | Path, given: bytes = b"", **more: str) -> str:
        """Run a command that must succeed; return what it printed."""
        done = self.run(*arguments, given=given, **more)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def objects(self, *arguments: str | Path) -> list[dict[str, Any]]:
        """Return the JSON lines that a command printed."""
        return [json.loads(line) for line in self.ok(*arguments).splitlines()]

    def law(self) -> Balance:
        """Return the conservation law as the database has it."""

        async def read() -> Balance:
            async with open_database(self.database_url, role="cli") as database, database.read() as session:
                return await balance(session)

        return asyncio.run(read())

    def result(self) -> Result:
        """Return everything that must come out the same; the law must hold with nothing in flight."""

        async def read() -> tuple[list[AlertMessage], list[IncidentView]]:
            async with open_database(self.database_url, role="cli") as database, database.read() as session:
                alerts = await session.execute(select(Alert.body).order_by(Alert.seq))
                views = await session.execute(select(Incident.view).order_by(Incident.id))
                return list(alerts.scalars()), list(views.scalars())

        law = self.law()
        assert law.in_flight == 0, law
        alerts, incidents = asyncio.run(read())
        return Result(alerts, incidents, (law.received, law.stored, law.duplicate, law.quarantined, law.dropped))


def write_lines(path: Path, lines: list[dict[str, Any] | bytes]) -> Path:
    """Write post lines; bytes are written as they are."""
    with path.open("wb") as file:
        for line in lines:
            file.write(line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False).encode())
            file.write(b"\n")
    return path
