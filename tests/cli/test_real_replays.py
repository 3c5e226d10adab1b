"""Real files through the real offline parser, as a user runs it."""

from __future__ import annotations

from pathlib import Path

from devkit.command_line import CommandLine, outcomes

LOCAL = {"PARSEKIT_PLUGINS": "local,stub", "PARSEKIT__PARSER": "local"}


def test_every_good_replay_is_parsed_in_the_order_of_names(
    cli: CommandLine, good_replays: list[Path]
) -> None:
    done = cli.run("parse", *good_replays, "--format", "jsonl", environ=LOCAL)
    told = outcomes(done.stdout)
    assert [o["replay"] for o in told] == list(map(str, good_replays))
    assert {o["replay"]: o["error"] for o in told if not o["ok"]} == {}
    assert done.returncode == 0
    assert cli.left_in_tmp() == []


def test_every_bad_replay_has_a_clear_error(cli: CommandLine, bad_replays: list[Path]) -> None:
    done = cli.run("parse", *bad_replays, "--format", "jsonl", environ=LOCAL)
    told = outcomes(done.stdout)
    assert [o["replay"] for o in told] == list(map(str, bad_replays))
    assert {o["error"]["code"] for o in told} == {"invalid_replay"}
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert cli.left_in_tmp() == []
