"""What the service owes its callers and operators, checked once all is at rest.

``violent`` is how often a process was killed or frozen: only then may something be told twice, and
only under the id that it had. ``cuts`` is how often RabbitMQ was away: what was under way then is
sent again, under its id, and steps of progress may be lost or come late.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from parsekit.testing.contract import Contract
from parsekit.testing.servers.seaweedfs import BUCKET
from trials.answers import answers
from trials.load import Asked, Load
from trials.remains import after_the_end, in_service, objects

#: What one process may have under way to RabbitMQ at once, messages.
UNDER_WAY = 128
#: Broken promises of one kind that are told one by one.
_SHOWN = 5


def broken(
    load: Load, *, violent: int = 0, cuts: int = 0, contract: Contract | None = None
) -> list[str]:
    """Every promise that was broken, in words. Ends the fleet's workers."""
    fleet = load.fleet
    found = [
        *_answers(load, violent, contract),
        *_stored(load),
        *_told(load, violent, cuts),
        *_uploads(load),
        *(_as_agreed(load, contract) if contract else ()),
        *(f"left behind: {count} {name}" for name, count in in_service(fleet).items()),
    ]
    codes = fleet.stop_workers()
    found += [f"a worker ended with {code}" for code in codes if code]
    found += [f"left behind: {count} {name}" for name, count in after_the_end(fleet).items()]
    return found


def everybody_was_told(load: Load) -> bool:
    """Whether the end of each task, and its event, have come to whoever listens."""
    deployment, tasks = load.fleet.deployment, load.tasks.keys()
    ended = {m["taskId"] for m in deployment.progress.look() if m["status"] != "Pending"}
    events = {dict(m["data"]["tags"])["taskId"] for m in deployment.analytics.look()}
    return tasks <= ended and tasks <= events


def _as_agreed(load: Load, contract: Contract) -> Iterator[str]:
    """What was told is what callers can read."""
    deployment = load.fleet.deployment
    yield from _faults(contract, "progress", deployment.progress.look())
    yield from _faults(contract, "analytics", deployment.analytics.look())


def _faults(contract: Contract, name: str, messages: Iterable[object]) -> Iterator[str]:
    try:
        contract.check(name, messages)
    except ValueError as fault:
        yield f"{name} breaks the contract: {str(fault)[:300]}"


def _answers(load: Load, violent: int, contract: Contract | None) -> Iterator[str]:
    """One final answer a task, a success, of its own replay; the same for the same content."""
    found = answers(load.fleet, load.tasks)
    yield from _some(
        f"{name}: {len(metas)} final answers" for name, metas in found.items() if not metas
    )
    extra = sum(max(0, len(metas) - 1) for metas in found.values())
    if extra > violent:
        yield f"{extra} answers too many with {violent} kills and freezes"
    if contract is not None:
        results = (meta["result"] for metas in found.values() for meta in metas)
        yield from _faults(contract, "result", (r for r in results if "data" in r))
    bodies: defaultdict[str, set[str]] = defaultdict(set)
    for name, metas in found.items():
        for meta in metas:
            yield from _of_its_own(load.tasks[name], meta, bodies)
    yield from _some(
        f"{sha}: {len(each)} different data" for sha, each in bodies.items() if len(each) > 1
    )
    ids = [json.loads(text)["id"] for each in bodies.values() for text in each]
    if len(set(ids)) != len(ids):
        yield "two contents have the same data"


def _of_its_own(asked: Asked, meta: dict[str, Any], bodies: dict[str, set[str]]) -> Iterator[str]:
    if meta["status"] != "SUCCESS":
        yield f"{asked.task_id}: {meta['status']} {meta['result']!r:.300}"
    elif meta["result"]["hash"] != asked.sha256:
        yield f"{asked.task_id}: the result of another replay"
    else:
        bodies[asked.sha256].add(json.dumps(meta["result"]["data"], sort_keys=True))


def _stored(load: Load) -> Iterator[str]:
    """One object a content, whole, and of this content."""
    client = load.fleet.store.client()
    names = [name for name in objects(load.fleet) if "/tickets/" not in name]
    hashes = Counter[str]()
    for name in names:
        answer = client.get_object(BUCKET, name)
        try:
            hashes[json.loads(answer.read())["hash"]] += 1
        finally:
            answer.close()
            answer.release_conn()
    if hashes != Counter(load.contents):
        missing, more = load.contents - hashes.keys(), len(names) - len(hashes)
        yield f"{len(names)} stored objects: {len(missing)} missing, {more} too many"


def _told(load: Load, violent: int, cuts: int) -> Iterator[str]:
    """One Complete and one analytics event a task, and steps that never fall."""
    deployment, tasks = load.fleet.deployment, load.tasks.keys()
    progress, analytics = deployment.progress, deployment.analytics
    steps: defaultdict[str, list[float]] = defaultdict(list)
    completes: Counter[str] = Counter()
    for message in progress.look():
        steps[message["taskId"]].append(message["progress"]["value"])
        completes[message["taskId"]] += message["status"] == "Complete"
        if message["status"] == "Error":
            yield f"{message['taskId']}: told an error: {message['error']}"
    events = Counter(dict(m["data"]["tags"])["taskId"] for m in analytics.look())
    for what, counts in (("Complete", completes), ("analytics event", events)):
        yield from _once(what, counts, tasks)
    repeats = progress.repeats + analytics.repeats
    if repeats > 2 * violent + UNDER_WAY * cuts:
        yield f"{repeats} repeats with {violent} kills and freezes, and RabbitMQ away {cuts} times"
    falls = [name for name, values in steps.items() if values != sorted(values)]
    if falls and not cuts:
        yield from _some(f"{name}: progress fell: {steps[name]}" for name in falls)


def _once(what: str, counts: Counter[str], tasks: Collection[str]) -> Iterator[str]:
    yield from _some(f"{name}: no {what}" for name in tasks if not counts[name])
    yield from _some(f"{name}: {counts[name]} × {what}" for name in tasks if counts[name] > 1)


def _uploads(load: Load) -> Iterator[str]:
    """Each content was accepted by the remote parser once."""
    if load.fleet.plan.parser != "ballchasing":
        return
    accepted = load.fleet.simulator.site.counts.accepted_uploads
    if accepted != dict.fromkeys(load.contents, 1):
        yield f"{sum(accepted.values())} uploads of {len(load.contents)} contents"


def _some(lines: Iterator[str]) -> Iterator[str]:
    """The first ones, and how many more there are."""
    found = list(lines)
    yield from found[:_SHOWN]
    if len(found) > _SHOWN:
        yield f"… and {len(found) - _SHOWN} more"
