"""What operators look at and rely on: health, numbers, the audit, a disk that fills."""

from __future__ import annotations

import json
import re
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from devkit.command_line import CommandLine
from parsekit import open_session
from parsekit.errors import StorageUnavailable
from parsekit.testing import believable_match, synthetic_replay
from parsekit_server import metrics
from parsekit_server.access import Role
from parsekit_server.catalogue.database import Database
from parsekit_server.catalogue.replays import Replays

from .running import (
    PATIENCE_S,
    Client,
    FakeParsing,
    RunningServer,
    poll,
    replay_bytes,
    running_server,
)


@contextmanager
def started(command_line: CommandLine, *options: str) -> Iterator[tuple[Popen[bytes], str, str]]:
    """The real command; its process, its address, and that of its numbers."""
    server = command_line.start("serve", "--port", "0", "--http", "0", *options)
    assert server.stderr is not None
    lines = [server.stderr.readline().decode() for _ in range(2)]
    try:
        numbers, root = (re.findall(r"on (http\S+)", line)[0] for line in lines)
        yield server, root, numbers
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate()


def numbers_of(address: str) -> dict[str, dict[str, float]]:
    """Every number by its name and the values of its labels."""
    answer = requests.get(f"{address}/metrics", timeout=PATIENCE_S)
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[" ".join(sample.labels.values())] = sample.value
    return found


def test_numbers_and_the_audit_say_what_happened(command_line: CommandLine) -> None:
    token = command_line.run("serve", "token", "add", "ann").stdout.decode().strip()
    with started(command_line) as (_, root, address):
        client = Client(root=root, token=token)
        replay_id = client.uploaded(replay_bytes(), visibility="private")
        assert client.upload(replay_bytes()).status_code == 409
        poll(lambda: numbers_of(address), lambda it: "parsekit_serve_parses_total" in it)
        found = numbers_of(address)
        assert found["parsekit_serve_uploads_total"] == {"accepted": 1, "duplicate": 1}
        assert found["parsekit_serve_parses_total"] == {" ok": 1}
        assert found["parsekit_serve_replays"] == {"ok": 1}
        assert found["parsekit_serve_calls_total"].keys() >= {"2xx", "4xx"}
        assert (found["parsekit_serve_read_only"], found["parsekit_serve_catalogue_up"]) == (
            {"": 0},
            {"": 1},
        )
        for path in ("healthz", "readyz"):
            for at in (root, address):
                assert requests.get(f"{at}/{path}", timeout=PATIENCE_S).text == "ok\n"
        assert requests.get(f"{root}/metrics", timeout=PATIENCE_S).status_code == 404
        assert client.call("DELETE", f"/replays/{replay_id}").status_code == 204
    records = [
        json.loads(line)
        for path in command_line.home.rglob("audit.jsonl")
        for line in path.read_text().splitlines()
    ]
    done = [(it["caller"].partition("@")[0], it["written"], it["removed"]) for it in records]
    assert ("serve ann", ["upload: visibility=private"], []) in done
    assert ("serve ann", [], ["replay"]) in done
    assert ["token of ann: role=upload"] in [it["written"] for it in records]
    assert {it["replay"] for it in records if it["caller"] == "serve ann"} == {replay_id}


def test_an_address_that_cannot_be_had_is_refused(command_line: CommandLine) -> None:
    for address in ("nowhere", "99999999"):
        ended = command_line.run("serve", "--port", "0", "--http", address)
        assert (ended.returncode, address in ended.stderr.decode()) == (2, True)


def test_every_change_is_on_record_and_nothing_that_was_refused(
    server: RunningServer, parsing: FakeParsing
) -> None:
    client, reader = server.client("ann"), server.client("bob", Role.READ)
    group = client.call("POST", "/groups", json={"name": "Season"}).json()["id"]
    replay_id = client.uploaded(replay_bytes(), group=group)
    ranks = {"game": "A" * 32, "players": []}
    assert client.call("PATCH", f"/replays/{replay_id}", json={"title": "Final"}).status_code == 204
    assert client.call("PATCH", f"/groups/{group}", json={"shared": True}).status_code == 204
    assert client.call("POST", "/v1/mmr", json=ranks).status_code == 204
    assert reader.call("DELETE", f"/replays/{replay_id}").status_code == 403
    assert reader.upload(replay_bytes()).status_code == 403
    assert client.upload(replay_bytes()).status_code == 409
    assert client.call("DELETE", f"/replays/{replay_id}").status_code == 204
    assert client.call("DELETE", f"/groups/{group}").status_code == 204
    wanted: list[dict[str, Any]] = [
        {"written": [f"group {group}: name=Season"]},
        {"replay": replay_id, "written": [f"upload: visibility=public, group={group}"]},
        {"replay": replay_id, "written": ["replay: title=Final"]},
        {"written": [f"group {group}: shared=True"]},
        {"written": [f"ranks of match {'A' * 32}"]},
        {"replay": replay_id, "removed": ["replay"]},
        {"removed": [f"group {group}"]},
    ]
    assert parsing.recorded == [{"caller": "serve ann", **each} for each in wanted]


def test_a_catalogue_that_is_away_makes_the_server_not_ready(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Replays) -> None:
        raise StorageUnavailable("the catalogue can't be used now: gone")

    monkeypatch.setattr(Replays, "check", away)
    answer = requests.get(f"{server.root}/readyz", timeout=PATIENCE_S)
    assert (answer.status_code, answer.text) == (503, "the catalogue can't be used now: gone\n")
    assert requests.get(f"{server.root}/healthz", timeout=PATIENCE_S).status_code == 200


def test_while_the_disk_is_full_reads_go_on_and_uploads_can_be_retried(
    parsing: FakeParsing, tmp_path: Path
) -> None:
    with running_server(parsing) as server:
        client = server.client()
        replay_id = client.uploaded(replay_bytes(1))
        parsing.may_go.clear()
        waiting = client.upload(replay_bytes(2)).json()["id"]
    parsing.may_go.set()
    config = tmp_path / "parsekit.json"
    settings = json.loads(config.read_text())
    settings["server"]["reserve_bytes"] = 1 << 62
    config.write_text(json.dumps(settings))
    full = replace(parsing, session=open_session(config, data_dir=parsing.session.data_dir))
    with running_server(full) as server:
        client = Client(root=server.root, token=client.token)
        refused = client.upload(replay_bytes(3))
        assert (refused.status_code, refused.json()["code"]) == (503, "disk_full")
        assert int(refused.headers["Retry-After"]) > 0
        assert client.get("/replays")["count"] == 2
        assert client.get(f"/replays/{replay_id}")["status"] == "ok"
        assert client.call("GET", f"/replays/{replay_id}/file").content == replay_bytes(1)
        path = f"/replays/{replay_id}"
        assert client.call("PATCH", path, json={"title": "Final"}).status_code == 204
        ready = requests.get(f"{server.root}/readyz", timeout=PATIENCE_S)
        assert (ready.status_code, ready.text) == (200, "ok, read-only\n")
        assert client.get(f"/replays/{waiting}")["status"] == "pending"
        assert client.call("DELETE", path).status_code == 204
    with running_server(parsing) as server:
        client = Client(root=server.root, token=client.token)
        assert client.wait(waiting)["status"] == "ok"
        assert client.upload(replay_bytes(3)).status_code == 201


def test_an_upload_that_the_disk_refuses_in_its_middle_can_be_retried(
    command_line: CommandLine,
) -> None:
    token = command_line.run("serve", "token", "add", "ann").stdout.decode().strip()
    content = synthetic_replay(believable_match(seed=1), frames=3000)
    with started(command_line) as (server, root, _):
        client = Client(root=root, token=token)
        _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (len(content) - 1000, hard))
        refused = client.upload(content)
        assert (refused.status_code, refused.json()["code"]) == (503, "disk_full")
        assert client.get("/replays")["count"] == 0
        assert not [*command_line.home.rglob("*.upload"), *command_line.home.rglob("*.replay")]
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert client.upload(content).status_code == 201


def test_numbers_are_written_as_prometheus_reads_them() -> None:
    tally = metrics.ServerCounters()
    tally.add(metrics.PARSES, outcome='a"b\\', code="c\nd")
    tally.add(metrics.PARSES, 2, outcome="ok", code="")
    (family,) = text_string_to_metric_families(metrics.text_of(tally.metrics()))
    assert (family.name, family.type) == ("parsekit_serve_parses", "counter")
    assert {tuple(it.labels.values()): it.value for it in family.samples} == {
        ("c\nd", 'a"b\\'): 1,
        ("", "ok"): 2,
    }


def test_who_finds_all_connections_in_use_is_told_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.05}
    monkeypatch.setattr("parsekit_server.catalogue.database._POOL", few)
    database = Database.in_file(tmp_path / "catalogue.sqlite3")
    in_use = pytest.raises(StorageUnavailable, match="all connections are in use")
    with database.reading(), in_use, database.reading():
        pass
    with database.reading():
        pass
    database.close()
