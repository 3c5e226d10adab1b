"""What others can plant where parsekit writes, renames and deletes: it leads nowhere else.

The attacker may put any name of ours into a folder (an archive of replays holds links), own some of
the files there (a team shares a folder), and put a link in the place of a folder between two steps.
"""

from __future__ import annotations

import io
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit.client.manifest import Entry, Manifest
from parsekit.clock import Clock
from parsekit.config import Config, FolderSettings, RecordSettings
from parsekit.errors import ParsekitError
from parsekit.formats.folder import ResultFolder
from parsekit.formats.writer import Format
from parsekit.providers import ObjectInfo, ProviderContext
from parsekit.records.day_log import DayLog
from parsekit.records.writer import RotatedLog
from parsekit.shadow.budget import RateBudget
from parsekit.storage.folder import open_folder
from parsekit.storage.signing import Signer
from parsekit.storage.transfer import save_whole
from parsekit.storage.workspace import sweep, workspace
from parsekit.testing.sinks import outcome_of
from parsekit.worker.monitoring import health, probes
from parsekit.worker.monitoring.announcement import MetricsSnapshot
from parsekit.worker.monitoring.children import Children, ChildReport
from parsekit.worker.monitoring.health import Heartbeat
from parsekit.worker.monitoring.probes import StorageWatch
from parsekit_sinks_rabbitmq.journal import Journal
from parsekit_sinks_rabbitmq.message import Message
from parsekit_sinks_rabbitmq.spool import ENDS, SPOOL, Orphans, Spool

#: A process id that nobody has: beyond the largest that Linux gives.
GONE = 2**22 + 1
OURS, THEIRS = os.getpid(), 12_345
LONG_AGO = time.time() - 3 * 3600
DRAFTS = f".parsekit-drafts-{os.geteuid()}"
DRAFT = f".parsekit-draft-{'0' * 32}"
KEY = "parsed/local/1/a.json"


@dataclass(frozen=True)
class CodePath:
    """Something that writes, renames or deletes below a folder, and the names that it uses there.

    ``inside`` are names in folders of ours that are removed with all that is in them. ``private``:
    in the data folder, where nothing of another user's is touched either.
    """

    act: Callable[[Path], object]
    names: tuple[str, ...]
    inside: tuple[str, ...] = ()
    private: bool = True


def _results(folder: Path, *, private: bool) -> None:
    settings = FolderSettings() if private else FolderSettings(path=str(folder))
    storage = open_folder(ProviderContext(settings=settings, data_dir=folder))
    steps = (
        lambda: storage.write(KEY, b"{}"),
        lambda: storage.write(KEY, b"{}", replace=False),
        lambda: storage.write("parsed/b.json", b"{}", replace=False),
        lambda: storage.read(KEY),
        lambda: storage.delete(KEY),
        lambda: storage.delete("parsed/b.json"),
    )
    _each(*steps)


def _each(*steps: Callable[[], object]) -> None:
    """Do all of it, however much of it is refused."""
    for step in steps:
        with suppress(ParsekitError, OSError):
            step()


def _lines(path: Path, *, private: bool) -> None:
    log = RotatedLog(path, 60, 2, private=private)
    for number in range(8):
        log.append(b'{"number": %d, "filler": "xxxxxxxxxx"}\n' % number)
    log.close()


def _days(folder: Path) -> None:
    """Two days, of which the first takes too much, and one that is too old."""
    now = [90_000.0]
    settings = RecordSettings(keep_days=2).model_copy(update={"keep_bytes": 200})
    log = DayLog(folder, "analytics", settings, opening=b"{", clock=Clock(now=lambda: now[0]))
    for number in range(8):
        log.append(b'{"number": %d, "filler": "xxxxxxxxxx"}\n' % number)
        now[0] += 86_400.0 * (number % 4 == 3)
    log.close()


def _shadow(folder: Path) -> None:
    with RateBudget(folder / "shadow.json", 1.0, time.time).acquire() as permit:
        if permit is not None:
            permit.consume()


def _key(folder: Path) -> None:
    Signer.for_storage(Config(), folder)


def _beats(folder: Path) -> None:
    workers = folder / "workers"
    _each(
        lambda: health.sweep(workers),
        lambda: Heartbeat(pid=OURS, at_unix=0.0).write(workers),
        lambda: list(health.heartbeats(workers)),
        lambda: health.remove(workers, OURS),
    )


def _children(folder: Path) -> None:
    workers = folder / "workers"
    parent = Children(workers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "getppid", os.getpid)
        report = ChildReport(workers, MetricsSnapshot)
    report.start()
    _each(report.stop, parent.now, parent.close)


def _watch(folder: Path) -> None:
    family = folder / "workers" / f"{OURS}.children"
    family.mkdir(parents=True, exist_ok=True)
    asked = threading.Semaphore(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "ASK_SECONDS", 0.001)
        watch = StorageWatch(family, asked.release, lambda: 0.0)
        before = set(threading.enumerate())
        watch.start()
        (thread,) = set(threading.enumerate()) - before or {None}
        while thread is not None and thread.is_alive() and not asked.acquire(timeout=0.01):
            pass
        watch.stop()


def _workspaces(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        sweep()
        with workspace():
            pass


def _manifest(folder: Path) -> None:
    manifest = Manifest(folder / "fill.jsonl")
    manifest.begin(Entry(replay="a", key="b", task_id="c"))
    manifest.end(Entry(replay="a", key="b", task_id="c"), {"error": None})


def _output(folder: Path) -> None:
    ResultFolder(folder, Format.JSON).write(outcome_of("t"))


def _fetched(folder: Path) -> None:
    found = ObjectInfo(key="a", size_bytes=2)
    _each(
        lambda: save_whole([b"a", b"b"], folder / "a.replay", found=found, max_bytes=9),
        lambda: save_whole([b"a"], folder / "a.replay", found=found, max_bytes=9),
    )


def _message(name: str) -> Message:
    return Message(
        kind="analytics", queue="q", body=b"{}", message_id=name, created_unix=1.0, durable=True
    )


def _spool(folder: Path) -> None:
    spool, journal = Spool(folder / "spool"), Journal(folder / "spool")
    ends = Orphans(folder / "spool", ENDS)
    steps = (
        spool.adopt,
        ends.adopt,
        lambda: spool.append(_message("a")),
        lambda: journal.add(_message("b")),
        spool.first,
        ends.first,
        lambda: journal.settled([_message("b")]),
        spool.close,
        journal.close,
        ends.close,
    )
    _each(*steps)


CODE_PATHS = {
    "results in a folder that was named": CodePath(
        partial(_results, private=False),
        (DRAFTS, f"{DRAFTS}/{DRAFT}", "parsed", "parsed/local", "parsed/local/1", KEY),
        private=False,
    ),
    "results in the data folder": CodePath(
        partial(_results, private=True),
        tuple(
            f"results{name}" for name in ("", f"/{DRAFTS}", "/parsed", "/parsed/local/1", f"/{KEY}")
        ),
    ),
    "analytics": CodePath(
        _days, ("analytics", *(f"analytics/1970-01-0{day}.jsonl" for day in (1, 2, 3)))
    ),
    "an audit whose file was named": CodePath(
        lambda folder: _lines(folder / "audit.jsonl", private=False),
        ("audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"),
    ),
    "the budget of shadows": CodePath(_shadow, ("shadow.json",)),
    "the key of the data folder": CodePath(_key, ("provenance.key",)),
    "heartbeats": CodePath(
        _beats, ("workers", f"workers/{GONE}.json", f"workers/{OURS}.json", f"workers/{DRAFT}")
    ),
    "numbers of children": CodePath(
        _children,
        ("workers", f"workers/{GONE}.children", f"workers/{OURS}.children"),
        inside=(f"workers/{OURS}.children/{GONE}.json", f"workers/{GONE}.children/x"),
    ),
    "the storage's silence": CodePath(
        _watch,
        tuple(f"workers/{OURS}.children{name}" for name in ("", "/storage.answer")),
    ),
    "workspaces": CodePath(
        _workspaces, (f"parsekit-{GONE}-1-ab",), inside=(f"parsekit-{GONE}-1-cd/a.replay",)
    ),
    "a manifest": CodePath(_manifest, ("fill.jsonl",)),
    "--output": CodePath(
        _output, ("t-5e5e5e5e.json", f".t-5e5e5e5e.json.{OURS}", DRAFT), private=False
    ),
    "a fetched replay": CodePath(_fetched, ("a.replay", "a.replay.part"), private=False),
    "the spool": CodePath(_spool, ("spool", f"spool/1-{GONE}{SPOOL}", f"spool/1-{GONE}{ENDS}")),
}


def _fill(folder: Path) -> None:
    """All that any code path might take for its own, and what a user has besides."""
    names = {name for path in CODE_PATHS.values() for name in (*path.names, *path.inside)}
    parts = {"/".join(name.split("/")[start:]) for name in names for start in range(4)}
    for name in sorted({*parts, DRAFT, f"x/{DRAFT}", "id_ed25519"} - {""}):
        path = folder / name
        with suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"precious")
    for path in folder.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    os.utime(folder, (LONG_AGO, LONG_AGO))


def _state(folder: Path) -> dict[str, tuple[object, ...]]:
    """All that can be changed of a tree."""
    return {
        str(path): (
            path.lstat().st_mode,
            path.lstat().st_ino,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in (folder, *folder.rglob("*"))
    }


class Attacker:
    """Plants in ``tree``, and leads to ``victim``."""

    def __init__(self, tree: Path, victim: Path) -> None:
        self.tree, self.victim = tree, victim
        self._strangers: set[tuple[int, int]] = set()
        self._steps = 0

    def plant(self, kind: str, name: str) -> None:
        """Put something of this kind there, and folders of ours on the way."""
        path = self.tree / name
        with suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            match kind:
                case "link to a folder":
                    path.symlink_to(self.victim)
                case "link to a file":
                    path.symlink_to(self.victim / "id_ed25519")
                case "link to nothing":
                    path.symlink_to(self.victim / "new")
                case "pipe":
                    os.mkfifo(path)
                case "file of a stranger":
                    path.write_bytes(b"precious")
                    self._give_away(path)
                case "folder of a stranger":
                    path.mkdir()
                    _fill(path)
                    self._give_away(path, *path.rglob("*"))
                case "old file of ours":
                    path.write_bytes(b"{}")
                    os.utime(path, (LONG_AGO, LONG_AGO))
                case _:
                    path.mkdir()

    def _give_away(self, *paths: Path) -> None:
        for path in paths:
            found = path.lstat()
            self._strangers.add((found.st_dev, found.st_ino))

    def strangers(self) -> dict[tuple[int, int], tuple[object, ...]]:
        """What is in the files of strangers, wherever they have been moved."""
        files = [path for path in self.tree.rglob("*") if path.is_file() and not path.is_symlink()]
        found = {(path.stat().st_dev, path.stat().st_ino): path for path in files}
        return {
            each: (found[each].read_bytes(), found[each].stat().st_mtime_ns)
            for each in self._strangers & found.keys()
        }

    def swap(self) -> None:
        """Put a link in the place of a folder that stands below the tree."""
        folders = sorted(p for p in self.tree.rglob("*") if p.is_dir() and not p.is_symlink())
        if folders:
            chosen = folders[self._steps % len(folders)]
            chosen.rename(self.tree / f"moved-{self._steps}")
            chosen.symlink_to(self.victim)

    @contextmanager
    def at_work(self, swaps: frozenset[int]) -> Iterator[None]:
        """Let strangers own what was given to them, and swap before steps of these numbers."""
        with pytest.MonkeyPatch.context() as patch:
            for name in ("stat", "lstat", "fstat"):
                patch.setattr(os, name, self._owning(getattr(os, name)))
            for name in ("open", "mkdir", "rmdir", "unlink", "rename", "replace", "link"):
                patch.setattr(os, name, self._counting(getattr(os, name), swaps))
            for name in ("stat", "lstat", "scandir", "listdir", "utime"):
                patch.setattr(os, name, self._counting(getattr(os, name), swaps))
            patch.setattr(io, "open", self._counting(io.open, swaps))
            yield

    def _counting(self, real: Callable[..., Any], swaps: frozenset[int]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            self._steps += 1
            if self._steps in swaps:
                swapped, self._steps = self._steps, -(10**9)  # its own steps do not count
                self.swap()
                self._steps = swapped
            return real(*arguments, **named)

        return counted

    def _owning(self, real: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        def owned(*arguments: Any, **named: Any) -> os.stat_result:
            found = real(*arguments, **named)
            if (found.st_dev, found.st_ino) not in self._strangers:
                return found
            return os.stat_result((*found[:4], THEIRS, *found[5:10]))

        return owned


KINDS = (
    *("file of a stranger", "folder of a stranger", "old file of ours", "folder of ours"),
    *("link to a folder", "link to a file", "link to nothing", "pipe"),
)


@st.composite
def attacks(draw: st.DrawFn) -> tuple[str, dict[str, str], frozenset[int]]:
    """A code path, what stands under which of its names, and the steps before which to swap."""
    name = draw(st.sampled_from(sorted(CODE_PATHS)))
    code_path = CODE_PATHS[name]
    names = st.sampled_from(code_path.names)
    planted = draw(st.dictionaries(names, st.sampled_from(KINDS), max_size=3))
    if code_path.inside:
        names, kinds = st.sampled_from(code_path.inside), st.sampled_from(KINDS[2:])
        planted |= draw(st.dictionaries(names, kinds, max_size=2))
    return name, planted, draw(st.frozensets(st.integers(1, 60), max_size=3))


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of the user that look like ours; no attack changes them, so one will do."""
    folder = tmp_path_factory.mktemp("victim")
    _fill(folder)
    return folder


def attacked(victim: Path, name: str, planted: dict[str, str], swaps: frozenset[int]) -> None:
    """Let the code path work on what was planted: nothing elsewhere, or of others, changes."""
    code_path = CODE_PATHS[name]
    with tempfile.TemporaryDirectory(prefix="hostile-", ignore_cleanup_errors=True) as place:
        tree = Path(place, "tree")
        tree.mkdir(mode=0o700)
        attacker = Attacker(tree, victim)
        for where, kind in planted.items():
            attacker.plant(kind, where)
        before = _state(victim), attacker.strangers() if code_path.private else None
        with attacker.at_work(swaps), suppress(ParsekitError, OSError):
            code_path.act(tree)
        after = _state(victim), attacker.strangers() if code_path.private else None
        assert after == before, planted


@pytest.mark.parametrize("name", CODE_PATHS)
def test_nothing_under_any_name_leads_elsewhere(victim: Path, name: str) -> None:
    for where in CODE_PATHS[name].names:
        for kind in KINDS:
            attacked(victim, name, {where: kind}, frozenset())


@settings(derandomize=True, max_examples=300, deadline=None, database=None)
@given(attack=attacks())
def test_nothing_elsewhere_is_written_renamed_or_deleted(
    victim: Path, attack: tuple[str, dict[str, str], frozenset[int]]
) -> None:
    attacked(victim, *attack)
