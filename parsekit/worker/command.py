"""What ``parsekit worker`` does: say what it will do, and do it until it is stopped."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from amqp.exceptions import AMQPError
from celery import signals
from redis.exceptions import RedisError

from parsekit.batch.cores import default_slots
from parsekit.config import Config
from parsekit.config.file import remarks
from parsekit.errors import ParsekitError
from parsekit.host.host import Host
from parsekit.worker.addresses import ENV_EMBEDDED, Addresses
from parsekit.worker.celery_settings import MAX_HOP_SECONDS, longest_run_s
from parsekit.worker.embedded.server import embedded_server
from parsekit.worker.logs import begin_logs
from parsekit.worker.monitoring.http import ENV_HTTP, check_free
from parsekit.worker.preflight import preflight
from parsekit.worker.process import service
from parsekit.worker.redis.client import masked
from parsekit.worker.servers import broker

log = logging.getLogger(__name__)

#: RabbitMQ closes the channel of a consumer that acknowledged nothing for so long, unless it was
#: told otherwise, which nobody can ask it over AMQP.
CONSUMER_TIMEOUT_SECONDS = 1800.0
_M_ARENA_MAX = -8  # of malloc.h


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """The command line; None means: chosen from what the parser declares."""

    embedded: bool = False
    concurrency: int | None = None
    pool: str | None = None
    queues: str | None = None
    http: str | None = None
    task_events: bool = False
    log_level: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a worker is going to do."""

    parser: str
    runs: str
    pool: str
    concurrency: int
    queues: tuple[str, ...]
    at: Addresses
    storage: str
    embedded: bool
    run_limit_s: float

    def lines(self) -> list[str]:
        """The plan in words, without secrets."""
        broker = "embedded Valkey" if self.embedded else masked(self.at.broker)
        backend = "embedded Valkey" if self.embedded else masked(self.at.backend)
        where = "in child processes" if self.runs == "local" else "in threads, waiting for others"
        return [
            f"parser   {self.parser} ({where}), storage {self.storage}",
            f"tasks    {self.concurrency} at once in a {self.pool} pool",
            f"broker   {broker}, queues {', '.join(self.queues)}",
            f"results  {backend}",
            f"waiting  in the broker, un-acknowledged by none, {self._hops}",
            *self._timeout(),
        ]

    @property
    def _hops(self) -> str:
        if self.at.redis_broker:
            return "until their time"
        return f"{MAX_HOP_SECONDS:g} s a hop at most"

    def _timeout(self) -> list[str]:
        """The one timeout that is the broker's; over Redis no message is given back by a clock."""
        if self.at.redis_broker:
            return []
        enough = self.run_limit_s < CONSUMER_TIMEOUT_SECONDS
        so = "which it is by default" if enough else "so RAISE it, or lower limits.parse_seconds"
        return [
            f"running  {self.run_limit_s:g} s at most; RabbitMQ's consumer_timeout must be longer "
            f"({CONSUMER_TIMEOUT_SECONDS:g} s unless it was set), {so}"
        ]


def make_plan(host: Host, options: WorkerOptions, at: Addresses, config: Config) -> Plan:
    """Choose pool and concurrency from what the parser declares. Raises `ConfigInvalid`.

    A local parser computes: a process a core, so that not one interpreter does all that is around
    the parse. A remote one waits for others: threads cost a tenth of the memory.
    """
    entry = host.parser_entry(config.host.parser)
    pool = "prefork" if entry.runs == "local" else "threads"
    return Plan(
        parser=entry.name,
        runs=entry.runs,
        pool=options.pool or pool,
        concurrency=options.concurrency or default_slots(entry.runs),
        queues=_queues(options.queues, at),
        at=at,
        storage=config.storage_name,
        embedded=at.embedded,
        run_limit_s=longest_run_s(config.limits.parse_seconds),
    )


def _queues(named: str | None, at: Addresses) -> tuple[str, ...]:
    names = [name.strip() for name in (named or "").split(",") if name.strip()]
    return at.consumed(names) or at.all_queues


def run_worker(options: WorkerOptions) -> int:
    """Run until SIGTERM or Ctrl-C; return the exit code. Raises `ConfigInvalid`."""
    if options.embedded:
        os.environ[ENV_EMBEDDED] = "1"
    if options.http:
        os.environ[ENV_HTTP] = options.http
    if address := os.environ.get(ENV_HTTP):
        check_free(address)  # later Celery would show the error, as one of its own
    plan = make_plan(service.host, options, service.addresses, service.config)
    preflight(frozenset(plan.queues))
    level = begin_logs(options.log_level)
    for line in (*remarks(None), *plan.lines()):
        log.info("%s", line)
    _share_heaps()
    with contextlib.ExitStack() as stack:
        if plan.embedded:
            stack.enter_context(embedded_server(service.data_dir))
        return _consume(plan, level, task_events=options.task_events)


def _share_heaps() -> None:
    """Let threads share two heaps, where glibc gives up to eight a core and keeps what each had."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def _consume(plan: Plan, level: str, *, task_events: bool) -> int:
    from parsekit.worker.celery_app import app  # noqa: PLC0415  (after the environment is set)

    class Worker(app.Worker):
        def install_platform_tweaks(self, worker: object) -> None:
            """End in good order with the terminal, where Celery would go on in the background."""
            ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # by nohup
            super().install_platform_tweaks(worker)
            on_term = signal.getsignal(signal.SIGTERM)
            signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else on_term)

    worker = Worker(
        hostname=f"parsekit-{os.getpid()}@{socket.gethostname()}",
        pool_cls=plan.pool,
        concurrency=plan.concurrency,
        queues=",".join(plan.queues),
        loglevel=level.upper(),
        task_events=task_events or None,
        without_gossip=True,
        without_mingle=True,
        quiet=True,
    )
    received: list[str] = []
    signals.worker_shutting_down.connect(lambda sig, **_: received.append(sig), weak=False)
    with _end_in_words(plan.at):
        worker.start()
    if signal.SIGINT.name in received:  # Celery says that something failed
        return 128 + signal.SIGINT
    return int(worker.exitcode or 0)


@contextlib.contextmanager
def _end_in_words(at: Addresses) -> Iterator[None]:
    """Raise what ended the worker where it is no bug, instead of Celery's line with a traceback."""
    ended = _Ended(at)
    logger = logging.getLogger("celery.worker")
    logger.addFilter(ended)
    try:
        yield
    finally:
        logger.removeFilter(ended)
    if ended.error is not None:
        raise ended.error


class _Ended(logging.Filter):
    """Keeps the record of an error that can be said in words out of the log, and the error."""

    def __init__(self, at: Addresses) -> None:
        super().__init__()
        self.error: ParsekitError | None = None
        self._at = at

    def filter(self, record: logging.LogRecord) -> bool:
        raised = record.exc_info[1] if record.exc_info else None
        if record.levelno < logging.CRITICAL:
            return True
        if isinstance(raised, ParsekitError):
            self.error = raised
        elif isinstance(raised, AMQPError | RedisError):
            self.error = broker(self._at).error(raised)
        return self.error is None
