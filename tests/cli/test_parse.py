"""``parsekit parse`` as a process: results, exit codes, and what a user can do wrong."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest

from devkit.command_line import CommandLine, outcomes
from parsekit.tables.results import RESULTS

Replays = Callable[..., list[Path]]


def test_one_replay_shows_the_match(cli: CommandLine, replays: Replays) -> None:
    (replay,) = replays("final")
    done = cli.run("parse", replay)
    assert done.returncode == 0
    assert done.stderr == b""
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "final"
    assert lines[1] == "Ranked Doubles · Test Park · 2026-03-10 18:55 UTC · 5:40 long"
    assert "BLUE 3 – 1 ORANGE  after overtime" in lines
    (grace,) = (line.split() for line in lines if "Grace" in line)
    assert grace == ["Grace", "100", "1", "0", "2", "3", "402", "1480"]
    (blue,) = (line.split() for line in lines if line.startswith("BLUE won"))
    assert blue == ["BLUE", "won", "3"]


def test_a_folder_shows_a_line_a_match_in_the_order_of_names(
    cli: CommandLine, replays: Replays
) -> None:
    replays("c", "a", "sub/b")
    done = cli.run("parse", ".")
    assert done.returncode == 0
    head, *lines = (line.split() for line in done.stdout.decode().splitlines())
    assert head == ["BLUE", "SCORE", "ORANGE", "FILE", "DATE", "TIME", "MODE", "MAP"]
    assert [line[4] for line in lines] == ["./a.replay", "./c.replay", "./sub/b.replay"]
    assert lines[0][:4] == ["Ada,", "Grace", "3-1", "Visitors"]
    assert lines[0][5:7] == ["2026-03-10", "5:40+"]
    assert done.stderr.decode().startswith("3 replays in ")


def test_one_bad_file_never_stops_the_others(cli: CommandLine, replays: Replays) -> None:
    replays("a", "refused", "z")
    (cli.folder / "broken.replay").write_bytes(b"\x89PNG\r\n")
    done = cli.run(
        "parse",
        "a.replay",
        "broken.replay",
        "refused.replay",
        "gone",
        "z.replay",
        "--format",
        "jsonl",
    )
    assert done.returncode == 1
    told = [(o["replay"], o["ok"], (o["error"] or {}).get("code")) for o in outcomes(done.stdout)]
    assert told == [
        ("a.replay", True, None),
        ("broken.replay", False, "invalid_replay"),
        ("refused.replay", False, "parser_failed"),
        ("gone", False, "replay_not_found"),
        ("z.replay", True, None),
    ]
    *errors, summary = done.stderr.decode().splitlines()
    assert [line.split(":")[0] for line in errors] == ["error"] * 3
    assert summary.endswith("2 parsed, 3 failed")
    assert cli.left_in_tmp() == []


def test_jsonl_has_the_published_fields(cli: CommandLine, replays: Replays) -> None:
    (replay,) = replays("a")
    (outcome,) = outcomes(cli.run("parse", replay, "--format", "jsonl").stdout)
    assert {
        "replay", "ok", "cached", "hash", "parser", "parserVersion", "outputPath", "data", "error",
        "timings", "replayKb",
    } <= outcome.keys()  # fmt: skip
    assert outcome["timings"].keys() == {"getMs", "parseMs", "putMs", "totalMs"}
    assert outcome["data"]["title"] == "a"


def test_the_second_run_answers_from_the_cache(cli: CommandLine, replays: Replays) -> None:
    replays("a", "b")
    first = outcomes(cli.run("parse", ".", "--format", "jsonl").stdout)
    second = outcomes(cli.run("parse", ".", "--format", "jsonl").stdout)
    assert [o["cached"] for o in (*first, *second)] == [False, False, True, True]
    assert first[0]["data"] == second[0]["data"]
    again = outcomes(cli.run("parse", ".", "--format", "jsonl", "--no-cache").stdout)
    assert [o["cached"] for o in again] == [False, False]


def test_json_is_one_array_even_when_nothing_succeeded(cli: CommandLine, replays: Replays) -> None:
    replays("a", "refused")
    both = json.loads(cli.run("parse", ".", "--format", "json").stdout)
    assert [o["ok"] for o in both] == [True, False]
    empty = cli.folder / "empty"
    empty.mkdir()
    assert json.loads(cli.run("parse", empty, "--format", "json").stdout) == []


def test_csv_has_a_row_a_player_in_stable_columns(cli: CommandLine, replays: Replays) -> None:
    replays("a", "refused")
    done = cli.run("parse", ".", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    assert list(rows[0]) == [column.name for column in RESULTS.columns]
    assert [(r["replay"], r["team"], r["player"], r["goals"]) for r in rows] == [
        ("./a.replay", "blue", "Ada", "2"),
        ("./a.replay", "blue", "Grace", "1"),
        ("./a.replay", "orange", "Linus", "1"),
    ]
    assert rows[0]["boost_bpm"] == "401.5"
    assert rows[0]["car"] == ""


def test_parquet_has_the_same_columns_typed(cli: CommandLine, replays: Replays) -> None:
    replays("a", "b", "refused")
    done = cli.run("parse", ".", "--format", "parquet")
    table = pyarrow.parquet.read_table(io.BytesIO(done.stdout))
    assert table.column_names == [column.name for column in RESULTS.columns]
    assert table["player"].to_pylist() == ["Ada", "Grace", "Linus"] * 2
    assert str(table.schema.field("goals").type) == "int64"
    assert table["movement_avg_speed"].to_pylist() == [1480.0] * 6


def test_without_pyarrow_parquet_says_what_to_install(cli: CommandLine, replays: Replays) -> None:
    replays("a")
    hidden = cli.folder / "hidden"
    (hidden / "pyarrow").mkdir(parents=True)
    (hidden / "pyarrow" / "__init__.py").write_text("raise ModuleNotFoundError('no pyarrow')")
    path = f"{hidden}:{cli.environ()['PYTHONPATH']}"
    done = cli.run("parse", "a.replay", "--format", "parquet", environ={"PYTHONPATH": path})
    assert done.returncode == 2
    assert b"pip install 'parsekit[parquet]'" in done.stderr


def test_output_writes_a_file_a_result_and_shows_the_table(
    cli: CommandLine, replays: Replays
) -> None:
    replays("a", "sub/a2", "refused")
    done = cli.run("parse", ".", "--output", "out/deep")
    assert done.returncode == 1
    files = sorted((cli.folder / "out/deep").iterdir())
    written = [json.loads(file.read_text()) for file in files]
    assert [f.name for f in files] == [
        f"{Path(o['replay']).stem}-{o['hash'][:8]}.json" for o in written
    ]
    assert [o["data"]["title"] for o in written] == ["a", "a2"]
    assert len(done.stdout.splitlines()) == 3


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv", "parquet"])
def test_output_takes_every_format_and_then_says_nothing_on_stdout(
    cli: CommandLine, replays: Replays, kind: str
) -> None:
    replays("a")
    done = cli.run("parse", ".", "--output", "out", "--format", kind)
    assert (done.returncode, done.stdout) == (0, b"")
    (file,) = (cli.folder / "out").iterdir()
    assert file.suffix == f".{kind}"
    assert file.stat().st_size > 100


def test_output_names_are_safe_and_those_of_equal_names_do_not_clash(
    cli: CommandLine, replays: Replays
) -> None:
    _, second = replays("x/same", "y/other")
    second.rename(cli.folder / "y/same.replay")
    (odd,) = replays("z/plain")
    odd.rename(cli.folder / "z" / "\U0001f680 -\x1b[2J*.replay")
    (long,) = replays("z/l")
    long.rename(cli.folder / "z" / ("ü" * 120 + ".replay"))
    done = cli.run("parse", ".", "--output", "out")
    assert done.returncode == 0, done.stderr
    names = [file.name for file in (cli.folder / "out").iterdir()]
    assert len(names) == 4
    assert len([name for name in names if name.startswith("same-")]) == 2
    assert len([name for name in names if name.startswith("\U0001f680 -_x1b[2J_-")]) == 1


def test_a_replay_comes_in_on_standard_input(cli: CommandLine, replays: Replays) -> None:
    (replay,) = replays("a")
    done = cli.run("parse", "-", "--format", "jsonl", stdin=replay.read_bytes())
    (outcome,) = outcomes(done.stdout)
    assert (done.returncode, outcome["replay"], outcome["ok"]) == (0, "-", True)
    assert cli.left_in_tmp() == []


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "invalid_replay"), (b"text", "invalid_replay"), (bytes(2000), "replay_too_large")],
)
def test_bad_standard_input_is_refused_without_naming_a_temporary_file(
    cli: CommandLine, content: bytes, code: str
) -> None:
    limit = {"PARSEKIT__LIMITS__REPLAY_BYTES": "1000"}
    done = cli.run("parse", "-", "--format", "jsonl", stdin=content, environ=limit)
    (outcome,) = outcomes(done.stdout)
    assert (done.returncode, outcome["replay"], outcome["error"]["code"]) == (1, "-", code)
    assert str(cli.home) not in done.stderr.decode()


def test_a_url_is_parsed(cli: CommandLine, replays: Replays) -> None:
    (replay,) = replays("a")
    (outcome,) = outcomes(cli.run("parse", f"file://{replay}", "--format", "jsonl").stdout)
    assert outcome["ok"]


def test_paths_with_emoji_spaces_and_undecodable_bytes_work(
    cli: CommandLine, replays: Replays
) -> None:
    _, undecodable = replays("\U0001f468‍\U0001f469‍\U0001f467 my match", "x")
    undecodable.rename(cli.folder / os.fsdecode(b"caf\xe9.replay"))
    for kind in ("table", "json", "csv", "parquet"):
        done = cli.run("parse", ".", "--format", kind)
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    done = cli.run("parse", ".")
    assert "\U0001f468‍\U0001f469‍\U0001f467 my match.replay" in done.stdout.decode()
    assert b"caf\\udce9.replay" in done.stdout


def test_a_terminal_that_knows_ascii_only_gets_escapes(cli: CommandLine, replays: Replays) -> None:
    replays("\U0001f680")
    done = cli.run("parse", ".", environ={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert b"\\U0001f680.replay" in done.stdout


def test_a_folder_without_replays_is_a_usage_error(cli: CommandLine) -> None:
    (cli.folder / "empty").mkdir()
    done = cli.run("parse", "empty")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"error: empty: no replay in this folder")


def test_a_folder_without_replays_beside_one_with_some_fails_the_run(
    cli: CommandLine, replays: Replays
) -> None:
    replays("full/a")
    (cli.folder / "empty").mkdir()
    done = cli.run("parse", "empty", "full", "--format", "jsonl")
    assert (done.returncode, len(outcomes(done.stdout))) == (1, 1)
    assert b"empty: no replay" in done.stderr


def test_a_file_that_vanishes_or_is_too_large_has_its_own_code(cli: CommandLine) -> None:
    with (cli.folder / "huge.replay").open("wb") as huge:
        huge.truncate(40 * 1024 * 1024)
    done = cli.run("parse", "huge.replay", "gone.replay", "--format", "jsonl")
    codes = [o["error"]["code"] for o in outcomes(done.stdout)]
    assert (done.returncode, codes) == (1, ["replay_too_large", "replay_not_found"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told_apart_from_a_bad_one(
    cli: CommandLine, replays: Replays
) -> None:
    locked, _ = replays("locked", "ok")
    locked.chmod(0)
    done = cli.run("parse", ".", "--format", "jsonl")
    codes = [(o["error"] or {}).get("code") for o in outcomes(done.stdout)]
    assert (done.returncode, codes) == (1, ["storage_denied", None])


def test_data_of_no_shape_leave_the_table_standing(cli: CommandLine, replays: Replays) -> None:
    replays("odd")
    one = cli.run("parse", "odd.replay")
    assert (one.returncode, b"no players in these data" in one.stdout) == (0, True)
    replays("a")
    assert cli.run("parse", ".").returncode == 0
    assert cli.run("parse", ".", "--format", "csv").returncode == 0


def test_hostile_names_reach_neither_terminal_nor_spreadsheet(
    cli: CommandLine, replays: Replays
) -> None:
    (replay,) = replays("hostile")
    for kind in ("table", "json", "jsonl", "csv"):
        shown = cli.run("parse", replay, "--format", kind).stdout.decode()
        assert not set(shown) & {"\x1b", "\x9b", "\r", "\u202e"}, kind
    shown = cli.run("parse", replay, "--format", "csv").stdout.decode()
    player = next(csv.DictReader(io.StringIO(shown)))["player"]
    assert player.startswith("'=HYPERLINK")


def test_hostile_paths_are_shown_harmless_in_errors(cli: CommandLine) -> None:
    done = cli.run("parse", "no\x1b]0;owned\x07.replay", "\r\nerror: fake")
    assert done.returncode == 1
    assert b"\x1b" not in done.stderr
    assert [line[:6] for line in done.stderr.splitlines()[:2]] == [b"error:"] * 2
    assert b"\r" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["parse"], "Missing argument"),
        (["parse", "a.replay", "--jobs", "0"], "--jobs"),
        (["parse", "a.replay", "--format", "xml"], "--format"),
        (["parse", "a.replay", "--parser", "nope"], "parser 'nope' is unknown; known: stub"),
        (["parse", "a.replay", "--config", "gone.json"], "gone.json: can't be read"),
        (["prase", "a.replay"], "Did you mean 'parse'"),
        (["parse", "a.replay", "--output", "a.replay"], "--output a.replay: not a directory"),
    ],
)
def test_usage_errors_exit_2_without_a_traceback(
    cli: CommandLine, replays: Replays, arguments: list[str], words: str
) -> None:
    replays("a")
    done = cli.run(*arguments)
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_an_unexpected_error_is_one_line_and_a_traceback_on_request(
    cli: CommandLine, replays: Replays
) -> None:
    replays("a")
    broken = cli.folder / "site"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import parsekit.batch.inputs\ndef expand(arguments): raise LookupError('odd')\n"
        "parsekit.batch.inputs.expand = expand\n"
    )
    environ = {"PYTHONPATH": f"{broken}:{cli.environ()['PYTHONPATH']}"}
    done = cli.run("parse", "a.replay", environ=environ)
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert "LookupError: odd" in line
    assert "PARSEKIT_DEBUG=1" in line
    debugged = cli.run("parse", "a.replay", environ={**environ, "PARSEKIT_DEBUG": "1"})
    assert b"Traceback" in debugged.stderr


def test_a_parser_that_raises_is_one_line_and_a_traceback_on_request(
    cli: CommandLine, replays: Replays
) -> None:
    replays("raising")
    done = cli.run("parse", "raising.replay", "--no-cache")
    (line,) = done.stderr.decode().splitlines()
    assert line == "error: raising.replay: parser 'stub' failed: ValueError: oops"
    debugged = cli.run("parse", "raising.replay", environ={"PARSEKIT_DEBUG": "1"})
    shown = debugged.stderr.decode()
    assert 'parsekit_stub.py", line' in shown
    assert 'raise ValueError("oops")' in shown


def test_data_that_are_no_json_are_named_by_their_path(cli: CommandLine, replays: Replays) -> None:
    replays("nan")
    (line,) = cli.run("parse", "nan.replay").stderr.decode().splitlines()
    assert line.endswith("no JSON: data.blue.stats[0].x is NaN, which is no JSON")


def test_a_listener_that_fails_is_one_line_and_no_failed_replay(
    cli: CommandLine, replays: Replays
) -> None:
    replays("a")
    done = cli.run("parse", "a.replay", environ={"STUB_DEAF": "1"})
    assert done.returncode == 0
    (line,) = done.stderr.decode().splitlines()
    assert "listener stub failed in parsekit_analytics" in line
    assert "the stub is deaf" in line


def test_several_jobs_run_at_once(
    cli: CommandLine, replays: Replays, parses: Callable[[], list[str]]
) -> None:
    replays("slow1", "slow2", "slow3")
    environ = {"PARSEKIT__STUB__SLOW_S": "0.5"}
    assert cli.run("parse", ".", "--jobs", "3", environ=environ).returncode == 0
    assert [line.split()[0] for line in parses()[:3]] == ["begin"] * 3
