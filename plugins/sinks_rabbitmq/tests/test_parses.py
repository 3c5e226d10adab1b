"""Whole parses while something is wrong with RabbitMQ: their results, what it costs them, what
arrives late and what is lost, in exact numbers.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from devkit.servers.process import ServerFailed
from devkit.servers.rabbitmq import RabbitServer
from parsekit import (
    Job,
    JsonObject,
    Parsed,
    ParserEntry,
    ProviderContext,
    Replay,
    Session,
    hookimpl,
)
from parsekit.config import Config, HostSettings
from parsekit.config.config import HOST_SECTIONS
from parsekit.host.host import Host
from parsekit.host.listeners import Event, Listeners
from parsekit.model import Outcome, Request
from parsekit.parsers.runner import Parsers
from parsekit.pipeline.pipeline import Pipeline
from parsekit.storage.folder import FolderStorage
from parsekit.testing import believable_match, synthetic_replay
from parsekit.testing.sinks import believable_body
from parsekit_sinks_rabbitmq import metrics
from parsekit_sinks_rabbitmq.metrics import SinkSnapshot
from parsekit_sinks_rabbitmq.plugin import RabbitSinks
from parsekit_sinks_rabbitmq.settings import TransportSettings

from .conftest import Caller, until
from .test_outages import ends, task_ids

TASKS = 5
#: What each of them tells besides its end.
STEPS = 3
#: What a whole run of tasks may lose to the sink, seconds.
MOST_ADDED_S = 2.0


class Quick:
    """A parser that answers at once, with as much as Ballchasing does."""

    def parse(self, replay: Replay, job: Job) -> Parsed:
        job.progress(60, "Getting stats")
        return Parsed(data=believable_body("x" * 100_000))

    def resume(self, job: Job) -> Parsed:
        raise AssertionError("it never waits")

    @hookimpl
    def parsekit_register_parsers(self, register: Callable[[ParserEntry], None]) -> None:
        register(ParserEntry(name="quick", version="1.0", create=lambda _: self, runs="remote"))


class Stopwatch:
    """Adds up how long calls take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **given: Any) -> Any:
            began = time.monotonic()
            try:
                return function(*args, **given)
            finally:
                self.seconds += time.monotonic() - began

        return call


class TimedHost(Host):
    """Times every call into a listener."""

    def __init__(self, watch: Stopwatch) -> None:
        super().__init__()
        self._watch = watch

    def listeners(self, hook: str) -> list[tuple[str, Callable[..., Any]]]:
        return [(owner, self._watch.timed(heard)) for owner, heard in super().listeners(hook)]


class TimedListeners(Listeners):
    """Times what a parse itself waits for, its end above all."""

    def __init__(self, host: Host, watch: Stopwatch) -> None:
        super().__init__(host)
        self._watch = watch

    def publish(self, *events: Event) -> None:
        self._watch.timed(super().publish)(*events)

    def deliver(self, *events: Event) -> None:
        self._watch.timed(super().deliver)(*events)


class Parses:
    """A pipeline over a folder, which tells our sinks."""

    def __init__(self, transport: JsonObject, folder: Path) -> None:
        self.plugin, self.watch = RabbitSinks(), Stopwatch()
        host = TimedHost(self.watch)
        host.register(self.plugin, "rabbitmq")
        host.register(Quick(), "quick")
        settings = HostSettings.model_validate({"parser": "quick", "answer_as": "ballchasing"})
        sections = {name: model() for name, model in HOST_SECTIONS.items()}
        sections["transport"] = TransportSettings.model_validate(transport)
        config = Config(host=settings, sections=sections)
        kept = HOST_SECTIONS["folder"].model_validate({"path": str(folder / "store")})
        self._store = FolderStorage(ProviderContext(settings=kept, data_dir=folder))
        self._listeners = TimedListeners(host, self.watch)
        self._listeners.open(Session(config=config, role="python", data_dir=folder / "data"))
        self._line = Pipeline(
            config=config,
            parsers=Parsers(host, config, folder),
            storage=self._store,
            listeners=self._listeners,
        )

    def run(self, name: str, queue: str) -> Outcome:
        seed = int.from_bytes(name.encode()[-4:])
        key = f"replays/{name}.replay"
        self._store.write(key, synthetic_replay(believable_match(seed=seed), frames=0))
        answer = self._line.run(Request(replay=key, task_id=name, progress_queue=queue))
        assert isinstance(answer, Outcome)
        return answer

    def settle(self) -> SinkSnapshot:
        until(lambda: not (self.counts().waiting or self.counts().spooled_bytes), "all is sent")
        return self.counts()

    def counts(self) -> SinkSnapshot:
        snapshot = self.plugin.snapshot()
        assert snapshot is not None
        return snapshot

    def close(self) -> None:
        self._listeners.close(0)
        self._store.close()


@dataclass
class Place:
    """What a fault can break, and who listens there."""

    broker: RabbitServer
    secret: Path
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    vhost: str = "/"
    queue: str = ""

    def __post_init__(self) -> None:
        self.queue, self.analytics = f"progress-{self.name}", f"analytics-{self.name}"
        self.secret.touch(mode=0o600)
        self.secret.write_text("guest")

    @property
    def transport(self) -> JsonObject:
        return {
            "url": self.broker.url(self.vhost),
            "analytics_queue": self.analytics,
            "password_file": str(self.secret),
        }

    def caller(self, queue: str) -> Caller:
        return Caller(self.broker, queue, self.vhost)

    def delete_queues(self) -> None:
        for queue in (self.queue, self.analytics):
            with self.caller(queue) as caller:
                caller.delete()

    def refuse_progress(self) -> None:
        limit = '{"max-length": 0, "overflow": "reject-publish"}'
        self.broker.set_policy("full", f"^{self.queue}$", limit)


@dataclass(frozen=True)
class Fault:
    """What happens, and what it does to `TASKS` parses: late (progress, analytics) and lost."""

    begin: Callable[[Place], object]
    end: Callable[[Place], object] = lambda _: None
    at_start: bool = False
    late: tuple[int, int] = (TASKS * (STEPS + 1), TASKS)
    lost: Mapping[str, int] = field(default_factory=dict)


def start(place: Place) -> None:
    if not place.broker.runs:
        place.broker.start()


def another_vhost(place: Place) -> None:
    place.vhost = place.name


def reserved_queue(place: Place) -> None:
    place.queue = "amq.not-there"


FAULTS = {
    "down at start": Fault(begin=lambda at: at.broker.kill(), end=start, at_start=True),
    "restarted": Fault(begin=lambda at: at.broker.kill(), end=start),
    "frozen": Fault(begin=lambda at: at.broker.freeze(), end=lambda at: at.broker.thaw()),
    "closed by the broker": Fault(begin=lambda at: at.broker.close_connections(), late=(0, 0)),
    "queues deleted": Fault(begin=Place.delete_queues, late=(0, 0)),
    "queue that rejects": Fault(
        begin=Place.refuse_progress,
        end=lambda at: at.broker.ctl("clear_policy", "full"),
        late=(TASKS, 0),
        lost={"rejected": TASKS * STEPS},
    ),
    "disk alarm": Fault(
        begin=lambda at: at.broker.set_disk_alarm(on=True),
        end=lambda at: at.broker.set_disk_alarm(on=False),
    ),
    "unroutable": Fault(
        begin=reserved_queue, late=(0, 0), lost={"unroutable": TASKS * (STEPS + 1)}
    ),
    "wrong password": Fault(
        begin=lambda at: at.secret.write_text("wrong"),
        end=lambda at: at.secret.write_text("guest"),
        at_start=True,
    ),
    "vhost missing": Fault(
        begin=another_vhost, end=lambda at: at.broker.add_vhost(at.vhost), at_start=True
    ),
}


@pytest.fixture
def place(broker: RabbitServer, tmp_path: Path) -> Place:
    return Place(broker, tmp_path / "secret")


@pytest.fixture
def struck(place: Place, fault: Fault, tmp_path: Path) -> Iterator[Parses]:
    """Parses that the fault has just struck, which ends with the test at the latest."""
    if fault.at_start:
        fault.begin(place)
    parses = Parses(place.transport, tmp_path)
    if not fault.at_start:
        assert parses.run("warm", place.queue).ok
        parses.settle()
        fault.begin(place)
    yield parses
    with suppress(ServerFailed):  # it has ended already
        fault.end(place)
    parses.close()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_parses_go_on_and_all_that_is_owed_arrives(
    fault: Fault, place: Place, struck: Parses, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not any(fault.late):
        monkeypatch.setattr(metrics, "LATE_S", 60.0)  # a busy machine may be slow
    names = [f"task-{number}" for number in range(TASKS)]
    assert [struck.run(name, place.queue).ok for name in names] == [True] * TASKS
    assert struck.watch.seconds < MOST_ADDED_S
    if any(fault.late):
        time.sleep(metrics.LATE_S + 0.2)
    fault.end(place)
    counts = struck.settle()
    assert (counts.progress.late, counts.analytics.late) == fault.late
    assert (counts.progress.dropped, counts.analytics.dropped) == (fault.lost, {})
    with place.caller(place.queue) as caller, place.caller(place.analytics) as analyst:
        owed = [] if "unroutable" in fault.lost else names
        assert [name for name in ends(caller.messages_now()) if name != "warm"] == owed
        assert [name for name in task_ids(analyst.messages_now()) if name != "warm"] == names
