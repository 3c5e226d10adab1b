"""What one process of the service has: configuration, host, shared state, pipeline.

Made lazily and never before a fork: a prefork parent only reads the configuration and loads the
plugins, which its children then share; every connection belongs to the process that uses it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Collection
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import redis

from parsekit.api import make_pipeline, open_session
from parsekit.config import Config
from parsekit.errors import Cancelled, ParsekitError
from parsekit.host.host import Host
from parsekit.host.session import Session
from parsekit.pipeline.pipeline import Pipeline
from parsekit.redaction.secrets import spare
from parsekit.storage.signing import Signer
from parsekit.worker.addresses import Addresses, with_addresses
from parsekit.worker.dead_letters import DeadLetters
from parsekit.worker.messages.signed_state import carrying_signer
from parsekit.worker.monitoring.counters import ProcessNumbers
from parsekit.worker.redis.client import connect
from parsekit.worker.redis.locks import RedisLocks
from parsekit.worker.redis.membership import Member, new_member_id
from parsekit.worker.redis.task_store import TaskReports, TaskStore
from parsekit.worker.running import CancelWatch, Running
from parsekit.worker.tracing import begin_traces, end_traces

log = logging.getLogger(__name__)

#: What listeners get to send what they hold when the process ends, seconds.
CLOSE_SECONDS = 5.0


class Service:
    """One process of the service, or a caller of it."""

    @cached_property
    def host(self) -> Host:
        """The plugins."""
        return Host.load()

    @cached_property
    def session(self) -> Session:
        """The session, with the addresses in force. Raises `ConfigInvalid`."""
        session = open_session(host=self.host, role="worker")
        config = with_addresses(session.config, session.data_dir)
        return replace(session, config=config)

    @property
    def config(self) -> Config:
        """The configuration, with the addresses in force."""
        return self.session.config

    @property
    def data_dir(self) -> Path:
        """Local state."""
        return self.session.data_dir

    @cached_property
    def addresses(self) -> Addresses:
        """Servers and queues in force."""
        return Addresses.of(self.config)

    @cached_property
    def process(self) -> Process:
        """What belongs to this process alone; see `after_fork`."""
        return Process(self)

    def after_fork(self) -> None:
        """Forget the parent's connections; ours are made when they are first used."""
        self.process = Process(self, parent=self.process.member_id)


class Process:
    """Connections, threads and the pipeline of one process."""

    def __init__(self, service: Service, parent: str = "") -> None:
        self._service = service
        self.member_id = new_member_id(parent)
        spare(self.member_id)
        self.running = Running()
        self._cancel_watch: CancelWatch | None = None

    @cached_property
    def member(self) -> Member:
        """This process among the others."""
        return Member(self._connect(), self.member_id, self._release_late, self._connect_queues())

    def _release_late(self) -> None:
        self.task_store.release_late()
        self.locks.release_late()

    @cached_property
    def task_store(self) -> TaskStore:
        """What is known of tasks."""
        return TaskStore(
            self._connect(),
            self.member_id,
            self._connect_queues(),
            expires_s=self._service.addresses.state_expires,
        )

    @cached_property
    def reports(self) -> TaskReports:
        """Whose end was reported."""
        return TaskReports(self.task_store)

    @cached_property
    def locks(self) -> RedisLocks:
        """Which task parses which replay."""
        return RedisLocks(self._connect(), self.member_id)

    @cached_property
    def carrying_signer(self) -> Signer:
        """Signs what the messages of waiting tasks carry."""
        return carrying_signer(self._service.config, self._connect())

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """Requests that are not tried again by themselves."""
        return DeadLetters(self._connect())

    @cached_property
    def pipeline(self) -> Pipeline:
        """The pipeline of every task here. Raises `ConfigInvalid`, `PluginFailed`."""
        return make_pipeline(
            self._service.session,
            self._service.host,
            locks=self.locks,
            crashes=self.task_store,
            reports=self.reports,
            interruption=self.running.timeout,
        )

    @property
    def made_pipeline(self) -> Pipeline | None:
        """The pipeline where there is one; the parent of a prefork pool makes none."""
        return self.__dict__.get("pipeline")

    @cached_property
    def numbers(self) -> ProcessNumbers:
        """What this process counts."""
        return ProcessNumbers(self, self._service.host, self._service.config.host)

    def _connect(self) -> redis.Redis:
        return connect(self._service.addresses.backend)

    def _connect_queues(self) -> redis.Redis | None:
        """The Redis that tasks come through, if it is one: often another database of the same."""
        at = self._service.addresses
        return connect(at.broker) if at.redis_broker else None

    def appear(self) -> None:
        """Begin to be seen by the others: all that the parent of a prefork pool does."""
        self.member.start()

    def start(self) -> None:
        """Begin to be seen by the others, and make what the first task would have to wait for."""
        self.appear()
        begin_traces()
        parsers = self.pipeline.parsers
        self._cancel_watch = CancelWatch(self.running, self._reason_to_end, parsers.cancel)
        self._cancel_watch.start()

    def _reason_to_end(self, task_id: str) -> ParsekitError | None:
        timeout = self.running.timeout(task_id)
        if timeout is not None:
            return timeout
        return Cancelled("cancelled") if self.task_store.cancelled(task_id) else None

    def stop(self) -> None:
        """End in good order; what was taken and not finished is requeued."""
        if self._cancel_watch is not None:
            self._cancel_watch.stop()
        if self.made_pipeline is not None:
            self.made_pipeline.close(CLOSE_SECONDS)
        self._sign_off()
        end_traces()

    def abort(self, children: Collection[int] = ()) -> None:
        """Requeue what runs and send what is buffered; the caller ends the process next.

        ``children`` are the processes of its pool. Parsers' processes end with the one that started
        them: to end them first would make failures of their tasks.
        """
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._sign_off()
        if self.made_pipeline is not None:
            self.made_pipeline.listeners.close(CLOSE_SECONDS)

    def _sign_off(self) -> None:
        """Be seen no more; nothing for a process that never was."""
        if "member" in self.__dict__:
            self.member.stop()


#: The one of this program.
service = Service()
