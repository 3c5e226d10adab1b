"""How many messages wait in each queue, for how long the oldest of them, and the room for more.

Callers of Celery write no time into a message, so the age is found by counting: every few seconds
a worker notes how many messages a queue has ever got (those that are in it, and those that were
taken out). The head of the queue arrived just after the last note that had seen no more than were
taken by now. Workers share the count of dequeued, in which those of others are up to one look late.
So what vanished between two looks counts as taken too.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from redis.exceptions import NoPermissionError

from parsekit.metrics import Metric
from parsekit.worker.addresses import Addresses
from parsekit.worker.amqp.link import AmqpLink
from parsekit.worker.celery_settings import task_queues
from parsekit.worker.monitoring.families import (
    DEAD_LETTERS,
    MESSAGES,
    OLDEST,
    REDIS_LIMIT,
    REDIS_USED,
    WAITING,
)
from parsekit.worker.redis import keys
from parsekit.worker.redis.client import connect

#: Messages that are looked at together.
_PAGE = 500
#: Notes beyond this number are thinned out: the age gets coarser, not the memory larger.
_MAX_NOTES = 2000
#: A look is taken every six seconds; what was seen longer ago is not published any more.
_STALE_SECONDS = 20.0


def is_queued(client: Any, queues: Collection[str], task_id: str) -> bool:
    """Whether a task's message waits in Redis: put off, in one of these lists, or just taken."""
    if client.hexists(keys.WAITING, task_id):
        return True
    for queue in (each for name in queues for each in keys.lists_of(name)):
        start = 0
        while page := client.lrange(queue, start, start + _PAGE - 1):
            if _holds(page, task_id):
                return True
            start += _PAGE  # what is pushed meanwhile moves the others on, so that none is missed
    taken = client.scan_iter(keys.taken("*"), count=1000)
    return any(_holds(client.hvals(member), task_id) for member in taken)


def message_count(client: Any, queue: str) -> int:
    """Messages that wait in a queue of Redis."""
    return sum(client.llen(each) for each in keys.lists_of(queue))


def _holds(messages: Iterable[bytes], task_id: str) -> bool:
    """Whether one of them is of this task, as Celery and as JavaScript write JSON."""
    written = [f'"id":{space}{json.dumps(task_id)}'.encode() for space in ("", " ")]
    return any(each in message for message in messages for each in written)


class _Dequeued:
    """Messages that this process took from each queue."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._new: deque[str] = deque()
        self._total: Counter[str] = Counter()

    def add(self, queue: str) -> None:
        """One more; counted when somebody asks, which a worker does every few seconds."""
        self._new.append(queue)

    def total(self) -> Counter[str]:
        """All so far."""
        with self._lock:
            while self._new:
                self._total[self._new.popleft()] += 1
            return Counter(self._total)


dequeued = _Dequeued()


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisMemory:
    """What a Redis holds, and may hold (``maxmemory``, 0 without a limit), bytes."""

    used: int
    limit: int

    @classmethod
    def of(cls, client: Any) -> RedisMemory | None:
        """Ask; None where our user may not."""
        try:
            facts = client.info("memory")
        except NoPermissionError:
            return None
        return cls(used=facts["used_memory"], limit=facts.get("maxmemory", 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSnapshot:
    """What the broker said: messages by queue, taken ever by queue; None for what it left out.

    ``memory`` has each Redis by what it is, "broker" or "results"; one that is both is the broker.
    """

    messages: Mapping[str, int]
    taken: Mapping[str, int]
    dead_letters: int
    waiting: int | None
    memory: Mapping[str, RedisMemory | None] = field(default_factory=dict)


class Broker(Protocol):
    """Asked by `Queues`; raises its client's errors."""

    def sample(self) -> QueueSnapshot:
        """Count."""
        ...


@dataclass(slots=True)
class Age:
    """Finds the age of the oldest message of one queue."""

    clock: Callable[[], float] = time.monotonic
    _notes: list[tuple[float, int]] = field(default_factory=list)
    _messages: int = 0
    _taken: int = 0
    #: How many have left the queue, at least: what is known of dequeued, and what vanished.
    _left: int = 0

    def note(self, messages: int, taken: int) -> float:
        """Take in the numbers of now; return the age in seconds, 0 for an empty queue."""
        if not self._notes or taken < self._taken:  # the count was lost: begin anew
            self._notes.clear()
            self._left = taken
        else:
            self._left = max(self._left + max(0, self._messages - messages), taken)
        self._messages, self._taken = messages, taken
        since = self._since(self.clock(), messages + self._left)
        return since if messages else 0.0

    def _since(self, now: float, arrived: int) -> float:
        """For how long the head may be there, noting that so many messages have ever arrived."""
        if len(self._notes) > 1 and self._notes[-1][1] == self._notes[-2][1] == arrived:
            self._notes.pop()
        self._notes.append((now, arrived))
        older = [at for at, ever in self._notes if ever <= self._left]
        del self._notes[: max(len(older) - 1, 0)]
        if len(self._notes) > _MAX_NOTES:
            self._notes = self._notes[:1] + self._notes[1::2]
        return now - (older[-1] if older else self._notes[0][0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Messages that wait for this worker: in its queues, back-fills apart."""

    preferred: int
    bulk: int


class Queues:
    """The queues of the deployment as this worker last saw them; ``consumed`` are its own."""

    def __init__(
        self, broker: Broker, consumed: Collection[str], bulk_queues: Collection[str]
    ) -> None:
        self._broker = broker
        self._consumed = consumed
        self._bulk_queues = bulk_queues
        self._ages: dict[str, Age] = {}
        self._metrics: list[Metric] = []
        self._looked_at = float("-inf")

    def sample(self) -> Backlog:
        """Ask the broker; return what waits for this worker. Raises what its client raises."""
        looked = self._broker.sample()
        ages = {
            queue: self._ages.setdefault(queue, Age()).note(messages, looked.taken.get(queue, 0))
            for queue, messages in looked.messages.items()
        }
        self._metrics = _metrics(looked, ages, self._bulk_queues)
        self._looked_at = time.monotonic()
        mine = {name: count for name, count in looked.messages.items() if name in self._consumed}
        beside_others = not set(self._consumed) <= set(self._bulk_queues)
        bulk = sum(mine.pop(name, 0) for name in self._bulk_queues) if beside_others else 0
        return Backlog(preferred=sum(mine.values()), bulk=bulk)

    def metrics(self) -> list[Metric]:
        """Of the last look; rather none than those of a broker that is long away."""
        return self._metrics if time.monotonic() - self._looked_at < _STALE_SECONDS else []


def queues_of(at: Addresses, consumed: Collection[str]) -> Queues:
    """The watch over the queues at these addresses."""
    broker = RedisQueues(at) if at.redis_broker else AmqpQueues(at)
    return Queues(broker, consumed, at.bulk_queues)


class RedisQueues:
    """Lists of kombu's, and what waits beside them."""

    def __init__(self, at: Addresses) -> None:
        self._names = at.all_queues
        self._client: Any = connect(at.broker)
        self._shared = _Shared(at.backend)
        self._is_one = at.backend == at.broker

    def sample(self) -> QueueSnapshot:
        """Count in one round trip to each server."""
        with self._client.pipeline(transaction=False) as pipe:
            for name in self._names:
                for each in keys.lists_of(name):
                    pipe.llen(each)
            *lengths, waiting = pipe.hlen(keys.WAITING).execute()
        step = len(keys.PRIORITIES)
        parts = [lengths[n : n + step] for n in range(0, len(lengths), step)]
        messages = {name: sum(part) for name, part in zip(self._names, parts, strict=True)}
        found = self._shared.sample(messages, waiting=int(waiting))
        memory = {"broker": RedisMemory.of(self._client)}
        return replace(found, memory=memory if self._is_one else {**memory, **found.memory})


class AmqpQueues:
    """RabbitMQ's queues, asked over AMQP."""

    def __init__(self, at: Addresses) -> None:
        self._asked = task_queues(at)
        self._link = AmqpLink(at.broker, at.broker_tls)
        self._shared = _Shared(at.backend)

    def sample(self) -> QueueSnapshot:
        """Count; a queue is made that is not there yet, as this worker may not consume from it."""

        def work(channel: Any) -> dict[str, int]:
            return {
                queue.name: channel.queue_declare(
                    queue.name, durable=True, auto_delete=False, arguments=queue.queue_arguments
                ).message_count
                for queue in self._asked
            }

        return self._shared.sample(self._link.use(work), waiting=None)


class _Shared:
    """What all workers share in Redis: adds our dequeued to theirs."""

    def __init__(self, url: str) -> None:
        self._client: Any = connect(url)
        self._sent: Counter[str] = Counter()

    def sample(self, messages: Mapping[str, int], waiting: int | None) -> QueueSnapshot:
        """The same, with the sums of all dequeued and the number of dead letters."""
        now = dequeued.total()
        with self._client.pipeline() as pipe:
            for queue, number in (now - self._sent).items():
                pipe.hincrby(keys.DEQUEUED_TOTAL, queue, number)
            *_, answer, dead = pipe.hgetall(keys.DEQUEUED_TOTAL).hlen(keys.DEAD_LETTERS).execute()
        self._sent = now
        taken = {queue.decode(): int(number) for queue, number in answer.items()}
        return QueueSnapshot(
            messages=messages,
            taken=taken,
            dead_letters=int(dead),
            waiting=waiting,
            memory={"results": RedisMemory.of(self._client)},
        )


def _metrics(
    looked: QueueSnapshot, ages: Mapping[str, float], bulk_queues: Collection[str]
) -> list[Metric]:
    found = [DEAD_LETTERS.metric(looked.dead_letters)]
    for queue, messages in looked.messages.items():
        # An alert can't go by a name, which is the operator's choice.
        labels = {"queue": queue, "bulk": "true" if queue in bulk_queues else "false"}
        found.append(MESSAGES.metric(messages, **labels))
        found.append(OLDEST.metric(ages[queue], **labels))
    for server, memory in looked.memory.items():
        if memory is not None:
            found.append(REDIS_USED.metric(memory.used, server=server))
            found.append(REDIS_LIMIT.metric(memory.limit, server=server))
    if looked.waiting is not None:
        found.append(WAITING.metric(looked.waiting))
    return found
