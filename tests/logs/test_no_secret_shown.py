"""Whatever an address and a secret are like, no output shows a part of the secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from parsekit.cli.commands import config as config_command
from parsekit.cli.commands import doctor as doctor_command
from parsekit.errors import ConfigInvalid, StorageUnavailable
from parsekit.logs.json_lines import JsonLines
from parsekit.logs.record import facts
from parsekit.logs.text_lines import TextLines
from parsekit.model import Failure
from parsekit.records.audit_trail import Operation
from parsekit.redaction.secrets import remember

#: Each example runs five commands.
pytestmark = pytest.mark.timeout(400)

#: What is looked for: nobody writes it by chance.
CORE = st.text("bcdfghjkmnpqrstvwxz23456789", min_size=10, max_size=16)
AROUND = st.text("""/?#@:;%[]&=+ '"\\ü""", max_size=3)


@dataclass(frozen=True)
class Secret:
    """A secret, and the part of it that any notation leaves as it is."""

    whole: str
    core: str


SECRETS = st.builds(
    lambda before, core, after: Secret(f"{before}{core}{after}", core), AROUND, CORE, AROUND
)
USERS = st.sampled_from(["", "ann", "svc-parse", "a@b"])
PLACES = st.sampled_from(["127.0.0.1:1/0", "[::1]:1", "127.0.0.1:1/0?db=0"])


def address(scheme: str, user: str, secret: Secret, place: str) -> str:
    return f"{scheme}://{quote(user, safe='')}:{quote(secret.whole, safe='')}@{place}"


@st.composite
def written(draw: st.DrawFn) -> tuple[dict[str, Any], list[Secret], list[str]]:
    """A configuration, the secrets of it, and its addresses."""
    secrets = [draw(SECRETS) for _ in range(4)]
    nodes = draw(st.integers(1, 2))
    broker = ";".join(address("amqp", draw(USERS), one, "127.0.0.1:1/v") for one in secrets[:nodes])
    redis = draw(st.sampled_from(["redis", "valkey"]))
    backend = address(redis, draw(USERS), secrets[2], draw(PLACES))
    transport = address("amqp", draw(USERS), secrets[3], "127.0.0.1:1/v")
    if draw(st.booleans()):
        wrong = [f"sentinel{broker[4:]}", f"{broker};x", f"{broker}?x=1", broker.replace("%", "")]
        broker = draw(st.sampled_from(wrong))
    celery = {"broker": broker, "backend": backend}
    config = {"celery": celery, "transport": {"url": transport}}
    return config, secrets, [broker, backend, transport]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("shown")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(made / "data"))
        patch.delenv("PARSEKIT_CONFIG", raising=False)
        patch.setenv("PARSEKIT_PLUGINS", "rabbitmq,minio,local")
        yield made


def commands(file: Path) -> Iterator[str]:
    """What each command shows that shows anything of a configuration."""
    asked = [
        (config_command.app, ["show"]),
        (config_command.app, ["show", "--format", "json"]),
        (config_command.app, ["check"]),
        (doctor_command.app, ["--format", "json"]),
        (doctor_command.app, ["--security"]),
    ]
    for app, arguments in asked:
        done = CliRunner().invoke(app, [*arguments, "--config", str(file)])
        yield done.output
        if isinstance(done.exception, ConfigInvalid):
            yield Failure.of(done.exception).message


def lines(addresses: list[str]) -> Iterator[str]:
    """What is logged, answered and put on record where a library repeats an address."""
    for text in (*addresses, *(f"can't connect to {each!r}: refused" for each in addresses)):
        error = (OSError, OSError(text), None)
        record = logging.makeLogRecord({"msg": text, "exc_info": error, **facts(why=text)})
        yield from (form.format(record) for form in (JsonLines(), TextLines()))
        yield json.dumps(Failure.of(StorageUnavailable(text)).to_json())
        operation = Operation()
        operation.trail.record("sent", text)
        yield repr(operation.trail.drain())


@given(written())
@settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],  # to make a failing example smaller takes minutes
)
def test_no_output_shows_a_part_of_a_secret(
    folder: Path, example: tuple[dict[str, Any], list[Secret], list[str]]
) -> None:
    config, secrets, addresses = example
    file = folder / "parsekit.json"
    (folder / "key").touch(0o600)
    (folder / "key").write_text(secrets[3].whole)
    keys = {"secret_key_file": str(folder / "key")}
    file.write_text(json.dumps({"storage": "folder", "minio": keys, **config}))
    shown = "\n".join([*commands(file), *lines(addresses)])
    assert "***" in shown
    assert not [secret for secret in secrets if secret.core in shown]


@given(SECRETS, st.sampled_from(["replays/{}.replay", "{}", "https://host/{}"]))
@settings(max_examples=100, derandomize=True, deadline=None)
def test_a_secret_that_was_read_is_masked_in_free_text_whatever_it_is_like(
    secret: Secret, form: str
) -> None:
    remember(secret.whole)
    record = logging.makeLogRecord({"msg": form.format(secret.whole), **facts(task_id="a-task")})
    line = JsonLines().format(record)
    assert secret.core not in line
    assert json.loads(line)["task_id"] == "a-task"
