"""What happens when a worker starts and ends, whoever started it."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from billiard import active_children, pool
from celery import Celery, bootsteps, signals
from celery.concurrency import get_implementation
from celery.concurrency.prefork import TaskPool
from celery.concurrency.thread import TaskPool as ThreadPool
from kombu.transport import TRANSPORT_ALIASES

from parsekit.batch.cores import default_slots
from parsekit.errors import ConfigInvalid, ParsekitError
from parsekit.logs.setup import flush
from parsekit.redaction.secrets import cleaned, spare
from parsekit.redaction.terminal_text import printable
from parsekit.worker.addresses import Addresses
from parsekit.worker.amqp.transport import AmqpChannel, bulk_share
from parsekit.worker.celery_settings import (
    SHUTDOWN_SECONDS,
    longest_run_s,
    worker_transport_options,
)
from parsekit.worker.consumption import Consumption
from parsekit.worker.logs import install_logs
from parsekit.worker.messages.task_request import report_faults
from parsekit.worker.monitoring.aggregate import PoolRunning, WorkerNumbers
from parsekit.worker.monitoring.children import Children, ChildReport, family
from parsekit.worker.monitoring.health import HealthMonitor, folder_of
from parsekit.worker.monitoring.http import ENV_HTTP, serve
from parsekit.worker.monitoring.metrics_page import make_page
from parsekit.worker.monitoring.probes import (
    StorageWatch,
    probes,
    storage_probe,
    storage_silence,
)
from parsekit.worker.monitoring.queue_stats import queues_of
from parsekit.worker.monitoring.status_channel import Announcer, StatusChannel
from parsekit.worker.preflight import preflight
from parsekit.worker.process import service

log = logging.getLogger(__name__)

_TRANSPORTS = {
    "redis": "parsekit.worker.redis.transport:RedisTransport",
    "rediss": "parsekit.worker.redis.transport:RedisTransport",
    "amqp": "parsekit.worker.amqp.transport:AmqpTransport",
    "pyamqp": "parsekit.worker.amqp.transport:AmqpTransport",
    "amqps": "parsekit.worker.amqp.transport:AmqpTlsTransport",
}

#: Celery stops by itself when its tasks end in time; what is left then is for requeueing.
_ABORT_SECONDS = SHUTDOWN_SECONDS - 7
_FAREWELL_SECONDS = 6.0
#: The exit code of a command that Ctrl-C ended.
_INTERRUPTED = 130


def install(app: Celery) -> None:
    """Hook into the life of workers of this application."""
    app.steps["worker"].add(ProcessStep)
    install_logs()
    signals.celeryd_init.connect(_on_init, weak=False)
    signals.worker_init.connect(_on_queues_known, weak=False)
    signals.worker_process_init.connect(_on_child, weak=False)
    signals.worker_shutting_down.connect(_on_shutting_down, weak=False)
    signals.worker_shutdown.connect(_on_end, weak=False)


def _on_init(sender: str, conf: Any, **_: Any) -> None:
    """Take messages safely, as many at once as suit the parser, also under Celery's own command.

    kombu goes by the URL's scheme, so that gets another transport. The sender is the worker's name,
    which is no secret whatever stands in it.
    """
    spare(sender)
    TRANSPORT_ALIASES.update(_TRANSPORTS)
    if conf.worker_concurrency is None:
        with _ending_in_words():
            parser = service.host.parser_entry(service.config.host.parser)
            conf.worker_concurrency = default_slots(parser.runs)


def _on_queues_known(sender: Any, **_: Any) -> None:
    """Try all that can be tried, before anything begins."""
    with _ending_in_words():
        _check_pool(sender.pool_cls)
        for sentence in preflight(frozenset(sender.app.amqp.queues.consume_from)):
            log.warning("waiting: %s", sentence)


def _check_pool(named: Any) -> None:
    """Refuse a pool of Celery's in which tasks run beside neither beats nor probes."""
    module = get_implementation(named).__module__.rpartition(".")[2]
    if module not in ("prefork", "thread"):
        raise ConfigInvalid(f"a worker can't run in a pool {module!r}: want threads or prefork")


@contextmanager
def _ending_in_words() -> Iterator[None]:
    """End a worker that Celery's own command starts where the block says that it can't work.

    What is raised in a signal's handler Celery would only log, and go on.
    """
    try:
        yield
    except ParsekitError as error:
        for problem in error.problems if isinstance(error, ConfigInvalid) else (error.message,):
            print(f"error: {printable(cleaned(problem))}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None


class ProcessStep(bootsteps.StartStopStep):
    """What this process shares with others: a name, and signs of life."""

    requires = ("celery.worker.components:Pool",)
    _announcer: Announcer
    _children: Children
    _vitals: HealthMonitor
    _storage_watch: StorageWatch | None = None
    _timer: Any = None

    def create(self, parent: Any) -> None:
        """Take messages under this process's own name, back-fills with fewer slots.

        The children of a prefork pool are forked after this; they share what is loaded by now, and
        their names begin with this one.
        """
        _keep_garbage_small()
        _consume_whole(parent.app.amqp.queues, service.addresses)
        self._children = Children(folder_of(service.data_dir))
        if isinstance(parent.pool, ThreadPool):
            report_faults(parent.pool)
        at, concurrency = service.addresses, parent.concurrency
        member_id = service.process.member_id
        parent.app.conf.task_soft_time_limit = parent.soft_time_limit  # for words about it
        if at.redis_broker:
            options = worker_transport_options(at, member_id, concurrency)
            parent.app.conf.broker_transport_options = options
        else:
            others = set(parent.app.amqp.queues.consume_from) - set(at.bulk_queues)
            AmqpChannel.bulk_queues = at.bulk_queues if others else ()
            AmqpChannel.bulk_slots = bulk_share(concurrency, len(at.bulk_queues))

    def start(self, parent: Any) -> None:
        """Be seen before the first message is taken; the pool's children are forked by now."""
        if isinstance(parent.pool, TaskPool):
            service.process.appear()
        else:
            service.process.start()
            self._storage_watch = _watch_storage(os.getpid())
        _keep_garbage_small()
        wanted = tuple(parent.app.amqp.queues.consume_from)
        consumption = Consumption(parent, wanted)
        queues = queues_of(service.addresses, wanted)
        numbers = WorkerNumbers(
            own=service.process.numbers,
            children=self._children,
            queues=queues,
            away=lambda: self._vitals.away,
            slots=parent.concurrency,
        )
        self._vitals = HealthMonitor(
            folder=folder_of(service.data_dir),
            running=PoolRunning(numbers.now),
            slots=parent.concurrency,
            run_limit_s=longest_run_s(service.config.limits.parse_seconds),
            probes=probes(service),
            storage=lambda: storage_silence(_family_of(os.getpid())),
            backlog=queues.sample,
            consumption=consumption,
        )
        self._vitals.start()
        self._announcer = Announcer(
            StatusChannel(service.addresses.backend),
            numbers.now,
            worker=service.process.member_id,
            pool=type(parent.pool).__module__.rpartition(".")[2],
            parser=service.config.host.parser,
            queues=lambda: consumption.consumed,
        )
        self._announcer.start()
        if address := os.environ.get(ENV_HTTP):
            serve(address, self._vitals, make_page(numbers.now))

    def register_with_event_loop(self, parent: Any, hub: Any) -> None:
        """Feel the loop turn; called again after each reconnection."""
        del parent
        if self._timer is not None:
            self._timer.cancel()
        self._timer = hub.call_repeatedly(1.0, self._vitals.turn)

    def stop(self, parent: Any) -> None:
        """Write no more."""
        del parent
        self._announcer.stop()
        self._vitals.stop()
        if self._storage_watch is not None:
            self._storage_watch.stop()
        self._children.close()


def _consume_whole(queues: Any, at: Addresses) -> None:
    """Consume with a queue the one in which its tasks go on, whatever Celery's ``-Q`` names."""
    wanted = at.consumed(queues.consume_from)
    queues.select(wanted)
    if foreign := at.foreign(wanted):
        text = "tasks come here by %s only where a caller names it; celery.queue is %s"
        log.warning(text, ", ".join(foreign), at.queue)
    if others := [name for name in at.all_queues if name not in wanted]:
        log.info("another worker has to take from %s", ", ".join(others))


def _keep_garbage_small() -> None:
    """Take what was loaded out of the collector's sight.

    It collects when a quarter of what it sees is new: of all modules, that is tens of megabytes of
    frames that ended with an exception. And what it does not look at stays shared after a fork: 14
    MB of each child.
    """
    gc.collect()
    gc.freeze()


def _family_of(parent: int) -> Path:
    return family(folder_of(service.data_dir), parent)


def _watch_storage(parent: int) -> StorageWatch:
    numbers = service.process.numbers
    watch = StorageWatch(_family_of(parent), storage_probe(service), lambda: numbers.served_unix)
    watch.start()
    return watch


def _on_child(**_: Any) -> None:
    service.after_fork()
    # Named when billiard installs it, after this: there is no moment at which Celery's own acts.
    pool.soft_timeout_sighandler = service.process.running.exceed_soft_limit
    service.process.start()
    report = ChildReport(folder_of(service.data_dir), service.process.numbers.now)
    watch = _watch_storage(os.getppid())
    signals.worker_process_shutdown.connect(lambda **_: _on_childs_end(report, watch), weak=False)
    report.start()


def _on_childs_end(report: ChildReport, watch: StorageWatch) -> None:
    """Publish the last numbers while those who count are there, then end in good order."""
    watch.stop()
    report.stop()
    _on_end()


def _on_end(**_: Any) -> None:
    """Called last, when nothing is consumed any more.

    Running tasks have ended, unless a second Ctrl-C cut them off: those go back as they are, as to
    close what they use would make failures of them.
    """
    if service.process.running.count:
        _requeue_unacked()
        os._exit(_INTERRUPTED)
    service.process.stop()
    flush()


def _on_shutting_down(**_: Any) -> None:
    timer = threading.Timer(_ABORT_SECONDS, _abort)
    timer.daemon = True
    timer.start()


def _abort() -> None:
    """End with tasks still running: their messages go back, another worker goes on.

    Where servers do not answer, others requeue them, once this process is seen to be dead.
    """
    log.warning("tasks still run after %g s; giving them back", _ABORT_SECONDS)
    farewell = threading.Thread(target=_requeue_unacked, daemon=True)
    farewell.start()
    farewell.join(_FAREWELL_SECONDS)
    os._exit(0)


def _requeue_unacked() -> None:
    service.process.abort([child.pid for child in active_children()])
    flush()
