"""Who of the deployment's processes is alive, and who takes over from the dead.

Every process counts up a beat in Redis and watches the beats of the others. One whose count stands
still for `DEAD_AFTER_SECONDS` *while the server answered every second* is dead: its entry goes, the
messages that it had not acknowledged go back to their queues, its locks end, and with the entry
every run that it held becomes free. No clock is compared with another machine's, no lease runs out
while the server itself is away, and a task may take as long as it likes.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import redis

from parsekit.worker.redis import keys
from parsekit.worker.redis.locks import END_LOCKS
from parsekit.worker.redis.transport import REQUEUE

log = logging.getLogger(__name__)

#: Between two beats, and two looks at the others.
BEAT_SECONDS = 1.0
#: A process that is only slow (a swap, a full machine) gets this long.
DEAD_AFTER_SECONDS = 5.0

#: Between the name of a process and that of its child.
_CHILD = "/"

#: KEYS locks of the member, beats; ARGV member, beat. Removes the member if it still stands at
#: this beat, and ends its locks in the same step.
_REMOVE = f"""
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
{END_LOCKS}
"""


def new_member_id(parent: str = "") -> str:
    """A name that no other process has, ever, and that tells people where it runs.

    A child's begins with that of its ``parent``, which signs off for it.
    """
    family = f"{parent}{_CHILD}" if parent else f"{socket.gethostname()}:"
    return f"{family}{os.getpid()}:{uuid.uuid4().hex[:8]}"


def sibling(member_id: str, pid: int) -> str:
    """How the name begins of another child of the same parent."""
    return f"{member_id.rpartition(_CHILD)[0]}{_CHILD}{pid}:"


@dataclass(slots=True)
class _Seen:
    beat: bytes
    since: float


@dataclass(slots=True)
class Watch:
    """Decides who is dead from what was seen of the beats. ``clock`` never goes back."""

    clock: Callable[[], float] = time.monotonic
    _seen: dict[bytes, _Seen] = field(default_factory=dict)
    _last_observed: float = 0.0

    def observe(self, beats: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """Take in the beats of now; return the dead, with the beat at which each stopped."""
        now = self.clock()
        if now - self._last_observed > 3 * BEAT_SECONDS:
            self._seen.clear()  # the server was away, or we were: nobody could be seen beating
        self._last_observed = now
        self._seen = {
            member: self._seen[member]
            if member in self._seen and self._seen[member].beat == beat
            else _Seen(beat, now)
            for member, beat in beats.items()
        }
        return [
            (member, seen.beat)
            for member, seen in self._seen.items()
            if now - seen.since >= DEAD_AFTER_SECONDS
        ]


class Member:
    """This process among the others; one thread beats and watches.

    ``after_beat`` is called each time the server has answered; it may raise redis.RedisError.
    ``queues`` is the Redis of the messages in hand, where that is another one.
    """

    def __init__(
        self,
        client: redis.Redis,
        member_id: str,
        after_beat: Callable[[], None] | None = None,
        queues: redis.Redis | None = None,
    ) -> None:
        self.id = member_id
        self._client: Any = client  # redis-py's answers have no one type
        self._queues: Any = queues or client
        self._after_beat = after_beat
        self._watch = Watch()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="parsekit-member")

    def start(self) -> None:
        """Begin to beat. The first beat is sent at once where the server answers."""
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        """Stop beating, and leave in good order: what is still in hand goes back to its queue.

        Children have ended by now, and those that were killed could not leave by themselves.
        """
        self._stopped.set()
        self._thread.join(2 * BEAT_SECONDS)
        try:
            self._sign_off([self.id, *self._children()])
        except redis.RedisError as exc:
            log.warning("could not sign off, others will notice in seconds: %s", exc)

    def _children(self) -> list[str]:
        members = [member.decode() for member in self._client.hkeys(keys.BEATS)]
        return [member for member in members if member.startswith(f"{self.id}{_CHILD}")]

    def _sign_off(self, members: list[str]) -> None:
        """Messages first: what is in the hands of somebody who is not known would be lost."""
        for member in members:
            self._requeue_unacked(member)
        with self._client.pipeline() as pipe:
            for member in members:
                pipe.hdel(keys.BEATS, member)
                pipe.eval(END_LOCKS, 1, keys.locks_of(member), member)
            pipe.execute()

    def _run(self) -> None:
        while not self._stopped.wait(BEAT_SECONDS):
            self._beat()

    def _beat(self) -> None:
        try:
            self._client.hincrby(keys.BEATS, self.id, 1)
            for member, beat in self._watch.observe(self._client.hgetall(keys.BEATS)):
                self._evict(member, beat)
            if self._after_beat is not None:
                self._after_beat()
        except redis.RedisError as exc:
            log.debug("no beat: %s", exc)

    def _evict(self, member: bytes, beat: bytes) -> None:
        name = member.decode()
        # Messages first: a process killed in between leaves the entry, and another one goes on.
        count = self._requeue_unacked(name)
        if remove(self._client, name, beat.decode()):
            log.warning("worker %s is dead; gave back %d messages", name, count)

    def _requeue_unacked(self, member: str) -> int:
        return int(self._queues.eval(REQUEUE, 1, keys.taken(member)))


def remove(client: Any, member: str, beat: str) -> bool:
    """Forget a member that still stands at this beat; return whether it did.

    One script over two keys. Raises redis.RedisError.
    """
    return bool(client.eval(_REMOVE, 2, keys.locks_of(member), keys.BEATS, member, beat))
