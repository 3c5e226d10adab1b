from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from devkit.missing import missing


@pytest.fixture
def last(dockerfile: list[Any]) -> dict[str, str]:
    """Each kind of instruction of the stage that is shipped; the last one counts."""
    stage = dockerfile[-1].stage
    return {found.word: found.text for found in dockerfile if found.stage == stage}


def test_hadolint_finds_nothing(deploy: Path) -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    command = [hadolint, "--no-color", deploy / "Dockerfile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_nothing_is_installed_without_a_hash_or_from_outside(dockerfile: list[Any]) -> None:
    installs = [
        step
        for found in dockerfile
        if found.word == "RUN"
        for step in found.text.split("&&")
        if "pip" in step and " install " in step
    ]
    assert len(installs) == 4
    assert all("--require-hashes" in step or "--no-index" in step for step in installs)
    assert all("--no-deps" in step for step in installs)


def test_the_build_backends_are_in_the_locks_that_the_builders_install(root: Path) -> None:
    assert "\nuv-build==" in (root / "requirements.demo.lock").read_text()
    assert (root / "requirements.native.lock").read_text().startswith("maturin==")


def test_the_shipped_stage_takes_the_environment_and_no_tools(dockerfile: list[Any]) -> None:
    last = dockerfile[-1].stage
    copied = [found.text for found in dockerfile if found.stage == last and found.word == "COPY"]
    assert copied == ["--from=builder /opt/parsekit /opt/parsekit"]


def test_the_shipped_lock_has_no_test_tools(root: Path) -> None:
    lines = (root / "requirements.worker.lock").read_text().splitlines()
    names = {line.partition("==")[0] for line in lines if "==" in line}
    assert names & {"celery", "numpy", "obstore", "subtr-actor-py"}
    tools = {"pytest", "mypy", "ruff", "vcrpy", "hypothesis", "uv", "uv-build", "maturin", "minio"}
    assert not names & tools


def test_it_runs_as_a_user_of_its_own_with_a_number(last: dict[str, str]) -> None:
    user, group = last["USER"].split(":")
    assert user.isdigit()
    assert int(user) >= 10000
    assert group.isdigit()
    assert int(group) >= 10000


def test_the_worker_is_process_1_and_is_asked_to_end_as_it_expects(last: dict[str, str]) -> None:
    assert json.loads(last["ENTRYPOINT"]) == ["parsekit"]
    assert json.loads(last["CMD"])[0] == "worker"
    assert last["STOPSIGNAL"] == "SIGTERM"


def test_its_health_is_that_of_the_process_not_of_its_broker(last: dict[str, str]) -> None:
    assert last["HEALTHCHECK"].endswith('CMD ["parsekit", "health", "--live"]')


def test_the_context_holds_what_wheels_are_made_of_and_nothing_else(root: Path) -> None:
    ignore = (root / "deploy/Dockerfile.dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in ignore if line.startswith("!")}
    assert "*" in ignore
    assert let_in == {
        *("LICENSE", "README.md", "pyproject.toml", "parsekit", "plugins"),
        *(f"requirements.{part}.lock" for part in ("demo", "native", "worker")),
    }
    assert all((root / name).exists() for name in let_in)


def test_every_folder_of_secrets_is_kept_out_of_git(root: Path) -> None:
    if shutil.which("git") is None or not (root / ".git").exists():
        missing("no git repository here")
    path = "deploy/secrets/worker/celery_url"
    done = subprocess.run(["git", "check-ignore", "-q", path], cwd=root, check=False)
    assert done.returncode == 0
