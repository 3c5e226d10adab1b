"""Have the parser make the result, or learn when it will be ready."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from parsekit.errors import ParsekitError
from parsekit.json_text import JsonData
from parsekit.logs.steps import Step
from parsekit.model import Job, NotReady, Parsed, Replay
from parsekit.parsers.runner import json_of
from parsekit.pipeline.fetch import ensure_replay
from parsekit.pipeline.lookup import read_stored
from parsekit.pipeline.state import Waiting
from parsekit.pipeline.task import Task
from parsekit.redaction.secrets import cleaned
from parsekit.storage.results import Result
from parsekit.storage.tickets import StoredTicket

log = logging.getLogger("parsekit.pipeline")


def parse(task: Task) -> Waiting | None:
    """Call the parser, or resume where an earlier run left a remote parser at work.

    On success this sets ``task.fresh_result``, ``task.state.parsed``, which is the same encoded and
    outlives the run while it is not stored, and ``task.timeline``, which is never stored.
    """
    task.crashes.begin()
    remote = task.entry.runs == "remote"
    if remote and task.state.ticket is None:
        find_ticket(task)
    resumes = remote and task.state.ticket is not None and not task.state.needs_replay
    replay = None if resumes else ensure_replay(task)
    task.begin_step("parse")
    if task.state.parse_began_unix is None:
        task.update(parse_began_unix=task.services.clock.now())
    with Step("parse") as step:
        answer = _call_parser(task, replay)
        task.stop_if_interrupted()
        if isinstance(answer, NotReady):
            step.outcome = "not ready"
    if isinstance(answer, NotReady):
        return _wait_for_parser(task, answer)
    task.timeline = answer.timeline
    task.fresh_result = _result(task, answer)
    task.update(parsed=task.results.encode(task.fresh_result), parse_ms=task.parse_ms())
    return None


def find_ticket(task: Task) -> None:
    """Take up the stored ticket of a run that its process did not survive."""
    name = task.result_name
    kept = read_stored(task, lambda: task.tickets.find(name), None)
    if kept is None:
        return
    progress = task.reporter.progress
    progress.reached = max(progress.reached, kept.progress)
    task.update(**kept.for_state())


def _call_parser(task: Task, replay: Replay | None) -> Parsed | NotReady:
    entry, parsers = task.entry, task.services.parsers
    job = Job(
        task_id=task.request.task_id,
        ticket=task.state.ticket,
        bulk=task.request.bulk,
        has_fallback=task.has_next_parser,
        timeline=task.request.timeline,
        progress=task.reporter.progress.parser_step,
        checkpoint=lambda ticket: _keep_ticket(task, ticket),
    )
    if replay is None:
        return parsers.resume(entry, job)
    if entry.runs == "remote":
        task.reporter.trail.record("sent", f"parser {entry.name}")
    return parsers.parse(entry, replay, job)


def _keep_ticket(task: Task, ticket: Mapping[str, Any]) -> None:
    task.update(ticket=dict(ticket), needs_replay=False)
    kept = StoredTicket(
        ticket=ticket,
        sha256=task.state.sha256,
        size_bytes=task.state.size_bytes,
        progress=task.reporter.progress.reached,
        parse_began_unix=task.state.parse_began_unix or task.services.clock.now(),
    )
    try:
        task.tickets.keep(task.result_name, kept)
    except ParsekitError as error:  # the task's state holds it as well
        log.warning("task %s: ticket not kept: %s", task.request.task_id, error)
    # the process may be killed from here on
    task.reporter.audit(task.status("running"))


def _wait_for_parser(task: Task, answer: NotReady) -> Waiting:
    if not answer.needs_replay and dict(answer.ticket) != task.state.ticket:
        _keep_ticket(task, answer.ticket)
    task.update(ticket=dict(answer.ticket), needs_replay=answer.needs_replay, parse_failures=0)
    return task.wait(answer.after_s, cleaned(answer.reason) or "the parser is not ready")


def _result(task: Task, parsed: Parsed) -> Result:
    name = task.result_name
    data = json_of(parsed, name.parser)
    if task.entry.runs == "remote":  # its tuples become what whoever reads the stored result gets
        data = JsonData.read(data.text)
    return Result(
        name=name,
        sha256=task.state.sha256,
        size_bytes=task.state.size_bytes,
        task_id=task.request.task_id,
        stored_unix=task.services.clock.now(),
        data=data,
        warnings=parsed.warnings,
        tried=task.state.tried,
        maker=task.services.parsers.maker(task.entry, parsed),
    )
