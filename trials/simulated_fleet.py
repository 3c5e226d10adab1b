"""Many workers on one Redis without their processes: each sends what a worker sends.

Beats, takes, the state, lock and result of a task and what a worker tells of itself come from the
worker's own classes, through one loop and one thread. They go by a clock of the fleet, which stands
still while this process is behind: what is counted for a second of the fleet is right on a machine
that could not run so many workers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty
from types import SimpleNamespace
from typing import Any

from celery import Celery, states
from celery.app.task import Context
from kombu import Connection, Consumer, Producer
from kombu.utils.eventio import poll

from parsekit.metrics import Metric
from parsekit.worker.addresses import Addresses
from parsekit.worker.celery_settings import celery_settings, task_queues, worker_transport_options
from parsekit.worker.messages.delay_headers import DELAY_HEADER
from parsekit.worker.monitoring.announcement import Announcement, MetricsSnapshot
from parsekit.worker.monitoring.queue_stats import RedisQueues
from parsekit.worker.monitoring.status_channel import SAY_SECONDS, StatusChannel
from parsekit.worker.redis.client import connect
from parsekit.worker.redis.locks import RedisLock, RedisLocks
from parsekit.worker.redis.membership import BEAT_SECONDS, Member, new_member_id
from parsekit.worker.redis.results import RedisResults
from parsekit.worker.redis.task_store import TaskStore
from parsekit.worker.redis.transport import IDLE_SECONDS, RedisTransport, settled

#: An idle worker looks so often: the server ends its waits a little late.
TURN_SECONDS = IDLE_SECONDS + 0.05
#: A turn is over when each worker has had its answer, or nobody had one for so long.
QUIET_SECONDS = 2.0
#: Looks at the queues, and at whether a running task was cancelled.
SAMPLE_SECONDS, CANCEL_SECONDS = 6.0, 1.0
#: Header of a message that goes on to wait for so many seconds when it comes; 0 lets it run.
WAITS_HEADER = "parsekit_trial_waits_s"
#: As large as the results of most replays, and as what a worker tells of itself.
RESULT_BYTES = 15_000
NUMBERS = 120
#: Results and state are kept for longer than anything here takes, seconds.
KEPT_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One that runs on a worker."""

    id: str
    message: Any
    lock: RedisLock
    ends_at: float


class SimulatedFleet:
    """Workers of one deployment. ``now`` is its clock, in seconds.

    ``on_taken`` is called with the queue and the id of each message that a worker got.
    """

    def __init__(self, url: str, *, slots: int = 8, run_seconds: float = 5.0) -> None:
        self.url, self.slots, self.run_seconds = url, slots, run_seconds
        self.at = Addresses(
            broker=url,
            backend=url,
            queue="replay-parse",
            bulk_queue="replay-parse-bulk",
            result_expires=KEPT_S,
            state_expires=KEPT_S,
        )
        self.now = 1000.0
        self.workers: list[SimulatedWorker] = []
        self._killed: list[SimulatedWorker] = []
        self.on_taken: Callable[[str, str], None] = lambda _queue, _task_id: None
        self.ended: Counter[str] = Counter()
        self.poller: Any = poll()
        self.client: Any = connect(url)
        self.results = RedisResults(app=self._app(), url=url)
        self.queues, self.status = RedisQueues(self.at), StatusChannel(url)
        self._by_fd: dict[int, SimulatedWorker] = {}

    def _app(self) -> Celery:
        app = Celery(set_as_current=False)
        app.conf.update(celery_settings(self.at))
        return app

    def grow(self, count: int) -> None:
        """Start so many workers more; their beats are spread over a second."""
        first = len(self.workers)
        self.workers += [SimulatedWorker(self, self.now + n / max(1, count)) for n in range(count)]
        for worker in self.workers[first:]:
            self._by_fd.update(dict.fromkeys(worker.listen(), worker))

    def kill(self, worker: SimulatedWorker) -> None:
        """Pull the plug: it sends nothing more, and what it has stays on the server."""
        self.workers.remove(worker)
        self._killed.append(worker)  # to close its connection would give back what it has
        for fd in [fd for fd, each in self._by_fd.items() if each is worker]:
            del self._by_fd[fd]
            self.poller.unregister(fd)

    def run(self, seconds: float, each_turn: Callable[[], None] = lambda: None) -> None:
        """Let so many seconds of the fleet pass."""
        for _ in range(round(seconds / TURN_SECONDS)):
            self.now += TURN_SECONDS
            each_turn()
            for worker in self.workers:
                worker.work()
            self._listen()

    def _listen(self) -> None:
        """Hand each worker its answers, until all have looked at their queues once."""
        while not all(worker.has_looked for worker in self.workers):
            readable = self.poller.poll(QUIET_SECONDS)
            if not readable:
                return
            for fd, _ in readable:
                if fd in self._by_fd:
                    self._by_fd[fd].read(fd)

    def close(self) -> None:
        """Let all leave in good order."""
        for worker in (*self.workers, *self._killed):
            worker.connection.close()


class SimulatedWorker:
    """One of them, with a pool of threads."""

    def __init__(self, fleet: SimulatedFleet, first_beat: float) -> None:
        self.fleet, self.id = fleet, new_member_id()
        self.member = Member(fleet.client, self.id, clock=lambda: fleet.now)
        self.tasks: list[Task] = []
        self._store = TaskStore(fleet.client, self.id)
        self._locks = RedisLocks(fleet.client, self.id)
        options = worker_transport_options(fleet.at, self.id, fleet.slots)
        self.connection = Connection(fleet.url, transport_options=options)
        self.connection.transport_cls = RedisTransport
        self._channel = self.connection.default_channel
        self._cycle = self.connection.transport.cycle
        self._cycle.on_poll_init(fleet.poller)
        self._producer = Producer(self._channel)
        self._consumer = Consumer(
            self._channel, task_queues(fleet.at), on_message=self._take, prefetch_count=fleet.slots
        )
        self._due = dict.fromkeys((self._beat, self._look, self._say, self._sample), first_beat)
        self._answers = 0

    def listen(self) -> list[int]:
        """Begin to consume; returns the descriptors on which it is answered."""
        self._consumer.consume()
        self._cycle.on_poll_start()
        return list(self._cycle.fds)

    @property
    def has_looked(self) -> bool:
        """Whether it found nothing in this turn, or has no slot for it."""
        return self._answers > 1 or not self._channel.qos.can_consume()

    def work(self) -> None:
        """Do what is due, end what has run for long enough, and ask for more."""
        for deed, due in self._due.items():
            if due <= self.fleet.now:
                every_s = deed()
                late = due + every_s <= self.fleet.now
                self._due[deed] = every_s + (self.fleet.now if late else due)
        for task in [task for task in self.tasks if task.ends_at <= self.fleet.now]:
            self._end(task)
        self._answers = 0
        self._cycle.on_poll_start()

    def read(self, fd: int) -> None:
        """Take an answer: messages, or the end of a wait that follows when there are none."""
        try:
            self._cycle.on_readable(fd)
        except Empty:
            self._answers += 1
        else:
            self._cycle.on_poll_start()

    def _beat(self) -> float:
        self.member.beat()
        return BEAT_SECONDS

    def _look(self) -> float:
        for task in self.tasks:
            self._store.cancelled(task.id)
        return CANCEL_SECONDS

    def _say(self) -> float:
        metric = Metric(name="parsekit_trial_total", help="One of many." * 4, value=1.0)
        said = Announcement(
            worker=self.id,
            at_unix=self.fleet.now,
            pool="threads",
            parser="local",
            queues=self.fleet.at.all_queues,
            tasks_per_minute=0.0,
            snapshot=MetricsSnapshot(metrics=(metric,) * NUMBERS),
        )
        self.fleet.status.publish(said)
        return SAY_SECONDS

    def _sample(self) -> float:
        self.fleet.client.ping()
        self.fleet.queues.sample()
        return SAMPLE_SECONDS

    def _take(self, message: Any) -> None:
        task_id, queue = message.headers["id"], message.delivery_info["routing_key"]
        self.fleet.on_taken(queue, task_id)
        if waits_s := message.headers.get(WAITS_HEADER, 0.0):
            self._hop(message, task_id, queue, waits_s)
            return
        request = Context(message.headers, properties=message.properties, hostname=self.id)
        started = self.fleet.results.started(SimpleNamespace(request=request))
        admitted = self._store.admit(task_id, "call", started=started).may_run
        lock = self._locks.acquire(f"replay-{task_id}", owner=task_id) if admitted else None
        if lock is None:
            raise RuntimeError(f"task {task_id} is still another's, whose message came back")
        self._store.begin(task_id)
        ends_at = self.fleet.now + self.fleet.run_seconds
        self.tasks.append(Task(id=task_id, message=message, lock=lock, ends_at=ends_at))

    def _hop(self, message: Any, task_id: str, queue: str, waits_s: float) -> None:
        """Let it wait once more, as `parsekit.worker.resume.forward` does."""
        self._store.cancelled(task_id)
        headers = {**message.headers, DELAY_HEADER: waits_s}
        self._producer.publish(message.payload, routing_key=queue, headers=headers)
        message.ack()

    def _end(self, task: Task) -> None:
        self.tasks.remove(task)
        self._store.clear(task.id)
        task.lock.release()
        request = Context(task.message.headers, properties=task.message.properties)
        body = {"data": "x" * RESULT_BYTES}
        self.fleet.results.store_result(task.id, body, states.SUCCESS, request=request)
        settled.add(task.message.delivery_tag)  # by the same script
        task.message.ack()
        self._store.forget_run(task.id)
        self.fleet.ended[task.id] += 1
