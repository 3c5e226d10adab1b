"""What a command imports before it is needed is what every user waits for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from devkit.command_line import CommandLine

HEAVY = {
    *("celery", "kombu", "redis", "numpy", "pyarrow", "pydantic", "fsspec", "s3fs", "requests"),
    *("opentelemetry", "rich"),
}
#: Runs the command line and prints, last on standard error, the modules that it imported.
PROBE = """
import sys
from parsekit.cli.app import run
try:
    run()
finally:
    own = {name for name in sys.modules if name.startswith("parsekit.")}
    print(*sorted({name.partition(".")[0] for name in sys.modules} | own), file=sys.stderr)
"""
#: Parts of the command line that a run without their option or format has no use for.
UNUSED = ("parsekit.groups", "parsekit.tables", "parsekit.shadow.runner", "parsekit.body.timeline")


def imported(cli: CommandLine, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=cli.folder,
        env=cli.environ(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    return set(done.stderr.decode().splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_imports_nothing_heavy(cli: CommandLine, arguments: list[str]) -> None:
    modules = imported(cli, *arguments)
    assert "typer" in modules
    assert not modules & HEAVY
    assert not {name for name in modules if name.startswith("parsekit_")}


def test_plugins_imports_no_parser_library_and_no_driver(cli: CommandLine) -> None:
    modules = imported(cli, "plugins")
    assert "parsekit_stub" in modules
    assert not modules & (HEAVY - {"pydantic", "requests", "fsspec"})


def test_parse_without_a_terminal_imports_no_celery_and_no_arrow(cli: CommandLine) -> None:
    assert not imported(cli, "parse", "gone.replay") & (HEAVY - {"pydantic", "opentelemetry"})


def test_parse_imports_no_part_that_it_does_not_use(cli: CommandLine) -> None:
    modules = imported(cli, "parse", "gone.replay", "--format", "json")
    assert "parsekit.formats.json_text" in modules
    assert not {name for name in modules if name.startswith(UNUSED)}


def test_a_bare_installation_has_no_opentelemetry_and_needs_none(cli: CommandLine) -> None:
    """What only the extras bring is hidden; a parse that fails says so by its own error."""
    code = f"import sys; sys.modules['opentelemetry'] = None\n{PROBE}"
    done = subprocess.run(
        [sys.executable, "-c", code, "parse", "gone.replay"],
        cwd=cli.folder,
        env=cli.environ(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert b"gone.replay" in done.stderr
    assert b"Traceback" not in done.stderr


def test_importing_the_console_script_costs_nothing(cli: CommandLine) -> None:
    code = "import sys, parsekit.cli; sys.exit('typer' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], env=cli.environ(), check=True, timeout=60)
