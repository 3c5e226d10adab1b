"""A pipeline over a real folder storage, with a parser that does what the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from parsekit import hookimpl
from parsekit.clock import Clock
from parsekit.config import Config, HostSettings
from parsekit.config.config import HOST_SECTIONS
from parsekit.config.settings import Limits
from parsekit.errors import StorageUnavailable
from parsekit.events import AnalyticsEvent, ProgressEvent
from parsekit.host.host import Host
from parsekit.host.listeners import Listeners
from parsekit.model import Job, NotReady, Parsed, Replay, Request
from parsekit.parsers.runner import Parsers
from parsekit.pipeline.locks import LocalLocks
from parsekit.pipeline.pipeline import Pipeline
from parsekit.providers import ObjectInfo, ParserEntry, ProviderContext
from parsekit.storage.folder import FolderStorage
from parsekit.testing.replays.file import believable_match, synthetic_replay

Step = Parsed | NotReady | BaseException | Callable[[Job], Parsed | NotReady]


@dataclass
class Script:
    """A remote parser: each call takes the next step; what it was given is kept."""

    steps: list[Step] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)

    def parse(self, replay: Replay, job: Job) -> Parsed | NotReady:
        self.calls.append(("parse", replay.sha256))
        return self._next(job)

    def resume(self, job: Job) -> Parsed | NotReady:
        self.calls.append(("resume", dict(job.ticket or {})))
        return self._next(job)

    def _next(self, job: Job) -> Parsed | NotReady:
        step = self.steps.pop(0) if self.steps else Parsed(data={"answer": 42})
        if isinstance(step, BaseException):
            raise step
        return step(job) if callable(step) else step


class Recorder:
    """Hears everything."""

    def __init__(self) -> None:
        self.progress: list[ProgressEvent] = []
        self.analytics: list[AnalyticsEvent] = []

    @hookimpl
    def parsekit_progress(self, event: ProgressEvent) -> None:
        self.progress.append(event)

    @hookimpl
    def parsekit_analytics(self, event: AnalyticsEvent) -> None:
        self.analytics.append(event)


class Store(FolderStorage):
    """A folder storage that counts, and that can be away."""

    def __init__(self, context: ProviderContext) -> None:
        super().__init__(context)
        self.counts = {"head": 0, "fetch": 0, "read": 0, "write": 0}
        self.away: set[str] = set()

    def _count(self, call: str) -> None:
        self.counts[call] += 1
        if call in self.away:
            raise StorageUnavailable(f"no {call} today")

    def head(self, key: str) -> ObjectInfo:
        self._count("head")
        return super().head(key)

    def fetch(self, key: str, target: Path, *, max_bytes: int) -> ObjectInfo:
        self._count("fetch")
        return super().fetch(key, target, max_bytes=max_bytes)

    def read(self, key: str) -> bytes | None:
        self._count("read")
        return super().read(key)

    def write(self, key: str, body: bytes, *, replace: bool = True) -> bool:
        self._count("write")
        return super().write(key, body, replace=replace)


class ManualClock:
    """Time that goes when the test says so."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def clock(self) -> Clock:
        return Clock(now=lambda: self.time, ticks=lambda: self.time)


@dataclass
class Bench:
    """Everything that a test of the pipeline touches."""

    folder: Path
    script: Script
    other: Script
    recorder: Recorder
    store: Store
    time: ManualClock
    locks: LocalLocks
    host: Host
    entries: dict[str, ParserEntry]

    def pipeline(self, **changes: Any) -> Pipeline:
        settings = HostSettings.model_validate({"parser": "script", **changes.pop("settings", {})})
        sections = {name: model() for name, model in HOST_SECTIONS.items()}
        sections["limits"] = Limits(**changes.pop("limits", {}))
        config = Config(host=settings, sections=sections)
        return Pipeline(
            config=config,
            parsers=Parsers(self.host, config, self.folder),
            storage=self.store,
            listeners=Listeners(self.host),
            locks=self.locks,
            clock=self.time.clock(),
            **changes,
        )

    def put(self, key: str = "replays/a.replay", seed: int = 0) -> str:
        body = synthetic_replay(believable_match(seed=seed, team_size=1), frames=0)
        FolderStorage.write(self.store, key, body)
        return key

    def request(self, key: str = "replays/a.replay", task: str = "task-1", **more: Any) -> Request:
        return Request(replay=key, task_id=task, **more)

    @property
    def told(self) -> list[tuple[str, float, str]]:
        return [(e.status, e.value, e.message) for e in self.recorder.progress]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    host = Host.load({"PARSEKIT_PLUGINS": ""})
    script, other, recorder = Script(), Script(), Recorder()
    entries = {
        name: ParserEntry(name=name, version="1.0", create=lambda _, p=parser: p, runs="remote")
        for name, parser in (("script", script), ("other", other))
    }

    class Plugin:
        @hookimpl
        def parsekit_register_parsers(self, register: Callable[[ParserEntry], None]) -> None:
            for entry in entries.values():
                register(entry)

    host.register(Plugin(), "scripts")
    host.register(recorder, "recorder")
    settings = HOST_SECTIONS["folder"].model_validate({"path": str(tmp_path / "store")})
    store = Store(ProviderContext(settings=settings, data_dir=tmp_path))
    bench = Bench(
        folder=tmp_path,
        script=script,
        other=other,
        recorder=recorder,
        store=store,
        time=ManualClock(),
        locks=LocalLocks(),
        host=host,
        entries=entries,
    )
    bench.put()
    yield bench
    store.close()
