"""All that can be tried before the first task is taken, so that no task finds it out."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from parsekit.api import check_pipeline
from parsekit.errors import ConfigInvalid, StorageUnavailable
from parsekit.host.choices import missing_secrets, wrong_choices
from parsekit.worker.celery_settings import task_queues
from parsekit.worker.process import service
from parsekit.worker.run_in_fork import run_in_fork
from parsekit.worker.servers import broker, servers


@cache
def preflight(queues: frozenset[str]) -> tuple[str, ...]:
    """Try configuration, plugins, storage, servers, and to declare the ``queues``.

    Answers what only waiting helps against, a sentence each: a server that is away comes back, and
    a worker waits for it. Raises `ConfigInvalid` for what somebody has to change, `PluginFailed`
    for a plugin that fails. Done once a process, whoever starts the worker.
    """
    config, host = service.config, service.host
    wrong = [str(problem.located(config.origins)) for problem in wrong_choices(config, host)]
    if problems := [*wrong, *missing_secrets(config, host)]:
        raise ConfigInvalid(*problems)
    run_in_fork(_make_pipeline)
    return tuple(_silent(queues))


def _make_pipeline() -> None:
    check_pipeline(service.session, service.host)


def _silent(queues: Collection[str]) -> list[str]:
    at = service.addresses
    if at.embedded:
        return []  # ours to start
    silent = []
    for server in servers(at):
        try:
            server.use()
            for queue in task_queues(at) if server == broker(at) else ():
                if queue.name in queues:
                    server.declare(queue)
        except StorageUnavailable as exc:
            silent.append(exc.message)
    return silent
