from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from devkit.command_line import CommandLine

SPECIFICATION = {
    "celery": {
        "broker": "redis://redis:6379/0",
        "backend": "redis://redis:6379/0",
        "queue": "replay-parse",
    },
    "transport": {"url": "amqp://rabbitmq:5672", "analytics_queue": "analytics"},
    "minio": {"hostname": "minio:9000", "bucket": "replays", "parsed_object_prefix": "parsed"},
    "ballchasing": {"maxRetries": 4, "backoffFactor": 4},
    "parser": "ballchasing",
    "disableCache": False,
}


def write(cli: CommandLine, text: str | dict[str, Any]) -> Path:
    file = cli.home / ".config/parsekit/parsekit.json"
    file.parent.mkdir(parents=True)
    file.write_text(text if isinstance(text, str) else json.dumps(text))
    return file


def test_show_tells_each_value_and_where_it_came_from(cli: CommandLine) -> None:
    file = write(cli, {"limits": {"parse_seconds": 7}, "disableCache": True})
    done = cli.run("config", "show", environ={"PARSEKIT__LIMITS__REPLAY_BYTES": "1000"})
    assert done.returncode == 0
    shown = [line.split() for line in done.stdout.decode().splitlines()]
    assert ["limits.parse_seconds", "7.0", str(file)] in shown
    assert ["disableCache", "true", str(file)] in shown
    assert ["limits.replay_bytes", "1000", "$PARSEKIT__LIMITS__REPLAY_BYTES"] in shown
    assert ["celery.queue", '"replay-parse"', "default"] in shown
    assert ["parser", '"stub"', "$PARSEKIT__PARSER"] in shown


def test_show_as_json_is_what_the_table_says(cli: CommandLine) -> None:
    settings = json.loads(cli.run("config", "show", "--format", "json").stdout)
    assert {"key": "storage", "value": "folder", "origin": "default"} in settings


def test_show_masks_the_passwords_of_urls_and_nothing_else_of_them(cli: CommandLine) -> None:
    broker = "amqp://ann:hunter2@one:5672/v;amqp://bob:swordfish@two:5672/v"
    write(cli, {"celery": {"broker": broker, "backend": "redis://redis"}})
    for kind in ("table", "json"):
        done = cli.run("config", "show", "--format", kind)
        assert b"amqp://ann:***@one:5672/v;amqp://bob:***@two:5672/v" in done.stdout
        assert b"hunter2" not in done.stdout + done.stderr
        assert b"swordfish" not in done.stdout + done.stderr


def test_show_says_which_rabbitmq_is_meant(cli: CommandLine) -> None:
    write(cli, {"transport": {"url": "amqps://ann:hunter2@rabbit:5671/v"}})
    done = cli.run("config", "show", environ={"PARSEKIT_PLUGINS": "stub,rabbitmq"})
    assert b'"amqps://ann:***@rabbit:5671/v"' in done.stdout
    assert b"hunter2" not in done.stdout + done.stderr


def test_show_says_which_sections_nobody_reads(cli: CommandLine) -> None:
    write(cli, {"storage": "folder", "minio": {"hostname": "h:9000"}})
    done = cli.run("config", "show")
    assert done.returncode == 0
    assert b"section 'minio' is not read; pip install parsekit-storage-minio" in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ({"celry": {}}, ["celry: is not a known key", "did you mean 'celery'"]),
        ({"limits": {"replay_byts": 1}}, ["limits.replay_byts", "'replay_bytes'"]),
        ({"limits": {"replay_bytes": "big"}}, ['limits.replay_bytes: is "big"', "a whole number"]),
        ({"celery": 5}, ["celery: is a number", "object"]),
        ('{"parser": "stub",\n  oops}', ["parsekit.json", "line 2 column 3"]),
        ("[]", ["parsekit.json", "object"]),
        ({"storage": "nope"}, ["storage 'nope' is unknown; known: folder"]),
        ({"fallback": ["nope"]}, ["fallback.0: parser 'nope' is unknown; known: stub"]),
        ({"shadow": "stup"}, ["shadow: parser 'stup' is unknown; did you mean 'stub'?"]),
        ({"minio": {}}, ["storage: storage 'minio' is unknown; known: folder; `pip install"]),
        (
            {"fallback": ["stub", "sutb"], "shadow": "ballchasing", "storage": "flder"},
            [
                "parsekit.json: fallback.1: parser 'sutb' is unknown; did you mean",
                "parsekit.json: shadow: parser 'ballchasing' is unknown; known: stub; `pip ",
                "parsekit.json: storage: storage 'flder' is unknown; did you mean 'folder'?",
            ],
        ),
    ],
)
def test_check_names_the_key_the_problem_and_what_was_meant(
    cli: CommandLine, text: str | dict[str, Any], words: list[str]
) -> None:
    write(cli, text)
    done = cli.run("config", "check")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr.decode()


def test_check_says_which_variable_a_mistake_came_from(cli: CommandLine) -> None:
    done = cli.run("config", "check", environ={"PARSEKIT__CELERY__BROKR": "redis://h"})
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [
        "error: PARSEKIT__CELERY__BROKR: celery.brokr: is not a known key; did you mean 'broker'?"
    ]


def test_check_takes_the_specifications_file_on_a_machine_without_its_secrets(
    cli: CommandLine,
) -> None:
    write(cli, SPECIFICATION)
    done = replace(cli, settings={}).run("config", "check")
    assert (done.returncode, done.stdout) == (0, b"the configuration is valid\n")
    warnings = done.stderr.decode().splitlines()
    assert [warning.split(": ")[:2] for warning in warnings] == [
        ["warning", "ballchasing.token_file"],
        ["warning", "minio.access_key_file"],
    ]


def test_check_is_content_with_the_defaults_and_a_good_file(cli: CommandLine) -> None:
    assert cli.run("config", "check").returncode == 0
    file = write(cli, {"parser": "stub"}).rename(cli.folder / "other.json")
    done = cli.run("config", "check", "--config", file)
    assert (done.returncode, done.stdout) == (0, b"the configuration is valid\n")


def test_schema_accepts_what_check_accepts_and_knows_the_sections_of_plugins(
    cli: CommandLine,
) -> None:
    schema = json.loads(cli.run("config", "schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    good = {"parser": "stub", "disableCache": True, "stub": {"slow_s": 1}, "minio": {}}
    jsonschema.validate(good, schema)
    mistakes: list[dict[str, Any]] = [
        {"celry": {}},
        {"stub": {"slw": 1}},
        {"limits": {"replay_bytes": "big"}},
    ]
    for bad in mistakes:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)
