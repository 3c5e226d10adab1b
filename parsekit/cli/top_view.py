"""How a moment of the service looks on a terminal."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from parsekit.redaction.terminal_text import printable

if TYPE_CHECKING:
    from parsekit.worker.monitoring.top import Snapshot

#: Waiting tasks that are named, reasons that are, and workers to which some server does not answer.
_LINES = 10
#: The length of a task's id, which nobody can copy where it is folded.
_ID_LENGTH = 36


def make_console() -> Console:
    """A console that takes text as it is: names of others are no markup."""
    return Console(markup=False, emoji=False, highlight=False)


def view(snapshot: Snapshot, most_workers: int | None = None) -> RenderableType:
    """All of it, one table under the other, the longest last: a screen shows what fits on it.

    Of more than ``most_workers`` those are shown that have run something for the longest time.
    """
    parts = [_headline(snapshot), _workers(snapshot, most_workers), _queues(snapshot)]
    if snapshot.waits:
        parts.append(_reasons(snapshot))
    if snapshot.facts:
        parts.append(_facts(snapshot))
    if snapshot.waits:
        parts.append(_waits(snapshot))
    return Group(*parts)


def trouble(message: str) -> RenderableType:
    """What is shown while the server does not answer."""
    return Text(printable(message), style="red")


def _headline(snapshot: Snapshot) -> RenderableType:
    at = time.strftime("%H:%M:%S", time.localtime(snapshot.at_unix))
    rate = sum(worker.tasks_per_minute for worker in snapshot.workers)
    running = sum(worker.running for worker in snapshot.workers)
    slots = sum(worker.slots for worker in snapshot.workers)
    queued = sum(queue.messages for queue in snapshot.queues)
    text = Text(f"{at}  {_counted(len(snapshot.workers), 'worker')}, ")
    text.append(f"{running} of {slots} slots at work, {rate:.1f} tasks/min\n")
    text.append(f"{_counted(queued, 'message')} in queues (counted every six seconds), ")
    text.append(f"{_counted(snapshot.waiting, 'task')} put off")
    if snapshot.dead_letters:
        dead = _counted(snapshot.dead_letters, "dead letter")
        text.append(f"\n{dead}: see `parsekit dead-letters list`", style="red")
    if snapshot.misplaced:
        text.append(f"\n{_counted(snapshot.misplaced, 'message')} in a queue celery, ", style="red")
        text.append("which no worker takes: see `parsekit doctor`", style="red")
    cut_off = [worker for worker in snapshot.workers if worker.away]
    for worker in cut_off[:_LINES]:
        trouble = ", ".join(f"no {server}" for server in worker.away)
        text.append(f"\n{printable(worker.name)}: {printable(trouble)}", style="red")
    if len(cut_off) > _LINES:
        text.append(f"\nand {len(cut_off) - _LINES} more workers miss a server", style="red")
    if not snapshot.workers:
        text.append("\nno worker is heard; start one with `parsekit worker`", style="red")
    return text


def _table(*columns: str, title: str) -> Table:
    table = Table(box=None, title=title, title_justify="left", pad_edge=False, title_style="bold")
    for column in columns:
        numeric = column.isupper()
        table.add_column(
            column.lower(),
            justify="right" if numeric else "left",
            no_wrap=numeric,
            overflow="fold",  # on a narrow terminal: half a name is no name
        )
    return table


def _workers(snapshot: Snapshot, most: int | None) -> Table:
    numbers = ("RUNNING", "OLDEST", "/MIN", "TASKS", "CACHED", "FAILED")
    workers = snapshot.workers
    if most is not None and len(workers) > most:
        workers = tuple(sorted(workers, key=lambda worker: -worker.longest_run_s)[:most])
    hidden = len(snapshot.workers) - len(workers)
    title = f"workers ({hidden} more have younger runs)" if hidden else "workers"
    table = _table("worker", "parser", *numbers, title=title)
    for worker in workers:
        table.add_row(
            *(printable(worker.name), printable(worker.parser)),
            *(f"{worker.running}/{worker.slots}", _age(worker.longest_run_s)),
            *(f"{worker.tasks_per_minute:.1f}", str(worker.tasks)),
            *(str(worker.cached), str(worker.failed)),
        )
    return table


def _queues(snapshot: Snapshot) -> Table:
    table = _table("queue", "MESSAGES", "OLDEST", title="queues")
    for queue in snapshot.queues:
        table.add_row(printable(queue.name), str(queue.messages), _age(queue.oldest_s))
    return table


def _reasons(snapshot: Snapshot) -> Table:
    table = _table("why", "TASKS", title="what waits")
    for reason, count in Counter(wait.reason for wait in snapshot.waits).most_common(_LINES):
        table.add_row(printable(reason), str(count))
    return table


def _waits(snapshot: Snapshot) -> Table:
    table = _table("IN", "task and replay", "why", title="next to go on")
    table.columns[1].min_width = _ID_LENGTH
    for wait in snapshot.waits[:_LINES]:
        left = _age(max(wait.until_unix - snapshot.at_unix, 0.0))
        names = f"{printable(wait.task_id)}\n{printable(wait.replay)}"
        table.add_row(left, names, printable(wait.reason))
    return table


def _facts(snapshot: Snapshot) -> Table:
    """Budget, breakers, sinks; what is zero and has a reason or a fate says nothing."""
    table = _table("budget and events", "VALUE", title="")
    for fact in snapshot.facts:
        if fact.value or not {"reason", "fate"} & set(fact.labels):
            which = f" ({', '.join(fact.labels.values())})" if fact.labels else ""
            table.add_row(printable(f"{fact.help.rstrip('.')}{which}"), _number(fact.value))
    return table


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"


def _age(seconds: float) -> str:
    if not seconds:
        return "-"
    if seconds < 120:  # noqa: PLR2004  (two minutes read better as seconds)
        return f"{seconds:.0f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} min" if hours < 2 else f"{hours:.1f} h"  # noqa: PLR2004
