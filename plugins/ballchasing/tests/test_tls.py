"""TLS to an API behind a certificate of one's own: whom we trust, and what the others get."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from devkit.servers.tls_front import TlsFront, tls_front
from parsekit import ProviderContext
from parsekit.api import open_session
from parsekit.errors import ConfigInvalid
from parsekit_ballchasing.checks import check_account
from parsekit_ballchasing.parser import BallchasingParser
from parsekit_ballchasing.quota_command import quota
from parsekit_ballchasing.report import report_of
from parsekit_ballchasing.settings import BallchasingSettings
from parsekit_ballchasing.simulator import Simulator

Make = Callable[..., Any]


@pytest.fixture
def front(sandbox: Simulator, certificates: Path) -> Iterator[TlsFront]:
    port = urlsplit(sandbox.url).port
    assert port is not None
    with tls_front(certificates / "server.pem", certificates / "server.key", port) as front:
        yield front


#: Host and authority, and what is said about them; the server is localhost, of ``ca.pem``.
WRONG = [
    ("localhost", "stranger.pem", "unable to get local issuer certificate"),
    ("localhost", None, "unable to get local issuer certificate"),
    ("127.0.0.1", "ca.pem", "IP address mismatch"),
]


@pytest.fixture
def section(front: TlsFront, certificates: Path, token_file: Path) -> Callable[..., dict[str, str]]:
    def write(host: str, authority: str | None) -> dict[str, str]:
        named = {"ca_file": str(certificates / authority)} if authority else {}
        return {"url": f"https://{host}:{front.port}/api", "token_file": str(token_file), **named}

    return write


@pytest.fixture
def config(section: Make, tmp_path: Path) -> Callable[..., Path]:
    def write(host: str, authority: str | None) -> Path:
        path = tmp_path / "parsekit.json"
        path.write_text(json.dumps({"ballchasing": section(host, authority)}), encoding="utf-8")
        return path

    return write


def test_a_replay_is_parsed_where_the_authority_is_named(
    drive: Make, make_parser: Make, section: Make
) -> None:
    parser = make_parser(**section("localhost", "ca.pem"))
    assert drive(parser=parser).run().data["status"] == "ok"


@pytest.mark.parametrize(("host", "authority", "words"), WRONG)
def test_a_server_that_is_not_trusted_gets_nothing_and_is_not_asked_again(
    drive: Make, make_parser: Make, section: Make, front: TlsFront, clock: Any,
    host: str, authority: str | None, words: str,
) -> None:  # fmt: skip
    task = drive(parser=make_parser(**section(host, authority)))
    with pytest.raises(ConfigInvalid) as caught:
        task.run()
    assert f"certificate of {host}:{front.port} is not trusted" in caught.value.message
    assert caught.value.message.startswith("ballchasing.ca_file: ")
    assert words in caught.value.message
    assert (task.failures, sum(clock.slept)) == (1, 0)
    assert front.received_bytes == 0


def test_an_upload_that_was_never_made_takes_nothing_from_the_quota(
    drive: Make, make_parser: Make, section: Make
) -> None:
    parser = make_parser(**section("localhost", "stranger.pem"))
    with pytest.raises(ConfigInvalid):
        drive(parser=parser).run()
    assert [window.used for window in report_of(parser.budget).uploads] == [0, 0]


def test_a_file_of_authorities_that_is_gone_is_named(
    certificates: Path, section: Make, drive: Make, clock: Any, tmp_path: Path
) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_bytes((certificates / "ca.pem").read_bytes())
    settings = BallchasingSettings(**section("localhost", "ca.pem") | {"ca_file": authority})
    authority.unlink()
    context = ProviderContext(settings=settings, data_dir=tmp_path)
    parser = BallchasingParser(context, clock=clock, ticks=clock)
    with pytest.raises(ConfigInvalid, match=f"ballchasing.ca_file: .*{authority}"):
        drive(parser=parser).run()
    parser.close()


def test_the_quota_is_asked_over_tls(config: Make, capsys: pytest.CaptureFixture[str]) -> None:
    quota(config("localhost", "ca.pem"))
    assert "assumed, no ping" not in capsys.readouterr().out


@pytest.mark.parametrize(("host", "authority", "words"), WRONG)
def test_the_quota_of_a_stranger_is_not_asked(
    config: Make, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
    host: str, authority: str | None, words: str,
) -> None:  # fmt: skip
    with caplog.at_level(logging.WARNING, "parsekit.ballchasing"):
        quota(config(host, authority))
    assert "assumed, no ping" in capsys.readouterr().out
    assert words in caplog.text


def test_doctor_asks_over_tls(config: Make) -> None:
    assert check_account(open_session(config("localhost", "ca.pem")))[0].ok


@pytest.mark.parametrize(("host", "authority", "words"), WRONG)
def test_doctor_says_why_a_server_is_not_trusted(
    config: Make, host: str, authority: str | None, words: str
) -> None:
    (check,) = check_account(open_session(config(host, authority)))
    assert (check.ok, words in check.detail) == (False, True)
    assert "ballchasing.ca_file" in check.advice
