"""Generated requests, good and bad, against the running API: no 5xx, no undocumented status, no answer beside its description."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from app.db.models import Source
from tests.app.api.desk import Desk
from tests.rows import store
from tests.stored_desk import StoredDesk
from tests.wire import Wire

# A valid request may still mean nothing (a rule that can never match), which no schema can say.
OPTIONS = (
    "--exclude-path=/v1/alerts/stream",
    "--phases=examples,fuzzing",
    "--checks=all",
    "--exclude-checks=positive_data_acceptance",
    "--suppress-health-check=all",
    "--continue-on-failure",
    "--no-color",
    "--generation-database=none",
    "--seed=4092018",
)


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(("each", "least"), [(20, 500), pytest.param(260, 5_000, marks=pytest.mark.soak)])
async def test_no_generated_request_breaks_the_api(sqlite_desk: Desk, tmp_path: Path, each: int, least: int) -> None:
    wire = Wire()
    await StoredDesk(sqlite_desk.given.database).feed([wire.item("1", 0), wire.item("2", 5, "author_2")])
    await store(sqlite_desk.given.database, Source(id="x:a", owner="a", grade="B", area=None, retired_at=None))
    assert (await sqlite_desk.ask("POST", "/v1/watches", json={"name": "one", "rule": "strike"})).status == 201
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{sqlite_desk.url}/openapi.json",
        f"--max-examples={each}",
        *OPTIONS,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    told = said.decode()
    assert process.returncode == 0, told[-20_000:]
    generated = re.search(r"(\d[\d,]*) generated", told)
    assert generated is not None
    assert int(generated[1].replace(",", "")) >= least
    assert sqlite_desk.value("watchdesk_http_requests_total", route="/v1/incidents", status="5xx") == 0
