"""What a worker may come to need: a replay that takes all it may should end its own parse alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from parsekit.config.settings import Limits

#: The worker beside its parsers; it was seen to take 70 MiB with a pool of threads, 310 prefork.
WORKER_BYTES = 512 << 20


def most_bytes(command: Sequence[str], config: Path) -> int:
    """With every slot at its limit."""
    slots = int(command[command.index("--concurrency") + 1])
    limits = Limits.model_validate(json.loads(config.read_text()).get("limits", {}))
    return slots * limits.parse_memory + WORKER_BYTES
