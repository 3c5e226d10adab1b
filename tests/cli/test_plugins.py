from __future__ import annotations

import json

from devkit.command_line import CommandLine


def test_every_plugin_is_listed_with_what_it_provides(cli: CommandLine) -> None:
    done = cli.run("plugins")
    assert done.returncode == 0
    rows = [line.split(maxsplit=3) for line in done.stdout.decode().splitlines()]
    assert rows[0] == ["NAME", "VERSION", "DISTRIBUTION", "PROVIDES"]
    assert ["stub", "1.0", "parsekit-stub", "parser stub, progress, analytics, open"] in rows
    assert "folder" in [row[0] for row in rows]


def test_the_reader_of_a_parser_is_named_and_one_that_fails_to_say_costs_nothing(
    cli: CommandLine,
) -> None:
    for name, answer in (("good", "'reader 7, made\\x1b[2J new'"), ("bad", "1 / 0")):
        info = cli.folder / f"parsekit_{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[parsekit]\n{name} = parsekit_{name}\n")
        entry = f"name='{name}', version='1', create='x:y', reader=lambda: {answer}"
        (cli.folder / f"parsekit_{name}.py").write_text(
            "from parsekit import ParserEntry, hookimpl\nparsekit_hook_version = 1\n"
            "@hookimpl\ndef parsekit_register_parsers(register):\n"
            f"    register(ParserEntry({entry}))\n"
        )
    environ = {
        "PYTHONPATH": f"{cli.folder}:{cli.environ()['PYTHONPATH']}",
        "PARSEKIT_PLUGINS": "stub,good,bad",
    }
    done = cli.run("plugins", "--format", "json", environ=environ)
    readers = {record["name"]: record["reader"] for record in json.loads(done.stdout)}
    assert readers["good"].startswith("reader 7, made")
    assert readers["bad"] == "unknown: ZeroDivisionError: division by zero"
    assert readers["stub"] is None
    table = cli.run("plugins", environ=environ).stdout
    assert b"parser good (reader 7, made" in table
    assert b"\x1b" not in table


def test_the_json_form_names_the_failure_of_a_broken_plugin(cli: CommandLine) -> None:
    info = cli.folder / "parsekit_broken-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parsekit-broken\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[parsekit]\nbroken = parsekit_broken\n")
    (cli.folder / "parsekit_broken.py").write_text("raise OSError('no\\x1b[2J screen')\n")
    environ = {
        "PYTHONPATH": f"{cli.folder}:{cli.environ()['PYTHONPATH']}",
        "PARSEKIT_PLUGINS": "stub,broken",
    }
    done = cli.run("plugins", "--format", "json", environ=environ)
    records = {record["name"]: record for record in json.loads(done.stdout)}
    assert done.returncode == 0
    assert records["stub"]["error"] is None
    broken = records["broken"]
    assert (broken["distribution"], broken["version"]) == ("parsekit-broken", "2.0")
    assert "OSError" in broken["error"]
    table = cli.run("plugins", environ=environ).stdout
    assert b"FAILED: OSError" in table
    assert b"\x1b" not in table
