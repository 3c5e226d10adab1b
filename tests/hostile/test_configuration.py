"""What a folder of strangers' files can't do by a configuration, and a named one can't by mistake.

The attacker packed an archive of replays: any file may stand in the folder that the user parses, a
``parsekit.json`` among them. Nobody has named that file, so nothing of it is read.
"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from devkit.command_line import PARSEKIT, CommandLine, wait_until
from devkit.warm_start import popen
from parsekit.config import AuditSettings, load_config
from parsekit.config.appendable import AUDIT_OPENING
from parsekit.config.file import FILE_NAME
from parsekit.events import Acts, AuditEvent
from parsekit.records.audit_file import line_of
from parsekit.records.writer import RotatedLog
from parsekit.testing.replays.file import believable_match, write_replay
from parsekit_ballchasing.settings import BallchasingSettings

STUB = Path(__file__).parents[1] / "cli" / "plugins"
BASHRC = "alias ll='ls -l'\n"
OVERLOOKED = "the parsekit.json of this folder is not read; to use it: --config parsekit.json"
RECORD = line_of(
    AuditEvent(at_unix=0.0, caller="c", task_id="t", replay="r", acts=Acts(), result="ok")
)


@pytest.fixture
def archive(tmp_path: Path) -> CommandLine:
    """The user has unpacked it and stands in it."""
    folder, home = tmp_path / "season", tmp_path / "home"
    folder.mkdir()
    (home / "tmp").mkdir(parents=True)
    (home / ".bashrc").write_text(BASHRC)
    write_replay(folder / "a.replay", believable_match(seed=1, team_size=1), frames=0)
    settings = {"PYTHONPATH": str(STUB), "PARSEKIT_PLUGINS": "stub,ballchasing"}
    return CommandLine(folder=folder, home=home, settings=settings)


def configure(file: Path, content: dict[str, Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"parser": "stub", **content}))
    return file


@contextmanager
def listening() -> Iterator[tuple[int, list[bytes]]]:
    """A host of the attacker's: its port, and what it is sent."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hear() -> None:
            with suppress(OSError):
                while True:
                    with server.accept()[0] as caller:
                        caller.settimeout(5)
                        got.append(caller.recv(65_536))

        threading.Thread(target=hear, daemon=True).start()
        yield server.getsockname()[1], got
        server.shutdown(socket.SHUT_RDWR)


def lines(stderr: bytes) -> list[str]:
    return stderr.decode().splitlines()


def test_an_archive_writes_to_no_file_of_the_user(archive: CommandLine) -> None:
    content = {"audit": {"path": "~/.bashrc", "file_bytes": 4096, "keep": 1}}
    configure(archive.folder / FILE_NAME, content)
    done = archive.run("parse", ".", environ={"PARSEKIT__PARSER": "stub"})
    assert (archive.home / ".bashrc").read_text() == BASHRC
    assert lines(done.stderr).count(OVERLOOKED) == 1
    assert done.returncode == 0


def test_an_archive_sends_no_secret_anywhere(archive: CommandLine) -> None:
    (archive.home / ".vault-token").write_text("hvs.SECRET")
    with listening() as (port, got):
        remote = {"url": f"http://127.0.0.1:{port}/api", "token_file": "~/.vault-token"}
        content = {"parser": "ballchasing", "ballchasing": {**remote, "maxRetries": 1}}
        configure(archive.folder / FILE_NAME, content)
        for command in (["parse", "a.replay"], ["doctor"], ["quota"]):
            archive.run(*command)
    assert got == []


@pytest.mark.parametrize(
    "command",
    [
        *(["parse", "a.replay"], ["config", "show"], ["config", "check"], ["doctor"]),
        *(["submit", "a.replay"], ["top"], ["cancel", "t"], ["dead-letters", "list"], ["quota"]),
    ],
    ids=" ".join,
)
def test_no_command_reads_the_file_of_an_archive_and_each_names_it(
    archive: CommandLine, command: list[str]
) -> None:
    (archive.folder / FILE_NAME).write_text('{"nonsense": 1}')
    token = {"PARSEKIT__BALLCHASING__TOKEN_FILE": "/nowhere", "PARSEKIT__PARSER": "stub"}
    done = archive.run(*command, environ=token)
    assert lines(done.stderr).count(OVERLOOKED) == 1
    assert b"nonsense" not in done.stdout + done.stderr


def test_the_file_that_nobody_had_to_name_is_the_users_own(archive: CommandLine) -> None:
    configure(archive.home / ".config/parsekit" / FILE_NAME, {"limits": {"parse_seconds": 7}})
    done = archive.run("config", "show")
    shown = [line.split() for line in lines(done.stdout)]
    assert ["limits.parse_seconds", "7.0", f"{archive.home}/.config/parsekit/{FILE_NAME}"] in shown
    assert done.stderr == b""


@pytest.mark.parametrize("command", [["parse", "a.replay", "--format", "jsonl"], ["quota"]])
def test_a_file_that_was_named_is_told_apart_from_results(
    archive: CommandLine, command: list[str]
) -> None:
    file = configure(archive.folder / "mine.json", {"ballchasing": {"token_file": "/nowhere"}})
    for options, environ in (
        (["--config", "mine.json"], {}),
        ([], {"PARSEKIT_CONFIG": "mine.json"}),
    ):
        done = archive.run(*command, *options, environ=environ)
        assert lines(done.stderr)[0] == f"configuration: {file.name}"
        assert b"configuration" not in done.stdout


def test_a_file_of_the_folder_that_was_named_is_used(archive: CommandLine) -> None:
    configure(archive.folder / FILE_NAME, {"limits": {"parse_seconds": 7}})
    done = archive.run("config", "show", "--config", FILE_NAME)
    assert b"7.0" in done.stdout
    assert lines(done.stderr) == [f"configuration: {FILE_NAME}"]


@pytest.mark.parametrize("named", [True, False])
def test_a_worker_says_in_its_log_what_it_reads(archive: CommandLine, named: bool) -> None:
    configure(archive.folder / "mine.json", {})
    (archive.folder / FILE_NAME).write_text('{"nonsense": 1}')
    options = ["--config", "mine.json"] if named else []
    log = archive.home / "worker.log"
    with log.open("wb") as stderr:
        worker = popen(
            [*PARSEKIT, "worker", *options],
            cwd=archive.folder,
            env=archive.environ(PARSEKIT__PARSER="stub"),
            stderr=stderr,
        )
    wait_until(lambda: b"embedded Valkey" in log.read_bytes(), 120)
    worker.terminate()
    worker.wait(60)
    assert OVERLOOKED in log.read_text()
    assert ("configuration: mine.json" in log.read_text()) == named


# What a configuration may name as the file of the audit


@pytest.mark.parametrize(
    "content",
    [
        BASHRC,
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI ann@home\n",
        "\n",
        '{"name": "a package"}\n',
        "\x00\x00",
    ],
)
def test_a_file_that_holds_something_else_is_no_audit(tmp_path: Path, content: str) -> None:
    file = tmp_path / "file"
    file.write_text(content)
    with pytest.raises(ValidationError, match="holds something else than audit records"):
        AuditSettings(path=file)


@pytest.mark.parametrize("content", [b"", RECORD[:4], RECORD], ids=["empty", "cut off", "ours"])
def test_a_file_of_records_may_be_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    assert AuditSettings(path=file).path == file
    assert AuditSettings(path=tmp_path / "none").path == tmp_path / "none"


def test_a_command_refuses_to_write_into_a_file_of_the_users(archive: CommandLine) -> None:
    configure(archive.folder / "mine.json", {"audit": {"path": "~/.bashrc"}})
    done = archive.run("parse", ".", "--config", "mine.json")
    assert done.returncode == 2
    assert "error: mine.json: audit.path: ~/.bashrc holds something else" in lines(done.stderr)[1]
    assert (archive.home / ".bashrc").read_text() == BASHRC


def test_a_file_of_records_that_is_there_goes_on(archive: CommandLine) -> None:
    audit = archive.home / "audit.jsonl"
    audit.write_bytes(RECORD)
    configure(archive.folder / "mine.json", {"audit": {"path": str(audit)}})
    assert archive.run("parse", ".", "--config", "mine.json").returncode == 0
    first, *added = audit.read_bytes().splitlines(keepends=True)
    assert first == RECORD
    assert added


def audit_log(path: Path, *, bytes_: int = 1 << 20, keep: int = 2) -> RotatedLog:
    return RotatedLog(path, bytes_, keep, opening=AUDIT_OPENING, private=False)


def test_what_was_put_there_later_is_not_written_to_either(tmp_path: Path) -> None:
    file = tmp_path / ".bashrc"
    log = audit_log(file)
    file.write_text(BASHRC)
    log.append(RECORD)
    log.close()
    assert (file.read_text(), log.lost) == (BASHRC, 1)


@pytest.mark.parametrize("number", [1, 2])
def test_a_file_set_aside_replaces_none_that_is_not_ours(tmp_path: Path, number: int) -> None:
    """With ``keep`` 2 the second would be removed, and the first renamed."""
    precious = tmp_path / f"notes.{number}"
    precious.write_text("mine")
    log = audit_log(tmp_path / "notes", bytes_=len(RECORD))
    for _ in range(4):
        log.append(RECORD)
    log.close()
    assert precious.read_text() == "mine"
    assert log.lost


def test_no_shell_runs_anything_of_a_record(tmp_path: Path) -> None:
    """A file that is made anew may be one that a shell reads when it starts."""
    name = "$(touch pwned)`touch pwned`\n;touch pwned;.replay"
    acts = Acts(read=(name,))
    line = line_of(
        AuditEvent(at_unix=0.0, caller=name, task_id=name, replay=name, acts=acts, result="ok")
    )
    assert json.loads(line)["replay"] == name
    subprocess.run(["bash", "-c", line.decode()], cwd=tmp_path, check=False, capture_output=True)
    assert not (tmp_path / "pwned").exists()


# Where a token may go


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token stands where containers put it."""
    file = tmp_path / "ballchasing_token"
    file.write_text("a-token")
    monkeypatch.setattr("parsekit_ballchasing.settings.DEFAULT_TOKEN_FILE", file)


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize(
    "url",
    ["https://evil.example/api", "https://ballchasing.com.evil.example/api", "http://[::1]:1/api"],
)
def test_a_token_that_no_setting_names_goes_to_the_public_api_alone(url: str) -> None:
    assert BallchasingSettings().read_token().get_secret_value() == "a-token"
    elsewhere = BallchasingSettings(url=url)
    assert elsewhere.secret_files() == {}
    with pytest.raises(Exception, match=r"ballchasing\.token_file: is not set") as caught:
        elsewhere.read_token()
    assert "a-token" not in str(caught.value)


def test_a_token_goes_unencrypted_to_another_machine_only_when_told(tmp_path: Path) -> None:
    def read(**section: Any) -> Callable[[], object]:
        file = configure(tmp_path / "c.json", {"ballchasing": section})
        sections = {"ballchasing": BallchasingSettings}
        return lambda: load_config(file, plugin_sections=sections, environ={})

    for host in ("10.0.0.7", "simulator", "evil.localhost", "evil.example", "127.1"):
        url = f"http://{host}/api"
        with pytest.raises(Exception, match=r"ballchasing\.url: .*ballchasing\.allow_http"):
            read(url=url)()
        read(url=url, allow_http=True)()
