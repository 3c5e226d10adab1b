"""Where tasks come from and answers go to: the configured servers, or the embedded one."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from parsekit.config import CelerySettings, Config
from parsekit.config.queue_names import CELERY_BEGINS, CELERY_ENDS, REDIS_NAMES
from parsekit.config.redis_address import is_redis
from parsekit.worker.tls import AmqpTls, amqp_tls, check_files

#: Set by ``parsekit worker --embedded``: the embedded server, whatever the configuration names.
ENV_EMBEDDED = "PARSEKIT_EMBEDDED"
#: Where callers' clients send a task when nobody says where to.
CELERYS_DEFAULT_QUEUE = "celery"
_SOCKET = "valkey.sock"
#: The longest path of a socket that Linux takes is 107 bytes; macOS takes 103.
_MAX_SOCKET_PATH = 100


def embedded_folder(data_dir: Path) -> Path:
    """Where the server that ``parsekit worker --embedded`` runs for this data folder lives.

    In the temporary folder it has no name of a `workspace`, which are swept.
    """
    folder = data_dir.absolute() / "embedded"
    if len(str(folder / _SOCKET).encode()) <= _MAX_SOCKET_PATH:
        return folder
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"parsekit-embedded-{os.getuid()}-{name}"


def embedded_url(data_dir: Path) -> str:
    """Its address."""
    return f"redis+socket://{embedded_folder(data_dir) / _SOCKET}"


def with_addresses(config: Config, data_dir: Path) -> Config:
    """The configuration with broker and backend filled in where nothing names them."""
    celery = config.section(CelerySettings)
    embedded = os.environ.get(ENV_EMBEDDED, "") not in ("", "0")
    if embedded or celery.broker is None:
        url = embedded_url(data_dir)
        celery = celery.model_copy(update={"broker": url, "backend": url})
    return replace(config, sections={**config.sections, "celery": celery})


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """URLs and queue names in force. ``backend`` has what workers share beside the results.

    It keeps a result for ``result_expires``, and the state of a task for ``state_expires`` seconds.
    """

    broker: str
    backend: str
    queue: str
    bulk_queue: str
    result_expires: int
    state_expires: int
    broker_tls: AmqpTls = False

    @classmethod
    def of(cls, config: Config) -> Addresses:
        """Read them from a configuration that went through `with_addresses`.

        Raises `ConfigInvalid` for files that TLS can't be spoken with.
        """
        celery = config.section(CelerySettings)
        broker = celery.broker_url or ""
        backend = celery.backend_url or broker
        check_files(celery, broker, backend)
        return cls(
            broker=broker,
            backend=backend,
            queue=celery.queue,
            bulk_queue=celery.bulk_queue,
            broker_tls=amqp_tls(broker, celery),
            result_expires=celery.result_expires,
            state_expires=celery.state_expires,
        )

    def reserves(self, name: str) -> bool:
        """Whether this is a queue of the service, or the name of one that it may come to have."""
        return name in (self.queue, self.bulk_queue) or self.is_internal(name)

    def is_internal(self, name: str) -> bool:
        """Whether no caller may put something there: a queue of workers or of Celery, a key."""
        families = tuple(
            f"{queue}{end}"
            for queue in (self.queue, self.bulk_queue)
            for end in ("-poll", "-dead-letters")
        )
        taken = (*families, *REDIS_NAMES, CELERY_BEGINS)
        return name.startswith(taken) or name.endswith(CELERY_ENDS)

    @property
    def poll_queue(self) -> str:
        """Queue of tasks that waited and go on."""
        return f"{self.queue}-poll"

    @property
    def bulk_poll_queue(self) -> str:
        """The same for tasks of back-fills, which may not take all slots then either."""
        return f"{self.bulk_queue}-poll"

    @property
    def bulk_queues(self) -> tuple[str, ...]:
        """Queues of back-fills, which share fewer slots than a worker has."""
        return (self.bulk_poll_queue, self.bulk_queue)

    @property
    def all_queues(self) -> tuple[str, ...]:
        """In order of preference."""
        return (self.queue, self.poll_queue, *self.bulk_queues)

    def consumed(self, named: Iterable[str]) -> tuple[str, ...]:
        """These queues, in order of preference, each with the one in which its tasks go on."""
        named = set(named)
        for queue, poll in ((self.queue, self.poll_queue), (self.bulk_queue, self.bulk_poll_queue)):
            if queue in named:
                named.add(poll)
        return (*(name for name in self.all_queues if name in named), *self.foreign(named))

    def foreign(self, named: Iterable[str]) -> list[str]:
        """Those of the queues that are none of this deployment's."""
        return sorted(set(named) - set(self.all_queues))

    @property
    def embedded(self) -> bool:
        """Whether the broker is the one that a worker brings itself."""
        return self.broker.startswith("redis+socket://") and self.broker.endswith(_SOCKET)

    @property
    def redis_broker(self) -> bool:
        """Whether tasks come through Redis."""
        return is_redis(self.broker)
