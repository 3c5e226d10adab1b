"""A player uploads a replay that takes over its parser, ends, blocks or bloats it.

It reaches nothing, speaks for no other replay, and takes no worker down.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devkit.deployment import poll
from parsekit import errors
from parsekit.errors import ParserFailed
from parsekit.model import Replay
from parsekit.parsers.isolation.pool import ParsePool
from parsekit.parsers.isolation.protocol import ParseRequest, ParserSpec
from parsekit.parsers.isolation.sandbox import FILE_VIEW, SYSTEM_CALLS, missing_layers
from parsekit.providers import ProviderContext

#: Where ``reaching`` stands, and ``crashing``, which it knows the host's words from.
PARSERS = (str(Path(__file__).parent), str(Path(__file__).parents[1] / "isolation"))
MISSING = {missing.layer: missing.reason for missing in missing_layers()}

needs_seccomp = pytest.mark.skipif(SYSTEM_CALLS in MISSING, reason=MISSING.get(SYSTEM_CALLS, ""))
needs_landlock = pytest.mark.skipif(FILE_VIEW in MISSING, reason=MISSING.get(FILE_VIEW, ""))

Reach = Callable[..., dict[str, Any]]

SPEC = ParserSpec(
    parser="reaching",
    create="reaching:Reaching",
    context=ProviderContext(),
    search_path=(*PARSERS, *(entry for entry in sys.path if entry)),
)
STRICT = replace(SPEC, strict=True)


@pytest.fixture
def pool() -> Iterator[ParsePool]:
    pool = ParsePool(memory_bytes=1 << 30)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def worn_pool() -> Iterator[ParsePool]:
    """The pool of a worker that has met all those replays."""
    pool = ParsePool(memory_bytes=1 << 30)
    yield pool
    pool.close()


@pytest.fixture(params=[SPEC, STRICT], ids=["standard", "strict"])
def spec(request: pytest.FixtureRequest) -> ParserSpec:
    spec: ParserSpec = request.param
    return spec


@pytest.fixture
def reach(worn_pool: ParsePool, spec: ParserSpec, tmp_path: Path) -> Reach:
    return reach_in(worn_pool, spec, tmp_path)


@pytest.fixture
def reach_anew(pool: ParsePool, spec: ParserSpec, tmp_path: Path) -> Reach:
    """In a pool that starts with what the test has prepared."""
    return reach_in(pool, spec, tmp_path)


def reach_in(pool: ParsePool, spec: ParserSpec, tmp_path: Path) -> Reach:
    def parse(how: str, target: object = "") -> dict[str, Any]:
        folder = tmp_path / "fetched"
        folder.mkdir(exist_ok=True)
        path = folder / f"{how}.replay"
        path.write_text(f"{how} {target}")
        replay = Replay(path=path, name="a.replay", sha256="0" * 64, size_bytes=1)
        request = ParseRequest(
            replay=replay, task_id="t", bulk=False, has_fallback=False, parse_seconds=20
        )
        return dict(pool.parse(spec, request, lambda _value, _message: None).data)

    return parse


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@needs_seccomp
def test_the_network_is_out_of_reach(reach: Reach, listener: socket.socket, tmp_path: Path):
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    assert reach("connect", address) == {"refused": "PermissionError"}
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(tmp_path / "sock"))
        local.listen()
        assert reach("unix_connect", tmp_path / "sock") == {"refused": "PermissionError"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
        local.bind(str(tmp_path / "log"))
        assert reach("datagram", tmp_path / "log") == {"refused": "PermissionError"}
    assert reach("nothing") == {"reached": "alive"}


@needs_seccomp
@pytest.mark.parametrize("how", ["fork", "run", "execute"])
def test_no_program_and_no_process_is_started(reach: Reach, how: str):
    assert reach(how) == {"refused": "PermissionError"}
    assert reach("nothing") == {"reached": "alive"}


@needs_seccomp
@pytest.mark.parametrize(
    "how",
    [
        "kill_parent",
        "kill_group",
        "starve_parent",
        "borrow_a_signal",
        "borrow_a_signal_by_ioctl",
        "borrow_a_signal_by_another_ioctl",
        "hidden_memory",
        "outlive_parent",
        "leave_group",
        "leave_session",
        "watch_files",
    ],
)
def test_the_worker_and_its_memory_are_out_of_reach(reach: Reach, how: str):
    assert reach(how) == {"refused": "PermissionError"}


@needs_seccomp
@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64")
@pytest.mark.parametrize("how", ["trace_parent", "io_uring", "old_numbers"])
def test_no_raw_system_call_leads_around_the_filter(reach: Reach, how: str):
    assert reach(how) == {"refused": "PermissionError"}


@needs_seccomp
def test_the_mode_of_a_file_stays(reach: Reach, tmp_path: Path):
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    assert reach("open_up", file) == {"refused": "PermissionError"}
    assert file.stat().st_mode & 0o777 == 0o600


@needs_landlock
@pytest.mark.parametrize("how", ["write", "append", "truncate", "delete"])
def test_nothing_is_written_anywhere(reach: Reach, tmp_path: Path, how: str):
    file = tmp_path / "result.json"
    file.write_text("as it was")
    assert reach(how, file) == {"refused": "PermissionError"}
    assert file.read_text() == "as it was"


@needs_landlock
def test_files_of_others_are_not_read(reach: Reach, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    for target in (secret, "/etc/passwd", f"/proc/{os.getpid()}/environ"):
        assert reach("read", target) == {"refused": "PermissionError"}
    for target in ("/proc/self/net/tcp", "/proc/self/net/unix", "/proc/self/environ"):
        assert reach("read", target) == {"refused": "PermissionError"}
    for folder in (Path.home(), "/", tmp_path, "/proc", "/tmp", "/usr", "/usr/share"):  # noqa: S108
        assert reach("look_around", folder) == {"refused": "PermissionError"}
    assert reach("threads_reach", secret) == {"reached": "refused"}


@needs_landlock
def test_replays_of_other_tasks_are_not_seen(reach: Reach, tmp_path: Path):
    other = tmp_path / "fetched" / "other.replay"
    other.parent.mkdir()
    other.write_text("not yours")
    assert reach("read", other) == {"refused": "PermissionError"}


@needs_landlock
def test_replays_that_are_parsed_at_once_do_not_see_each_other(
    pool: ParsePool, spec: ParserSpec, reach_anew: Reach
):
    with ThreadPoolExecutor(1) as threads:
        at_work = threads.submit(reach_anew, "dawdle")
        end = time.monotonic() + 30
        while not (seen := list(pool._folder.glob("*/*")) if pool._folder else []):
            assert time.monotonic() < end
            time.sleep(0.02)
        for target in (seen[0], "/proc/self/cwd/../" + seen[0].name):
            assert "refused" in reach_anew("read", target)
        assert reach_anew("look_around", pool._folder) == {"refused": "PermissionError"}
        assert seen[0].exists(), "it was there to be read"
        pool.close()
        assert isinstance(at_work.exception(), ParserFailed)


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        ("thread", "a thread"),
        ("own_signal", "signalled"),
        ("devnull", "5"),
        ("late_import", "xmlrpc.client yaml"),
        ("compute", "numpy 3.0"),
    ],
)
def test_what_an_honest_parser_does_still_works(reach: Reach, how: str, answer: str):
    assert reach(how) == {"reached": answer}


@pytest.mark.parametrize("spec", [SPEC], ids=["standard"], indirect=False)
def test_a_parser_may_talk_to_its_own_threads_by_sockets(reach: Reach):
    assert reach("stream_pair") == {"reached": "x"}


@needs_seccomp
@pytest.mark.parametrize("spec", [STRICT], ids=["strict"])
@pytest.mark.parametrize("how", ["stream_pair", "timer", "new_call"])
def test_a_strict_parser_makes_only_the_calls_that_are_listed(reach: Reach, how: str):
    assert reach(how)["refused"] in ("PermissionError", "OSError", "itimer_error")


def test_a_child_has_nothing_open_but_its_conversation_and_its_log(reach_anew: Reach):
    inherited = os.open(__file__, os.O_RDONLY)
    os.set_inheritable(inherited, True)
    try:
        opened = reach_anew("descriptors")["reached"]
    finally:
        os.close(inherited)
    files = [name for name in opened if name not in ("socket", "/dev/null")]
    assert files
    assert all(name.endswith("(deleted)") for name in files), "only the log, twice"
    assert opened.count("socket") == 1


def test_a_child_sees_no_variable_that_python_does_not_need(
    reach_anew: Reach, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PYTHONSECRET", "hidden")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    assert "hidden" not in str(reach_anew("environment"))


def test_limits_can_not_be_raised_and_new_files_would_be_private(reach_anew: Reach):
    assert reach_anew("more_limits") == {"refused": "ValueError"}
    assert reach_anew("file_mode") == {"reached": 0o077}


def test_what_a_parser_opens_holds_little_memory(reach: Reach):
    """A pipe is 64 KiB that no limit of memory counts."""
    assert reach("pipes").get("reached", 0) < 32


def test_the_limit_of_cpu_time_is_a_hard_one(reach_anew: Reach):
    soft, hard = reach_anew("cpu_limit")["reached"]
    assert 0 < soft < hard < 40
    assert reach_anew("more_cpu") == {"refused": "ValueError"}


def test_a_parser_that_prints_for_ever_fills_no_disk(reach: Reach):
    assert reach("shout") == {"refused": "OSError"}
    assert reach("nothing") == {"reached": "alive"}


def test_a_parser_that_was_taken_over_is_gone_before_the_next_replay(reach: Reach):
    assert reach("take_over") == {"reached": "taken over"}
    assert reach("nothing") == {"reached": "alive"}


def test_nothing_of_a_parser_works_on_after_its_answer(reach: Reach):
    pid = reach("work_on")["reached"]
    poll(lambda: not Path(f"/proc/{pid}").exists())


@pytest.mark.parametrize(
    "answer",
    [
        "[]",
        "{}",
        "7",
        '{"parsed": {"data": {}, "warnings": []}}',
        '["ID", "parsed", 1]',
        '["ID", "parsed", {"data": {}, "warnings": []}, 1]',
        '["ID", "parsed", {"data": 7, "warnings": []}]',
        '["ID", "parsed", {"data": {"x": NaN}, "warnings": []}]',
        '["ID", "progress", ["nan", "x"]]',
        '["ID", "progress", []]',
        '["ID", "progress", 7]',
        '["ID", "error", ["parser_failed"]]',
        '["ID", "exit", null]',
        '["ID", ["parsed"], {}]',
        '["other", "parsed", {"data": {}, "warnings": []}]',
        '[null, "parsed", {"data": {}, "warnings": []}]',
        '["ID", "parsed", ' + "[" * 100_000,
        '["ID", "progress", [' + "9" * 5000 + ', "x"]]',
    ],
    ids=lambda answer: answer[:40],
)
def test_an_answer_that_makes_no_sense_is_a_failure(reach: Reach, answer: str):
    with pytest.raises(ParserFailed, match="answered nonsense and was ended"):
        reach("lie", answer)
    assert reach("nothing") == {"reached": "alive"}


def test_each_parser_has_a_server_of_its_own(pool: ParsePool, reach_anew: Reach):
    assert reach_anew("server") == reach_anew("server")
    assert len(pool._servers) == 1
    other = replace(SPEC, create="reaching:Reaching", parser="other")
    replay = Replay(path=Path("no"), name="a.replay", sha256="0" * 64, size_bytes=1)
    request = ParseRequest(
        replay=replay, task_id="t", bulk=False, has_fallback=False, parse_seconds=20
    )
    with pytest.raises(ParserFailed, match="'other' failed: FileNotFoundError"):
        pool.parse(other, request, lambda _value, _message: None)
    assert len(pool._servers) == 2


def test_a_parse_leaves_no_folder_behind(reach_anew: Reach, pool: ParsePool):
    reach_anew("nothing")
    assert pool._folder is not None
    assert not list(pool._folder.iterdir())
    pool.close()
    assert not pool._folder.exists()


HOSTILE = {
    "crash": (errors.PoisonReplay, "SIGSEGV"),
    "hang": (errors.ParserTimeout, "limits.parse_seconds"),
    "hoard": (errors.ParserFailed, "limits.parse_memory"),
    "bloat": (errors.ParserFailed, "more than 2 MiB about one replay"),
    "leave": (errors.PoisonReplay, "ended its process"),
}


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_the_worker_outlives_every_kind_of_replay(
    make_service, redis_server, redis_client, pool: str
):
    url = redis_server.url()
    limits = {"parse_seconds": 3, "parse_memory": 512 << 20}
    service = make_service({"parser": "fragile", "limits": limits, "celery": {"broker": url}})
    service.caller.conf.result_backend = url
    worker = service.worker("--concurrency", "2", "--pool", pool).ready()
    pid = worker.pid
    sent = {
        name: service.send(service.replay(name, seed=place))
        for place, name in enumerate([*HOSTILE, "fine"])
    }
    assert sent.pop("fine").get(timeout=60)["data"] == {"fine": True}
    for name, (kind, words) in HOSTILE.items():
        with pytest.raises(kind, match=words):
            sent[name].get(timeout=60)
    assert service.send(service.replay("last", seed=9)).get(timeout=60)["data"] == {"fine": True}
    assert worker.process.poll() is None
    assert worker.pid == pid
    assert "Traceback" not in worker.text()


def test_a_parser_that_works_on_after_its_answer_holds_no_slot(
    make_service, redis_server, redis_client
):
    url = redis_server.url()
    service = make_service({"parser": "fragile", "celery": {"broker": url, "backend": url}})
    worker = service.worker("--pool", "threads", "--concurrency", "1").ready()
    for seed, name in enumerate(["stay", "fine", "stay-too", "fine-too"]):
        task = service.send(service.replay(name, seed=seed))
        assert task.get(timeout=60)["data"] == {"fine": True}
    assert "Traceback" not in worker.text()


def test_a_crash_of_one_replay_is_not_counted_against_the_next(
    make_service, redis_server, redis_client
):
    url = redis_server.url()
    service = make_service({"parser": "fragile", "celery": {"broker": url, "backend": url}})
    service.worker("--concurrency", "2").ready()
    crash = service.send(service.replay("crash"))
    fine = [service.send(service.replay(f"fine{n}", seed=n + 2)) for n in range(4)]
    with pytest.raises(errors.PoisonReplay, match=r"was put aside after 3 tries: .* crashed"):
        crash.get(timeout=60)
    assert all(task.get(timeout=60)["data"] == {"fine": True} for task in fine)
    assert [key.decode() for key in redis_client.hkeys("parsekit:dead-letters")] == [crash.id]
