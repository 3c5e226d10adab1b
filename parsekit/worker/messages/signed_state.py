"""What a message of ours carries of its task, signed: anybody who has the broker can send one.

The signature is over the task's id, its replay, and all that is carried, so that nothing can be
made up, nor moved to another task or replay. A task whose message carries something that is not
signed by this deployment starts anew.
"""

from __future__ import annotations

import dataclasses
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis

from parsekit.config import Config
from parsekit.model import JsonObject
from parsekit.storage.signing import Signer
from parsekit.worker.redis import keys

log = logging.getLogger(__name__)

#: The message header with it.
CARRIED_HEADER = "parsekit_carried"
_PURPOSE = "parsekit waiting task"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a delivery learns from the one before it.

    ``state`` is the pipeline's, None before the first run. ``until_unix`` is when the task goes on,
    which may be several hops away. ``caller`` says who sent the first message. ``again`` names the
    time at which a dead letter is tried anew, "" for the first.
    """

    state: Mapping[str, Any] | None = None
    until_unix: float = 0.0
    caller: str = ""
    again: str = ""


def carrying_signer(config: Config, connection: redis.Redis) -> Signer:
    """Signs for all workers: with `provenance.key_file`, else a key that they share in Redis.

    Raises `ConfigInvalid` for a key file that can't be used, and what Redis' client raises.
    """
    if (configured := Signer.of(config)) is not None:
        return configured
    connection.set(keys.CARRYING_KEY, secrets.token_hex(_KEY_BYTES), nx=True)
    key: Any = connection.get(keys.CARRYING_KEY)
    return Signer((bytes(key),))


def signed(carried: Carried, task_id: str, kwargs: Mapping[str, Any], signer: Signer) -> JsonObject:
    """The message header."""
    facts = dataclasses.asdict(carried)
    return {
        CARRIED_HEADER: {
            **facts,
            "signature": signer.sign(_PURPOSE, _bound(facts, task_id, kwargs)),
        }
    }


def carried_by(request: Any, kwargs: Mapping[str, Any], signer: Signer) -> Carried:
    """What the message of this delivery carries; nothing where nobody of ours has signed it."""
    given = getattr(request, CARRIED_HEADER, None)
    if given is None:
        return Carried()
    try:
        facts = dict(given)
        signature = facts.pop("signature")
        if not signer.verifies(_PURPOSE, _bound(facts, request.id, kwargs), signature):
            raise ValueError("none of our keys has signed it")
        return Carried(**facts)
    except (TypeError, ValueError, LookupError, RecursionError) as exc:
        log.warning(
            "task %s starts anew: what its message carries is not ours: %s", request.id, exc
        )
        return Carried()


def _bound(facts: JsonObject, task_id: str, kwargs: Mapping[str, Any]) -> JsonObject:
    return {"task": task_id, "replay": kwargs.get("replayObjectPath"), "carried": facts}
