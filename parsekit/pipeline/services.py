"""What every task of a process uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from parsekit.clock import Clock
from parsekit.config import Config
from parsekit.errors import ParsekitError
from parsekit.host.listeners import Listeners
from parsekit.parsers.runner import Parsers
from parsekit.pipeline.crash_limit import CrashCounter
from parsekit.pipeline.locks import LocalLocks, Locks
from parsekit.pipeline.reports import Reports
from parsekit.providers import Storage
from parsekit.retry import RetryPolicy
from parsekit.storage.signing import Signer

if TYPE_CHECKING:
    from parsekit.shadow.runner import Shadow


@dataclass(frozen=True, kw_only=True)
class Services:
    """Used from several threads at once, one set a process.

    ``must_store`` False lets a task succeed, with a warning, whose result can't be stored: right
    for a person at a terminal, wrong for a service. ``storage_retry`` is how patient it is with a
    storage that is away. ``interruption`` returns the error with which a task has to end, by its
    id, once somebody wants that: it is asked between steps.
    """

    config: Config
    parsers: Parsers
    storage: Storage
    listeners: Listeners
    locks: Locks = field(default_factory=LocalLocks)
    crashes: CrashCounter | None = None
    reports: Reports | None = None
    shadow: Shadow | None = None
    signer: Signer | None = None
    clock: Clock = field(default_factory=Clock)
    storage_retry: RetryPolicy = field(default_factory=RetryPolicy)
    must_store: bool = True
    interruption: Callable[[str], ParsekitError | None] = lambda _task_id: None
