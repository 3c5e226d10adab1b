"""Every failure that can be made, and no secret in anything that was written.

Read are: what workers and commands print, audit, analytics and spools on the disk, stored results,
and everything in Redis: results, tracebacks and states of waiting tasks, messages.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
from celery import states

from parsekit.testing import believable_match, synthetic_replay
from parsekit.testing.command_line import CommandLine
from parsekit.testing.deployment import Deployment, WorkerProcess, poll
from parsekit.testing.servers.process import free_port
from parsekit.testing.servers.valkey import valkey
from parsekit_ballchasing.simulator import Simulator, SiteOptions

PLUGINS = Path(__file__).parent / "plugins"
LEAKY_KINDS = ("logs", "raises", "rejects", "waits", "away", "fine")


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


@pytest.fixture
def denying() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Denying)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    folder = tmp_path / "secrets"
    folder.mkdir()
    return Secrets(folder)


@dataclass
class World:
    """Deployments on one server, and all that they write."""

    folder: Path
    secrets: Secrets
    redis_url: str
    made: list[Deployment] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)

    def deployment(self, name: str, database: int, **config: Any) -> Deployment:
        (self.folder / name).mkdir()
        url = f"{self.redis_url}/{database}"
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


def everything(client: redis.Redis) -> Iterator[str]:
    """Every value of a database, as text."""
    readers: dict[bytes, Any] = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    for key in client.scan_iter():
        yield f"{key!r} {readers[client.type(key)](key)!r}"


@pytest.fixture
def world(tmp_path: Path, secrets: Secrets) -> Iterator[World]:
    secrets.file("leaky")
    password = secrets.make("broker").replace('"', "").replace("'", "")
    (tmp_path / "valkey").mkdir()
    with valkey(tmp_path / "valkey", "--requirepass", password) as server:
        url = f"redis://:{quote(password, safe='')}@127.0.0.1:{server.port}"
        made = World(tmp_path, secrets, url)
        yield made
        for one in made.made:
            one.close()


def replay(deployment: Deployment, name: str) -> str:
    body = synthetic_replay(believable_match(seed=hash(name) % 1000, team_size=1), frames=0)
    return deployment.put(name, body)


def codes(deployment: Deployment, names: tuple[str, ...]) -> dict[str, str]:
    """Name of the replay to "ok" or the code of its error, when all have ended."""
    sent = {name: deployment.send(replay(deployment, name)) for name in names}
    for result in sent.values():
        poll(lambda r=result: r.state in states.READY_STATES, seconds=90)
    return {
        name: "ok" if result.successful() else result.result.code for name, result in sent.items()
    }


def test_no_failure_writes_a_secret_anywhere(world: World, secrets: Secrets, denying: str) -> None:
    amqp = f"amqp://ann:{secrets.in_url('amqp')}@127.0.0.1:{free_port()}/v"
    keys = {"access_key_file": secrets.file("access"), "secret_key_file": secrets.file("s3key")}
    leaky = world.deployment("leaky", 0, parser="leaky", transport={"url": amqp})
    local = world.deployment("local", 1, parser="leaky-local")
    refused = world.deployment(
        "refused",
        2,
        storage="minio",
        minio={"hostname": denying, **keys},
        parser="leaky",
    )
    with Simulator(SiteOptions(token="another")) as simulator:
        url = simulator.url.replace("://", f"://ann:{secrets.in_url('apiuser')}@")
        token = secrets.file("ballchasing")
        ballchasing = world.deployment(
            "ballchasing",
            3,
            parser="ballchasing",
            ballchasing={"url": simulator.url, "token_file": token},
        )
        workers = [each.worker("--log-level", "debug") for each in world.made]
        for worker in workers:
            worker.ready()
        ended = codes(leaky, LEAKY_KINDS)
        assert ended == {
            "logs": "ok", "raises": "parser_failed", "rejects": "remote_rejected",
            "waits": "remote_rejected", "away": "remote_unavailable", "fine": "ok",
        }  # fmt: skip
        assert codes(local, ("child",)) == {"child": "parser_failed"}
        assert codes(refused, ("denied",)) == {"denied": "storage_denied"}
        assert codes(ballchasing, ("token",)) == {"token": "unauthorized"}
        run_commands(world, secrets, (leaky, ballchasing), f"{url}/x.replay")
    wrong = wrong_password(world, secrets)
    for worker in (*workers, wrong):
        worker.stop()
    written = world.written()
    assert any("Traceback" in text for text in written.values())
    assert any("leaky.library" in text for text in written.values())
    assert "***" in "".join(written.values())
    leaks = {source: names for source, text in written.items() if (names := secrets.found_in(text))}
    assert leaks == {}


def run_commands(
    world: World, secrets: Secrets, deployments: tuple[Deployment, ...], url: str
) -> None:
    """What people run, with right and with wrong configurations."""
    home = world.folder / "home"
    (home / "tmp").mkdir(parents=True)
    cli = CommandLine(folder=home, home=home, settings={"PARSEKIT_DEBUG": "1"})
    bad = home / "bad.json"
    bad.write_text(
        json.dumps(
            {
                "transport": {"url": f"amqp:/ann:{secrets.make('badurl')}@host"},
                "celery": {"broker": f"redis//:{secrets.make('badbroker')}@host", "brokr": 1},
                "ballchasing": {"token": secrets.make("badtoken")},
                "minio": {"hostname": f"http://ann:{secrets.make('badhost')}@host:9000"},
            }
        )
    )
    right = [each.environ for each in deployments]
    raises = deployments[0].store / "replays" / "raises.replay"
    for environ in (*right, {"PARSEKIT_CONFIG": str(bad)}):
        for command in (
            ("parse", f"{url}?api_key={secrets.in_url('query')}"),
            ("parse", "-f", "jsonl", url, raises),
            ("config", "show"),
            ("config", "check"),
            ("doctor",),
            ("health",),
        ):
            done = cli.run(*command, environ=environ)
            shown = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
            world.printed.append(shown)


def wrong_password(world: World, secrets: Secrets) -> WorkerProcess:
    """A worker that its broker does not let in."""
    broker = re.sub(r":[^:@]*@", f":{secrets.in_url('wrong')}@", world.redis_url)
    wrong = world.deployment("wrong", 4, celery={"broker": broker, "backend": broker})
    worker = wrong.worker("--log-level", "debug")
    poll(lambda: "wrong" in worker.text().lower() or "invalid" in worker.text(), seconds=60)
    return worker
