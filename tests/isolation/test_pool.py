"""Whatever a local parser does, the caller gets an answer and goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from parsekit.errors import (
    InvalidReplay,
    ParsekitError,
    ParserCrashed,
    ParserFailed,
    ParserTimeout,
    RateLimited,
)
from parsekit.isolation.pool import Child, ChildPool, Progress
from parsekit.isolation.wire import Errand
from parsekit.logs.redaction import remember
from parsekit.model import Parsed, Replay
from parsekit.providers import ProviderContext

HERE = str(Path(__file__).parent)


def errand(how: str, seconds: float = 20) -> Errand:
    replay = Replay(path=Path("unused"), name=f"{how}.replay", sha256="0" * 64, size_bytes=1)
    return Errand(
        parser="crashing",
        create="crashing:Crashing",
        context=ProviderContext(),
        replay=replay,
        task_id="t",
        bulk=False,
        has_fallback=False,
        parse_seconds=seconds,
        search_path=(HERE, *sys.path),
    )


@pytest.fixture
def pool() -> Iterator[ChildPool]:
    pool = ChildPool(memory_bytes=1 << 30, recycle_after=100)
    yield pool
    pool.close()


def parse(pool: ChildPool, how: str, seconds: float = 20) -> Parsed:
    return pool.parse(errand(how, seconds), lambda _value, _message: None)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1][:3]


def gone(pid: int) -> bool:
    end = time.monotonic() + 10
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


def test_data_warnings_and_progress_come_back(pool: ChildPool):
    heard: list[tuple[float, str]] = []
    parsed = pool.parse(errand("fine"), lambda value, message: heard.append((value, message)))
    assert parsed.warnings == ("mind",)
    assert heard == [(55.0, "half way")]


def test_a_child_is_used_again_until_it_is_replaced():
    pool = ChildPool(memory_bytes=1 << 30, recycle_after=2)
    pids = [parse(pool, "fine").data["pid"] for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]
    pool.close()
    assert all(gone(pid) for pid in pids)


def test_what_a_parser_prints_does_not_disturb_its_answer(pool: ChildPool):
    assert parse(pool, "noisy").data == {"quiet": False}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("segfault", "crashed (SIGSEGV)"),
        ("nameless", "crashed (signal 40)"),
        ("abort", "crashed (SIGABRT): thread panicked: boom"),
        ("leave", "ended its process (exit code 3)"),
        ("hoard", "needed more than limits.parse_memory (1024 MiB)"),
        ("unmapped", "needed more than limits.parse_memory (1024 MiB)"),
        ("starve", "needed more than limits.parse_memory (1024 MiB)"),
        ("bloat", "answered nonsense and was ended: more than 2 MiB about one replay"),
        ("flood", "answered nonsense and was ended: more than 2 MiB about one replay"),
        ("mutter", "makes no sense: TypeError"),
        ("panic", "parser 'crashing' failed: Panic: index out of bounds"),
        ("nan", "not JSON compliant"),
        ("objects", "Object of type object is not JSON serializable"),
        ("nothing", "parser 'crashing' answers NoneType, want parsekit.Parsed"),
        ("waiting", 'runs="remote"'),
    ],
)
def test_a_failure_is_an_error_with_its_cause_and_the_next_parse_works(pool, how, words):
    with pytest.raises(ParserFailed) as caught:
        parse(pool, how)
    assert words in caught.value.message
    crashes = {"segfault", "nameless", "abort", "leave"}
    assert isinstance(caught.value, ParserCrashed) == (how in crashes)
    assert parse(pool, "fine").data


def test_no_answer_makes_the_parent_large(pool: ChildPool):
    tracemalloc.start()
    try:
        assert len(parse(pool, "swell").data["x"]) == 690_000
        assert tracemalloc.get_traced_memory()[1] < 80 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("how", ["chatter", "shout"])
def test_a_parse_tells_a_hundred_short_steps_that_rise(pool: ChildPool, how: str):
    heard: list[tuple[float, str]] = []
    pool.parse(errand(how), lambda value, message: heard.append((value, message)))
    values = [value for value, _ in heard]
    assert 10 < len(values) <= 101
    assert values == sorted(set(values))
    assert max(len(message) for _, message in heard) <= 200


@pytest.mark.parametrize("how", ["lengthy", "last_word"])
def test_what_is_cut_leaves_no_half_of_a_secret(pool: ChildPool, how: str):
    remember("the/Sw0rd/of/the/parent")
    with pytest.raises(ParsekitError) as caught:
        parse(pool, how)
    assert "xxx***" in caught.value.message
    assert len(caught.value.message) < 1001


def test_a_published_error_of_the_parser_comes_through(pool: ChildPool):
    with pytest.raises(InvalidReplay, match="no such format"):
        parse(pool, "refuse")
    with pytest.raises(RateLimited) as caught:
        parse(pool, "limited")
    assert caught.value.retry_after_s == 7


def test_a_parser_that_hangs_is_ended_with_all_that_it_started(pool: ChildPool):
    for how in ("hang", "children"):
        with pytest.raises(ParserTimeout, match=r"limits.parse_seconds \(0.5 s\)"):
            parse(pool, how, seconds=0.5)
    assert parse(pool, "fine").data


def test_a_child_that_died_while_idle_is_replaced(pool: ChildPool):
    pid = parse(pool, "fine").data["pid"]
    os.kill(pid, 9)
    assert gone(pid)
    assert parse(pool, "fine").data["pid"] != pid


def test_a_child_outlives_the_thread_that_asked_for_it(pool: ChildPool):
    pids = []
    thread = threading.Thread(target=lambda: pids.append(parse(pool, "fine").data["pid"]))
    thread.start()
    thread.join()
    assert parse(pool, "fine").data["pid"] == pids[0]


def test_parses_at_once_have_children_of_their_own(pool: ChildPool):
    with ThreadPoolExecutor(3) as threads:
        failed = [threads.submit(parse, pool, "hang", 1) for _ in range(2)]
        assert threads.submit(parse, pool, "fine").result().data
    assert all(isinstance(future.exception(), ParserTimeout) for future in failed)


def test_closing_ends_parsers_at_work(pool: ChildPool):
    with ThreadPoolExecutor(1) as threads:
        at_work = threads.submit(parse, pool, "hang", 60)
        time.sleep(0.3)
        pool.close()
        assert isinstance(at_work.exception(10), ParserFailed)


def test_a_child_sees_no_secrets_of_the_environment(pool: ChildPool, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    seen = parse(pool, "secrets").data["environ"]
    assert "AWS_SECRET_ACCESS_KEY" not in seen


def test_a_killed_parent_leaves_no_child_behind(tmp_path: Path):
    script = tmp_path / "parent.py"
    script.write_text(
        f"import sys; sys.path[:0] = [{HERE!r}]\n"
        "import os, threading\n"
        "from test_pool import ChildPool, errand, parse\n"
        "pool = ChildPool(1 << 30, recycle_after=100)\n"
        "print(parse(pool, 'fine').data['pid'], flush=True)\n"
        "threading.Thread(target=parse, args=(pool, 'hang', 60), daemon=True).start()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert gone(int(ran.stdout))


def test_a_task_is_cancelled_from_the_moment_it_has_a_child(
    pool: ChildPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse_at_last = Child.parse

    def cancelled_first(child: Child, errand: Errand, progress: Progress) -> Parsed:
        pool.cancel("another task")
        assert child.alive
        pool.cancel(errand.task_id)
        return parse_at_last(child, errand, progress)

    monkeypatch.setattr(Child, "parse", cancelled_first)
    with pytest.raises(ParserFailed, match="SIGKILL"):
        parse(pool, "fine")


def test_no_other_task_gets_a_child_while_it_is_ended_for_one(
    pool: ChildPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_be_lent: list[bool] = []
    task = errand("fine")
    with pool._borrowed(task), monkeypatch.context() as patched:
        patched.setattr(Child, "interrupt", lambda _: may_be_lent.append(not pool._lock.locked()))
        pool.cancel(task.task_id)
    assert may_be_lent == [False]


def test_a_child_that_is_made_while_the_pool_closes_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = ChildPool(memory_bytes=1 << 30, recycle_after=100)
    made: list[Child] = []

    def make_late(*given: object) -> Child:
        closing.start()
        while not pool._closed:
            time.sleep(0.01)
        made.append(Child(*given))
        return made[0]

    closing = threading.Thread(target=pool.close)
    monkeypatch.setattr("parsekit.isolation.pool.Child", make_late)
    with pytest.raises(ParserFailed, match="was stopped"):
        parse(pool, "hang")
    closing.join(30)
    assert not made[0].alive
