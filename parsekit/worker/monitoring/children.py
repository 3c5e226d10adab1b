"""How the children of a prefork pool report to their parent: each writes a file every two seconds.

The parent adds up the files of the living, and keeps what the dead have counted, so that no number
falls and none stands under a process id. A child that is killed takes two seconds of counts along.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from parsekit.metrics import Metric, merged
from parsekit.storage.atomic import Folder, OwnedFolder
from parsekit.worker.monitoring.announcement import MetricsSnapshot
from parsekit.worker.monitoring.health import is_alive

log = logging.getLogger(__name__)

REPORT_SECONDS = 2.0
_SUFFIX = ".children"


class ChildReport:
    """Writes this child's file until the process ends."""

    def __init__(self, folder: Path, numbers: Callable[[], MetricsSnapshot]) -> None:
        self._family, self._name = family(folder, os.getppid()), f"{os.getpid()}.json"
        self._numbers = numbers
        self._complained = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="parsekit-numbers")

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write once more, and no more."""
        self._stopped.set()
        self._thread.join(REPORT_SECONDS)
        self._write()

    def _run(self) -> None:
        while not self._stopped.wait(REPORT_SECONDS):
            self._write()

    def _write(self) -> None:
        try:
            numbers = json.dumps(self._numbers().to_json()).encode()
            with _opened(self._family) as family:
                family.write(self._name, (numbers,))
        except OSError as exc:
            log.debug("numbers can't be written: %s", exc)
        except Exception:  # the thread would end, and what this child counts stand still for ever
            level = logging.DEBUG if self._complained else logging.ERROR
            log.log(level, "the numbers of this process can't be written", exc_info=True)
            self._complained = True


class Children:
    """The parent's view."""

    def __init__(self, folder: Path) -> None:
        self._folder = family(folder, os.getpid())
        self._retired: list[Metric] = []
        self._lock = threading.Lock()
        with OwnedFolder.open(folder, make=True) as held:
            _sweep(held)
            held.below(self._folder.name, make=True).close()

    def now(self) -> list[MetricsSnapshot]:
        """What each living child said last, and what the dead left."""
        with self._lock:
            living = []
            with _opened(self._folder) as folder:
                for name in folder.own_names(".json"):
                    alive = _is_ours(int(name.removesuffix(".json")))
                    snapshot = _read(folder, name)
                    if alive and snapshot is not None:
                        living.append(snapshot)
                    elif not alive:
                        self._retire(snapshot)
                        folder.delete_own(name)
            return [*living, MetricsSnapshot(metrics=tuple(self._retired))]

    def close(self) -> None:
        """Remove what they wrote."""
        with OwnedFolder.open(self._folder.parent) as held:
            held.delete_own_tree(self._folder.name)

    def _retire(self, snapshot: MetricsSnapshot | None) -> None:
        counted = [m for m in snapshot.metrics if m.kind != "gauge"] if snapshot else []
        self._retired = merged([*self._retired, *counted])


def family(folder: Path, parent: int) -> Path:
    """Where the processes of one worker write their numbers for each other."""
    return folder / f"{parent}{_SUFFIX}"


def together(snapshots: list[MetricsSnapshot]) -> MetricsSnapshot:
    """One for all."""
    waits = {wait.task_id: wait for each in snapshots for wait in each.waits}
    return MetricsSnapshot(
        metrics=tuple(merged(metric for each in snapshots for metric in each.metrics)),
        waits=tuple(sorted(waits.values(), key=lambda wait: wait.until_unix)),
    )


def _is_ours(pid: int) -> bool:
    """Whether this process is a living child of ours: the id of a dead one may be another's now."""
    if not is_alive(pid):
        return False
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return is_alive(pid)  # no such file system here, or gone just now
    return int(fields[1]) == os.getpid()


def _opened(family: Path) -> OwnedFolder:
    return OwnedFolder.open(family.parent, family.name)


def _read(folder: Folder, name: str) -> MetricsSnapshot | None:
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        return MetricsSnapshot.from_json(json.loads(folder.read(name)))
    return None


def _sweep(folder: Folder) -> None:
    """Remove what workers left that were killed, one with this process's id among them."""
    for name in folder.own_folders(_SUFFIX):
        pid = name.removesuffix(_SUFFIX)
        if pid.isdecimal() and (int(pid) == os.getpid() or not is_alive(int(pid))):
            folder.delete_own_tree(name)
