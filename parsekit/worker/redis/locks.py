"""Locks among all processes that share a Redis.

A claim belongs to a process of `parsekit.worker.redis.membership` and ends with it; while its task
waits it belongs to nobody but the task, and lapses by itself.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import redis

from parsekit.errors import StorageUnavailable
from parsekit.worker.redis import keys
from parsekit.worker.redis.liveness import ALIVE

#: What nobody released is forgotten after an hour.
_FORGET_MS = 3600 * 1000

#: KEYS lock, locks of the member; ARGV owner, member, token. Returns 0 while another has it.
_ACQUIRE = f"""
{ALIVE}
local owner, member = unpack(redis.call('HMGET', KEYS[1], 'owner', 'member'))
if owner and owner ~= ARGV[1] and (member == '' or alive(member)) then return 0 end
join(ARGV[2])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'member', ARGV[2], 'token', ARGV[3])
redis.call('PEXPIRE', KEYS[1], {_FORGET_MS})
redis.call('SADD', KEYS[2], KEYS[1])
redis.call('PEXPIRE', KEYS[2], {_FORGET_MS})
return 1
"""
#: KEYS lock, locks of the member; ARGV token, milliseconds.
_EXTEND = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'member', '')
redis.call('SREM', KEYS[2], KEYS[1])
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
#: KEYS lock, locks of the member; ARGV token.
_RELEASE = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
redis.call('SREM', KEYS[2], KEYS[1])
return redis.call('DEL', KEYS[1])
"""


class RedisLocks:
    """Claims of the process ``member_id``."""

    def __init__(self, client: redis.Redis, member_id: str) -> None:
        self._client = client
        self._member_id = member_id
        self._mine = keys.locks_of(member_id)
        self._late: set[RedisLock] = set()

    def acquire(self, key: str, *, owner: str) -> RedisLock | None:
        """Take the lock; None while another task has it. Raises `StorageUnavailable`.

        The token is made here, so that a claim whose answer was lost can be released all the same.
        """
        lock = RedisLock(self, keys.lock(key), uuid.uuid4().hex)
        names = [lock.name, self._mine]
        try:
            taken = self._client.eval(_ACQUIRE, 2, *names, owner, self._member_id, lock.token)
        except redis.RedisError as exc:
            self._late.add(lock)
            raise StorageUnavailable(f"locks can't be claimed in Redis: {exc}") from exc
        return lock if taken else None

    def run_script(self, lock: RedisLock, script: str, *given: str) -> int:
        """Run a script on a lock; one that does not reach Redis is released later."""
        try:
            names = [lock.name, self._mine]
            return int(self._client.eval(script, 2, *names, lock.token, *given))
        except redis.RedisError:
            self._late.add(lock)
            raise

    def release_late(self) -> None:
        """Release what could not be released (or held) in time. Raises redis.RedisError."""
        for lock in list(self._late):
            self.run_script(lock, _RELEASE)
            self._late.discard(lock)


@dataclass(frozen=True, slots=True)
class RedisLock:
    """A lock of `RedisLocks`; the token tells it from every other claim."""

    locks: RedisLocks
    name: str
    token: str

    def extend(self, seconds: float) -> None:
        """Keep it for its task for ``seconds`` more, without a process."""
        self.locks.run_script(self, _EXTEND, str(round(seconds * 1000)))

    def release(self) -> None:
        """Let the next task have it."""
        self.locks.run_script(self, _RELEASE)
