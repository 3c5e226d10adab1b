"""A replay that takes over its parser reaches nothing, and the next replay is parsed."""

from __future__ import annotations

import os
import platform
import pwd
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parsekit.errors import ParserFailed
from parsekit.isolation import sandbox
from parsekit.isolation.pool import ChildPool
from parsekit.isolation.sandbox import FILE_VIEW, SYSTEM_CALLS, missing_layers
from parsekit.isolation.wire import Errand
from parsekit.model import Replay
from parsekit.providers import ProviderContext

HERE = str(Path(__file__).parent)
MISSING = {missing.layer: missing.reason for missing in missing_layers()}

needs_seccomp = pytest.mark.skipif(SYSTEM_CALLS in MISSING, reason=MISSING.get(SYSTEM_CALLS, ""))
needs_landlock = pytest.mark.skipif(FILE_VIEW in MISSING, reason=MISSING.get(FILE_VIEW, ""))

Reach = Callable[..., dict[str, Any]]


@pytest.fixture
def pool() -> Iterator[ChildPool]:
    pool = ChildPool(memory_bytes=1 << 30, recycle_after=100)
    yield pool
    pool.close()


def errand_for(replay: Replay) -> Errand:
    return Errand(
        parser="reaching",
        create="reaching:Reaching",
        context=ProviderContext(),
        replay=replay,
        task_id="t",
        bulk=False,
        has_fallback=False,
        parse_seconds=20,
        search_path=(HERE, *(entry for entry in sys.path if entry)),
    )


@pytest.fixture
def reach(pool: ChildPool, tmp_path: Path) -> Reach:
    def parse(how: str, target: object = "") -> dict[str, Any]:
        folder = tmp_path / "fetched"
        folder.mkdir(exist_ok=True)
        path = folder / "fetched.replay"
        path.write_text(f"{how} {target}")
        errand = errand_for(Replay(path=path, name="a.replay", sha256="0" * 64, size_bytes=1))
        return dict(pool.parse(errand, lambda _value, _message: None).data)

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
    for folder in (Path.home(), "/", tmp_path, "/proc", "/tmp"):  # noqa: S108
        assert reach("look_around", folder) == {"refused": "PermissionError"}
    assert reach("threads_reach", secret) == {"reached": "refused"}


@needs_landlock
def test_replays_of_other_tasks_are_not_seen(reach: Reach, tmp_path: Path):
    other = tmp_path / "fetched" / "other.replay"
    other.parent.mkdir()
    other.write_text("not yours")
    assert reach("read", other) == {"refused": "PermissionError"}


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        ("thread", "a thread"),
        ("own_signal", "signalled"),
        ("stream_pair", "x"),
        ("devnull", "5"),
        ("late_import", "xmlrpc.client yaml"),
    ],
)
def test_what_an_honest_parser_does_still_works(reach: Reach, how: str, answer: str):
    assert reach(how) == {"reached": answer}


def test_a_child_has_nothing_open_but_its_pipes_and_its_log(reach: Reach):
    inherited = os.open(__file__, os.O_RDONLY)
    os.set_inheritable(inherited, True)
    try:
        opened = reach("descriptors")["reached"]
    finally:
        os.close(inherited)
    files = [name for name in opened if name != "pipe"]
    assert files
    assert all(name.endswith("(deleted)") for name in files), "only the log, twice"
    assert opened.count("pipe") == 2


def test_limits_can_not_be_raised_and_new_files_would_be_private(reach: Reach):
    assert reach("more_limits") == {"refused": "ValueError"}
    assert reach("file_mode") == {"reached": 0o077}


def test_a_parser_that_prints_for_ever_fills_no_disk(reach: Reach, pool: ChildPool):
    assert reach("shout") == {"refused": "OSError"}
    assert reach("nothing") == {"reached": "alive"}
    (child,) = pool._idle
    assert os.fstat(child._log.fileno()).st_size < sandbox.MAX_OUTPUT_BYTES


def test_a_child_that_listens_no_more_is_replaced_and_no_later_replay_fails(
    reach: Reach, pool: ChildPool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("parsekit.isolation.pool._TAKES_S", 0.5)
    assert reach("stop_listening") == {"reached": "deaf"}
    (deaf,) = pool._idle
    assert reach("nothing") == {"reached": "alive"}
    assert not deaf.alive
    assert deaf not in pool._idle


def test_the_worker_is_not_held_by_a_pipe_that_was_ready(reach: Reach, pool: ChildPool):
    """A child that opens its answers anew can read them between the worker's look and its read."""
    reach("nothing")
    (child,) = pool._idle
    assert not os.get_blocking(child._answers.fileno())
    assert not os.get_blocking(child._errands.fileno())


@pytest.mark.parametrize(
    "answer",
    [
        "[]",
        "{}",
        "7",
        '{"parsed": 1}',
        '{"parsed": {"data": 7, "warnings": []}}',
        '{"parsed": {"data": {"x": NaN}, "warnings": []}}',
        '{"progress": ["nan", "x"]}',
        '{"progress": []}',
        '{"error": ["parser_failed"]}',
        '{"error": ["rate_limited", "x", "inf"]}',
        '{"exit": null}',
        '{"parsed": ' + "[" * 100_000,
        '{"progress": [' + "9" * 5000 + ', "x"]}',
    ],
    ids=lambda answer: answer[:40],
)
def test_an_answer_that_makes_no_sense_is_a_failure_and_ends_the_child(
    reach: Reach, pool: ChildPool, answer: str
):
    with pytest.raises(ParserFailed, match="answered nonsense and was ended"):
        reach("lie", answer)
    assert not pool._idle
    assert reach("nothing") == {"reached": "alive"}


def test_each_parser_has_children_of_its_own(reach: Reach, pool: ChildPool, tmp_path: Path):
    reach("nothing")
    first = pool._idle[0]
    fine = Replay(path=tmp_path / "no", name="fine.replay", sha256="0" * 64, size_bytes=1)
    other = replace(errand_for(fine), create="crashing:Crashing")
    pids = {pool.parse(other, lambda _value, _message: None).data["pid"] for _ in range(2)}
    assert len(pids) == 1
    assert len(pool._idle) == 2
    reach("nothing")
    assert pool._idle[-1] is first


def test_a_child_leaves_no_folder_behind(reach: Reach, pool: ChildPool):
    reach("nothing")
    (child,) = pool._idle
    assert not list(child._folder.iterdir())
    pool.close()
    assert not child._folder.exists()


def test_a_search_path_that_holds_all_homes_is_not_shown():
    assert sandbox._too_much(Path("/"))
    assert sandbox._too_much(Path.home())
    assert not sandbox._too_much(Path(HERE))


def test_a_user_without_a_home_has_none_to_hide(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    assert sandbox._too_much(Path("/"))
    assert not sandbox._too_much(Path(HERE))


def test_a_system_without_layers_says_which_and_why(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(platform, "machine", lambda: "s390x")
    assert "s390x" in str(missing_layers()[0])
    assert sandbox.SYSTEM_CALLS in str(missing_layers()[0])
