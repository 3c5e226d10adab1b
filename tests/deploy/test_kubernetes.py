from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

from devkit.missing import missing
from parsekit.worker.celery_settings import SHUTDOWN_SECONDS

from .memory import most_bytes

OVERLAY = "overlays/example"
#: The oldest release with all that is used, and the newest whose schemas we have.
RELEASES = ("1.31", "1.37")


@pytest.fixture(scope="session")
def folder(deploy: Path) -> Path:
    return deploy / "kubernetes"


@pytest.fixture(scope="session")
def written(folder: Path) -> list[dict[str, Any]]:
    """Every object as it stands in the files."""
    return [
        item
        for path in sorted(folder.rglob("*.yaml"))
        if path.name != "kustomization.yaml"
        for item in yaml.safe_load_all(path.read_text())
    ]


@pytest.fixture(scope="session")
def rendered(folder: Path) -> list[dict[str, Any]]:
    """Every object as ``kubectl apply --kustomize`` would send it."""
    if shutil.which("kubectl") is None:
        missing("no kubectl to render the manifests with; each file is checked by itself")
    command = ["kubectl", "kustomize", str(folder / OVERLAY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


def only(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    [found] = [item for item in objects if item["kind"] == kind]
    return found


@pytest.fixture
def deployment(written: list[dict[str, Any]]) -> dict[str, Any]:
    return only(written, "Deployment")


@pytest.fixture
def pod(deployment: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    [found] = pod["containers"]
    return dict(found)


@pytest.mark.parametrize("release", RELEASES)
def test_every_object_is_valid(written: list[dict[str, Any]], release: str) -> None:
    assert len(written) == 6
    for item in written:
        kubernetes_validate.validate(item, release, strict=True)


@pytest.mark.parametrize("release", RELEASES)
def test_what_would_be_applied_is_valid(rendered: list[dict[str, Any]], release: str) -> None:
    for item in rendered:
        kubernetes_validate.validate(item, release, strict=True)


def test_a_misspelt_field_would_be_found(deployment: dict[str, Any]) -> None:
    broken = {**deployment, "spec": {**deployment["spec"], "replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, RELEASES[-1], strict=True)


def test_every_file_is_named_by_its_kustomization(folder: Path) -> None:
    for path in folder.rglob("kustomization.yaml"):
        kustomization = yaml.safe_load(path.read_text())
        named = {name for name in kustomization["resources"] if name.endswith(".yaml")}
        assert named == {file.name for file in path.parent.glob("*.yaml")} - {path.name}


def test_the_rendered_worker_has_the_configuration_and_no_number_of_its_own(
    rendered: list[dict[str, Any]], folder: Path
) -> None:
    config, worker = only(rendered, "ConfigMap"), only(rendered, "Deployment")
    volumes = worker["spec"]["template"]["spec"]["volumes"]
    assert config["data"]["parsekit.json"] == (folder / "base/parsekit.json").read_text()
    assert config["metadata"]["name"] in [v.get("configMap", {}).get("name") for v in volumes]
    assert "replicas" not in worker["spec"]
    assert {item["metadata"].get("namespace", "parsekit") for item in rendered} == {"parsekit"}


def test_all_selectors_select_the_worker(
    written: list[dict[str, Any]], deployment: dict[str, Any]
) -> None:
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        only(written, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        only(written, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector.items() <= labels.items() for selector in selectors)


def test_a_pod_lives_by_its_own_health_and_is_ready_by_its_servers(
    container: dict[str, Any],
) -> None:
    probes = {kind: container[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness")}
    commands = {kind: probe["exec"]["command"] for kind, probe in probes.items()}
    assert commands == {
        "startup": ["parsekit", "health", "--live"],
        "liveness": ["parsekit", "health", "--live"],
        "readiness": ["parsekit", "health", "--ready"],
    }
    assert all(probe["timeoutSeconds"] >= 5 for probe in probes.values())


def test_a_pod_may_end_in_its_own_time(pod: dict[str, Any], compose: dict[str, Any]) -> None:
    assert pod["terminationGracePeriodSeconds"] >= 40 > SHUTDOWN_SECONDS
    assert int(compose["services"]["worker"]["stop_grace_period"].rstrip("s")) > SHUTDOWN_SECONDS


def test_a_pod_has_the_restricted_profile(pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_pod_is_the_user_of_the_image(pod: dict[str, Any], dockerfile: list[Any]) -> None:
    [user] = [found.text for found in dockerfile if found.word == "USER"]
    context = pod["securityContext"]
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == user


def test_the_parsers_of_a_pod_fit_into_its_memory(container: dict[str, Any], folder: Path) -> None:
    """Else two hostile replays end all tasks of the pod: a container is killed as a whole."""
    memory = container["resources"]["limits"]["memory"]
    needed = most_bytes(container["args"], folder / "base/parsekit.json")
    assert needed <= int(memory.removesuffix("Gi")) << 30


def test_secrets_are_files_for_the_group_alone(pod: dict[str, Any]) -> None:
    [secret] = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
    assert secret["defaultMode"] == 0o440


def test_a_pod_may_call_the_ports_of_its_configuration(
    written: list[dict[str, Any]], folder: Path, secrets: Path
) -> None:
    rules = only(written, "NetworkPolicy")["spec"]["egress"]
    allowed = {
        to["podSelector"]["matchLabels"]["app.kubernetes.io/name"]: rule["ports"][0]["port"]
        for rule in rules
        for to in rule["to"]
        if "app.kubernetes.io/name" in to.get("podSelector", {}).get("matchLabels", {})
    }
    config = json.loads((folder / "base/parsekit.json").read_text())
    url = (secrets / "worker/celery_url").read_text()
    addresses = [url, config["transport"]["url"], f"https://{config['minio']['hostname']}"]
    assert allowed == {(at := urlsplit(text)).hostname: at.port for text in addresses}


def test_a_pod_finds_every_file_that_its_configuration_names(folder: Path, secrets: Path) -> None:
    """The secret is made of the folder ``worker``."""
    named = re.findall(r'"/run/secrets/([^"]+)"', (folder / "base/parsekit.json").read_text())
    assert set(named) == {path.name for path in (secrets / "worker").iterdir()}
