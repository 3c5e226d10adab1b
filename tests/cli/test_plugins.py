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
