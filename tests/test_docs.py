"""The documents say what the code does: every setting, topic, metric, command and word of the house."""

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from app.cli.root import COMMANDS
from app.main import ROUTERS
from app.settings import VARIABLES
from app.streams.topics import TOPICS
from app.telemetry.metrics import KINDS, LEVELS, STEPS, Metrics
from docs.render import rendered

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def operations() -> str:
    return (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_the_tables_of_the_operations_page_are_as_the_code_says(operations: str) -> None:
    assert rendered(operations) == operations, "run `make docs`"


def test_every_setting_topic_metric_command_and_endpoint_is_in_the_documents(operations: str) -> None:
    names = [variable.name for variable in VARIABLES]
    names += [topic.name for topic in TOPICS]
    names += [row.name for row in Metrics().table]
    names += [f"watchdesk {name}" for name in COMMANDS]
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    names += [f"{method} {route.path}" for route in routes if route.include_in_schema for method in route.methods or ()]

    assert not [name for name in names if f"`{name}`" not in operations]


def test_every_setting_that_the_documents_name_exists() -> None:
    known = {variable.name for variable in VARIABLES} | {f"{one.name}_FILE" for one in VARIABLES if one.secret}
    named = {
        (path.name, name)
        for path in DOCUMENTS
        for name in re.findall(r"WATCHDESK_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8"))
    }

    assert not {(where, name) for where, name in named if name not in known}


def test_every_command_that_the_documents_name_exists() -> None:
    named = {
        (path.name, name)
        for path in DOCUMENTS
        for name in re.findall(r"`watchdesk ([a-z]+)", path.read_text(encoding="utf-8"))
    }

    assert not {(where, name) for where, name in named if name not in COMMANDS}


def test_every_target_of_make_that_the_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        (path.name, name)
        for path in DOCUMENTS
        for name in re.findall(r"`make ([a-z]+)", path.read_text(encoding="utf-8"))
    }

    assert not {(where, name) for where, name in named if name not in targets}


def test_every_file_that_the_documents_name_exists() -> None:
    paths = re.compile(r"`((?:app|consumers|producers|alembic|tests|benchmarks|deploy|docs)/[\w./-]+)`")
    named = {(path.name, name) for path in DOCUMENTS for name in paths.findall(path.read_text(encoding="utf-8"))}

    assert not {(where, name) for where, name in named if not (ROOT / name).exists()}


def test_every_link_within_the_documents_leads_somewhere() -> None:
    links = {
        (path, target)
        for path in DOCUMENTS
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", path.read_text(encoding="utf-8"))
    }

    assert not [(path.name, target) for path, target in links if not (path.parent / target).exists()]


def test_the_glossary_holds_the_words_of_the_code() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")

    assert not [word for word in (*KINDS, *LEVELS, *STEPS) if f"`{word}`" not in glossary]


def test_decisions_are_numbered_without_holes() -> None:
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs" / "decisions").glob("*.md"))]

    assert numbers == list(range(len(numbers)))
