from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFIGS = ("compose/parsekit.json", "kubernetes/base/parsekit.json")


def check(config: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parsekit", "config", "check", "--config", str(config)]
    whole = {"PATH": os.environ["PATH"], "HOME": str(config.parent), **environ}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=whole)


def test_every_shipped_configuration_is_known_here(deploy: Path) -> None:
    shipped = (path.relative_to(deploy) for path in deploy.rglob("parsekit*.json"))
    assert {str(path) for path in shipped if path.parts[0] != "grafana"} == set(CONFIGS)


@pytest.mark.parametrize("config", CONFIGS)
def test_a_shipped_configuration_is_valid(deploy: Path, secrets: Path, config: str) -> None:
    url, authority = (str(secrets / "worker" / name) for name in ("celery_url", "ca.pem"))
    environ = {
        "PARSEKIT__CELERY__BROKER_FILE": url,
        "PARSEKIT__CELERY__BACKEND_FILE": url,
        "PARSEKIT__CELERY__CA_FILE": authority,
    }
    done = check(deploy / config, **environ)
    assert (done.returncode, done.stdout) == (0, "the configuration is valid\n"), done.stderr


def test_a_missing_file_with_the_url_is_named(deploy: Path) -> None:
    done = check(deploy / CONFIGS[0])
    assert done.returncode == 2
    assert "celery.broker_file" in done.stderr
    assert "/run/secrets/celery_url" in done.stderr


def test_a_url_is_given_once(deploy: Path, secrets: Path) -> None:
    done = check(deploy / CONFIGS[0], PARSEKIT__CELERY__BROKER="redis://valkey:6379/0")
    assert done.returncode == 2
    assert "broker and broker_file both give its URL" in done.stderr


def test_compose_and_kubernetes_are_configured_alike(deploy: Path) -> None:
    first, second = ((deploy / config).read_text() for config in CONFIGS)
    assert first == second
