"""Every hook of parsekit, in the order in which a process meets them.

The life of a process, and of one replay in it::

    parsekit_register_sections        once, when plugins are found
    parsekit_register_storages        once
    parsekit_register_parsers         once
    parsekit_register_checks          once, only for `parsekit doctor`
    parsekit_page                     for `parsekit watch --report`, and sites of matches
    parsekit_open                     once a process, after a fork, before the first replay
    ├─ parsekit_metrics               every few seconds, only in a worker
    ├─ parsekit_progress              for every step of every replay
    ├─ parsekit_waits                 whenever a replay has to wait, and goes on later or elsewhere
    ├─ parsekit_analytics             once a replay, at its end
    ├─ parsekit_audit                 for every run of every replay, before its end is acknowledged
    ├─ parsekit_difference            once a replay that a shadow parser parsed as well, later
    parsekit_close                    once, at the end of the process

Four families. *Providers* (sections, storages, parsers, checks) are registered and picked by name;
an exception marks the plugin as broken, names it, and leaves the others in place. *Pages* are asked
for by a command, which names the plugin in the error of an exception. *Metrics* are
asked for again and again: an exception or more than a second of thought leaves the plugin's last
counts as they were, a number that can't be shown is left out, and either is logged once.
*Listeners* (open, progress, waits, analytics, audit, difference, close) are called and answer
nothing: they share one thread apart from those that parse, and a slow one gets its own; an
exception is logged with the plugin's name, and a parse never fails because of it.

A plugin is a module, or a class that the host instantiates without arguments once a host; its
entry point in the group ``parsekit`` names one or the other. A plugin may declare
``parsekit_hook_version = 1``; one that declares another version is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from pydantic import BaseModel

    from parsekit.events import (
        AnalyticsEvent,
        AuditEvent,
        DifferenceEvent,
        ProgressEvent,
        WaitEvent,
    )
    from parsekit.host.session import Session
    from parsekit.metrics import Metric
    from parsekit.providers import Check, Page, ParserEntry, StorageEntry

#: pluggy project name, and the group of entry points in which plugins are found.
PROJECT = "parsekit"
#: Raised when a hook changes in a way that breaks plugins.
HOOK_VERSION = 1

hookspec = pluggy.HookspecMarker(PROJECT)
#: Decorates a function of a plugin: it implements the hook of its name.
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def parsekit_register_sections(register: Callable[[str, type[BaseModel]], None]) -> None:
    """Declare a section of the configuration that is not a provider's own.

    ``register("transport", TransportSettings)`` makes ``session.config.section(TransportSettings)``
    answer the validated section. The model is a pydantic model; unknown keys are refused by the
    host whatever the model says. Its validators find the host's sections, by name, as ``context``
    of pydantic's ``ValidationInfo``; one that is wrong itself is missing there. A section already
    taken is refused, naming both owners, and so is one with a key that has no default: nobody has
    to write a section.
    """


@hookspec
def parsekit_register_storages(register: Callable[[StorageEntry], None]) -> None:
    """Offer storages; ``storage`` in the configuration picks one by name.

    Called once, before any replay. A name already taken is refused, naming both owners. Import
    the storage's library in ``create``, not here.
    """


@hookspec
def parsekit_register_parsers(register: Callable[[ParserEntry], None]) -> None:
    """Offer parsers; ``parser`` in the configuration, or ``--parser``, picks one by name.

    Called once, before any replay. A name already taken is refused, naming both owners. Import
    native code in ``create``, not here.
    """


@hookspec
def parsekit_register_checks(
    session: Session, register: Callable[[str, Callable[[], list[Check]]], None]
) -> None:
    """Offer a check of a real component that the configuration names, for ``parsekit doctor``.

    ``register("storage", check)``: ``check()`` tries the component within ten seconds and answers
    lines; it raises nothing, as an exception is reported as the plugin's own fault.
    """


@hookspec
def parsekit_page() -> Page:  # type: ignore[empty-body]  # a specification
    """Begin a page of matches: `parsekit watch --report` adds to it and writes it again and again.

    A site, as `parsekit serve`, puts its content into pages of its own. The first plugin that has
    the hook is asked. What is slow to import is imported here. One page is made at a time, and what
    it keeps of a match is in memory until the session ends.
    """


@hookspec
def parsekit_open(session: Session) -> None:
    """Get ready to listen: read the settings, start threads. Called in each process after a fork.

    Never connect here; a component that is away must not delay the first parse.
    """


@hookspec
def parsekit_metrics() -> Iterable[Metric]:  # type: ignore[empty-body]  # a specification
    """Return the plugin's numbers of now: what it has sent, lost, waits for, may still use.

    Asked every few seconds in each process of a worker, in a thread of its own; a process that was
    killed may take two seconds of counts with it. Read what is at hand: never ask a remote API.
    Names begin with ``parsekit_``, those of counters end in ``_total``; see `parsekit.Metric`.
    """


@hookspec
def parsekit_progress(event: ProgressEvent) -> None:
    """Receive one step of one replay. Called in the order of a task's life; must not block.

    The final event (``event.final``) comes after the result was stored.
    """


@hookspec
def parsekit_waits(event: WaitEvent) -> None:
    """Called when a task has left this process, after all steps published here. Must not block.

    Whoever sends steps on sends them within ``event.after_s`` seconds, or drops them: after that
    another process may publish more of the same task, and its progress would fall. Not called for a
    task that a crash cuts short.
    """


@hookspec
def parsekit_analytics(event: AnalyticsEvent) -> None:
    """Receive how one task ended. Must not block.

    After a crash the same event may be published again, under the same ``event_id``.
    """


@hookspec
def parsekit_audit(event: AuditEvent) -> None:
    """Receive what was read, written and sent for a task since its last record.

    Called at the end of each run of a task that did anything, and as soon as a remote parser has
    accepted a replay; always before the task's message is acknowledged, which waits two seconds at
    most for this to return. A task that runs again after a crash has records of both runs.
    """


@hookspec
def parsekit_difference(event: DifferenceEvent) -> None:
    """Receive how the shadow parser's result differs from the one that was given. Must not block.

    Only where ``shadow`` is configured, and only for some replays, as the shadow has a budget. It
    comes after the task's other events, at any time.
    """


@hookspec
def parsekit_close(grace_s: float) -> None:
    """Send what is buffered, within ``grace_s`` seconds, and let go. No event follows."""
