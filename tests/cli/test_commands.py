"""The list of commands: own ones, and those of other distributions."""

from __future__ import annotations

import importlib.util
from importlib.metadata import version

import pytest

from devkit.command_line import CommandLine
from parsekit.cli.command_list import COMMANDS, CommandList, all_commands


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_every_command_in_the_list_has_a_module(name: str) -> None:
    assert importlib.util.find_spec(f"parsekit.cli.commands.{name.replace('-', '_')}")


@pytest.mark.parametrize(("name", "line"), COMMANDS)
def test_the_line_of_help_fits_one_row(name: str, line: str) -> None:
    assert len(line) <= 76
    assert line.endswith(".")


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_every_command_shows_its_own_help(cli: CommandLine, name: str) -> None:
    done = cli.run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"Usage: parsekit {name}" in done.stdout.decode()


def test_help_lists_every_command_with_where_added_ones_come_from(cli: CommandLine) -> None:
    done = cli.run("--help")
    assert done.returncode == 0
    for name, _ in COMMANDS:
        assert f" {name} " in done.stdout.decode()
    lines = done.stdout.decode().splitlines()
    (greet,) = (line for line in lines if " greet " in line)
    assert "Greet somebody. (parsekit-stub)" in greet
    (broken,) = (line for line in lines if " broken-command " in line)
    assert "Added by parsekit-stub." in broken


def test_help_names_no_type_of_a_switch_and_a_plain_one_of_a_number(cli: CommandLine) -> None:
    for name in ("worker", "parse", "top"):
        shown = cli.run(name, "--help", environ={"COLUMNS": "120"}).stdout.decode()
        assert "<bool>" not in shown
        assert "range>" not in shown
    shown = " ".join(cli.run("worker", "--help").stdout.decode().split())
    assert "--concurrency <int> " in shown
    assert "x>=1]" in shown


def test_c_is_the_configuration_everywhere_and_says_so_to_who_knows_celery(
    cli: CommandLine,
) -> None:
    for name in ("parse", "worker", "submit", "cancel", "top"):
        shown = cli.run(name, "--help", environ={"COLUMNS": "120"}).stdout.decode()
        (line,) = (line for line in shown.splitlines() if "--config" in line)
        assert "-c" in line.replace(",", " ").split()
    done = cli.run("worker", "-c", "4")
    assert done.returncode == 2
    assert b"for 4 tasks at once --concurrency" in done.stderr


def test_a_command_that_is_not_installed_is_named_with_what_brings_it() -> None:
    with pytest.raises(Exception, match="It comes with parsekit-ballchasing: pip install pars"):
        CommandList(name="parsekit", commands={}).main(["quota"], standalone_mode=False)


def test_a_group_of_commands_says_what_it_is_for(cli: CommandLine) -> None:
    shown = " ".join(cli.run("dead-letters").stdout.decode().split())
    assert "three times in a row is tried no more" in shown


def test_a_command_of_another_distribution_runs(cli: CommandLine) -> None:
    done = cli.run("greet", "you", "--loud")
    assert (done.returncode, done.stdout) == (0, b"HELLO YOU\n")
    assert b"Greet somebody." in cli.run("greet", "--help").stdout


def test_a_command_with_commands_below_it_runs_where_none_of_them_is_named(
    cli: CommandLine,
) -> None:
    assert cli.run("offer", "--port", "7").stdout == b"offering on 7\n"
    assert cli.run("offer", "token", "add", "me", "-c", "x").stdout == b"token for me by x\n"
    assert b"Add a token." in cli.run("offer", "token").stdout
    assert b" offer.token " not in cli.run("--help").stdout


def test_a_broken_command_names_its_distribution_and_hurts_no_other(cli: CommandLine) -> None:
    done = cli.run("broken-command")
    assert done.returncode == 1
    assert b"parsekit-stub" in done.stderr
    assert b"parsekit_stub_that_is_not_there" in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_own_command_is_never_replaced(
    monkeypatch: pytest.MonkeyPatch, cli: CommandLine
) -> None:
    rogue = cli.folder / "parsekit_rogue-1.0.dist-info"
    rogue.mkdir()
    (rogue / "METADATA").write_text("Metadata-Version: 2.1\nName: parsekit-rogue\nVersion: 1.0\n")
    (rogue / "entry_points.txt").write_text("[parsekit.commands]\nparse = os:abort\n")
    monkeypatch.syspath_prepend(str(cli.folder))
    assert all_commands()["parse"].help == dict(COMMANDS)["parse"]


def test_version_is_that_of_the_distribution(cli: CommandLine) -> None:
    assert cli.run("--version").stdout.decode() == f"parsekit {version('parsekit')}\n"


def test_a_library_of_an_extra_that_is_absent_is_named_with_the_extra(cli: CommandLine) -> None:
    site = cli.folder / "site"
    site.mkdir()
    hide = "import sys; sys.modules['celery'] = None\n"
    (site / "sitecustomize.py").write_text(hide)
    (site / "parsekit_stub.py").write_text("def greet() -> None:\n    import celery\n")
    done = cli.run("greet", environ={"PYTHONPATH": f"{site}:{cli.environ()['PYTHONPATH']}"})
    assert done.returncode == 2
    assert done.stderr == b"error: celery is not installed; run pip install 'parsekit[worker]'\n"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("parsekit pa", ["parse"]),
        ("parsekit parse --parser s", ["stub"]),
        ("parsekit parse --format j", ["json", "jsonl"]),
        ("parsekit config s", ["show", "schema"]),
    ],
)
def test_the_shell_completes(cli: CommandLine, typed: str, expected: list[str]) -> None:
    words = typed.split()
    environ = {
        "_PARSEKIT_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }
    assert cli.run(environ=environ).stdout.decode().split() == expected
