"""The entry point: runs a command and turns whatever it raises into one line and an exit code.

0 done · 2 what was given cannot be used · 3 a dependency is down or a stage stands still · 70 our own fault, with the traceback in a file of the home ·
130 interrupted.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO, cast

import click

from app.cli.root import watchdesk
from app.errors import RuleError, Unavailable, UserError, WatchdeskError

EXIT_USER, EXIT_UNAVAILABLE, EXIT_BUG, EXIT_INTERRUPTED = 2, 3, 70, 130


def main() -> None:
    """Run the command that the arguments name, and leave the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):  # place names are in every script, whatever the locale says
        cast("TextIO", stream).reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[attr-defined]
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Return the exit code of a command; nothing that it raises gets past here."""
    try:
        result = watchdesk.main(arguments, prog_name="watchdesk", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as shown:
        shown.show()
        return EXIT_USER
    except click.ClickException as error:
        _complain(error.format_message())
        return EXIT_USER
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return 0
    except Exception as error:  # noqa: BLE001 - the last resort, which says so and leaves the traceback in a file
        return _explain(_cause(error))
    return result if isinstance(result, int) else 0


def _cause(error: Exception) -> Exception:
    """Return what a task group wrapped: the first error of ours, else the first one."""
    if not isinstance(error, ExceptionGroup):
        return error
    inner = [_cause(each) for each in error.exceptions]
    return next((each for each in inner if isinstance(each, WatchdeskError)), inner[0])


def _explain(error: Exception) -> int:
    if isinstance(error, RuleError):
        _complain(error.with_caret())
    elif isinstance(error, UserError):
        _complain(error.detail)
    elif isinstance(error, Unavailable):
        _complain(f"{error.what}: {error.detail}")
        return EXIT_UNAVAILABLE
    elif isinstance(error, WatchdeskError) and error.code == "standstill":
        _complain(error.detail)
        return EXIT_UNAVAILABLE
    else:
        said = " ".join(str(error).split())[:200]
        _complain(f"unexpected {type(error).__name__}: {said} (the traceback is in {_keep_traceback(error)})")
        return EXIT_BUG
    return EXIT_USER


def _complain(line: str) -> None:
    sys.stderr.write(f"watchdesk: {line}\n")


def _keep_traceback(error: Exception) -> Path:
    """Write the traceback into the home, or into the system's temporary folder where the home cannot be written."""
    name = f"crash-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.log"
    for folder in (Path(os.environ.get("WATCHDESK_HOME") or "var"), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            continue
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(traceback.format_exception(error))
        return folder / name
    return Path(os.devnull)


def _silence_stdout() -> None:
    """The reader of our output left (`| head`): let the interpreter's last flush go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
