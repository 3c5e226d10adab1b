"""Who of the deployment's workers is alive, and who takes over from the dead.

Every worker notes each second that it lives, in one script that also says whose note is
`DEAD_AFTER_SECONDS` old: such a worker is dead. Its entry goes, the messages that it had not
acknowledged go back to their queues, its locks and those of its children end, and with the entry
every run that it held becomes free. The cost of a beat does not grow with the number of workers.

Only the server's clock is read. It counts against nobody that the server was away or that its clock
was set: whenever no beat came for `AWAY_SECONDS`, nobody is dead for the next `DEAD_AFTER_SECONDS`.
Nor that it is slow: who was not heard for so long itself judges nobody, as all may be late then.

The children of a prefork pool do not beat. Their parent sees when one was killed, and signs it off;
one whose parent was killed beats from then on, so that nobody repeats what it still does.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable
from typing import Any

import redis

from parsekit.worker.redis import keys
from parsekit.worker.redis.liveness import CHILD, LEAVE
from parsekit.worker.redis.transport import REQUEUE

log = logging.getLogger(__name__)

#: Between two beats.
BEAT_SECONDS = 1.0
#: A process that is only slow (a swap, a full machine) gets this long.
DEAD_AFTER_SECONDS = 5.0
#: A server that heard no beat for so long was away, or everybody else was.
AWAY_SECONDS = 3.0
#: How many of the dead one beat returns; the next one returns the others.
_MOST_DEAD = 10

#: KEYS beats, watch; ARGV member, seconds after which one is dead, seconds after which the server
#: was away, and the time in seconds, "" for the server's. Returns the dead, each with the time of
#: its last beat.
_BEAT = f"""
local now = tonumber(ARGV[4])
if now then now = math.floor(now * 1000) else
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local last = tonumber(redis.call('HGET', KEYS[2], 'last'))
local mine = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]))
if not last or now - last > ARGV[3] * 1000 or now < last then
  redis.call('HSET', KEYS[2], 'judge_from', now + ARGV[2] * 1000)
end
if last and now < last then
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')) do
    redis.call('ZADD', KEYS[1], now, member)
  end
end
redis.call('HSET', KEYS[2], 'last', now)
redis.call('ZADD', KEYS[1], now, ARGV[1])
if not mine or now - mine > ARGV[3] * 1000 then return {{}} end
if now < tonumber(redis.call('HGET', KEYS[2], 'judge_from')) then return {{}} end
local dead = now - ARGV[2] * 1000
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', dead, 'WITHSCORES', 'LIMIT', 0, {_MOST_DEAD})
"""
#: KEYS beats, locks of the member; ARGV member, the time of its last beat. Forgets it if it has not
#: beaten since.
_EVICT = f"""
{LEAVE}
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
leave(ARGV[1])
return 1
"""
#: ARGV member.
_LEAVE = f"""
{LEAVE}
leave(ARGV[1])
return 1
"""


def new_member_id(parent: str = "") -> str:
    """A name that no other process has, ever, and that tells people where it runs.

    A child's begins with that of its ``parent``, which signs off for it.
    """
    family = f"{parent}{CHILD}" if parent else f"{socket.gethostname()}:"
    return f"{family}{os.getpid()}:{uuid.uuid4().hex[:8]}"


def sibling(member_id: str, pid: int) -> str:
    """How the name begins of another child of the same parent."""
    return f"{member_id.rpartition(CHILD)[0]}{CHILD}{pid}:"


class Member:
    """This process among the others; one thread beats and looks after its children.

    ``each_second`` is called while the server answers; it may raise redis.RedisError. ``queues`` is
    the Redis of the messages in hand, where that is another one. ``clock`` counts seconds, None for
    the server's own clock, the only one that all workers share.
    """

    def __init__(
        self,
        client: redis.Redis,
        member_id: str,
        each_second: Callable[[], None] | None = None,
        queues: redis.Redis | None = None,
        *,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.id = member_id
        self._client: Any = client  # redis-py's answers have no one type
        self._queues: Any = queues or client
        self._each_second = each_second
        self._clock = clock
        self._parent = member_id.rpartition(CHILD)[0]
        self._parent_pid = os.getppid()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="parsekit-member")

    def start(self) -> None:
        """Begin to be known. The first beat is sent at once where the server answers."""
        self._turn(self._join if self._parent else self.beat)
        self._thread.start()

    def stop(self) -> None:
        """Leave in good order: what is still in hand goes back to its queue.

        Children have ended by now, and those that were killed could not leave by themselves.
        """
        self._stopped.set()
        self._thread.join(2 * BEAT_SECONDS)
        try:
            self._requeue_unacked(self.id)
            self._leave(self.id)
        except redis.RedisError as exc:
            log.warning("could not sign off, others will notice in seconds: %s", exc)

    def _run(self) -> None:
        while not self._stopped.wait(BEAT_SECONDS):
            is_orphan = os.getppid() != self._parent_pid
            self._turn(self.beat if is_orphan or not self._parent else None)

    def _turn(self, visit: Callable[[], object] | None) -> None:
        try:
            if visit is not None:
                visit()
            if self._each_second is not None:
                self._each_second()
        except redis.RedisError as exc:
            log.debug("no beat: %s", exc)

    def _join(self) -> None:
        self._client.sadd(keys.children(self._parent), self.id)

    def beat(self) -> None:
        """Note that it lives, and take over from who does not. Raises redis.RedisError."""
        now = "" if self._clock is None else f"{self._clock():.3f}"
        limits = DEAD_AFTER_SECONDS, AWAY_SECONDS
        with self._client.pipeline(transaction=False) as pipe:
            pipe.eval(_BEAT, 2, keys.BEATS, keys.BEAT_WATCH, self.id, *limits, now)
            pipe.smembers(keys.children(self.id))
            found, children = pipe.execute()
        for member, beat in zip(found[::2], found[1::2], strict=True):
            self._evict(member.decode(), beat.decode())
        for child in children:
            self._sign_off_if_killed(child.decode())

    def _sign_off_if_killed(self, child: str) -> None:
        try:
            os.kill(int(child.rpartition(CHILD)[2].partition(":")[0]), 0)
        except ProcessLookupError:
            self._leave(child)
            log.info("process %s of this worker's pool was killed; its locks end", child)

    def _evict(self, member: str, beat: str) -> None:
        # Messages first: a process killed in between leaves the entry, and another one goes on.
        count = self._requeue_unacked(member)
        if remove(self._client, member, beat):
            log.warning("worker %s is dead; gave back %d messages", member, count)

    def _requeue_unacked(self, member: str) -> int:
        return int(self._queues.eval(REQUEUE, 1, keys.taken(member)))

    def _leave(self, member: str) -> None:
        self._client.eval(_LEAVE, 0, member)


def remove(client: Any, member: str, beat: str) -> bool:
    """Forget a member whose last beat is still this one; return whether it is.

    One script over two keys. Raises redis.RedisError.
    """
    return bool(client.eval(_EVICT, 2, keys.BEATS, keys.locks_of(member), member, beat))
