"""A service as it is deployed: objects in SeaweedFS, progress and analytics over RabbitMQ."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import kombu

from devkit.contract import Contract
from devkit.deployment import Deployment
from devkit.servers.rabbitmq_node import RabbitNode
from devkit.servers.seaweedfs import ADMIN, BUCKET, SeaweedServer
from devkit.warm_start import Starter, popen
from parsekit.model import JsonObject


@dataclass
class Mailbox:
    """A queue, and all that its reader has found there.

    ``messages`` are by message id, as a reader drops repeats; ``repeats`` counts those. Where there
    is a ``contract``, what breaks it raises ValueError.
    """

    contract: ClassVar[Contract | None] = None

    url: str
    queue: str
    messages: dict[str, JsonObject] = field(default_factory=dict)
    repeats: int = 0

    def look(self) -> list[JsonObject]:
        """Take what is there; answer all that ever came, in order."""
        with kombu.Connection(self.url) as connection:
            self.take(connection)
        return list(self.messages.values())

    def take(self, connection: kombu.Connection) -> list[JsonObject]:
        """Take what is there over this connection; return what is new."""
        new = []
        with closing(connection.channel()) as channel:
            channel.queue_declare(self.queue, durable=True, auto_delete=False)
            while (found := channel.basic_get(self.queue, no_ack=True)) is not None:
                name = found.properties["message_id"]
                if name in self.messages:
                    self.repeats += 1
                else:
                    self.messages[name] = self._read(found.body)
                    new.append(self.messages[name])
        return new

    def _read(self, body: bytes) -> JsonObject:
        message: JsonObject = json.loads(body)
        if self.contract is not None:
            self.contract.check("analytics" if "pattern" in message else "progress", [message])
        return message


class Production(Deployment):
    """A deployment with plugins ``storage_minio`` and ``sinks_rabbitmq``, and queues of its own.

    Without a ``broker`` nothing is published.
    """

    def __init__(
        self,
        folder: Path,
        config: JsonObject,
        environ: Mapping[str, str] | None = None,
        *,
        store: SeaweedServer,
        broker: RabbitNode | None,
        start: Starter = popen,
    ) -> None:
        name, url = uuid.uuid4().hex[:8], broker.url() if broker else ""
        self.progress = Mailbox(url, f"progress-{name}")
        self.analytics = Mailbox(url, f"analytics-{name}")
        self._objects = store.client()
        sections: JsonObject = {"minio": _minio(folder, store)}
        if broker is not None:
            sections["transport"] = {"url": url, "analytics_queue": self.analytics.queue}
        super().__init__(folder, sections | config, environ, start=start)

    def put(self, name: str, body: bytes) -> str:
        """Store a replay as a caller does, and return its key."""
        key = f"replays/{name}.replay"
        self._objects.put_object(BUCKET, key, io.BytesIO(body), len(body))
        return key


def _minio(folder: Path, store: SeaweedServer) -> JsonObject:
    """The section, with the keys in files that nobody else reads."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"access_key_file": ADMIN.access_key, "secret_key_file": ADMIN.secret_key}
    for name, text in files.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text)
    paths = {name: str(folder / name) for name in files}
    return {"hostname": store.hostname, "bucket": BUCKET, **paths}
