"""A configuration is either in force as written, or every mistake in it is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import Field, ValidationInfo, field_validator

from parsekit.config import CelerySettings, Limits, Section, load_config, read_secret
from parsekit.config.file import ENV_FILE, FILE_NAME
from parsekit.errors import ConfigInvalid


class Ballchasing(Section):
    max_retries: int = Field(4, alias="maxRetries")
    token_file: str | None = None


SECTIONS = {"ballchasing": Ballchasing}

#: The example of the seed document, to the letter.
SEED = """
{
  "celery": {
    "broker": "redis://redis:6379/0",
    "backend": "redis://redis:6379/0",
    "queue": "replay-parse"
  },
  "transport": {
    "url": "amqp://rabbitmq:5672",
    "analytics_queue": "analytics"
  },
  "minio": {
    "hostname": "minio:9000",
    "bucket": "replays",
    "parsed_object_prefix": "parsed"
  },
  "ballchasing": {
    "maxRetries": 4,
    "backoffFactor": 4
  },
  "parser": "ballchasing",
  "disableCache": false
}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "parsekit.json"


def load(file: Path, content: object, **environ: str):
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return load_config(file, plugin_sections=SECTIONS, environ=environ)


def problem(file: Path, content: object, **environ: str) -> str:
    with pytest.raises(ConfigInvalid) as caught:
        load(file, content, **environ)
    return caught.value.message.removeprefix(f"{file}: ")


def holding(key: str, value: str) -> str:
    """A file with this key, dotted or not, whose value stands there as it is."""
    section, _, name = key.rpartition(".")
    text = f'{{"{name}": {value}}}'
    return f'{{"{section}": {text}}}' if section else text


def test_the_defaults_need_no_file_and_no_server(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load_config(environ={})
    assert (config.host.parser, config.storage_name) == ("local", "folder")
    assert config.limits == Limits(replay_bytes=32 << 20, parse_seconds=120, parse_memory=2 << 30)


def test_the_seeds_example_loads_unchanged_with_and_without_its_plugins(file: Path):
    file.write_text(SEED)
    absent = {name: f"parsekit-{name}" for name in ("transport", "minio", "ballchasing")}
    config = load_config(file, absent=absent, environ={})
    assert (config.host.parser, config.storage_name) == ("ballchasing", "minio")
    assert config.redis_url == "redis://redis:6379/0"
    assert config.absent_plugins == absent


def test_the_seeds_example_loads_with_every_installed_plugin(file: Path):
    from parsekit.host.host import Host  # noqa: PLC0415  (only here the real plugins are wanted)

    file.write_text(SEED)
    host = Host.load({})
    config = load_config(file, plugin_sections=host.sections, environ={})
    assert not config.absent_plugins
    assert host.parser_entry(config.host.parser).name == "ballchasing"
    assert host.storage_entry(config.storage_name).name == "minio"


def test_the_environment_wins_whatever_its_case_and_origins_are_known(file: Path):
    config = load(
        file,
        {"parser": "a", "limits": {"parse_seconds": 5}, "ballchasing": {"maxRetries": 1}},
        PARSEKIT__PARSER="b",
        parsekit__limits__PARSE_SECONDS="7.5",
        PARSEKIT__BALLCHASING__MAXRETRIES="9",
        PARSEKIT__DISABLECACHE="true",
    )
    assert (config.host.parser, config.host.disable_cache) == ("b", True)
    assert config.limits.parse_seconds == 7.5
    assert config.section(Ballchasing).max_retries == 9
    assert config.origins["parser"] == "$PARSEKIT__PARSER"
    assert config.origins["ballchasing.maxRetries"] == "$PARSEKIT__BALLCHASING__MAXRETRIES"


def test_the_file_is_that_of_the_argument_the_variable_the_user_or_the_machine(
    tmp_path: Path, monkeypatch
):
    for name in ("argument", "variable", "user/parsekit", "machine"):
        file = tmp_path / name / FILE_NAME
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"parser": name.split("/")[0]}))
    (tmp_path / FILE_NAME).write_text('{"parser": "folder"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.setattr("parsekit.config.file._OF_THE_MACHINE", tmp_path / "machine" / FILE_NAME)
    environ = {ENV_FILE: f"variable/{FILE_NAME}"}
    argument = Path("argument") / FILE_NAME
    assert load_config(argument, environ=environ).host.parser == "argument"
    assert load_config(environ=environ).host.parser == "variable"
    assert load_config(environ={}).host.parser == "user"
    (tmp_path / "user/parsekit" / FILE_NAME).unlink()
    assert load_config(environ={}).host.parser == "machine"
    (tmp_path / "machine" / FILE_NAME).unlink()
    assert load_config(environ={}).host.parser == "local"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"praser": "x"}, "praser: is not a known key; did you mean 'parser'?"),
        ({"limits": {"parse_second": 1}}, "limits.parse_second: is not a known key; did you mean"),
        ({"balchasing": {}}, "did you mean 'ballchasing'?"),
        ({"zzz": 1}, "zzz: is not a known key; known: "),
        ({"limits": {"parse_seconds": "long"}}, 'limits.parse_seconds: is "long", want a number'),
        ({"limits": {"replay_bytes": -1}}, "limits.replay_bytes: is -1, want greater than 0"),
        ({"limits": []}, "limits: is a list, want an object in braces"),
        ({"parser": 3}, "parser: is 3, want a string"),
        ({"parser": None}, "parser: is null, want a string"),
        ({"fallback": "local"}, 'fallback: is "local", want a list'),
        ({"fallback": {"a": True}}, 'fallback: is {"a": true}, want a list'),
        ({"disableCache": "sure"}, 'disableCache: is "sure", want true or false'),
        ({"audit": {"keep": 1.5}}, "audit.keep: is 1.5, want a whole number"),
        ({"audit": {"path": 1}}, "audit.path: is 1, want a string"),
        ({"logs": {"level": "loud"}}, "logs.level: is \"loud\", want 'debug', 'info',"),
        (
            {"celery": {"broker_file": []}},
            "celery.broker_file: is a value not shown, want a string",
        ),
        ({"celery": {"ca_file": "x" * 5000}}, "celery.ca_file: there is no file xxx"),
        (
            {"celery": {"ca_file": "~nobody of the name/x"}},
            "celery.ca_file: names a path below the",
        ),
        ({"audit": {"path": "a\0b"}}, "audit.path: holds a NUL character"),
        ({"folder": {"path": "\ud800"}}, "folder.path: holds half of a character"),
        ("[]", "holds a list, want an object in braces"),
        ('"token"', "holds a string, want an object in braces"),
        ('{"parser": "a",}', "line 1 column 1"),
        ('{\n "parser": oops\n}', "line 2 column 12"),
        ('{"parser": "a", "parser": "b"}', "parser: stands twice"),
        ("[" * 100_000, "nested too deep"),
        ("", "is not JSON"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_mistake_is_named_with_its_key(file: Path, content, words):
    assert words in problem(file, content)


@pytest.mark.parametrize(
    ("key", "most"),
    [
        ("shadow_per_hour", 1_000_000),
        ("limits.replay_bytes", 1 << 30),
        ("limits.parse_seconds", 86_400),
        ("limits.parse_memory", 1 << 40),
        ("audit.keep", 10_000),
        ("audit.file_bytes", 1 << 40),
    ],
)
def test_a_number_beyond_its_bound_is_named_with_the_bound(file: Path, key: str, most: int):
    load(file, holding(key, str(most)))
    for wrong in (most + 1, 10**30):
        text = problem(file, holding(key, str(wrong)))
        assert text.startswith(f"{key}: is ")
        assert text.endswith(f"want less than or equal to {most}")


@pytest.mark.parametrize(
    "key", ["shadow_per_hour", "limits.parse_seconds", "limits.parse_memory", "audit.keep"]
)
@pytest.mark.parametrize("value", ["Infinity", "-1e400", "NaN"])
def test_what_is_no_finite_number_is_a_mistake(file: Path, key: str, value: str):
    text = problem(file, holding(key, value))
    assert text.startswith(f"{key}: is ")
    assert text.endswith("want a finite number")


def test_a_number_of_more_digits_than_python_reads_is_a_mistake(file: Path):
    text = problem(file, '{"limits": {"replay_bytes": ' + "9" * 5000 + "}}")
    assert text == "holds a number of more than 4300 digits; write a smaller one"


def test_all_mistakes_are_named_at_once_each_with_the_file_or_variable_it_came_from(file: Path):
    content = {"praser": 1, "limits": {"parse_seconds": 0}, "fallback": ["a", 1]}
    with pytest.raises(ConfigInvalid) as caught:
        load(file, content, PARSEKIT__CELERY__BROKR="x", parsekit__limits__replay_bytes="-1")
    assert {tuple(each.split(": ")[:2]) for each in caught.value.problems} == {
        ("PARSEKIT__CELERY__BROKR", "celery.brokr"),
        (str(file), "fallback.1"),
        (str(file), "limits.parse_seconds"),
        (str(file), "praser"),
        ("parsekit__limits__replay_bytes", "limits.replay_bytes"),
    }


def test_a_mistake_of_a_whole_section_names_where_its_keys_came_from(file: Path):
    pem = file.with_name("a.pem")
    pem.touch()
    content = {"celery": {"certificate_file": str(pem)}}
    with pytest.raises(ConfigInvalid) as caught:
        load(file, content, PARSEKIT__CELERY__QUEUE="x")
    (text,) = caught.value.problems
    assert text.startswith(f"{file}, PARSEKIT__CELERY__QUEUE: celery: certificate_file and key")


def test_a_plugins_section_may_be_measured_against_the_hosts(file: Path):
    class Own(Section):
        queue: str = "mine"

        @field_validator("queue")
        @classmethod
        def _is_free(cls, queue: str, info: ValidationInfo) -> str:
            celery = (info.context or {}).get("celery")
            if isinstance(celery, CelerySettings) and celery.queue == queue:
                raise ValueError("is taken")
            return queue

    file.write_text(json.dumps({"own": {"queue": "tasks"}}))
    load_config(file, plugin_sections={"own": Own}, environ={})
    with pytest.raises(ConfigInvalid, match=r"own\.queue: is taken"):
        load_config(
            file, plugin_sections={"own": Own}, environ={"PARSEKIT__CELERY__QUEUE": "tasks"}
        )


def test_a_mistake_in_the_environment_is_named(file: Path):
    assert "$" not in problem(file, {}, PARSEKIT__LIMITS__PARSE_SECONDS="0")
    assert "PARSEKIT__A__B__C: has the wrong form" in problem(file, {}, PARSEKIT__A__B__C="1")
    assert "did you mean 'parser'?" in problem(file, {}, PARSEKIT__PRASER="x")


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path):
    with pytest.raises(ConfigInvalid, match="no such file"):
        load_config(tmp_path / "none.json", environ={})
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigInvalid, match="not UTF-8"):
        load_config(tmp_path / "binary.json", environ={})


def test_values_of_secret_keys_are_not_repeated(file: Path):
    assert "hunter2" not in problem(file, {"celery": {"broker": ["hunter2"]}})


@pytest.mark.parametrize(("content", "words"), [(b"", "is empty"), (b"\xff", "is not text")])
def test_a_secret_file_that_holds_no_secret_is_named(tmp_path: Path, content, words):
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(ConfigInvalid, match=f"ballchasing.token_file: .*{words}"):
        read_secret(path, "ballchasing.token_file")


def test_a_secret_is_read_without_white_space_and_not_shown(tmp_path: Path):
    (tmp_path / "token").write_text(" hunter2\n")
    secret = read_secret(tmp_path / "token", "k")
    assert secret.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(secret)


#: Each holds ``hunter2`` where a password, a port or a host may stand.
MALFORMED = (
    "rediss://[hunter2::1",
    "redis://:hunter2@h:99999999",
    "redis://h:hunter2",
    "redis://:hunter2/x@h:6379",
    "redis://:12/hunter2@h:6379",
    "redis://:12?hunter2=1@h:6379",
    "amqp://ann:hunter2]@h",
    "amqps://one;amqps://two:hunter2",
    "hunter2@localhost:6379",
    "hunter2",
)


@pytest.mark.parametrize("url", MALFORMED)
@pytest.mark.parametrize("key", ["broker", "backend"])
def test_a_malformed_address_is_a_mistake_and_is_not_shown(file: Path, key: str, url: str):
    text = problem(file, {"celery": {key: url}})
    assert text.startswith(f"celery.{key}: is no usable address; write ")
    assert "hunter2" not in text


@pytest.mark.parametrize("url", MALFORMED)
@pytest.mark.parametrize("key", ["broker_file", "backend_file"])
def test_a_malformed_address_in_a_file_is_one_of_that_file(file: Path, key: str, url: str):
    secret = file.with_name("url")
    secret.touch(0o600)
    secret.write_text(url)
    text = problem(file, {"celery": {key: str(secret)}})
    assert text.startswith(f"celery.{key}: what {secret} holds is no usable address; write ")
    assert "hunter2" not in text


@pytest.mark.parametrize("path", ["http://[::1/x", "simplecache::http://[hunter2/x"])
def test_a_malformed_folder_is_a_mistake(file: Path, path: str):
    text = problem(file, {"folder": {"path": path}})
    assert text.startswith("folder.path: is no usable address; write ")
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("section", "key", "url"),
    [
        ("celery", "broker", "redis+socket:///run/valkey.sock?virtual_host=1"),
        ("celery", "broker", "amqp://[::1]:5672//"),
        ("celery", "broker", "amqp://"),
        ("celery", "backend", "redis+socket:///run/valkey.sock?virtual_host=1"),
        ("folder", "path", "results [new]"),
        ("folder", "path", "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/results"),
        ("folder", "path", "simplecache::http://[::1]:8080/x"),
        ("folder", "path", "zip://a[1].csv::s3://bucket/x"),
    ],
)
def test_unusual_addresses_are_taken(file: Path, section: str, key: str, url: str):
    more = {"backend": "redis://results"} if key == "broker" else {}
    assert getattr(load(file, {section: {key: url, **more}}).sections[section], key) == url


@pytest.mark.parametrize(
    "celery",
    [
        {"broker": "amqp://rabbitmq"},
        {"broker": "amqp://rabbitmq", "backend": "amqp://rabbitmq"},
        {"broker": "amqp://one;amqp://two"},
    ],
)
def test_results_anywhere_but_in_one_redis_are_a_mistake(file: Path, celery: dict[str, str]):
    assert problem(file, {"celery": celery}) == (
        "celery.backend: results and the state of tasks need one Redis or Valkey; "
        "name it as redis://host:6379/0"
    )


@pytest.mark.parametrize(
    ("celery", "text"),
    [
        ({"backend": "rpc://"}, "celery.backend: has a scheme that parsekit does not speak; "),
        ({"backend": "mongodb://one:27017/x"}, "celery.backend: has a scheme that parsekit "),
        ({"broker": "http://x"}, "celery.broker: has a scheme that parsekit does not speak; "),
        ({"broker": "redis://one;redis://two"}, "celery.broker: names several servers"),
        ({"backend": "redis://one;redis://two"}, "celery.backend: names several servers"),
        ({"queue": "q", "bulk_queue": "q"}, "celery: queue and bulk_queue are both 'q'; give "),
        ({"bulk_queue": "replay-parse-poll"}, "celery: 'replay-parse-poll' is one of the queues"),
        ({"queue": "replay-parse-bulk-poll-in-500-ms"}, "celery: 'replay-parse-bulk-poll-in-500"),
        ({"queue": ""}, "celery.queue: '' is no name of a queue"),
        ({"queue": "a,b"}, "celery.queue: 'a,b' holds a comma"),
        ({"queue": "a\nb"}, "celery.queue: 'a\\nb' is no name of a queue"),
        ({"queue": "x" * 201}, "celery.queue: 'xxx"),
        ({"bulk_queue": "amq.tasks"}, "celery.bulk_queue: 'amq.tasks' begins with 'amq.'"),
        ({"result_expires": 59}, "celery.result_expires: "),
        ({"result_expires": 7200, "state_expires": 3600}, "celery: state_expires is 3600 s, less"),
        ({"queue": "parsekit:beats"}, "celery.queue: 'parsekit:beats' begins with 'parsekit:'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_a_service_can_not_run_with_is_a_mistake(file: Path, celery: object, text: str):
    assert problem(file, {"celery": celery}).startswith(text)


def test_every_form_of_an_address_is_taken_and_known_by_one(file: Path):
    config = load(file, {"celery": {"broker": "valkey://h?db=2", "backend": "unix:///run/v.sock"}})
    celery = config.section(CelerySettings)
    assert (celery.broker, celery.backend) == ("redis://h/2", "redis+socket:///run/v.sock")
    assert config.redis_url == "unix:///run/v.sock?db=0"
