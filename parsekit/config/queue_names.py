"""Names that a queue of the service can bear, in Redis and in RabbitMQ."""

from __future__ import annotations

#: AMQP writes names as short strings of 255 bytes, and ours get an end (``-poll-in-60000-ms``).
MAX_BYTES = 200
#: Others' names in Redis: what workers share, kombu's tables, and results.
REDIS_NAMES = ("parsekit:", "_kombu.", "celery-task-meta-")
#: Celery's, by which workers are commanded and task events are published: how they begin, and end.
CELERY_BEGINS, CELERY_ENDS = "celeryev", "celery.pidbox"
#: What no queue of the service begins with: those of Redis, and RabbitMQ's own.
_RESERVED = ("amq.", *REDIS_NAMES)
#: The queue of tasks that waited; what follows is made of its name too.
_POLL = "-poll"


def queue_fault(name: str) -> str | None:
    """Say why a queue can't have this name; None when it can."""
    if not name or name != name.strip() or not name.isprintable():
        return "is no name of a queue; write letters, digits and dashes"
    if "," in name:
        return "holds a comma, which stands between two queues of --queues; write another name"
    if len(name.encode()) > MAX_BYTES:
        return f"has {len(name.encode())} bytes, at most {MAX_BYTES} go; write a shorter name"
    for beginning in _RESERVED:
        if name.startswith(beginning):
            return f"begins with {beginning!r}, as names of others do; write another name"
    return None


def clash(queue: str, bulk_queue: str) -> str | None:
    """Say which of both would get messages of the other; None when neither does."""
    if queue == bulk_queue:
        return f"queue and bulk_queue are both {queue!r}; give back-fills a queue of their own"
    for one, other in ((queue, bulk_queue), (bulk_queue, queue)):
        if other.startswith(f"{one}{_POLL}"):
            return f"{other!r} is one of the queues that go with {one!r}; name it otherwise"
    return None
