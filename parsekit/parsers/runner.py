"""Run the parser that was picked: a local one in a child process, a remote one right here."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from parsekit.config import Config
from parsekit.errors import ParsekitError, ParserFailed, PluginFailed
from parsekit.host.host import Host
from parsekit.host.loading import resolve
from parsekit.json_text import JsonData, NotJson
from parsekit.model import Job, NotReady, Parsed, Replay
from parsekit.parsers.isolation.pool import ParsePool
from parsekit.parsers.isolation.protocol import ParseRequest, ParserSpec
from parsekit.parsers.isolation.server_process import Interpreter
from parsekit.providers import Parser, ParserEntry, ProviderContext, WaitingParser
from parsekit.redaction.secrets import cleaned, short
from parsekit.retry import RetryPolicy
from parsekit.storage.results import Maker

T = TypeVar("T")
log = logging.getLogger("parsekit.parsing")

#: The lowest priority there is.
SPARE_NICENESS = 19


class Parsers:
    """The parsers of this process, made when first used. Used from several threads at once.

    ``interpreter`` is one that was started already for the first local parse, and is theirs.
    """

    def __init__(
        self,
        host: Host,
        config: Config,
        data_dir: Path,
        interpreter: Interpreter | None = None,
    ) -> None:
        self._host = host
        self._config = config
        self._data_dir = data_dir
        self._pool = ParsePool(config.limits.parse_memory, interpreter=interpreter)
        self._spare_pool = ParsePool(config.limits.parse_memory, niceness=SPARE_NICENESS)
        self._remote: dict[str, Parser] = {}
        self._notices = _Notices()
        self._lock = threading.Lock()

    def entry(self, name: str) -> ParserEntry:
        """The parser of this name. Raises `ConfigInvalid` naming the known ones."""
        return self._host.parser_entry(name)

    def __contains__(self, name: object) -> bool:
        return name in self._host.parsers

    def policy(self, name: str) -> RetryPolicy:
        """When this parser's retryable errors are tried again."""
        entry = self.entry(name)
        if entry.retry is None:
            return RetryPolicy()
        return entry.retry(self._context(entry).settings)

    def maker(self, entry: ParserEntry, parsed: Parsed) -> Maker:
        """What made this result, here and with this parser."""
        owner = self._host.owner_of_parser(entry.name)
        return Maker(
            host=socket.gethostname(),
            process=os.getpid(),
            parsekit=_own_version(),
            distribution=f"{owner.distribution} {owner.version}".strip(),
            confinement=entry.confinement if entry.runs == "local" else "none",
            reader=parsed.reader,
        )

    def parse(
        self, entry: ParserEntry, replay: Replay, job: Job, *, spare: bool = False
    ) -> Parsed | NotReady:
        """Parse. Raises a `ParsekitError`, whatever the parser did.

        ``spare`` runs a local parser with the time that nothing else on this machine wants.
        """
        if entry.runs == "local":
            pool = self._spare_pool if spare else self._pool
            request = ParseRequest(
                replay=replay,
                task_id=job.task_id,
                bulk=job.bulk,
                has_fallback=job.has_fallback,
                timeline=job.timeline,
                parse_seconds=self._config.limits.parse_seconds,
            )
            parsed = _logged(entry, lambda: pool.parse(self._spec(entry), request, job.progress))
            self._notices.log(entry.name, parsed.notice)
            return parsed
        parser = self._made(entry)
        return self._answer(entry, lambda: parser.parse(replay, job))

    def resume(self, entry: ParserEntry, job: Job) -> Parsed | NotReady:
        """Go on from a ticket. Raises a `ParsekitError`, whatever the parser did."""
        if entry.runs == "local":  # it would run here, with all rights
            raise PluginFailed(f"parser {entry.name!r} is local and has nothing to go on from")
        parser = self._made(entry)
        if not isinstance(parser, WaitingParser):
            raise PluginFailed(f"parser {entry.name!r} gave a ticket but has no resume()")
        return self._answer(entry, lambda: parser.resume(job))

    def cancel(self, task_id: str, error: ParsekitError) -> None:
        """End the parse of this task where a local parser is at work; its caller gets ``error``.

        A remote parser's call ends by itself.
        """
        self._pool.cancel(task_id, error)

    def close(self) -> None:
        """End parses that are at work, and let remote parsers close what they have open."""
        self._pool.close()
        self._spare_pool.close()
        for parser in self._remote.values():
            close = getattr(parser, "close", None)
            if close is not None:
                close()

    def _answer(
        self, entry: ParserEntry, call: Callable[[], Parsed | NotReady]
    ) -> Parsed | NotReady:
        answer = _masked(_guarded(entry, call))
        if isinstance(answer, Parsed):
            self._notices.log(entry.name, answer.notice)
        return answer

    def _spec(self, entry: ParserEntry) -> ParserSpec:
        return ParserSpec(
            parser=entry.name,
            create=_importable(entry),
            # its process has no network, and the address may hold a password
            context=replace(self._context(entry), redis_url=None),
            search_path=tuple(path for path in sys.path if path),
            strict=entry.confinement == "strict",
        )

    def _made(self, entry: ParserEntry) -> Parser:
        with self._lock:
            if entry.name not in self._remote:
                context = self._context(entry)
                self._remote[entry.name] = _guarded(entry, lambda: _made_by(entry, context))
            return self._remote[entry.name]

    def _context(self, entry: ParserEntry) -> ProviderContext:
        return ProviderContext.of(self._config, entry, self._data_dir)


class _Notices:
    """What parsers have to say to the operator, each sentence once a process."""

    #: Sentences may name what stands in a replay, which anybody may have made.
    _MOST = 100

    def __init__(self) -> None:
        self._logged: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def log(self, parser: str, notice: str) -> None:
        """Log a notice that is new; nothing more after a hundred of them."""
        with self._lock:
            known = (parser, notice) in self._logged or len(self._logged) >= self._MOST
            if not notice or known:
                return
            self._logged.add((parser, notice))
        log.warning("parser %s: %s", parser, notice)


def _made_by(entry: ParserEntry, context: ProviderContext) -> Parser:
    parser: Parser = resolve(entry.create)(context)
    return parser


@cache
def _own_version() -> str:
    return version("parsekit")


def _importable(entry: ParserEntry) -> str:
    """Name the parser's class as a child can import it. Raises `PluginFailed` when it can't."""
    if isinstance(entry.create, str):
        return entry.create
    module, name = entry.create.__module__, entry.create.__qualname__
    if module == "__main__" or "<" in name:
        raise PluginFailed(
            f"parser {entry.name!r} is made by {module}:{name}, which a child process can't "
            "import; put it at the top level of a module"
        )
    return f"{module}:{name}"


def _logged(entry: ParserEntry, call: Callable[[], T]) -> T:
    """Log where a parser raised in a process of its own, which the notes of its error tell."""
    try:
        return call()
    except ParserFailed as error:
        if getattr(error, "__notes__", ()):
            log.warning("parser %s raised", entry.name, exc_info=error.with_traceback(None))
        raise


def _guarded(entry: ParserEntry, call: Callable[[], T]) -> T:
    try:
        return call()
    except ParsekitError:
        raise
    except Exception as exc:
        log.warning("parser %s raised", entry.name, exc_info=exc)
        text = short(f"{type(exc).__name__}: {exc}", 500)
        raise ParserFailed(f"parser {entry.name!r} failed: {text}") from exc


def _masked(answer: Parsed | NotReady) -> Parsed | NotReady:
    """Words for people, who read them in results and logs."""
    if isinstance(answer, Parsed) and (answer.warnings or answer.notice or answer.reader):
        return replace(
            answer,
            warnings=tuple(cleaned(str(each)) for each in answer.warnings),
            notice=cleaned(str(answer.notice)),
            reader=cleaned(str(answer.reader)),
        )
    return answer


def json_of(parsed: Parsed, parser: str) -> JsonData:
    """What a parser answered, as text. Raises `ParserFailed`."""
    try:
        return JsonData.of(parsed.data)
    except NotJson as exc:
        raise ParserFailed(f"parser {parser!r} answers data that are no JSON: {exc}") from exc
