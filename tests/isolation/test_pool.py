"""Whatever a local parser does, the caller gets an answer and goes on."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import termios
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parsekit.errors import (
    Cancelled,
    ConfigInvalid,
    InvalidReplay,
    ParsekitError,
    ParserCrashed,
    ParserFailed,
    ParserTimeout,
)
from parsekit.model import Parsed, Replay
from parsekit.parsers.isolation.parse_process import ParseProcess
from parsekit.parsers.isolation.pool import ParsePool
from parsekit.parsers.isolation.protocol import ParseRequest, ParserSpec
from parsekit.parsers.isolation.server_process import Interpreter, ServerProcess
from parsekit.providers import ProviderContext
from parsekit.redaction.secrets import remember

pytestmark = pytest.mark.processes

HERE = str(Path(__file__).parent)


SPEC = ParserSpec(
    parser="crashing",
    create="crashing:Crashing",
    context=ProviderContext(),
    search_path=(HERE, *sys.path),
)


def request(how: str, seconds: float = 20, task_id: str = "t") -> ParseRequest:
    replay = Replay(path=Path("unused"), name=f"{how}.replay", sha256="0" * 64, size_bytes=1)
    return ParseRequest(
        replay=replay, task_id=task_id, bulk=False, has_fallback=False, parse_seconds=seconds
    )


@pytest.fixture
def pool() -> Iterator[ParsePool]:
    pool = ParsePool(memory_bytes=1 << 30)
    yield pool
    pool.close()


def parse(pool: ParsePool, how: str, seconds: float = 20, spec: ParserSpec = SPEC) -> Parsed:
    return pool.parse(spec, request(how, seconds), lambda _value, _message: None)


def server_of(pool: ParsePool) -> ServerProcess:
    ((_, starting),) = pool._servers
    return starting.result()


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


def test_data_warnings_and_progress_come_back(pool: ParsePool):
    heard: list[tuple[float, str]] = []
    parsed = pool.parse(
        SPEC, request("fine"), lambda value, message: heard.append((value, message))
    )
    assert parsed.warnings == ("mind",)
    assert (parsed.notice, parsed.reader) == ("upgrade me", "old reader")
    assert heard == [(55.0, "half way")]


def test_each_replay_has_a_process_of_its_own_that_has_seen_no_other(pool: ParsePool):
    seen = [parse(pool, "fine").data for _ in range(3)]
    assert len({each["pid"] for each in seen}) == 3
    assert [each["calls"] for each in seen] == [1, 1, 1]
    assert all(gone(each["pid"]) for each in seen)


def test_the_parser_is_made_once(pool: ParsePool):
    assert parse(pool, "fine").data["made_by"] == parse(pool, "fine").data["made_by"]


def test_a_parser_that_starts_threads_while_it_is_made_parses_alone(pool: ParsePool):
    """A fork would leave its threads behind, and the locks that they hold."""
    spec = replace(SPEC, create="crashing:Threaded")
    with ThreadPoolExecutor(3) as threads:
        answers = [threads.submit(parse, pool, "fine", spec=spec) for _ in range(3)]
        seen = [answer.result().data for answer in answers]
    assert all(each["pid"] == each["made_by"] for each in seen)
    assert len({each["pid"] for each in seen}) == 3
    assert all(each["heard"] for each in seen)
    with pytest.raises(ParserCrashed, match="SIGSEGV"):
        parse(pool, "segfault", spec=spec)
    with pytest.raises(ParserTimeout):
        parse(pool, "hang", seconds=0.5, spec=spec)


def test_a_parser_that_can_not_be_made_says_why_each_time(pool: ParsePool):
    for _ in range(2):
        with pytest.raises(ConfigInvalid, match="needs a model"):
            parse(pool, "fine", spec=replace(SPEC, create="crashing:Unmakeable"))
    with pytest.raises(ParserFailed, match="parser 'crashing' failed: ModuleNotFoundError"):
        parse(pool, "fine", spec=replace(SPEC, create="no_such_module:Parser"))
    with pytest.raises(ParserCrashed, match="crashed \\(SIGABRT\\)"):
        parse(pool, "fine", spec=replace(SPEC, create="crashing:Suicidal"))
    with pytest.raises(ParserFailed, match="needed more than"):
        parse(pool, "fine", spec=replace(SPEC, create="crashing:Enormous"))
    assert parse(pool, "fine").data


def test_what_a_parser_prints_does_not_disturb_its_answer(pool: ParsePool):
    assert parse(pool, "noisy").data == {"quiet": False}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("segfault", "crashed (SIGSEGV)"),
        ("nameless", "crashed (signal 40)"),
        ("abort", "crashed (SIGABRT); it wrote last: thread panicked: boom"),
        ("leave", "ended its process (exit code 3)"),
        ("hoard", "needed more than limits.parse_memory (1024 MiB)"),
        ("unmapped", "needed more than limits.parse_memory (1024 MiB)"),
        ("starve", "needed more than limits.parse_memory (1024 MiB)"),
        ("bloat", "answered nonsense and was ended: more than 2 MiB about one replay"),
        ("flood", "answered nonsense and was ended: more than 2 MiB about one replay"),
        ("mutter", "makes no sense: TypeError"),
        ("panic", "parser 'crashing' failed: Panic: index out of bounds"),
        ("nan", "answers data that are no JSON: data.x is NaN, which is no JSON"),
        ("objects", "answers data that are no JSON: data.x is a object, which is no JSON"),
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


def test_no_answer_makes_the_parent_large(pool: ParsePool):
    tracemalloc.start()
    try:
        assert len(parse(pool, "swell").data["x"]) == 690_000
        assert tracemalloc.get_traced_memory()[1] < 80 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("how", ["chatter", "shout"])
def test_a_parse_tells_a_hundred_short_steps_that_rise(pool: ParsePool, how: str):
    heard: list[tuple[float, str]] = []
    pool.parse(SPEC, request(how), lambda value, message: heard.append((value, message)))
    values = [value for value, _ in heard]
    assert 10 < len(values) <= 101
    assert values == sorted(set(values))
    assert max(len(message) for _, message in heard) <= 200


@pytest.mark.parametrize("how", ["lengthy", "last_word"])
def test_what_is_cut_leaves_no_half_of_a_secret(pool: ParsePool, how: str):
    remember("the/Sw0rd/of/the/parent")
    with pytest.raises(ParsekitError) as caught:
        parse(pool, how)
    assert "xxx***" in caught.value.message
    assert len(caught.value.message) < 1001


def test_an_error_about_the_replay_comes_through(pool: ParsePool):
    with pytest.raises(InvalidReplay, match="no such format"):
        parse(pool, "refuse")


@pytest.mark.parametrize("code", ["rate_limited", "quota_exhausted", "cancelled", "poison_replay"])
def test_a_local_parser_speaks_neither_for_the_task_nor_of_waits(pool: ParsePool, code: str):
    with pytest.raises(ParserFailed, match=f"claims {code}") as caught:
        parse(pool, f"claim_{code}")
    assert caught.value.code == "parser_failed"
    assert caught.value.retry_after_s is None


def test_an_error_notes_where_the_parser_raised(pool: ParsePool):
    with pytest.raises(ParserFailed, match="parser 'crashing' failed: Panic") as caught:
        parse(pool, "panic")
    (note,) = caught.value.__notes__
    assert note.startswith("Traceback")
    assert 'crashing.py", line' in note


def test_an_error_notes_where_a_parser_raised_that_can_not_be_made(pool: ParsePool):
    with pytest.raises(ParserFailed, match="ModuleNotFoundError") as caught:
        parse(pool, "fine", spec=replace(SPEC, create="no_such_module:Parser"))
    assert "loading.py" in caught.value.__notes__[0]


def test_a_parser_that_hangs_is_ended_with_all_that_it_started(pool: ParsePool):
    for how in ("hang", "children"):
        with pytest.raises(ParserTimeout, match=r"limits.parse_seconds \(0.5 s\)"):
            parse(pool, how, seconds=0.5)
    assert parse(pool, "fine").data


def test_a_fork_server_that_died_while_idle_is_replaced(pool: ParsePool):
    made_by = parse(pool, "fine").data["made_by"]
    os.kill(made_by, 9)
    assert gone(made_by)
    assert parse(pool, "fine").data["made_by"] != made_by


def test_a_parse_whose_server_dies_is_a_crash_and_the_next_one_works(pool: ParsePool):
    with ThreadPoolExecutor(1) as threads:
        at_work = threads.submit(parse, pool, "hang", 60)
        assert eventually(lambda: pool._servers and children_of(server_of(pool)))
        server_of(pool).kill()
        assert isinstance(at_work.exception(20), ParserCrashed)
    assert parse(pool, "fine").data


def test_a_parse_that_its_server_did_not_come_to_has_another_server(pool: ParsePool):
    made_by = parse(pool, "fine").data["made_by"]
    os.kill(made_by, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(parse, pool, "fine")
        assert eventually(lambda: unread_by(server_of(pool)))
        server_of(pool).kill()
        assert waiting.result().data["made_by"] != made_by


def test_a_server_that_hears_of_an_end_twice_at_once_goes_on(pool: ParsePool):
    """From the kernel, as the child has ended, and from the host, that has its answer."""
    spec = replace(SPEC, create="crashing:Unhurried")
    made_by = {parse(pool, "fine", spec=spec).data["made_by"] for _ in range(4)}
    assert len(made_by) == 1


def test_a_server_outlives_the_thread_that_asked_for_it(pool: ParsePool):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(parse(pool, "fine").data["made_by"]))
    thread.start()
    thread.join()
    assert parse(pool, "fine").data["made_by"] == seen[0]


def test_parses_at_once_do_not_wait_for_each_other(pool: ParsePool):
    with ThreadPoolExecutor(3) as threads:
        failed = [threads.submit(parse, pool, "hang", 1) for _ in range(2)]
        assert threads.submit(parse, pool, "fine").result().data
    assert all(isinstance(future.exception(), ParserTimeout) for future in failed)


def test_closing_ends_parsers_at_work(pool: ParsePool):
    with ThreadPoolExecutor(1) as threads:
        at_work = threads.submit(parse, pool, "hang", 60)
        assert eventually(lambda: pool._servers and children_of(server_of(pool)))
        pool.close()
        assert isinstance(at_work.exception(10), ParserFailed)


def test_a_child_sees_no_secrets_of_the_environment(pool: ParsePool, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    seen = parse(pool, "secrets").data["environ"]
    assert "AWS_SECRET_ACCESS_KEY" not in seen


def test_a_killed_parent_leaves_no_child_behind(tmp_path: Path):
    script = tmp_path / "parent.py"
    script.write_text(
        f"import sys; sys.path[:0] = [{HERE!r}]\n"
        "import os, threading\n"
        "from test_pool import ParsePool, parse\n"
        "pool = ParsePool(1 << 30)\n"
        "print(parse(pool, 'fine').data['pid'], flush=True)\n"
        "threading.Thread(target=parse, args=(pool, 'hang', 60), daemon=True).start()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert gone(int(ran.stdout))


@pytest.mark.parametrize("break_off", [KeyboardInterrupt, SystemExit, OSError])
def test_whatever_breaks_off_the_wait_ends_the_parse(
    pool: ParsePool, break_off: type[BaseException]
):
    def stop(_value: float, _message: str) -> None:
        raise break_off

    with pytest.raises(break_off):
        pool.parse(SPEC, request("step_and_hang"), stop)
    assert eventually(lambda: not children_of(server_of(pool)))
    assert parse(pool, "fine").data["calls"] == 1


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
@given(after_s=st.floats(0, 0.06))
def test_after_a_break_at_any_moment_the_next_answer_is_that_of_its_own_request(
    pool: ParsePool, after_s: float
):
    """A parse that was broken off once handed its answer to the next one."""
    previous = signal.signal(signal.SIGALRM, raise_interrupt)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, after_s + 1e-6)
            assert parse(pool, "brief").data["says"] == "brief"
            signal.setitimer(signal.ITIMER_REAL, 0)
        assert parse(pool, "other").data["says"] == "other"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_an_answer_to_another_request_is_refused(pool: ParsePool):
    with pytest.raises(ParserFailed, match="answered nonsense and was ended: an answer to another"):
        parse(pool, "answer_another")


def test_what_a_parser_says_after_its_answer_is_heard_by_nobody(pool: ParsePool):
    assert parse(pool, "answer_twice").data == {"first": True}
    assert parse(pool, "fine").data["calls"] == 1


def test_a_task_is_cancelled_from_the_moment_it_has_a_process(
    pool: ParsePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse_at_last = ParseProcess.parse

    def cancelled_first(process: ParseProcess, *given: Any) -> Parsed:
        pool.cancel("another task", Cancelled("not this one"))
        pool.cancel("t", Cancelled("in time"))
        return parse_at_last(process, *given)

    monkeypatch.setattr(ParseProcess, "parse", cancelled_first)
    with pytest.raises(Cancelled, match="in time"):
        parse(pool, "hang")


def test_a_parse_at_work_ends_with_the_error_that_it_is_cancelled_with(pool: ParsePool) -> None:
    with ThreadPoolExecutor(2) as threads:
        other = threads.submit(pool.parse, SPEC, request("brief", task_id="u"), nothing)
        at_work = threads.submit(parse, pool, "hang", 60)
        assert eventually(lambda: pool._servers and children_of(server_of(pool)))
        pool.cancel("t", ParserTimeout("the caller's soft_time_limit"))
        assert "soft_time_limit" in str(at_work.exception(10))
        assert other.result(20).data
    assert eventually(lambda: not children_of(server_of(pool)))


def nothing(_value: float, _message: str) -> None: ...


def test_a_lower_hard_limit_of_memory_is_taken_and_said_once(tmp_path: Path) -> None:
    script = tmp_path / "limited.py"
    script.write_text(
        f"import sys; sys.path[:0] = [{HERE!r}]\n"
        "import logging, resource\n"
        "logging.basicConfig(format='%(message)s')\n"
        "resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20))\n"
        "from test_pool import ParsePool, parse\n"
        "for pool in ParsePool(1 << 30), ParsePool(1 << 30):\n"
        "    print([len(parse(pool, 'fine').data) > 0 for _ in range(2)], flush=True)\n"
        "    pool.close()\n"
    )
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert ran.stdout == "[True, True]\n" * 2
    assert ran.stderr.count("700 MiB of address space at most") == 1


def test_an_interpreter_that_was_started_early_serves_the_first_parse() -> None:
    interpreter = Interpreter()
    pool = ParsePool(memory_bytes=1 << 30, interpreter=interpreter)
    try:
        assert parse(pool, "fine").data
        assert server_of(pool)._interpreter is interpreter
    finally:
        pool.close()
    assert interpreter.process.wait(10) == -signal.SIGKILL


def test_an_interpreter_that_nothing_needed_is_ended() -> None:
    interpreter = Interpreter()
    ParsePool(memory_bytes=1 << 30, interpreter=interpreter).close()
    assert interpreter.process.wait(10) == -signal.SIGKILL


def test_a_fork_server_imports_nothing_of_the_host() -> None:
    code = "import sys, parsekit.parsers.isolation.fork_server; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pydantic", "pluggy", "parsekit.host.host"} & set(done.stdout.split())


def children_of(server: ServerProcess) -> list[int]:
    pid = server._interpreter.process.pid
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [child for child in map(int, listed.read_text().split()) if alive(child)]


def unread_by(server: ServerProcess) -> int:
    """Bytes that were sent to this server, as ioctl_unix(2) counts them."""
    answer = fcntl.ioctl(server._interpreter.control, termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def eventually(condition: Callable[[], object]) -> bool:
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(condition())
