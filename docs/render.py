"""Writes what documents take from the code: the tables of operations.md, the alert in the README. Tests fail while they differ."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import dedent

from fastapi.routing import APIRoute

from app.cli.root import COMMANDS
from app.domain.config_keys import ANY_DESTINATION, ANY_SOURCE, DESTINATION_KEYS, SECTION_KEYS, SOURCE_KEYS, Key
from app.main import ROUTERS
from app.settings import VARIABLES
from app.streams.topics import TOPICS
from app.telemetry.metrics import Metrics, markdown

FILE = Path(__file__).with_name("operations.md")
ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"


def settings() -> str:
    rows = [
        (f"`{one.name}`", f"`{one.default}`" if one.default else "", one.meaning + (" Secret." if one.secret else ""))
        for one in sorted(VARIABLES)
    ]
    return _table(("Setting", "Default", "Meaning"), rows)


def topics() -> str:
    rows = [(f"`{one.name}`", one.keyed_by, str(one.partitions), f"{one.retention.days} days") for one in TOPICS]
    return _table(("Topic", "Key", "Partitions on Kafka", "Records stand for"), rows)


def commands() -> str:
    return _table(("Command", "What it does"), [(f"`watchdesk {name}`", one.line) for name, one in COMMANDS.items()])


def config_keys() -> str:
    rows = [("`[[source]]`, any", *_key(key)) for key in ANY_SOURCE]
    rows += [(f"`[[source]]` of {name}", *_key(key)) for name, keys in SOURCE_KEYS.items() for key in keys]
    rows += [(f"`[{name}]`", *_key(key)) for name, keys in SECTION_KEYS.items() for key in keys]
    rows += [("`[[destination]]`, any", *_key(key)) for key in ANY_DESTINATION]
    rows += [
        (f"`[[destination]]` of type {name}", *_key(key)) for name, keys in DESTINATION_KEYS.items() for key in keys
    ]
    return _table(("Where", "Key", "Meaning"), rows)


def endpoints() -> str:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    shown = [route for route in routes if route.include_in_schema]
    rows = [
        (f"`{method} {route.path}`", route.summary or "") for route in shown for method in sorted(route.methods or ())
    ]
    return _table(("Endpoint", "What it gives"), rows)


def metrics() -> str:
    return markdown(Metrics().table)


BLOCKS: Mapping[str, Callable[[], str]] = {
    "settings": settings,
    "config": config_keys,
    "topics": topics,
    "commands": commands,
    "endpoints": endpoints,
    "metrics": metrics,
}


def rendered(text: str) -> str:
    """Return the document with every table as the code has it now."""
    for name, make in BLOCKS.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not marked.search(text):
            raise ValueError(f"{FILE.name} has no place for {name}")
        block = make().rstrip("\n") + "\n"
        text = marked.sub(lambda found, block=block: found[1] + block + found[2], text)  # type: ignore[misc]
    return text


def panel(printed: str) -> str:
    """Return the alert in full out of what the demo printed, without the frame around it."""
    framed = printed[printed.index("╭") : printed.index("╯")].splitlines()
    inner = [line.removeprefix("│").rstrip().removesuffix("│").rstrip() for line in framed[1:-1]]
    return dedent("\n".join(inner)).strip("\n") + "\n"


def readme(text: str, printed: str) -> str:
    """Return the README with the alert that the demo ended in."""
    marked = re.compile(r"(<!-- demo -->\n).*?(<!-- /demo -->)", re.DOTALL)
    return marked.sub(lambda found: f"{found[1]}```text\n{panel(printed)}```\n{found[2]}", text)


def _key(key: Key) -> tuple[str, str]:
    return f"`{key.name}`", key.meaning


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    FILE.write_text(rendered(FILE.read_text(encoding="utf-8")), encoding="utf-8")
    demo = subprocess.run(
        [sys.executable, "-m", "app", "demo"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    README.write_text(readme(README.read_text(encoding="utf-8"), demo.stdout), encoding="utf-8")
    sys.stdout.write(f"{FILE.name} and {README.name} are as the code says\n")


if __name__ == "__main__":
    main()
