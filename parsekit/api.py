"""The Python entry: parse a replay in three lines, or open a pipeline for many."""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from parsekit.batch.cores import default_slots
from parsekit.batch.in_order import in_order
from parsekit.batch.inputs import Input, NoMatch, expand
from parsekit.config import load_config
from parsekit.config.data_folder import default_data_dir
from parsekit.config.file import print_remarks
from parsekit.errors import ParsekitError
from parsekit.host.host import Host
from parsekit.host.listeners import Listeners
from parsekit.host.session import Session
from parsekit.model import Failure, Outcome, Request
from parsekit.parsers.isolation.server_process import Interpreter
from parsekit.parsers.runner import Parsers
from parsekit.pipeline.crash_limit import CrashCounter
from parsekit.pipeline.drive import drive
from parsekit.pipeline.locks import LocalLocks, Locks
from parsekit.pipeline.pipeline import Pipeline
from parsekit.pipeline.reports import Reports
from parsekit.providers import Page, Storage
from parsekit.records.audit_trail import operation_event
from parsekit.retry import RetryPolicy
from parsekit.storage.atomic import OwnedFolder
from parsekit.storage.open import make_storage
from parsekit.storage.signing import HOW_TO_SIGN, UNSIGNED, Signer
from parsekit.storage.workspace import sweep

if TYPE_CHECKING:
    from parsekit.shadow.runner import Shadow

log = logging.getLogger("parsekit")

#: A person at a terminal waits once for a storage that is away, and briefly.
_IMPATIENT = RetryPolicy(max_attempts=2, factor=1.0)


def parse(
    path: str | Path,
    parser: str | None = None,
    *,
    config: Path | None = None,
    disable_cache: bool = False,
    timeline: bool = False,
) -> Outcome:
    """Parse one replay: a path, or a URL that fsspec reads.

    ``parser`` None means the configured one (default `local`). A replay that can't be parsed is
    an outcome with ``ok`` False and a ``failure``, no exception; a stored result of the same
    content, parser and version is answered at once with ``cached`` True. With ``timeline`` the
    replay is parsed anew, and `Outcome.timeline` has the events and positions where the parser
    has any.

    Raises `parsekit.errors.ConfigInvalid` when the configuration can't be used or the parser is
    unknown.

    >>> import parsekit
    >>> outcome = parsekit.parse("final.replay")  # doctest: +SKIP
    >>> outcome.data["duration"]  # doctest: +SKIP
    322
    """
    wanted = partial(_wanted, parser=parser, disable_cache=disable_cache, timeline=timeline)
    session, host, _ = _opened(config, parser)
    with open_pipeline(session, host) as pipeline:
        return drive(pipeline, wanted(str(path)))


def parse_all(
    paths: Iterable[str | Path],
    parser: str | None = None,
    *,
    config: Path | None = None,
    disable_cache: bool = False,
    timeline: bool = False,
    jobs: int | None = None,
) -> Iterator[Outcome]:
    """Parse many replays, ``jobs`` at a time: files, folders, globs, and URLs that fsspec reads.

    Outcomes come in the order of ``parsekit parse``, as they are asked for, in flat memory; a path
    that names no replay is one with a failure. All else is as in `parse`. ``jobs`` None are as
    many as there are cores, 20 for a remote parser.
    """
    wanted = partial(_wanted, parser=parser, disable_cache=disable_cache, timeline=timeline)
    session, host, slots = _opened(config, parser)
    with open_pipeline(session, host) as pipeline, ExitStack() as cleanup:
        stop = threading.Event()
        cleanup.callback(stop.set)  # whoever asks for no more outcomes

        def work(one: Input | NoMatch) -> Outcome:
            if isinstance(one, NoMatch):
                return Outcome(replay=one.place, task_id="", failure=Failure.of(one.error))
            return drive(pipeline, wanted(one.replay), stop=stop)

        yield from in_order(work, expand(map(str, paths)), jobs=jobs or slots, stop=stop)


class Parsing:
    """Parses replays for as long as it is open, from any thread; `open_parsing` makes it.

    ``slots`` is how many the configured parser takes at once, ``remote`` whether it sends them
    away (`parsekit.ParserEntry.runs`).
    """

    def __init__(self, session: Session, host: Host, pipeline: Pipeline) -> None:
        entry = host.parser_entry(session.config.host.parser)
        self.session = session
        self.slots = default_slots(entry.runs)
        self.remote = entry.runs == "remote"
        self._host = host
        self._pipeline = pipeline

    def parse(
        self,
        path: str | Path,
        parser: str | None = None,
        *,
        disable_cache: bool = False,
        timeline: bool = False,
        fallback: bool = True,
        stop: threading.Event | None = None,
    ) -> Outcome:
        """Parse one replay, as `parsekit.parse` does.

        Without ``fallback`` the configured ones are not asked. ``stop`` ends a wait, as for a
        remote parser, with the failure ``cancelled``.
        """
        request = _wanted(str(path), parser=parser, disable_cache=disable_cache, timeline=timeline)
        return drive(self._pipeline, replace(request, fallback=fallback), stop=stop)

    def begin_page(self) -> Page:
        """Begin a page of matches, by the hook `parsekit_page`.

        Raises `parsekit.errors.ConfigInvalid` where no plugin has it, and
        `parsekit.errors.PluginFailed`, as do the page's members.
        """
        return self._host.page_maker()()

    def delete_result(self, key: str) -> None:
        """Delete a stored result (`Outcome.output_path`); nothing happens without one.

        Raises `parsekit.errors.StorageUnavailable`, `parsekit.errors.StorageDenied`.
        """
        self._pipeline.storage.delete(key)

    def record(
        self,
        caller: str,
        *,
        replay: str = "",
        written: Iterable[str] = (),
        removed: Iterable[str] = (),
    ) -> None:
        """Put on record, in the audit, what was done for ``caller`` beside parses.

        ``caller`` names the program and who asked, as ``serve ann``; ``written`` and ``removed``
        what was changed, without secrets.
        """
        self._pipeline.listeners.deliver(
            operation_event(caller, replay=replay, written=written, removed=removed)
        )


@contextmanager
def open_parsing(config: Path | None = None) -> Iterator[Parsing]:
    """Open everything that a parse needs, for a program that parses as long as it runs.

    Raises `parsekit.errors.ConfigInvalid`, `parsekit.errors.PluginFailed`.
    """
    session, host, _ = _opened(config, None)
    with open_pipeline(session, host) as pipeline:
        yield Parsing(session, host, pipeline)


def _opened(config: Path | None, parser: str | None) -> tuple[Session, Host, int]:
    """Session, host, and how many replays such a parser takes at once."""
    host = Host.load()
    session = open_session(config, host=host)
    asked = parser or session.config.host.parser
    host.check_parsers(asked, session.config.host.fallback)
    return session, host, default_slots(host.parser_entry(asked).runs)


def _wanted(replay: str, *, parser: str | None, disable_cache: bool, timeline: bool) -> Request:
    return Request(
        replay=replay,
        place="local",
        task_id=str(uuid.uuid4()),
        parser=parser,
        disable_cache=disable_cache,
        timeline=timeline,
    )


def open_session(
    config: Path | None = None,
    *,
    host: Host | None = None,
    role: Literal["cli", "worker", "python"] = "python",
    data_dir: Path | None = None,
) -> Session:
    """Load the configuration as the plugins of ``host`` (default: all installed) declare it.

    ``data_dir`` defaults to the user's data folder (platformdirs). With role ``cli`` it says on
    standard error which file it reads, where that is no default one. Raises `ConfigInvalid`.
    """
    if role == "cli":
        print_remarks(config)
    host = host or Host.load()
    loaded = load_config(config, plugin_sections=host.sections, absent=host.absent_sections)
    # a link in place of the whole folder is the user's own; later nobody can put another there
    folder = os.path.realpath(data_dir or default_data_dir())
    return Session(config=loaded, role=role, data_dir=Path(folder))


@contextmanager
def open_pipeline(
    session: Session,
    host: Host,
    *,
    locks: Locks | None = None,
    crashes: CrashCounter | None = None,
    reports: Reports | None = None,
    interpreter: Interpreter | None = None,
    close_grace_s: float = 5.0,
) -> Iterator[Pipeline]:
    """A pipeline for this process; make it after a fork. Raises `ConfigInvalid`, `PluginFailed`.

    ``interpreter`` is one that was started already for the first local parse.
    """
    pipeline = make_pipeline(
        session, host, locks=locks, crashes=crashes, reports=reports, interpreter=interpreter
    )
    try:
        yield pipeline
    finally:
        pipeline.close(close_grace_s)


def make_pipeline(
    session: Session,
    host: Host,
    *,
    locks: Locks | None = None,
    crashes: CrashCounter | None = None,
    reports: Reports | None = None,
    interpreter: Interpreter | None = None,
    interruption: Callable[[str], ParsekitError | None] = lambda _task_id: None,
) -> Pipeline:
    """The pipeline of `open_pipeline`, for drivers that close it themselves."""
    sweep()
    with suppress(OSError):  # whoever can't do without it says so
        OwnedFolder.open(session.data_dir, make=True).close()
    service = session.role == "worker"
    storage, signer = _keeping(session, host)
    if service:
        _name_missing_layers()
    if service and signer is None:
        _warn_once(f"{UNSIGNED}; {HOW_TO_SIGN}")
    parsers = Parsers(host, session.config, session.data_dir, interpreter)
    listeners = Listeners(host)
    listeners.open(session)
    return Pipeline(
        config=session.config,
        parsers=parsers,
        storage=storage,
        listeners=listeners,
        locks=locks or LocalLocks(),
        crashes=crashes,
        reports=reports,
        shadow=_shadow(session, parsers, storage, listeners, signer),
        signer=signer,
        storage_retry=RetryPolicy() if service else _IMPATIENT,
        must_store=service,
        interruption=interruption,
    )


def check_pipeline(session: Session, host: Host) -> None:
    """Raise what `make_pipeline` would: `ConfigInvalid`, `PluginFailed`."""
    storage, _ = _keeping(session, host)
    storage.close()


def _keeping(session: Session, host: Host) -> tuple[Storage, Signer | None]:
    """Where results are kept, and what signs them: all that can fail."""
    storage = make_storage(host, session.config, session.data_dir)
    return storage, Signer.for_storage(session.config, session.data_dir)


@cache
def _name_missing_layers() -> None:
    from parsekit.parsers.isolation.sandbox import missing_layers  # noqa: PLC0415  (workers ask)

    for missing in missing_layers():
        log.warning("parsers run without this layer of their sandbox: %s", missing)


@cache
def _warn_once(warning: str) -> None:
    log.warning("%s", warning)


def _shadow(
    session: Session,
    parsers: Parsers,
    storage: Storage,
    listeners: Listeners,
    signer: Signer | None,
) -> Shadow | None:
    """None without one, and for a call from Python, whose caller would have to wait for it."""
    if session.role == "python" or session.config.host.shadow is None:
        return None
    from parsekit.shadow.runner import Shadow  # noqa: PLC0415  (few configure one)

    publish, data_dir = listeners.publish, session.data_dir
    return Shadow.of(
        session.config, parsers, storage, publish, data_dir, signer, audit=listeners.deliver
    )
