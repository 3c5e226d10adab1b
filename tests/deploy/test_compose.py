from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema.validators import validator_for

from .memory import most_bytes

SERVERS = ("valkey", "rabbitmq", "seaweedfs")
SERVICES = ("worker", "submit", "simulator", "bucket", *SERVERS)


@pytest.fixture
def services(compose: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = compose["services"]
    return found


def test_it_is_valid_by_the_schema_of_the_compose_specification(compose: Mapping[str, Any]) -> None:
    schema = get_builtin_schema("vendor.compose-spec")
    validator = validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(compose)] == []
    assert list(validator.iter_errors({**compose, "services": {"worker": {"imag": "x"}}}))


def test_it_has_the_servers_the_worker_and_the_sandbox(services: Mapping[str, Any]) -> None:
    assert sorted(services) == sorted(SERVICES)
    assert services["simulator"]["profiles"] == ["simulator"]
    assert "profiles" not in services["worker"]


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_has_a_whole_version(services: Mapping[str, Any], name: str) -> None:
    assert re.search(r":\d+\.\d+(\.\d+)?(-alpine)?$", services[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_limits_and_few_rights(services: Mapping[str, Any], name: str) -> None:
    service = services[name]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", ["worker", "submit", "simulator"])
def test_ours_write_only_to_their_own_places(services: Mapping[str, Any], name: str) -> None:
    assert services[name]["read_only"] is True
    assert "cap_add" not in services[name]


@pytest.mark.parametrize("name", [*SERVERS, "simulator"])
def test_a_server_says_whether_it_is_well(services: Mapping[str, Any], name: str) -> None:
    assert services[name]["healthcheck"]["test"]


def test_the_worker_waits_for_its_servers_and_the_bucket(services: Mapping[str, Any]) -> None:
    assert services["worker"]["depends_on"] == {
        "valkey": {"condition": "service_healthy"},
        "rabbitmq": {"condition": "service_healthy"},
        "bucket": {"condition": "service_completed_successfully"},
    }


def test_the_parsers_of_a_worker_and_its_temporary_files_fit_into_its_memory(
    services: Mapping[str, Any], deploy: Path
) -> None:
    """Files on a tmpfs count as memory."""
    worker = services["worker"]
    memory = worker["deploy"]["resources"]["limits"]["memory"]
    [tmpfs] = worker["tmpfs"]
    [files] = re.findall(r"size=(\d+)m", tmpfs)
    needed = most_bytes(worker["command"], deploy / "compose/parsekit.json") + (int(files) << 20)
    assert needed <= int(memory.removesuffix("G")) << 30


def test_no_port_is_open_to_other_machines(services: Mapping[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_nothing_is_addressed_without_tls(deploy: Path, secrets: Path) -> None:
    """But the simulator, which is asked about made-up replays."""
    shipped = [*(deploy / "compose").iterdir(), secrets / "worker/celery_url"]
    shipped += [secrets / "caller" / name for name in ("celery_url", "rabbitmq_url")]
    text = "".join(path.read_text() for path in shipped)
    assert set(re.findall(r"(\w+)://(\w+)", text)) == {
        *{("rediss", "parsekit"), ("rediss", "caller"), ("amqps", "rabbitmq"), ("amqps", "caller")},
        *{("https", "127"), ("https", "ballchasing"), ("http", "simulator")},
    }


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_has_a_certificate_of_its_own(services: Mapping[str, Any], server: str) -> None:
    given = {secret for secret in services[server]["secrets"] if isinstance(secret, str)}
    keys = {name for name in given if name.endswith((".pem", ".key"))}
    assert keys == {f"{server}.pem", f"{server}.key"}


def test_secrets_are_files_that_make_secrets_writes(
    compose: Mapping[str, Any], deploy: Path, secrets: Path
) -> None:
    named = {value["file"].removeprefix("../secrets/") for value in compose["secrets"].values()}
    written = {str(path.relative_to(secrets)) for path in secrets.rglob("*") if path.is_file()}
    authority = {"authority/ca.pem", "authority/ca.key"}
    assert named == written - {"caller/rabbitmq_url", "compose.env"} - authority


def test_our_containers_may_read_secrets_through_the_group_that_make_secrets_names(
    compose: Mapping[str, Any], deploy: Path, secrets: Path
) -> None:
    text = (deploy / "compose/compose.yaml").read_text()
    assert set(re.findall(r"\$\{(\w+)", text)) == {
        "SECRETS_GID",
        "BALLCHASING_URL",
        "BALLCHASING_ALLOW_HTTP",
    }
    [line] = (secrets / "compose.env").read_text().splitlines()
    assert line == f"SECRETS_GID={os.getgid()}"
    [group] = compose["services"]["worker"]["group_add"]
    assert group.startswith("${SECRETS_GID:?")


def test_every_secret_that_a_service_names_is_declared(
    compose: Mapping[str, Any], services: Mapping[str, Any]
) -> None:
    used = {
        secret if isinstance(secret, str) else secret["source"]
        for service in services.values()
        for secret in service.get("secrets", [])
    }
    assert used == set(compose["secrets"])


def test_the_worker_may_use_its_own_secrets_only(
    services: Mapping[str, Any], secrets: Path
) -> None:
    own = {path.name for path in (secrets / "worker").iterdir()}
    assert set(services["worker"]["secrets"]) == own
