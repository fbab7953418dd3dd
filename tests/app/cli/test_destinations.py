from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Cli = Callable[..., "CompletedProcess[str]"]
KEY = "a key of at least thirty-two characters"
CONFIG = """
[[destination]]
name = "hook"
type = "webhook"
url = "https://127.0.0.1/hook"

[[destination]]
name = "slack"
type = "slack"
url_env = "SLACK_URL"
"""


@pytest.fixture
def desk(cli: Cli, tmp_path: Path) -> Cli:
    config = tmp_path / "watchdesk.toml"
    config.write_text(CONFIG, encoding="utf-8")

    def run(*arguments: str, **settings: str) -> CompletedProcess[str]:
        return cli("destination", *arguments, WATCHDESK_CONFIG=str(config), **settings)

    made = cli("migrate", WATCHDESK_CONFIG=str(config))
    assert made.returncode == 0, made.stderr
    return run


def test_the_destinations_are_listed(desk: Cli) -> None:
    rows = [json.loads(line) for line in desk("list", "--json").stdout.splitlines()]
    assert [(row["name"], row["type"], row["state"], row["pending"]) for row in rows] == [
        ("hook", "webhook", "unused", 0),
        ("slack", "slack", "unused", 0),
    ]


def test_a_new_secret_is_shown_once_and_needs_a_key_to_be_kept_under(desk: Cli) -> None:
    refused = desk("rotate", "hook")
    assert refused.returncode == 2
    assert "WATCHDESK_SECRET_KEY is not set" in refused.stderr
    first = desk("rotate", "hook", WATCHDESK_SECRET_KEY=KEY).stdout.strip()
    second = desk("rotate", "hook", WATCHDESK_SECRET_KEY=KEY).stdout.strip()
    assert first.startswith("whsec_")
    assert first != second
    assert "only webhooks have" in desk("rotate", "slack", WATCHDESK_SECRET_KEY=KEY).stderr


def test_a_destination_inside_is_tried_and_refused_in_words(desk: Cli) -> None:
    desk("rotate", "hook", WATCHDESK_SECRET_KEY=KEY)
    tried = desk("test", "hook", WATCHDESK_SECRET_KEY=KEY)
    assert tried.returncode == 1
    assert "private or reserved address (127.0.0.1: loopback)" in tried.stderr


def test_what_is_missing_is_said(desk: Cli) -> None:
    for arguments, words in (
        (("test", "slack"), "the variable SLACK_URL is not set"),
        (("test", "nothing"), "there are: hook, slack"),
        (("enable", "nothing"), "there are: hook, slack"),
        (("replay",), "give either --id, or --since"),
        (("replay", "--id", "x"), "no delivery x has ended"),
    ):
        said = desk(*arguments)
        assert said.returncode == 2
        assert words in said.stderr
    assert "was not switched off" in desk("enable", "hook").stdout
    assert "0 deliveries are due again" in desk("replay", "--since", "2018-09-04").stdout
