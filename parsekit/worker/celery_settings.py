"""Celery's settings, each with the reason that is not its name."""

from __future__ import annotations

from typing import Any

from kombu import Exchange, Queue

from parsekit.worker.addresses import Addresses

#: Over RabbitMQ, which has a queue for each length of wait, a waiting task comes back to a worker
#: at least this often, seconds; over Redis it rests until its time, or for a day.
MAX_HOP_SECONDS = 60.0
MAX_REST_SECONDS = 86_400.0
#: SIGTERM ends the worker within this time, whatever its tasks do, seconds.
SHUTDOWN_SECONDS = 25.0
#: Fetching, storing and reporting may take this long beside the parse, all retries included.
_RUN_MARGIN_SECONDS = 300.0

#: A setting of ours among Celery's: how long the state of a task is kept, seconds.
STATE_EXPIRES = "parsekit_state_expires"
_RESULTS = "parsekit.worker.redis.results:RedisResults"


def longest_run_s(parse_seconds: float) -> float:
    """How long one run of a task may take, and its message be un-acknowledged, seconds."""
    return parse_seconds + _RUN_MARGIN_SECONDS


def celery_settings(at: Addresses) -> dict[str, Any]:
    """Settings for callers and workers alike."""
    return {
        **_messages(at),
        **_delivery(at),
        **_results(at),
        "worker_hijack_root_logger": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "enable_utc": True,
    }


def task_queues(at: Addresses) -> list[Queue]:
    """In order of preference. Callers' have no arguments: celery-node declares them again, bare."""
    ours = (at.poll_queue, at.bulk_poll_queue)
    return [
        own_queue(name) if name in ours else Queue(name, Exchange(""), routing_key=name)
        for name in at.all_queues
    ]


def own_queue(name: str, **arguments: object) -> Queue:
    """A queue that only workers know: a classic one, whatever the vhost's default is.

    RabbitMQ hands messages whose time has come on from queue to queue and does not wait until a
    quorum queue has a leader: those of the moments after its start would be lost (measured, 3.10).
    """
    arguments = {"x-queue-type": "classic", **arguments}
    return Queue(name, Exchange(""), routing_key=name, queue_arguments=arguments)


def _messages(at: Addresses) -> dict[str, Any]:
    return {
        "broker_url": at.broker,
        "task_default_queue": at.queue,
        "task_queues": task_queues(at),
        "task_create_missing_queues": True,
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "task_serializer": "json",
        "result_serializer": "json",
    }


def _delivery(at: Addresses) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_acks_on_failure": True,
        "task_acks_on_timeout": True,
        "worker_prefetch_multiplier": 1,
        "worker_detect_quorum_queues": True,
        # STARTED would overwrite the FAILURE of a task that is delivered once more; see the task.
        "task_track_started": False,
        "task_publish_retry_policy": {
            "max_retries": 3,
            "interval_start": 0,
            "interval_step": 0.2,
            "interval_max": 1,
        },
    }
    if at.redis_broker:
        settings["broker_transport_options"] = {
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 25,
        }
        return settings
    settings["broker_transport_options"] = {"confirm_publish": True, "confirm_timeout": 10}
    settings["broker_heartbeat"] = 30
    settings["broker_use_ssl"] = at.broker_tls
    return settings


def _results(at: Addresses) -> dict[str, Any]:
    return {
        # Celery takes the first plus for its own, and knows the rest as socket:///path.
        "result_backend": f"{_RESULTS}+{at.backend.removeprefix('redis+')}",
        "result_expires": at.result_expires,
        STATE_EXPIRES: at.state_expires,
        "result_extended": False,
        "result_compression": None,
        "result_backend_always_retry": True,
        "redis_socket_timeout": 10,
        "redis_socket_connect_timeout": 5,
        "redis_socket_keepalive": "socket://" not in at.backend,
        "redis_retry_on_timeout": True,
    }


def worker_transport_options(at: Addresses, member_id: str, concurrency: int) -> dict[str, Any]:
    """Options of `parsekit.worker.redis.transport`, which only a consuming process uses."""
    return {
        **_delivery(at)["broker_transport_options"],
        "member_id": member_id,
        "bulk_queues": at.bulk_queues,
        "bulk_slots": max(1, concurrency - 1),
        "results_here": at.backend == at.broker,
        "unacked_restore_interval": 2,
    }
