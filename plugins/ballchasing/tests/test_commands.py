"""``parsekit quota``, the check of ``parsekit doctor``, and what the plugin registers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from devkit.servers.valkey import ValkeyServer
from parsekit.api import open_session
from parsekit.errors import ConfigInvalid
from parsekit_ballchasing import plugin
from parsekit_ballchasing.quota_command import quota
from parsekit_ballchasing.simulator import Simulator, SiteOptions

TOKEN = "test-token-0123456789"


@pytest.fixture
def live() -> Iterator[Simulator]:
    """A sandbox in real time, as the commands live in it."""
    with Simulator(SiteOptions(token=TOKEN, day=10, week=70)) as simulator:
        yield simulator


@pytest.fixture
def config(
    live: Simulator, redis_server: ValkeyServer, token_file: Path, tmp_path: Path
) -> Callable[..., Path]:
    def write(**changes: Any) -> Path:
        tree = {
            "parser": "ballchasing",
            "celery": {"broker": redis_server.url(7)},
            "audit": {"path": str(tmp_path / "audit.jsonl")},
            "ballchasing": {"url": live.url, "token_file": str(token_file), **changes},
        }
        path = tmp_path / "parsekit.json"
        path.write_text(json.dumps(tree), encoding="utf-8")
        return path

    return write


def records(config: Callable[..., Path]) -> list[Any]:
    lines = config().with_name("audit.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def checks(path: Path) -> list[Any]:
    found: list[Callable[[], list[Any]]] = []
    plugin.parsekit_register_checks(open_session(path), lambda *offered: found.append(offered[1]))
    return found[0]()


class TestQuota:
    def test_shows_what_is_used_left_and_forecast(
        self, config: Callable[..., Path], live: Simulator, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for _ in range(4):
            live.site.account(TOKEN).uploads.add(live.site.clock())
        quota(config())
        text = capsys.readouterr().out
        assert "tier          regular" in text
        assert "24 hours      4 of 10 uploads used, 6 left" in text
        assert "7 days        4 of 70 uploads used, 66 left" in text
        assert "forecast      28 uploads" in text

    def test_as_json_has_the_same_facts(
        self, config: Callable[..., Path], live: Simulator, capsys: pytest.CaptureFixture[str]
    ) -> None:
        live.site.account(TOKEN).uploads.add(live.site.clock())
        quota(config(), format="json")
        report = json.loads(capsys.readouterr().out)
        assert [window["left"] for window in report["uploads"]] == [9, 69]
        assert report["status_limit_hour"] == 1000

    def test_without_an_answering_api_shows_the_books(
        self, config: Callable[..., Path], live: Simulator, capsys: pytest.CaptureFixture[str]
    ) -> None:
        quota(config(url="http://127.0.0.1:9/api"))
        assert "assumed, no ping so far" in capsys.readouterr().out

    def test_without_a_token_says_which_file(
        self, config: Callable[..., Path], tmp_path: Path
    ) -> None:
        with pytest.raises(ConfigInvalid, match="token_file"):
            quota(config(token_file=str(tmp_path / "absent")))

    def test_is_on_record(self, config: Callable[..., Path], live: Simulator) -> None:
        quota(config())
        (record,) = records(config)
        assert record["caller"].startswith("cli quota ")
        assert record["sent"] == [f"token to {live.url}"]
        assert (record["result"], record["error"]) == ("ok", None)

    def test_is_on_record_when_it_fails(self, config: Callable[..., Path], tmp_path: Path) -> None:
        with pytest.raises(ConfigInvalid):
            quota(config(token_file=str(tmp_path / "absent")))
        (record,) = records(config)
        assert (record["result"], record["sent"]) == ("config_invalid", [])
        assert "absent" in record["error"]

    def test_is_a_command_of_the_host(self) -> None:
        (entry,) = (
            entry
            for entry in metadata.entry_points(group="parsekit.commands")
            if entry.name == "quota"
        )
        assert entry.load() is quota


class TestDoctor:
    def test_says_whose_token_it_is_and_what_is_left(self, config: Callable[..., Path]) -> None:
        token, left = checks(config())
        assert token.ok
        assert "sandbox-" in token.detail
        assert "tier 'regular': 2 calls a second, 1000 an hour" in token.detail
        assert left.ok
        assert "10 left" in left.detail

    def test_says_what_to_do_about_a_used_up_quota(
        self, config: Callable[..., Path], live: Simulator
    ) -> None:
        for _ in range(10):
            live.site.account(TOKEN).uploads.add(live.site.clock())
        _, left = checks(config())
        assert left.ok is False
        assert "fallback" in left.advice

    def test_says_what_to_do_about_a_wrong_token(
        self, config: Callable[..., Path], token_file: Path
    ) -> None:
        token_file.write_text("wrong-token-987", encoding="utf-8")
        (line,) = checks(config())
        assert line.ok is False
        assert "invalid API key" in line.detail
        assert "token_file" in line.advice
        assert "wrong-token-987" not in json.dumps(line.to_json())

    def test_says_what_to_do_about_a_missing_token(
        self, config: Callable[..., Path], tmp_path: Path
    ) -> None:
        (line,) = checks(config(token_file=str(tmp_path / "absent")))
        assert line.ok is False
        assert "ballchasing.com/upload" in line.advice

    def test_says_what_to_do_about_an_api_that_is_away(self, config: Callable[..., Path]) -> None:
        (line,) = checks(config(url="http://127.0.0.1:9/api"))
        assert line.ok is False
        assert "ballchasing.url" in line.advice

    def test_does_not_condemn_a_group_token(
        self, config: Callable[..., Path], token_file: Path
    ) -> None:
        token_file.write_text("g/some-group-token", encoding="utf-8")
        (line,) = checks(config())
        assert line.ok is None

    def test_is_silent_where_the_parser_is_not_used(self, tmp_path: Path) -> None:
        path = tmp_path / "parsekit.json"
        path.write_text("{}", encoding="utf-8")
        found: list[Any] = []
        plugin.parsekit_register_checks(open_session(path), lambda *check: found.append(check))
        assert found == []


class TestPlugin:
    def test_registers_one_remote_parser(self) -> None:
        entries: list[Any] = []
        plugin.parsekit_register_parsers(entries.append)
        (entry,) = entries
        assert (entry.name, entry.runs) == ("ballchasing", "remote")
        assert float(entry.version) >= 1

    def test_is_light_to_import(self) -> None:
        code = (
            "import sys, parsekit_ballchasing.plugin; "
            "print([m for m in ('requests', 'redis', 'tenacity', 'urllib3') if m in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stdout.strip() == "[]"
