"""The compose file names roles, settings, services and files that exist."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cli.consume import command as consume
from app.cli.root import COMMANDS
from app.domain.config_file import parse_config
from app.settings import VARIABLES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def roles(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose["services"].items() if service["image"] == "watchdesk"}


def test_every_role_runs_a_command_that_exists_with_settings_that_exist(compose: dict[str, Any]) -> None:
    known = {variable.name for variable in VARIABLES}

    for service in roles(compose).values():
        command, *names = service["command"]
        assert command in COMMANDS
        assert set(service["environment"]) <= known
        if command == "consume":
            consume.make_context("consume", names)


def test_all_stages_have_a_member(compose: dict[str, Any]) -> None:
    stages = {name for service in roles(compose).values() for name in service["command"][1:]}

    assert stages == {"tag", "desk", "notify"}


def test_every_role_is_confined_and_has_a_home_to_write_in(compose: dict[str, Any]) -> None:
    for service in roles(compose).values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert any(volume.split(":")[-1] == "/var/lib/watchdesk" for volume in service["volumes"])


def test_roles_wait_for_the_schema_and_for_healthy_servers(compose: dict[str, Any]) -> None:
    services = compose["services"]

    for name, service in roles(compose).items():
        for other, condition in service["depends_on"].items():
            assert other in services
            if condition["condition"] == "service_healthy":
                assert services[other]["healthcheck"]["test"]
        assert name == "migrate" or service["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_every_file_that_is_mounted_exists(compose: dict[str, Any]) -> None:
    sources = {
        volume.split(":")[0] for service in compose["services"].values() for volume in service.get("volumes", [])
    }

    assert not [source for source in sources if source.startswith("./") and not (ROOT / source).exists()]
    assert {source for source in sources if not source.startswith((".", "/"))} == set(compose["volumes"])


def test_only_loopback_is_published(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]

    assert all(port.startswith("127.0.0.1:") for port in published)


def test_prometheus_scrapes_the_ops_port_of_every_role(compose: dict[str, Any]) -> None:
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8"))
    (target,) = scraped["scrape_configs"][0]["dns_sd_configs"]

    assert set(target["names"]) == set(roles(compose)) - {"migrate"}
    assert f"WATCHDESK_OPS_PORT={target['port']}" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_its_watchdesk_toml_can_be_read() -> None:
    config = parse_config((ROOT / "deploy" / "compose" / "watchdesk.toml").read_bytes())

    assert config.sources
    assert not config.cited()  # no key is needed for a first look
