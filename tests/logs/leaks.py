"""Secrets that are looked for, services that know them, and all that these write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import kombu
import redis

from devkit.command_line import CommandLine
from devkit.deployment import Deployment, WorkerProcess
from parsekit.testing import believable_match, synthetic_replay

PLUGINS = Path(__file__).parent / "plugins"
_SEEDS = count()


@dataclass
class Secrets:
    """The secrets of one run; each is hard to write down in a URL, in JSON and in Python."""

    folder: Path
    known: dict[str, str] = field(default_factory=lambda: {"child": "see plugins/token"})

    def make(self, name: str) -> str:
        self.known[name] = f"{name}/Sw0rd'{name[::-1]}+7\""
        return self.known[name]

    def file(self, name: str) -> str:
        path = self.folder / name
        path.write_text(self.make(name) + "\n")
        return str(path)

    def in_url(self, name: str) -> str:
        return quote(self.make(name), safe="")

    def found_in(self, text: str) -> list[str]:
        """Names of those that stand there, whole or in a good part, in any notation."""
        return [name for name in self.known if f"{name}/Sw0rd" in text or f"{name}%2FSw0rd" in text]


class Denying(BaseHTTPRequestHandler):
    """Refuses everything, and tells what it was sent."""

    def _answer(self) -> None:
        body = f"<Error><Code>AccessDenied</Code><Message>{self.headers}</Message></Error>".encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815  (http.server's names)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


class Collecting(BaseHTTPRequestHandler):
    """Takes whatever it is sent, as a collector of traces does."""

    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(body.decode(errors="replace"))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


class Server(ThreadingHTTPServer):
    """``got`` is what it was sent."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.got: list[str] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[Server]:
    with Server(handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@dataclass
class World:
    """Deployments on one server, and all that they write."""

    folder: Path
    secrets: Secrets
    redis_url: str
    made: list[Deployment] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)

    def workers(self) -> list[WorkerProcess]:
        """One for each deployment."""
        workers = [each.worker("--log-level", "debug", "--concurrency", "2") for each in self.made]
        return [worker.ready() for worker in workers]

    def run(self, deployment: Deployment, *command: str | Path) -> str:
        """Run a command as that deployment's operator, and answer what it shows."""
        home = self.folder / "home"
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        cli = CommandLine(folder=home, home=home, settings={"PARSEKIT_DEBUG": "1"})
        done = cli.run(*command, environ=deployment.environ)
        shown = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
        self.printed.append(f"{command[0]}: {shown}")
        return shown

    def deployment(self, name: str, **config: Any) -> Deployment:
        (self.folder / name).mkdir()
        url = f"{self.redis_url}/{len(self.made)}"
        environ = {"PYTHONPATH": str(PLUGINS), "LEAKY_TOKEN": str(self.secrets.folder / "leaky")}
        config = {"celery": {"broker": url, "backend": url}, **config}
        self.made.append(Deployment(self.folder / name, config, environ))
        return self.made[-1]

    def written(self) -> dict[str, str]:
        """Source to text; configuration files are not ours, and have the secrets in them."""
        found = {f"print {number}": text for number, text in enumerate(self.printed)}
        for made in self.made:
            for path in made.folder.rglob("*"):
                if path.is_file() and path.name != "parsekit.json":
                    found[str(path.relative_to(self.folder))] = path.read_text(errors="replace")
        for database in range(len(self.made)):
            with redis.Redis.from_url(f"{self.redis_url}/{database}") as client:
                found[f"redis {database}"] = "\n".join(everything(client))
        return found

    def leaks(self) -> dict[str, list[str]]:
        """Source to the names of the secrets that stand in it."""
        found = {source: self.secrets.found_in(text) for source, text in self.written().items()}
        return {source: names for source, names in found.items() if names}


def everything(client: redis.Redis) -> Iterator[str]:
    """Every value of a database, as text."""
    readers: dict[bytes, Any] = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"none": lambda _: b"",  # it has expired meanwhile
    }
    for key in client.scan_iter():
        yield f"{key!r} {readers[client.type(key)](key)!r}"


def replay(deployment: Deployment, name: str) -> str:
    """Store a replay that no other is like, and answer its key."""
    body = synthetic_replay(believable_match(seed=next(_SEEDS), team_size=1), frames=0)
    return deployment.put(name, body)


def codes(deployment: Deployment, keys: dict[str, str], **arguments: str) -> dict[str, str]:
    """Name to "ok" or the code of the error, when all these keys have been asked for."""
    sent = {name: deployment.send(key, extra=arguments) for name, key in keys.items()}
    ended = {name: task.get(timeout=90, propagate=False) for name, task in sent.items()}
    return {name: getattr(answer, "code", "ok") for name, answer in ended.items()}


class Overheard:
    """All that is published in a vhost that traces (RabbitMQ's firehose), from now on."""

    def __init__(self, url: str) -> None:
        self._connection = kombu.Connection(url)
        self._channel = self._connection.channel()
        self._channel.queue_declare("overheard")
        self._channel.queue_bind("overheard", "amq.rabbitmq.trace", "publish.#")
        self.messages: list[str] = []

    def sent_to(self, queue: str) -> int:
        """How many messages went to this queue so far."""
        while (found := self._channel.basic_get("overheard", no_ack=True)) is not None:
            body = found.body if isinstance(found.body, str) else found.body.decode()
            self.messages.append(f"{found.headers} {body}")
        return sum(f"'routing_keys': ['{queue}']" in each for each in self.messages)

    def close(self) -> None:
        self._connection.release()
