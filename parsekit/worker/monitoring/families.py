"""Every metric of the worker's own: its name, what it counts, by which labels."""

from __future__ import annotations

from parsekit.metrics import MetricFamily

TASKS = MetricFamily(
    name="parsekit_tasks_total",
    help="Tasks that ended: parsed, cached or failed, with the error's published code.",
    kind="counter",
    labels=("outcome", "code", "parser"),
)
STAGES = MetricFamily(
    name="parsekit_stage_duration_seconds",
    help="Seconds that a task spent in get, parse and put; total is from its first delivery to "
    "its end, waits included.",
    kind="histogram",
    labels=("stage",),
)
RUNNING = MetricFamily(name="parsekit_running_tasks", help="Tasks that run.")
SLOTS = MetricFamily(name="parsekit_slots", help="Tasks that may run at once.")
LONGEST = MetricFamily(
    name="parsekit_longest_run_seconds", help="Age of the oldest run.", across="max"
)
RUN_LIMIT = MetricFamily(
    name="parsekit_run_limit_seconds",
    help="Age of a run beyond which /healthz has the worker restarted.",
    across="max",
)
RUNS = MetricFamily(
    name="parsekit_runs_total",
    help="Runs begun; a task that waits has several.",
    kind="counter",
)
SERVER_UP = MetricFamily(
    name="parsekit_server_up",
    help="1 when the broker, the results or the storage answers this worker.",
    labels=("server",),
)
BUILD_INFO = MetricFamily(
    name="parsekit_build_info",
    help="Always 1; the label is the version.",
    labels=("version",),
)
LISTENER_LOST = MetricFamily(
    name="parsekit_listener_lost_events_total",
    help="Events that a plugin was too slow to take.",
    kind="counter",
    labels=("listener",),
)
SHADOW = MetricFamily(
    name="parsekit_shadow_replays_total",
    help="Fresh results, by what the shadow parser did with them.",
    kind="counter",
    labels=("fate",),
)
MESSAGES = MetricFamily(
    name="parsekit_queue_messages",
    help="Messages that wait to be taken; bulk is true for the queues of back-fills.",
    labels=("queue", "bulk"),
    across="max",
    owner="deployment",
)
OLDEST = MetricFamily(
    name="parsekit_queue_oldest_seconds",
    help="For how long the oldest message of a queue waits.",
    labels=("queue", "bulk"),
    across="max",
    owner="deployment",
)
TAKEN = MetricFamily(
    name="parsekit_queue_taken_total",
    help="Messages that this worker took.",
    kind="counter",
    labels=("queue",),
)
WAITING = MetricFamily(
    name="parsekit_waiting_tasks",
    help="Tasks that wait for a remote parser, a turn or a retry, and hold no slot; where tasks "
    "come through Redis.",
    across="max",
    owner="deployment",
)
OWN_WAITING = MetricFamily(
    name="parsekit_own_waiting_tasks",
    help="Of the waiting tasks, those that this worker sent to wait, until their time comes.",
)
DEAD_LETTERS = MetricFamily(
    name="parsekit_dead_letters",
    help="Requests that were put aside.",
    across="max",
    owner="deployment",
)
REDIS_USED = MetricFamily(
    name="parsekit_redis_used_bytes",
    help="What the Redis of the broker or the results holds; one that is both is the broker.",
    labels=("server",),
    across="max",
    owner="deployment",
)
REDIS_LIMIT = MetricFamily(
    name="parsekit_redis_limit_bytes",
    help="What this Redis may hold before it is full, its maxmemory; 0 where it has no limit.",
    labels=("server",),
    across="max",
    owner="deployment",
)
