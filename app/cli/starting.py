"""What a process needs before it can start, looked at before anything heavy is loaded: settings, home, ports, database, place index.

So whatever cannot work is refused in a fraction of a second, with one line and exit code 2. Each part looks again when it is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from app.db.revisions import refuse_file, refuse_folder
from app.errors import SettingsError
from app.home import LOCK_NAME, hold_home, spool_lock
from app.settings import Settings, load_settings, port_problem, prepare_home, refuse_missing_places

Port = Literal["WATCHDESK_PORT", "WATCHDESK_OPS_PORT"]


def settings_to_start(
    environ: Mapping[str, str], command: str, *ports: Port, owns_home: bool, spool: str = ""
) -> Settings:
    """Return the settings of a process that is about to run, or raise a UserError that says what it lacks.

    `ports` are the settings of those that it will listen on; `owns_home`: on the embedded log it must be alone in its home;
    `spool`: beside a broker it must have the spool of that name to itself.
    """
    settings = load_settings(environ)
    prepare_home(settings.home)
    embedded = settings.stream.kafka is None
    if owns_home if embedded else spool:
        lock = LOCK_NAME if embedded else spool_lock(spool)
        with hold_home(settings.home, command=command, since=datetime.now(UTC), lock=lock):
            pass  # free just now; the process takes it for good once it can let go of it in order
    for name in ports:
        _refuse_port(settings, name)
    if settings.database.file is not None:
        refuse_folder(settings.database.file)
        refuse_file(settings.database.file)
    refuse_missing_places(settings)
    return settings


def _refuse_port(settings: Settings, name: Port) -> None:
    host, port = (settings.host, settings.port) if name == "WATCHDESK_PORT" else (settings.ops_host, settings.ops_port)
    problem = port_problem(host, port)
    if problem:
        raise SettingsError(
            f"{name.removesuffix('PORT')}HOST/{name}: {problem}; set another, or stop what listens there"
        )
