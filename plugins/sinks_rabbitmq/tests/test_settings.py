"""The section ``transport``: what it takes, what it refuses, and that no password gets out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from parsekit.config import load_config
from parsekit.errors import ConfigInvalid
from parsekit_sinks_rabbitmq.settings import TransportSettings


def section(folder: Path, *, celery: object = None, **values: object) -> TransportSettings:
    file = folder / "parsekit.json"
    file.write_text(json.dumps({"celery": celery or {}, "transport": values}))
    sections = {"transport": TransportSettings}
    return load_config(file, plugin_sections=sections, environ={}).section(TransportSettings)


def test_the_seed_section_loads(tmp_path: Path) -> None:
    settings = section(tmp_path, url="amqp://rabbitmq:5672", analytics_queue="analytics")
    broker = settings.broker()
    assert (broker.host, broker.port, broker.vhost) == ("rabbitmq", 5672, "/")
    assert (broker.username, broker.password.get_secret_value()) == ("guest", "guest")


def test_everything_in_a_url_is_understood(tmp_path: Path) -> None:
    broker = section(tmp_path, url="amqps://me%40x:p%2Fw@[::1]/a%2Fb").broker()
    assert (broker.host, broker.port, broker.vhost) == ("::1", 5671, "a/b")
    assert (broker.username, broker.password.get_secret_value()) == ("me@x", "p/w")
    assert broker.tls is not None


def test_the_password_file_wins_and_is_read_anew(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("first\n")
    settings = section(
        tmp_path, url="amqp://u:old@h", password_file=str(tmp_path / "secret"), username="ignored"
    )
    assert settings.broker().username == "u"
    assert settings.broker().password.get_secret_value() == "first"
    (tmp_path / "secret").write_text("second")
    assert settings.broker().password.get_secret_value() == "second"


def test_a_missing_password_file_is_named_when_it_is_needed(tmp_path: Path) -> None:
    settings = section(tmp_path, url="amqp://h", password_file=str(tmp_path / "absent"))
    with pytest.raises(ConfigInvalid, match=r"transport\.password_file: can't read .*absent"):
        settings.broker()


def test_no_form_of_the_settings_shows_the_password(tmp_path: Path) -> None:
    settings = section(tmp_path, url="amqp://user:correct-horse@h/v")
    broker = settings.broker()
    shown = f"{settings} {settings!r} {settings.model_dump_json()} {broker} {broker!r}"
    assert "correct-horse" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "",
        "rabbitmq:5672",
        "redis://h/0",
        "amqp://",
        "amqp://:pw-horse@",
        "amqp://u:pw-horse@h:port",
        "amqp://u:pw-horse@h:99999",
        "amqp://u:pw-horse@h?heartbeat=1",
        "amqp://u:pw-horse@[::1",
        7,
    ],
)
def test_a_bad_url_is_refused_and_not_repeated(tmp_path: Path, url: object) -> None:
    with pytest.raises(ConfigInvalid, match=r"transport\.url") as caught:
        section(tmp_path, url=url)
    assert "pw-horse" not in str(caught.value)


@pytest.mark.parametrize(
    ("queue", "words"),
    [
        ("", "'' is empty"),
        ("x" * 256, "'xxx"),
        ("é" * 200, "has 400 bytes, at most 255 go"),
        ("a\nb", r"'a\nb' holds control characters"),
    ],
)
def test_a_bad_analytics_queue_is_refused(tmp_path: Path, queue: str, words: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        section(tmp_path, url="amqp://h", analytics_queue=queue)
    said = caught.value.message
    assert ": transport.analytics_queue: " in said
    assert words in said
    assert said.endswith("; name another queue")


def test_the_longest_analytics_queue_is_taken(tmp_path: Path) -> None:
    assert section(tmp_path, analytics_queue="é" * 127 + "x").analytics_queue


@pytest.mark.parametrize("transport", [{}, {"url": "amqp://h"}])
@pytest.mark.parametrize(
    ("queue", "celery"),
    [
        ("replay-parse", {}),
        ("replay-parse-bulk-poll", {}),
        ("mine", {"queue": "mine"}),
        ("mine-poll", {"queue": "mine"}),
        ("mine-poll", {"bulk_queue": "mine"}),
    ],
)
def test_analytics_never_go_to_the_queues_of_the_service(
    tmp_path: Path, queue: str, celery: dict[str, str], transport: dict[str, str]
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        section(tmp_path, celery=celery, analytics_queue=queue, **transport)
    assert caught.value.message.endswith(
        f": transport: analytics_queue {queue!r} is a queue of the service itself; name another"
    )


def test_the_default_of_analytics_is_measured_too_where_it_is_used(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="analytics_queue 'analytics' is a queue of the"):
        section(tmp_path, celery={"queue": "analytics"}, url="amqp://h")
    assert section(tmp_path, celery={"queue": "analytics"}).url is None


def test_a_url_is_a_secret_to_every_reader() -> None:
    assert isinstance(TransportSettings(url=SecretStr("amqp://h")).url, SecretStr)
