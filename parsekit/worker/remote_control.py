"""Which of Celery's remote commands a worker obeys: who may send a task may send those as well.

It answers what monitors ask, revokes tasks, and sends task events to who asks for them. What would
have it take other messages, fewer or none, or end, is refused with an answer in words, unless
`celery.remote_control` is on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from signal import SIGKILL, SIGTERM
from typing import Any

import redis
from celery.app.control import Control
from celery.utils.functional import maybe_list
from celery.worker.control import Panel, revoke
from kombu.pidbox import Mailbox, Node

from parsekit.config import CelerySettings
from parsekit.worker.messages.message_checks import is_task_id
from parsekit.worker.process import service

log = logging.getLogger(__name__)

#: What monitors send before they listen for events.
_FOR_MONITORS = ("enable_events", "heartbeat")
#: Inspection that writes a file to the disk.
_REFUSED = ("objgraph",)
#: What `revoke` may send to a process; others could stop one for good.
_SIGNALS = (None, "TERM", "SIGTERM", SIGTERM, "KILL", "SIGKILL", SIGKILL)

Handler = Callable[..., object]


class GuardedMailbox(Mailbox):
    """Has workers obey what is allowed; other applications have mailboxes of their own."""

    def Node(self, *args: Any, handlers: Mapping[str, Handler], **options: Any) -> Node:  # noqa: N802  (kombu's name)
        """Make the mailbox of one worker."""
        everything = service.config.section(CelerySettings).remote_control
        obeyed = {**handlers, "revoke": _revoke} if everything else guarded(handlers)
        return super().Node(*args, handlers=obeyed, **options)


class GuardedControl(Control):
    """Celery's control with the mailbox of this module; named by `Celery`'s ``control``."""

    Mailbox = GuardedMailbox


def guarded(handlers: Mapping[str, Handler]) -> dict[str, Handler]:
    """Celery's commands, those that are not allowed each with a refusal in its place."""
    names = {name for name, about in Panel.meta.items() if about.type == "inspect"}
    names = names - {*_REFUSED} | {*_FOR_MONITORS}
    allowed = {handlers[name] for name in names}  # by what they do, as some have several names
    kept = {name: h if h in allowed else partial(_refuse, name) for name, h in handlers.items()}
    return {**kept, "revoke": _guarded_revoke}


def _guarded_revoke(
    state: Any, task_id: Any, terminate: bool = False, signal: Any = None, **options: Any
) -> object:
    if signal not in _SIGNALS:
        return _refuse("revoke with a signal other than TERM and KILL", state)
    return _revoke(state, task_id, terminate, signal, **options)


def _revoke(state: Any, task_id: Any, *given: Any, **options: Any) -> object:
    """Revoke, and have what waits meet its end now: a worker remembers for hours, if it lives."""
    answer = revoke(state, task_id, *given, **options)
    try:
        for each in filter(is_task_id, maybe_list(task_id) or ()):
            service.process.task_store.revoke(each)
    except redis.RedisError as exc:
        log.warning("a task that was revoked while it waits ends when its time comes: %s", exc)
    return answer


def _refuse(command: str, state: object, /, **arguments: object) -> dict[str, str]:
    del state, arguments
    log.warning("a remote command was refused: %s", command)
    return {"error": f"{command} is not obeyed here; celery.remote_control: true would allow it"}
