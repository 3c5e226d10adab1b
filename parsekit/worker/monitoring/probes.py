"""Whether the servers answer: broker and results when asked, the storage by its use.

A storage can't be used on both sides of a fork, so the parent of a pool never asks it. Each process
that runs tasks says when one was last served; where none was for a while, by any process of this
worker, one asks. What came of it is a file that the parent reads. A thread of its own asks, so a
storage that hangs holds up nothing else.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from parsekit.config.redis_address import is_redis
from parsekit.storage.atomic import OwnedFolder
from parsekit.worker.amqp.link import AmqpLink
from parsekit.worker.redis.client import connect
from parsekit.worker.tls import AmqpTls

if TYPE_CHECKING:
    from parsekit.providers import Storage
    from parsekit.worker.process import Service

log = logging.getLogger(__name__)

#: A result that nobody has: to learn so takes a whole round trip to the storage. It is looked for
#: where results are, as a worker may read nothing else but replays.
_NOBODYS = "parsekit-probe"

#: An answer of the storage holds for so long, seconds; then it is asked, unless a task was served.
ASK_SECONDS = 6.0
#: An answer takes ten seconds at most, and a child that died while it asked is soon replaced.
OVERDUE_SECONDS = 30.0
_ANSWER = "storage.answer"
_JOIN_SECONDS = 1.0

#: Asks one server; raises when it does not answer.
Probe = Callable[[], object]


def probes(service: Service) -> dict[str, Callable[[], str]]:
    """Why each server that the consuming process asks does not answer, "" when it does."""
    at = service.addresses
    asked: dict[str, Probe] = {"broker": _ping(at.broker, at.broker_tls)}
    if at.backend != at.broker:
        asked["results"] = connect(at.backend).ping
    return {name: partial(_reason_of_silence, ask) for name, ask in asked.items()}


def storage_probe(service: Service) -> Probe:
    """The question to the storage, for a process that runs tasks."""
    return lambda: _look(service.process.pipeline.storage)


def storage_silence(folder: Path) -> str:
    """Why the storage counts as away, "" when it answers."""
    try:
        at_unix, why = _last_answer(folder)
    except (OSError, ValueError):
        return "it has not answered yet"
    age_s = time.time() - at_unix
    return f"it has not answered for {age_s:.0f} s" if age_s > OVERDUE_SECONDS else why


class StorageWatch:
    """Notes in ``folder``, which the processes of a worker share, whether the storage answers.

    ``served_unix`` says when a task of this process was last served by it, ``ask`` asks it.
    """

    def __init__(self, folder: Path, ask: Probe, served_unix: Callable[[], float]) -> None:
        self._folder = folder
        self._ask = ask
        self._served_unix = served_unix
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="parsekit-storage")

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        while not self._stopped.is_set():
            if _is_old(self._folder):
                self._answer()
            self._stopped.wait(ASK_SECONDS / 3)

    def _answer(self) -> None:
        at_unix, why = self._served_unix(), ""
        if time.time() - at_unix > ASK_SECONDS:
            why = _reason_of_silence(self._ask)
            at_unix = time.time()
        if self._stopped.is_set():  # it may have failed only as the storage is closed by now
            return
        try:
            with _opened(self._folder) as folder:
                folder.write(_ANSWER, (json.dumps({"at_unix": at_unix, "why": why}).encode(),))
        except OSError as exc:  # a full disk has room again
            log.debug("what the storage answers can't be written: %s", exc)


def _is_old(folder: Path) -> bool:
    """Whether no process of this worker had an answer of the storage lately."""
    try:
        return time.time() - _last_answer(folder)[0] > ASK_SECONDS
    except (OSError, ValueError):
        return True


def _last_answer(folder: Path) -> tuple[float, str]:
    """When it was, and why the storage was away. Raises OSError or ValueError without one."""
    with _opened(folder) as family:
        answer = json.loads(family.read(_ANSWER))
    try:
        return float(answer["at_unix"]), str(answer["why"])
    except (LookupError, TypeError) as exc:
        raise ValueError(f"{_ANSWER} is none of ours") from exc


def _opened(folder: Path) -> OwnedFolder:
    return OwnedFolder.open(folder.parent, folder.name)


def _reason_of_silence(ask: Probe) -> str:
    """Why it does not answer, "" when it does."""
    try:
        ask()
    except Exception as exc:  # noqa: BLE001  (a probe may fail with any client's error)
        text = " ".join(str(exc).split())
        return (text or type(exc).__name__)[:200]
    return ""


def _look(storage: Storage) -> None:
    storage.read("/".join(part for part in (storage.results_prefix, _NOBODYS) if part))


def _ping(url: str, tls: AmqpTls) -> Probe:
    if is_redis(url):
        return connect(url).ping
    link = AmqpLink(url, tls)
    return lambda: link.use(bool)  # that a channel opens is the answer
