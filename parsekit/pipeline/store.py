"""Store the result that was made, and offer it to the shadow."""

from __future__ import annotations

from parsekit.errors import StorageDenied, StorageUnavailable
from parsekit.logs.steps import Step
from parsekit.model import Outcome
from parsekit.pipeline.task import Task
from parsekit.redaction.secrets import cleaned


def store_pending(task: Task) -> Outcome | None:
    """Store what an earlier run made and could not store."""
    if task.state.parsed is None:
        return None
    task.fresh_result = task.results.decode(task.state.parsed, task.result_name)
    if task.fresh_result is None:
        task.update(parsed=None)  # signed with a key that is gone, or of another content
        return None
    return store(task)


def store(task: Task) -> Outcome:
    """Write the result under its name, and return it."""
    task.begin_step("store")
    name, body, made = task.result_name, task.state.parsed, task.fresh_result
    if body is None or made is None:
        raise RuntimeError("there is no result to store")
    clock = task.services.clock
    began = clock.ticks()
    try:
        with Step("store"):
            replace = task.skips_cache or task.found_damaged
            stored = task.results.put(body, made, replace=replace)
            if task.state.ticket is not None:
                task.tickets.drop(name)
    except (StorageUnavailable, StorageDenied) as error:
        if task.services.must_store:
            raise
        warning = f"the result is not stored: {cleaned(error.message)}"
        return task.outcome(warning).with_result(made, output_path=None, found=False)
    return task.outcome().with_result(
        stored,
        output_path=task.results.path(name),
        found=False,
        put_ms=clock.ms_since(began),
    )


def offer_to_shadow(task: Task, outcome: Outcome) -> None:
    """Hand a fresh result over, with the folder that its replay is in."""
    shadow = task.services.shadow
    if shadow is None or task.fresh_result is None or not outcome.ok:
        return
    from parsekit.shadow.runner import Fresh  # noqa: PLC0415  (few configure a shadow)

    shadow.offer(
        Fresh(
            request=task.request,
            result=task.fresh_result,
            replay=task.replay,
            keeping=task.cleanup.pop_all(),
            use_stored=not task.skips_cache,
        )
    )
