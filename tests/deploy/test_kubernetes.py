"""The manifests are valid, and say the same as the image, the settings and the rules."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.cli.consume import command as consume
from app.cli.root import COMMANDS
from app.settings import VARIABLES

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
FOREIGN = {"Kustomization", "PodMonitor", "PrometheusRule"}  # kinds of operators, without a schema in Kubernetes itself


def manifests() -> Iterator[dict[str, Any]]:
    for path in sorted(FOLDER.glob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


def pods() -> list[tuple[str, dict[str, Any]]]:
    return [
        (one["metadata"]["name"], one["spec"]["template"]["spec"])
        for one in manifests()
        if "template" in one.get("spec", {})
    ]


def named(kind: str, name: str) -> dict[str, Any]:
    return next(one for one in manifests() if one["kind"] == kind and one["metadata"]["name"] == name)


@pytest.mark.parametrize(
    "manifest", [one for one in manifests() if one["kind"] not in FOREIGN], ids=lambda one: one["kind"]
)
def test_every_manifest_of_a_core_kind_is_valid(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_the_kustomization_names_every_manifest_but_the_operators() -> None:
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]

    assert sorted([*listed, "kustomization.yaml", "monitoring.yaml"]) == sorted(
        path.name for path in FOLDER.glob("*.yaml")
    )


@pytest.mark.parametrize(("name", "pod"), pods())
def test_every_pod_is_confined(name: str, pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]

    assert pod["enableServiceLinks"] is False, name
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["terminationGracePeriodSeconds"] > 10  # a role stops within 10 s
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not container["securityContext"]["allowPrivilegeEscalation"]


@pytest.mark.parametrize(("name", "pod"), pods())
def test_every_pod_runs_a_command_that_exists_with_settings_that_exist(name: str, pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    settings = {one["name"] for one in container["env"]} | set(named("ConfigMap", "watchdesk")["data"])
    known = {variable.name for variable in VARIABLES}
    command, *names = container["args"]

    assert command in COMMANDS, name
    assert settings <= known
    if command == "consume":
        consume.make_context("consume", names)


@pytest.mark.parametrize(("name", "pod"), [(name, pod) for name, pod in pods() if name != "watchdesk-migrate"])
def test_every_role_is_probed_on_the_port_of_the_image(name: str, pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}

    assert f"WATCHDESK_OPS_PORT={ports['ops']}" in (ROOT / "Dockerfile").read_text(encoding="utf-8"), name
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_producers_are_one_with_a_volume_for_the_spool() -> None:
    producers = named("StatefulSet", "watchdesk-producers")["spec"]

    assert producers["replicas"] == 1
    assert [claim["metadata"]["name"] for claim in producers["volumeClaimTemplates"]] == ["spool"]


def test_the_rules_are_those_of_prometheus() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yaml").read_text(encoding="utf-8"))
    (monitored,) = [one for one in manifests() if one["kind"] == "PrometheusRule"]

    assert monitored["spec"]["groups"] == rules["groups"]
