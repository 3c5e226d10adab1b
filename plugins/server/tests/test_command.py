"""``parsekit serve`` as a command: tokens, and a server that parses for real."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

from devkit.command_line import CommandLine

from .running import Client, replay_bytes

#: What the server says itself, or has made a link of its own of.
OWN = {"id", "link", "created", "uploader", "visibility", "title"}


def test_a_replay_goes_in_and_the_parsers_body_comes_out(
    command_line: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "one.replay").write_bytes(replay_bytes())
    token = command_line.run("serve", "token", "add", "ann", "--role", "admin").stdout
    server = command_line.start("serve", "--port", "0")
    assert server.stderr is not None
    (root,) = re.findall(r"listening on (\S+)", server.stderr.readline().decode())
    client = Client(root=root, token=token.decode().strip())
    shown = client.wait(client.upload(replay_bytes()).json()["id"])
    server.send_signal(signal.SIGTERM)
    server.communicate()
    done = command_line.run("parse", "one.replay", "--format", "jsonl")
    data = json.loads(done.stdout)["data"]
    assert {key: shown[key] for key in data.keys() - OWN} == {
        key: data[key] for key in data.keys() - OWN
    }
    assert shown["title"] == data["title"]


def test_a_server_that_is_stopped_closes_its_catalogue_and_loses_no_replay(
    command_line: CommandLine,
) -> None:
    """Each stop counted as a crash of the parse, and the sixth put the replay aside as poison."""
    token = command_line.run("serve", "token", "add", "ann", "--role", "admin").stdout
    replay_id = ""
    for _ in range(7):
        server = command_line.start("serve", "--port", "0")
        assert server.stderr is not None
        (root,) = re.findall(r"listening on (\S+)", server.stderr.readline().decode())
        client = Client(root=root, token=token.decode().strip())
        if not replay_id:
            replay_id = client.upload(replay_bytes()).json()["id"]
        server.send_signal(signal.SIGTERM)
        server.communicate()
        assert server.returncode == 0
        assert not [*command_line.home.rglob("*-wal")]
    server = command_line.start("serve", "--port", "0")
    assert server.stderr is not None
    (root,) = re.findall(r"listening on (\S+)", server.stderr.readline().decode())
    assert Client(root=root, token=token.decode().strip()).wait(replay_id)["status"] == "ok"
    server.send_signal(signal.SIGTERM)
    server.communicate()


def test_a_token_is_printed_alone_and_kept_as_a_digest(
    command_line: CommandLine, tmp_path: Path
) -> None:
    done = command_line.run("serve", "token", "add", "ann")
    token = done.stdout.decode().removesuffix("\n")
    assert re.fullmatch(r"[\w-]{40}", token)
    listed = command_line.run("serve", "token", "list").stdout.decode()
    assert listed.startswith("1\tann\tupload\t")
    kept = (path.read_bytes() for path in command_line.home.rglob("*") if path.is_file())
    assert not any(token.encode() in content for content in kept)


def test_a_revoked_token_is_listed_as_such(command_line: CommandLine) -> None:
    command_line.run("serve", "token", "add", "ann")
    assert command_line.run("serve", "token", "revoke", "ann").returncode == 0
    assert "revoked" in command_line.run("serve", "token", "list").stdout.decode()
    assert command_line.run("serve", "token", "revoke", "7").returncode == 1


def test_two_servers_never_have_one_data_folder(command_line: CommandLine) -> None:
    first = command_line.start("serve", "--port", "0")
    assert first.stderr is not None
    first.stderr.readline()
    second = command_line.run("serve", "--port", "0")
    first.send_signal(signal.SIGTERM)
    first.communicate()
    assert second.returncode == 2
    assert b"a server has" in second.stderr
