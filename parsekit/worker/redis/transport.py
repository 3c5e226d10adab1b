"""kombu's Redis transport, with messages that can't get lost and others' that come back soon.

kombu pops a message with BRPOP and records it in a second step. A worker that is killed in between,
or frozen while the server answers, loses it; one that is killed later leaves it hidden until the
visibility timeout, which must be longer than the longest task. Here one script moves a message
from its list to the hash of the worker that takes it, and the other workers requeue the hash of
one that is dead (`parsekit.worker.redis.membership`), so that no timeout is needed at all.

The same script moves tasks whose time has come to the queue in which they go on: from `keys.DUE`,
and from `keys.BULK_DUE` those of back-fills, however many of which become due at once.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty
from time import monotonic
from typing import Any

from kombu.transport import redis as stock
from kombu.transport import virtual
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError

from parsekit.worker.messages.delay_headers import DELAY_HEADER, REPLACE_HEADER
from parsekit.worker.messages.message_checks import is_message
from parsekit.worker.messages.raw_message import RawMessage
from parsekit.worker.redis import keys
from parsekit.worker.redis.transient_errors import is_transient

log = logging.getLogger(__name__)

#: Property of a delivered message: in whose hash it stands, if its result may settle it there.
TAKEN_BY = "parsekit_taken_by"
#: What it raises to read one that isn't any.
_NO_MESSAGE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
#: How many unreadable messages are kept for somebody to look at.
MAX_UNREADABLE = 100

#: Messages taken at once, at most: the others of a worker with more free slots come right after.
MOST_TAKEN = 16
#: How long an idle worker waits for the first queue before it looks at the others, seconds; less
#: where a task is due sooner.
IDLE_SECONDS = 0.25
#: How long a worker leaves a server alone that refuses what it is asked for.
REFUSED_SECONDS = 1.0

#: Moves what is due, then takes messages: KEYS taken, waiting, both due, then the lists in order of
#: preference; ARGV how many of these come before those of back-fills, how many messages of
#: back-fills may be taken, then a tag for each message that may be. Answers tag, list and text of
#: each, and the milliseconds until the next task is due, 0 for none. What waits names its list;
#: what names none was not put there by a worker, and is removed.
TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due_in
for i = 3, 4 do
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', now, 'LIMIT', 0, 50)) do
    local entry = redis.call('HGET', KEYS[2], id)
    local cut = entry and string.find(entry, '\\n', 1, true)
    if cut then redis.call('LPUSH', string.sub(entry, 1, cut - 1), string.sub(entry, cut + 1)) end
    redis.call('ZREM', KEYS[i], id)
    redis.call('HDEL', KEYS[2], id)
  end
  local due_at = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')[2]
  if due_at then due_in = math.max(1, math.min(due_in or math.huge, due_at - now)) end
end
local taken, tag, bulk = {}, 3, tonumber(ARGV[2])
for i = 5, #KEYS do
  local is_bulk = i - 4 > tonumber(ARGV[1])
  while tag <= #ARGV and (not is_bulk or bulk > 0) do
    local text = redis.call('LINDEX', KEYS[i], -1)
    if not text then break end
    redis.call('HSET', KEYS[1], ARGV[tag], KEYS[i] .. '\\n' .. text)
    redis.call('RPOP', KEYS[i])
    taken[#taken + 1] = {ARGV[tag], KEYS[i], text}
    if is_bulk then bulk = bulk - 1 end
    tag = tag + 1
  end
end
return {taken, due_in or 0}
"""

#: Requeues where it was taken: KEYS taken; ARGV the tag, none for all that is there.
REQUEUE = """
local tags = ARGV[1] and {ARGV[1]} or redis.call('HKEYS', KEYS[1])
for _, tag in ipairs(tags) do
  local entry = redis.call('HGET', KEYS[1], tag)
  if entry then
    local cut = string.find(entry, '\\n', 1, true)
    redis.call('RPUSH', string.sub(entry, 1, cut - 1), string.sub(entry, cut + 1))
    redis.call('HDEL', KEYS[1], tag)
  end
end
return #tags
"""


#: Lets a message wait: KEYS due, waiting; ARGV task id, seconds, list and text, and "1" to take the
#: place of one of the same task that waits already.
LATER = """
if ARGV[4] ~= '1' and redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
return redis.call('ZADD', KEYS[1], now + math.floor(ARGV[2] * 1000), ARGV[1])
"""


class Settled:
    """Messages of this process that the server has forgotten already, with their task's result."""

    def __init__(self) -> None:
        self._tags: set[str] = set()

    def add(self, tag: str) -> None:
        """The server has forgotten this one."""
        self._tags.add(tag)

    def take(self, tag: str) -> bool:
        """Whether it has, asked once."""
        known = tag in self._tags
        self._tags.discard(tag)
        return known


settled = Settled()


class QoS(stock.QoS):
    """Acknowledgement against the hash of this worker."""

    channel: RedisChannel

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._late: dict[str, bool] = {}

    def append(self, message: virtual.Message, delivery_tag: str) -> None:
        """Remember it here; the server recorded it when it was taken."""
        virtual.QoS.append(self, message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """Forget the message, here and on the server."""
        self._settle(delivery_tag, requeue=False)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Requeue the message, or forget it."""
        self._settle(delivery_tag, requeue=requeue)

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:
        """Requeue the message; the other arguments are kombu's and mean nothing here."""
        del client, leftmost
        self._settle_at_server(tag, requeue=True)

    def restore_visible(self, start: int = 0, num: int = 10, interval: int = 10) -> None:
        """Settle what did not reach the server; kombu calls this now and then.

        Messages of the dead are requeued by the members, not by a timeout.
        """
        del start, num, interval
        late, self._late = self._late, {}
        for tag, requeue in late.items():
            self._settle(tag, requeue=requeue)

    def _settle(self, tag: str, *, requeue: bool) -> None:
        try:
            if requeue or not settled.take(tag):
                self._settle_at_server(tag, requeue=requeue)
        except (*self.channel.connection_errors, ResponseError):
            self._late[tag] = requeue  # raising would hold the slot of this message for ever
        self.channel.bulk_tags.discard(tag)
        virtual.QoS.ack(self, tag)

    def _settle_at_server(self, tag: str, *, requeue: bool) -> None:
        with self.channel.conn_or_acquire() as client:
            if requeue:
                client.eval(REQUEUE, 1, self.channel.taken_key, tag)
            else:
                client.hdel(self.channel.taken_key, tag)


class RedisMessage(virtual.Message, RawMessage):
    """A message of kombu's form, as it came."""


class RedisChannel(stock.Channel):
    """Takes messages with `TAKE`; waits without taking when there are none."""

    QoS = QoS
    Message = RedisMessage

    #: Transport options: whose hash the messages go to, and which queues come last.
    member_id = ""
    bulk_queues: Collection[str] = ()
    #: How many messages of these queues, taken together, may be in hand at once.
    bulk_slots = 1
    #: Whether results stand in the same Redis, so that they settle messages in one step.
    results_here = False

    from_transport_options = (
        *stock.Channel.from_transport_options,
        *("member_id", "bulk_queues", "bulk_slots", "results_here"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.bulk_tags: set[str] = set()
        self._receivers: dict[str, Callable[[virtual.Message], Any]] = {}
        self._talker: Any = None
        self._waits = False
        self._turns: deque[list[str]] = deque()
        self._refused_until = 0.0
        super().__init__(*args, **kwargs)

    @property
    def taken_key(self) -> str:
        """The hash of messages in this worker's hands."""
        return keys.taken(self.member_id)

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """Lend a client; kombu makes one for each call, a fifth of what an empty task costs."""
        if client is None:
            if self._talker is None or self._talker.connection_pool is not self.pool:
                self._talker = self._create_client()
            client = self._talker
        yield client

    def basic_consume(self, queue: str, no_ack: bool, callback: Any, *args: Any, **kw: Any) -> Any:
        """Consume, after requeueing what an earlier connection of this worker left in hand."""
        if not self._active_queues:
            self._requeue_all()
        self._receivers[queue] = callback
        self._turns.clear()
        return super().basic_consume(queue, no_ack, callback, *args, **kw)

    def _requeue_all(self) -> None:
        try:
            with self.conn_or_acquire() as client:
                client.eval(REQUEUE, 1, self.taken_key)
        except ResponseError as exc:  # Celery connects again, and comes back here
            raise ConnectionError(f"Redis takes nothing back: {exc}") from exc

    def basic_cancel(self, consumer_tag: str) -> Any:
        """Consume from one queue less."""
        self._turns.clear()
        return super().basic_cancel(consumer_tag)

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        """Put a message into its queue, at once or when the task that it carries goes on."""
        delay_s = message["headers"].pop(DELAY_HEADER, None)
        if delay_s is None:
            super()._put(queue, message, **kwargs)
            return
        replace = "1" if message["headers"].pop(REPLACE_HEADER, True) else "0"
        entry = f"{queue}\n{dumps(message)}"  # JSON has no line break but an escaped one
        given = [message["headers"]["id"], str(delay_s), entry, replace]
        with self.conn_or_acquire() as client:
            due = keys.BULK_DUE if queue in self.bulk_queues else keys.DUE
            client.eval(LATER, 2, due, keys.WAITING, *given)

    def _lists(self) -> list[str]:
        """Lists to look at before those of back-fills, in turns, so that none starves."""
        if not self._turns:
            self._turns = deque(self._rotations())
        self._turns.rotate(-1)
        return self._turns[0]

    def _rotations(self) -> Iterator[list[str]]:
        queues = self._preferred()
        for turn in range(len(queues)):
            yield self._with_priorities(queues[turn:] + queues[:turn])

    def _with_priorities(self, queues: Sequence[str]) -> list[str]:
        return [self._q_for_pri(queue, step) for queue in queues for step in self.priority_steps]

    def _preferred(self) -> list[str]:
        """All queues but those of back-fills, or these alone, as they are then like any other."""
        queues: list[str] = self.active_queues
        return [name for name in queues if name not in self.bulk_queues] or queues

    def _bulk_beside_others(self) -> list[str]:
        """Queues of back-fills that are not to take all slots; what waited goes on first."""
        preferred = self._preferred()
        active = self._active_queues
        return [name for name in self.bulk_queues if name in active and name not in preferred]

    def _take_command(self) -> list[Any]:
        bulk_room = max(0, self.bulk_slots - len(self.bulk_tags))
        lists = self._lists()
        bulk = self._with_priorities(self._bulk_beside_others()) if bulk_room else []
        names = [self.taken_key, keys.WAITING, keys.DUE, keys.BULK_DUE, *lists, *bulk]
        free = min(self.qos.can_consume_max_estimate() or 1, MOST_TAKEN)
        tags = [uuid.uuid4().hex for _ in range(free)]
        return ["EVAL", TAKE, len(names), *names, len(lists), bulk_room, *tags]

    def _brpop_start(self, timeout: float | None = None) -> None:
        """Send the command that the event loop will read the answer of."""
        del timeout
        if monotonic() >= self._refused_until:
            self._send(self._take_command())
            self._waits = False

    def _send(self, command: list[Any]) -> None:
        self._in_poll = self.client.connection
        self._brpop_sent_at = monotonic()
        self.client.connection.send_command(*command)

    def _brpop_read(self, **options: Any) -> bool:
        """Deliver what was taken; with nothing to take, wait until the first queue has something.

        BLMOVE from a list's end to the same end moves nothing: it waits, and takes nothing that
        could be lost.
        """
        try:
            answer = self._answer(options)
        except ResponseError as exc:
            self._refused(exc)
            raise Empty from exc
        taken, due_ms = ([], 0) if self._waits else answer
        if self._refused_until and (taken or self._waits):
            log.warning("Redis does again what it is asked for")
            self._refused_until = 0.0
        if self._waits or self._closing:
            raise Empty
        if not taken:
            first = self._preferred()[0]
            self._waits = True
            idle_s = min(due_ms / 1000 or IDLE_SECONDS, IDLE_SECONDS)
            self._send(["BLMOVE", first, first, "RIGHT", "RIGHT", idle_s])
            raise Empty
        for tag, name, text in taken:
            self._deliver(bytes_to_str(tag), bytes_to_str(name), text)
        return True

    def _answer(self, options: dict[str, Any]) -> Any:
        self._in_poll = None
        try:
            return self.client.parse_response(self.client.connection, "EVAL", **options)
        except ResponseError:
            raise  # it was read whole
        except self.connection_errors:
            self.client.connection.disconnect()
            raise
        finally:
            self._flush_brpop_reauth()

    def _refused(self, exc: ResponseError) -> None:
        """Ask again in a second; raises what will not pass by itself."""
        if not is_transient(exc):
            raise exc
        if not self._refused_until:
            log.warning("Redis refuses work, which goes on when it takes it again: %s", exc)
        self._refused_until = monotonic() + REFUSED_SECONDS

    def _deliver(self, tag: str, name: str, text: bytes) -> None:
        queue = name.rsplit(self.sep, 1)[0]
        message = self._readable(tag, text)
        if message is None:
            self._dead_letter(tag, text)
            return
        if queue in self.bulk_queues:
            self.bulk_tags.add(tag)
        self.qos.append(message, tag)
        self._receivers[queue](message)

    def _readable(self, tag: str, text: bytes) -> virtual.Message | None:
        """The message, under a tag of this delivery: the same text may be in the list twice."""
        try:
            content: dict[str, Any] = json.loads(text)  # kombu's own looks for types that none has
            if not is_message(content):
                return None
            content["properties"]["delivery_tag"] = tag
            content["properties"][TAKEN_BY] = self.member_id if self.results_here else None
            return self.Message(content, channel=self)
        except _NO_MESSAGE:
            return None

    def _receive_one(self, c: Any) -> Any:
        """Take one broadcast; kombu would have one that is no message end the worker."""
        try:
            return super()._receive_one(c)
        except _NO_MESSAGE as exc:
            log.error("dropped a broadcast that is no message: %s", exc)
            raise Empty from exc

    def _dead_letter(self, tag: str, text: bytes) -> None:
        log.error("put aside %d bytes that are no message: see %s", len(text), keys.UNREADABLE)
        with self.conn_or_acquire() as client, client.pipeline() as pipe:
            pipe.lpush(keys.UNREADABLE, text).ltrim(keys.UNREADABLE, 0, MAX_UNREADABLE - 1)
            pipe.hdel(self.taken_key, tag).execute()


class RedisTransport(stock.Transport):
    """For workers only: callers use kombu's own."""

    Channel = RedisChannel
    #: Celery connects again after these: to the server that may write, or until there is room.
    connection_errors = (*stock.Transport.connection_errors, OutOfMemoryError, ReadOnlyError)
