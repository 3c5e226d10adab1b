"""A clock that moves when somebody sleeps, a sandbox of the API, and a driver like the host's."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from devkit.servers.valkey import ValkeyServer, valkey
from parsekit import Job, NotReady, Parsed, ProviderContext, Replay, RetryPolicy
from parsekit.errors import ParsekitError
from parsekit_ballchasing.parser import BallchasingParser
from parsekit_ballchasing.settings import BallchasingSettings
from parsekit_ballchasing.simulator import Simulator, SiteOptions

TOKEN = "test-token-0123456789"
#: Some moment in 2026.
START_UNIX = 1_790_000_000.0


def calls(sandbox: Simulator, endpoint: str) -> Any:
    """When the sandbox was asked."""
    return [at for at, where, _ in sandbox.site.counts.log if where == endpoint]


def statuses(sandbox: Simulator, endpoint: str) -> Any:
    """What it answered, in order."""
    return [status for _, where, status in sandbox.site.counts.log if where == endpoint]


class FakeClock:
    """UTC seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self.unix = START_UNIX
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.unix

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.unix += seconds
            self.slept.append(seconds)


@dataclass(kw_only=True)
class Drive:
    """One task as the host drives it; ``run`` goes on until there is an end.

    ``hop_s`` is what becomes of a wait on its way through the broker.
    """

    parser: Any
    replay: Replay
    clock: Any
    hop_s: Callable[[float], float] = field(default=lambda wait_s: wait_s)
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    bulk: bool = False
    has_fallback: bool = False
    ticket: Any = None
    needs_replay: bool = True
    failures: int = 0
    told: list[tuple[float, str]] = field(default_factory=list)
    waits: list[NotReady] = field(default_factory=list)

    def step(self) -> Parsed | NotReady:
        job = Job(
            task_id=self.replay.name,
            ticket=self.ticket,
            bulk=self.bulk,
            has_fallback=self.has_fallback,
            progress=lambda value, text: self.told.append((value, text)),
            checkpoint=self._keep,
        )
        if self.needs_replay:
            answer: Parsed | NotReady = self.parser.parse(self.replay, job)
        else:
            answer = self.parser.resume(job)
        if isinstance(answer, NotReady):
            self.ticket, self.needs_replay = answer.ticket, answer.needs_replay
            self.waits.append(answer)
        return answer

    def _keep(self, ticket: Any) -> None:
        self.ticket, self.needs_replay = ticket, False

    def run(self, steps: int = 200) -> Parsed:
        for _ in range(steps):
            try:
                answer = self.step()
            except ParsekitError as error:
                self.failures += 1
                delay_s = self.policy.next_delay_s(self.failures, error)
                if delay_s is None:
                    raise
                self.clock.sleep(delay_s)
                continue
            if isinstance(answer, Parsed):
                return answer
            self.failures = 0
            self.clock.sleep(self.hop_s(answer.after_s))
        raise AssertionError(f"no end after {steps} steps: {self.waits[-3:]}")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(TOKEN + "\n", encoding="utf-8")
    return path


@pytest.fixture
def sandbox(clock: FakeClock) -> Iterator[Simulator]:
    """The API on a socket, in fake time."""
    with Simulator(SiteOptions(pending_s=(12, 12), day=-1, week=-1), clock=clock) as simulator:
        yield simulator


@pytest.fixture
def make_replay(tmp_path: Path) -> Callable[..., Replay]:
    def make(name: str = "a", size_bytes: int = 5000) -> Replay:
        path = tmp_path / f"{name}.replay"
        path.write_bytes((name.encode() + b" goal! ") * (size_bytes // (len(name) + 7) + 1))
        content = path.read_bytes()
        return Replay(
            path=path,
            name=name,
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
        )

    return make


@pytest.fixture
def make_parser(
    sandbox: Simulator, clock: FakeClock, token_file: Path, tmp_path: Path
) -> Iterator[Callable[..., BallchasingParser]]:
    made: list[BallchasingParser] = []

    def make(redis_url: str | None = None, **settings: Any) -> BallchasingParser:
        wanted = {"url": sandbox.url, "token_file": token_file, **settings}
        context = ProviderContext(
            settings=BallchasingSettings(**wanted), redis_url=redis_url, data_dir=tmp_path
        )
        made.append(BallchasingParser(context, clock=clock, ticks=clock, sleep=clock.sleep))
        return made[-1]

    yield make
    for parser in made:
        parser.close()


@pytest.fixture
def drive(
    make_parser: Callable[..., BallchasingParser],
    make_replay: Callable[..., Replay],
    clock: FakeClock,
) -> Callable[..., Drive]:
    """A driver for one replay and one parser, both fresh unless given."""

    def make(
        replay: Replay | None = None, parser: BallchasingParser | None = None, **more: Any
    ) -> Drive:
        more = {"clock": clock, **more}
        return Drive(parser=parser or make_parser(), replay=replay or make_replay(), **more)

    return make


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two authorities, and a server's certificate for localhost from the first."""
    folder = tmp_path_factory.mktemp("certificates")
    new = "req -newkey rsa:2048 -nodes -days 2"
    for name in ("ca", "stranger"):
        openssl(folder, f"{new} -x509 -subj /CN={name} -keyout {name}.key -out {name}.pem")
    (folder / "names").write_text("subjectAltName=DNS:localhost", encoding="utf-8")
    openssl(folder, f"{new} -subj /CN=localhost -keyout server.key -out server.csr")
    openssl(folder, "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
                    "-extfile names -out server.pem")  # fmt: skip
    return folder


def openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)
