"""A shadow parser compares what it can, and costs the primary nothing whatever it does."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from parsekit import hookimpl
from parsekit.errors import ParserFailed, RemoteUnavailable
from parsekit.events import DifferenceEvent
from parsekit.host.host import Host
from parsekit.model import Job, NotReady, Outcome, Parsed
from parsekit.pipeline.pipeline import Pipeline, Waiting
from parsekit.providers import ParserEntry
from parsekit.shadow.runner import Shadow, ShadowTally

from .conftest import Bench


class Heard:
    """Hears differences."""

    def __init__(self) -> None:
        self.events: list[DifferenceEvent] = []

    @hookimpl
    def parsekit_difference(self, event: DifferenceEvent) -> None:
        self.events.append(event)


@dataclasses.dataclass
class Shadowed:
    """A pipeline with the parser "script", and another one as its shadow."""

    bench: Bench
    heard: Heard
    pipeline: Pipeline
    shadow: Shadow

    def run(self, **more: Any) -> Outcome:
        answer = self.pipeline.run(self.bench.request(**more))
        assert isinstance(answer, Outcome)
        assert answer.ok, answer.failure
        return answer

    def tally(self) -> ShadowTally:
        assert self.shadow.wait(30)
        return self.shadow.tally

    def event(self) -> DifferenceEvent:
        wait_until(lambda: bool(self.heard.events))
        return self.heard.events[-1]


Make = Callable[..., Shadowed]


@pytest.fixture
def heard(bench: Bench) -> Heard:
    heard = Heard()
    bench.host.register(heard, "heard")
    return heard


@pytest.fixture
def make(bench: Bench, heard: Heard) -> Iterator[Make]:
    made: list[Pipeline] = []

    def make(shadow: str = "other", per_hour: float = 100, **settings: Any) -> Shadowed:
        settings = {"shadow": shadow, "shadow_per_hour": per_hour, **settings}
        plain = bench.pipeline(settings=settings)
        with_shadow = Shadow.of(
            plain.config, plain.parsers, bench.store, plain.listeners.publish, bench.folder
        )
        assert with_shadow is not None
        pipeline = dataclasses.replace(plain, shadow=with_shadow)
        made.append(pipeline)
        return Shadowed(bench=bench, heard=heard, pipeline=pipeline, shadow=with_shadow)

    yield make
    for pipeline in made:
        pipeline.close(0.1)


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def left_behind() -> list[str]:
    """Folders with replays, of this process."""
    return [p.name for p in Path(tempfile.gettempdir()).glob(f"parsekit-{os.getpid()}-*")]


def children() -> list[str]:
    """Processes of local parsers that this process has started."""
    mine = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [pid for task in mine for pid in task.read_text().split()]
    return [pid for pid in pids if b"parsekit.parsers.isolation" in command_line(pid)]


def command_line(pid: str) -> bytes:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def boost(bpm: float) -> Parsed:
    player = {"name": "a", "stats": {"boost": {"bpm": bpm}}}
    return Parsed(data={"blue": {"players": [player]}})


def test_a_fresh_result_is_compared_field_by_field(make: Make, bench: Bench) -> None:
    bench.script.steps, bench.other.steps = [boost(300)], [boost(303)]
    shadowed = make()
    outcome = shadowed.run()
    assert (outcome.parser, outcome.data) == ("script", boost(300).data)
    assert shadowed.tally() == ShadowTally(compared=1)
    told = shadowed.event().to_json()
    assert (told["primary"]["parser"], told["shadow"]["parser"]) == ("script", "other")
    assert (told["replay"], told["hash"]) == ("replays/a.replay", outcome.hash)
    assert told["fields"] == {
        "players.name": {"equal": 1},
        "players.stats.boost.bpm": {
            "equal": 0,
            "differing": [{"where": "blue 1", "primary": 300, "shadow": 303}],
        },
    }
    assert bench.other.calls == [("parse", outcome.hash)]
    wait_until(lambda: not left_behind())


def test_a_result_from_the_cache_has_no_shadow(make: Make, bench: Bench) -> None:
    bench.pipeline().run(bench.request())
    shadowed = make()
    assert shadowed.run().cached is False  # the same task's own result
    assert shadowed.run(task="task-2").cached
    assert shadowed.tally() == ShadowTally()
    assert bench.other.calls == []


def test_a_parser_is_not_its_own_shadow(make: Make, bench: Bench) -> None:
    bench.script.steps = [ParserFailed("no")]
    shadowed = make(fallback=["other"])
    assert shadowed.run().parser == "other"
    assert shadowed.tally() == ShadowTally()
    assert len(bench.other.calls) == 1


@pytest.mark.parametrize(
    "step",
    [ParserFailed("no"), RuntimeError("bug"), lambda _job: None, Parsed(data={"x": object()})],
)
def test_a_shadow_that_fails_is_logged_and_counted(
    make: Make, bench: Bench, caplog: pytest.LogCaptureFixture, step: Any
) -> None:
    bench.other.steps = [step]
    shadowed = make()
    shadowed.run()
    assert shadowed.tally() == ShadowTally(failed=1)
    assert "shadow other: replays/a.replay" in caplog.text
    assert shadowed.heard.events == []
    wait_until(lambda: not left_behind())


@contextmanager
def held(bench: Bench) -> Iterator[threading.Event]:
    """The shadow hangs within the block; the event is set when it begins."""
    begun, go = threading.Event(), threading.Event()

    def hang(job: Job) -> Parsed:
        begun.set()
        go.wait(60)
        return Parsed(data={})

    bench.other.steps = [hang]
    try:
        yield begun
    finally:
        go.set()


def test_a_shadow_that_hangs_delays_nobody_and_the_next_are_skipped(
    make: Make, bench: Bench
) -> None:
    shadowed = make()
    for name in "bcd":
        bench.put(f"replays/{name}.replay", seed=ord(name))
    with held(bench) as begun:
        shadowed.run()
        assert begun.wait(30)
        for name in "bcd":
            shadowed.run(key=f"replays/{name}.replay", task=name)
        assert shadowed.shadow.tally == ShadowTally(busy=3)
        began = time.monotonic()
        shadowed.pipeline.close(0.1)
        assert time.monotonic() - began < 10
    assert len(left_behind()) <= 1
    assert shadowed.tally() == ShadowTally(busy=3, compared=1)


def test_one_shadow_at_a_time_on_a_machine(make: Make, bench: Bench) -> None:
    first, second = make(), make()
    bench.put("replays/b.replay", seed=5)
    with held(bench) as begun:
        first.run()
        assert begun.wait(30)
        second.run(key="replays/b.replay", task="b")
        assert second.tally() == ShadowTally(busy=1)


def test_the_budget_is_shared_by_processes_that_come_and_go(make: Make, bench: Bench) -> None:
    tallies = []
    for number in range(4):
        bench.put(f"replays/{number}.replay", seed=10 + number)
        shadowed = make(per_hour=2)
        shadowed.run(key=f"replays/{number}.replay", task=str(number))
        tallies.append(shadowed.tally())
    assert tallies == [ShadowTally(compared=1)] * 2 + [ShadowTally(over_budget=1)] * 2
    assert len(bench.other.calls) == 2


def test_a_budget_of_nothing_is_nothing(make: Make, bench: Bench) -> None:
    shadowed = make(per_hour=0)
    shadowed.run()
    assert shadowed.tally() == ShadowTally(over_budget=1)


def test_a_remote_shadow_has_a_small_budget_unless_told_otherwise(make: Make, bench: Bench) -> None:
    shadowed = make(shadow_per_hour=None)
    for name in "ab":
        bench.put(f"replays/{name}.replay", seed=ord(name))
        shadowed.run(key=f"replays/{name}.replay", task=name)
        shadowed.tally()
    assert shadowed.tally() == ShadowTally(compared=1, over_budget=1)


def test_a_stored_result_of_the_shadow_costs_no_budget(make: Make, bench: Bench) -> None:
    bench.pipeline().run(bench.request(parser="other"))
    shadowed = make(per_hour=0)
    shadowed.run(task="task-2")
    assert shadowed.tally() == ShadowTally(compared=1)
    assert len(bench.other.calls) == 1


def test_without_the_cache_the_shadow_parses_again_too(make: Make, bench: Bench) -> None:
    bench.pipeline().run(bench.request(parser="other"))
    shadowed = make()
    shadowed.run(task="task-2", disable_cache=True)
    assert shadowed.tally() == ShadowTally(compared=1)
    assert len(bench.other.calls) == 2


def test_what_the_shadow_made_is_there_for_who_asks_that_parser(make: Make, bench: Bench) -> None:
    bench.other.steps = [Parsed(data={"by": "other"})]
    shadowed = make()
    shadowed.run()
    shadowed.tally()
    asked = shadowed.run(task="task-2", parser="other")
    assert (asked.cached, asked.data) == (True, {"by": "other"})


def test_a_comparison_is_told_although_the_shadows_result_is_not_stored(
    make: Make, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def storage_goes_away(job: Job) -> Parsed:
        bench.store.away = {"write"}
        return Parsed(data={})

    bench.other.steps = [storage_goes_away]
    shadowed = make()
    shadowed.run()
    assert shadowed.tally() == ShadowTally(compared=1)
    assert "not stored" in caplog.text


def test_a_shadow_that_is_not_ready_is_waited_for_in_the_background(
    make: Make, bench: Bench
) -> None:
    bench.other.steps = [
        NotReady(ticket={"slot": 1}, after_s=0, needs_replay=True),
        NotReady(ticket={"id": "r"}, after_s=0),
        Parsed(data={"answer": 42}),
    ]
    shadowed = make()
    outcome = shadowed.run()
    assert shadowed.tally() == ShadowTally(compared=1)
    parse = ("parse", outcome.hash)
    assert bench.other.calls == [parse, parse, ("resume", {"id": "r"})]
    assert not list((bench.folder / "store").rglob("tickets/**/*.json"))


def test_a_shadow_that_is_never_ready_ends_at_the_deadline(
    make: Make, bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("parsekit.shadow.runner.DEADLINE_S", 1.0)
    bench.other.steps = [NotReady(ticket={"id": "r"}, after_s=-5) for _ in range(1000)]
    shadowed = make()
    shadowed.run()
    assert shadowed.tally() == ShadowTally(failed=1)
    assert "not ready after 1 s" in caplog.text
    assert len(bench.other.calls) < 10


@pytest.mark.parametrize("after_s", [3600, float("inf")])
def test_a_wait_beyond_the_deadline_is_not_begun(make: Make, bench: Bench, after_s: float) -> None:
    bench.other.steps = [NotReady(ticket={}, after_s=after_s)]
    shadowed = make()
    shadowed.run()
    assert shadowed.tally() == ShadowTally(failed=1)


def test_closing_ends_the_wait_of_a_shadow_at_once(make: Make, bench: Bench) -> None:
    bench.other.steps = [NotReady(ticket={"id": "r"}, after_s=600)]
    shadowed = make()
    shadowed.run()
    wait_until(lambda: bool(bench.other.calls))
    began = time.monotonic()
    shadowed.pipeline.close(0.1)
    assert time.monotonic() - began < 10
    assert shadowed.tally() == ShadowTally(unfinished=1)
    assert left_behind() == []


def test_after_the_end_nothing_is_taken(make: Make, bench: Bench) -> None:
    shadowed = make()
    shadowed.shadow.stop()
    shadowed.run()
    assert shadowed.tally() == ShadowTally()
    assert bench.other.calls == []


def test_a_primary_that_waited_for_an_api_is_compared_too(make: Make, bench: Bench) -> None:
    bench.script.steps = [NotReady(ticket={"id": "r"}, after_s=1), Parsed(data={"answer": 42})]
    shadowed = make()
    first = shadowed.pipeline.run(bench.request())
    assert isinstance(first, Waiting)
    second = shadowed.pipeline.run(bench.request(), first.state)
    assert isinstance(second, Outcome)
    assert shadowed.tally() == ShadowTally(compared=1)
    assert bench.other.calls == [("parse", second.hash)]
    wait_until(lambda: not left_behind())


def test_a_replay_that_changed_meanwhile_is_not_compared(make: Make, bench: Bench) -> None:
    def change(job: Job) -> Parsed:
        bench.put(seed=9)
        return Parsed(data={})

    bench.script.steps = [NotReady(ticket={"id": "r"}, after_s=1), change]
    shadowed = make()
    first = shadowed.pipeline.run(bench.request())
    assert isinstance(first, Waiting)
    shadowed.pipeline.run(bench.request(), first.state)
    assert shadowed.tally() == ShadowTally(failed=1)
    assert bench.other.calls == []


def test_a_failed_task_has_no_shadow(make: Make, bench: Bench) -> None:
    bench.script.steps = [ParserFailed("no")]
    shadowed = make()
    shadowed.pipeline.run(bench.request())
    assert shadowed.tally() == ShadowTally()
    assert bench.other.calls == []


def test_an_unknown_shadow_is_logged_and_the_work_goes_on(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    plain = bench.pipeline(settings={"shadow": "othr"})
    found = Shadow.of(
        plain.config, plain.parsers, bench.store, plain.listeners.publish, bench.folder
    )
    assert found is None
    assert "parser 'othr' is unknown; did you mean 'other'?" in caplog.text


def test_a_data_folder_that_can_not_be_written_stops_only_the_shadow(
    make: Make, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    (bench.folder / "shadow.json").mkdir()
    shadowed = make()
    shadowed.run()
    assert shadowed.tally() == ShadowTally(failed=1)
    assert bench.other.calls == []


@pytest.fixture
def slow(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A local parser ``slow``, in a module that a child can import."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    entry = ParserEntry(name="slow", version="1", create="shadowing_parser:Slow")

    class Plugin:
        @hookimpl
        def parsekit_register_parsers(self, register: Callable[[ParserEntry], None]) -> None:
            register(entry)

    bench.host.register(Plugin(), "slow")
    return bench.host


def test_a_local_shadow_takes_only_time_that_nobody_wants(
    make: Make, bench: Bench, slow: Host
) -> None:
    shadowed = make(shadow="slow")
    shadowed.run()
    assert shadowed.tally() == ShadowTally(compared=1)
    (pid,) = children()
    assert os.getpriority(os.PRIO_PROCESS, int(pid)) == 19
    bench.put("replays/b.replay", seed=4)
    shadowed.run(key="replays/b.replay", parser="slow", task="b")
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    assert {os.getpriority(os.PRIO_PROCESS, int(pid)) for pid in children()} == {19, usual}


def test_closing_ends_a_local_shadow_at_work(make: Make, bench: Bench, slow: Host) -> None:
    shadowed = make(shadow="slow")
    bench.put("replays/slow.replay", seed=4)
    shadowed.run(key="replays/slow.replay")
    wait_until(lambda: bool(children()))
    began = time.monotonic()
    shadowed.pipeline.close(0.1)
    assert time.monotonic() - began < 10
    assert shadowed.tally() == ShadowTally(unfinished=1)
    wait_until(lambda: not children())


def test_an_api_that_is_away_is_not_tried_again_by_a_shadow(make: Make, bench: Bench) -> None:
    bench.other.steps = [RemoteUnavailable("down")] * 3
    shadowed = make()
    shadowed.run()
    assert shadowed.tally() == ShadowTally(failed=1)
    assert len(bench.other.calls) == 1
