"""A RabbitMQ node that runs, whoever has started it: its addresses, and what its operator does."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from devkit.servers.process import ServerFailed, free_port, listens
from parsekit.model import JsonObject

#: Where ``scripts/servers.py`` unpacks Debian's packages when it may not install them.
UNPACKED = Path(__file__).parents[2] / ".cache" / "rabbitmq"

#: Seconds for ``rabbitmqctl``, which starts an Erlang of its own, to do what it is told, on a
#: machine that does much else.
CTL_SECONDS = 240

_SCRIPTS = Path("usr/lib/rabbitmq/bin")
_ERLANG = Path("usr/lib/erlang")


@dataclass(frozen=True, slots=True)
class Installation:
    """A RabbitMQ with its Erlang, laid out as Debian does below ``root``."""

    root: Path

    @property
    def complete(self) -> bool:
        """Whether both the server and Erlang are there."""
        return (self.root / _SCRIPTS / "rabbitmq-server").exists() and self.epmd.exists()

    @property
    def epmd(self) -> Path:
        """Erlang's name service."""
        return self.root / _ERLANG / "bin" / "epmd"

    @property
    def erl_call(self) -> Path:
        """Erlang's program that has a node evaluate an expression; it is no Erlang itself."""
        return self.root / _ERLANG / "bin" / "erl_call"

    def script(self, name: str) -> str:
        """The path of one of RabbitMQ's commands."""
        return str(self.root / _SCRIPTS / name)

    def environ(self) -> dict[str, str]:
        """What the commands need to find their Erlang and its libraries."""
        libraries = [str(path) for path in (self.root / "usr/lib").glob("*-linux-gnu")]
        return {
            "ERL_ROOTDIR": str(self.root / _ERLANG),
            "PATH": f"{self.root / _ERLANG / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            **({"LD_LIBRARY_PATH": ":".join(libraries)} if self.root != Path("/") else {}),
        }


def find_installation(unpacked: Path = UNPACKED) -> Installation | None:
    """The installed RabbitMQ, else the unpacked one, else None."""
    choices = (Installation(Path("/")), Installation(unpacked))
    return next((choice for choice in choices if choice.complete), None)


def needed_installation() -> Installation:
    """The installation; raises `ServerFailed` where there is none."""
    found = find_installation()
    if found is None:
        raise ServerFailed(
            "there is no RabbitMQ server: run scripts/servers.py, or install rabbitmq-server"
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Loopback ports of a node: of clients, of its name service and of other nodes."""

    amqp: int
    amqps: int
    epmd: int
    distribution: int

    @classmethod
    def free(cls) -> Ports:
        """Ports that nobody listens on just now."""
        return cls(amqp=free_port(), amqps=free_port(), epmd=free_port(), distribution=free_port())


class RabbitNode:
    """One node, in the folder of its data.

    User guest with password guest may do everything in the vhost ``/`` and in those made with
    `add_vhost`.
    """

    def __init__(self, folder: Path, ports: Ports, installation: Installation) -> None:
        self.folder = folder
        self.ports = ports
        self.installation = installation

    @property
    def port(self) -> int:
        """The port of clients without TLS."""
        return self.ports.amqp

    @property
    def tls_port(self) -> int:
        """The port of clients with TLS."""
        return self.ports.amqps

    @property
    def name(self) -> str:
        """Erlang's name of the node."""
        return f"parsekit{self.port}@localhost"

    @property
    def runs(self) -> bool:
        """Whether clients can connect; a frozen node counts."""
        return listens(self.port)

    def url(self, vhost: str = "/", user: str = "guest", password: str = "guest") -> str:
        """The address for clients."""
        place = f"127.0.0.1:{self.port}/{quote(vhost, safe='')}"
        return f"amqp://{quote(user, safe='')}:{quote(password, safe='')}@{place}"

    def tls_url(self, host: str = "127.0.0.1", vhost: str = "/") -> str:
        """The address of the TLS listener."""
        return f"amqps://guest:guest@{host}:{self.tls_port}/{quote(vhost, safe='')}"

    def ctl(self, *arguments: str) -> str:
        """Run ``rabbitmqctl`` on this node; return what it printed.

        Takes two seconds of a processor: prefer the methods below. Raises `ServerFailed` with its
        complaint.
        """
        done = subprocess.run(
            [self.installation.script("rabbitmqctl"), "--quiet", *arguments],
            env={**os.environ, **self.environ()},
            capture_output=True,
            text=True,
            timeout=CTL_SECONDS,
            check=False,
        )
        if done.returncode:
            raise ServerFailed(f"rabbitmqctl {arguments[0]}: {done.stdout}{done.stderr}".strip())
        return done.stdout

    def evaluate(self, expression: str) -> str:
        """Have the node evaluate an Erlang expression; return its value as Erlang writes it.

        Raises `ServerFailed` with what went wrong.
        """
        program, cookie = self.installation.erl_call, (self.folder / ".erlang.cookie").read_text()
        caller = f"caller-{uuid.uuid4().hex}"  # a node refuses a second one of the same name
        done = subprocess.run(
            [str(program), "-h", caller, "-n", self.name, "-c", cookie, "-e"],
            input=f"{expression}.\n",
            env={**os.environ, **self.environ()},
            capture_output=True,
            text=True,
            timeout=CTL_SECONDS,
            check=False,
        )
        said = done.stdout.strip()
        if not said.startswith("{ok, "):
            raise ServerFailed(f"{expression}: {said}{done.stderr}")
        return said.removeprefix("{ok, ").removesuffix("}")

    def define(self, **definitions: list[JsonObject]) -> None:
        """Add vhosts, users, permissions or policies, as a file of definitions lists them.

        Raises `ServerFailed` with what is wrong in them.
        """
        text = base64.b64encode(json.dumps(definitions).encode()).decode()
        answer = self.evaluate(f'rabbit_definitions:import_raw(base64:decode("{text}"))')
        if answer != "ok":
            raise ServerFailed(f"{definitions}: {answer}")

    def add_vhost(self, name: str, queue_type: Literal["classic", "quorum"] = "classic") -> str:
        """Make a vhost where queues are of this type unless declared otherwise; return its URL."""
        kind = {"default_queue_type": queue_type}
        self.define(
            vhosts=[{"name": name, "metadata": kind, **kind}],
            permissions=[_all_rights("guest", name)],
        )
        return self.url(name)

    def add_user(self, name: str, password: str, vhost: str = "/") -> str:
        """Make a user who may do everything in ``vhost``; return the URL."""
        self.define(
            users=[{"name": name, "password": password, "tags": ""}],
            permissions=[_all_rights(name, vhost)],
        )
        return self.url(vhost, name, password)

    def set_policy(self, name: str, pattern: str, definition: str, vhost: str = "/") -> None:
        """Lay a policy, given as JSON, on the queues that match."""
        policy = {
            "vhost": vhost,
            "name": name,
            "pattern": pattern,
            "apply-to": "queues",
            "definition": json.loads(definition),
        }
        self.define(policies=[policy])

    def count(self, fact: str, vhost: str) -> dict[str, int]:
        """A number that ``rabbitmqctl list_queues`` knows, such as ``messages``, of each queue."""
        queues = f"rabbit_amqqueue:info_all(<<{json.dumps(vhost)}>>, [name, {fact}])"
        rows = f"[[Q, N] || [{{_, {{resource, _, _, Q}}}}, {{_, N}}] <- {queues}, is_integer(N)]"
        text = self.evaluate(f"binary_to_list(rabbit_json:encode({rows}))")
        return dict(json.loads(text.strip('"')))  # Erlang's quotes, which escape nothing

    def close_connections(self, reason: str = "closed by a test") -> None:
        """Have the broker close every client's connection."""
        close = f"rabbit_networking:close_connection(C, <<{json.dumps(reason)}>>)"
        self.evaluate(f"[{close} || C <- rabbit_networking:connections()]")

    def set_disk_alarm(self, *, on: bool) -> None:
        """Pretend that the disk is full: the broker stops reading from publishers."""
        limit = "1000000GB" if on else "1MB"
        self.evaluate(f'rabbit_disk_monitor:set_disk_free_limit("{limit}")')

    def environ(self) -> dict[str, str]:
        """What the node and its commands read from the environment."""
        return self.installation.environ() | {
            "HOME": str(self.folder),  # of the Erlang cookie
            "ERL_EPMD_PORT": str(self.ports.epmd),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_DIST_PORT": str(self.ports.distribution),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            # A test node must not spin on the few cores that the tests need.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }


def _all_rights(user: str, vhost: str) -> JsonObject:
    return {"user": user, "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"}
