"""What the service owes its callers and operators, checked once all is at rest.

`Upheaval` says what may have come of it for those who are told.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from devkit.contract import Contract
from devkit.servers.seaweedfs import BUCKET
from parsekit import JsonObject
from trials.answers import Meta, answers
from trials.load import Asked, Load
from trials.remains import after_the_end, in_service, objects

#: The final answer of each task that has one.
Ends = Mapping[str, Meta]

#: The state and the code with which a task ends that its caller ended so.
_ENDS = {
    "cancel": ("REVOKED", "cancelled"),
    "revoke": ("REVOKED", "cancelled"),
    "terminate": ("REVOKED", "cancelled"),
    "expiry": ("REVOKED", "expired"),
    "soft limit": ("FAILURE", "parser_timeout"),
    "hard limit": ("FAILURE", "parser_timeout"),
}
#: Broken promises of one kind that are told one by one.
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Upheaval:
    """What was done to a deployment, by its consequences.

    ``violent`` is how often a process was killed or frozen: only then may something be told twice,
    and only under the id that it had. ``cuts`` is how often RabbitMQ was away: the ends that were
    under way then are sent again, under their ids. ``disorders`` is how often something may have
    told a step late: what was frozen, and what ran on while its task was given to another.
    """

    violent: int = 0
    cuts: int = 0
    disorders: int = 0


CALM = Upheaval()


def broken(load: Load, upheaval: Upheaval = CALM, *, contract: Contract | None = None) -> list[str]:
    """Every promise that was broken, in words. Ends the fleet's workers."""
    fleet = load.fleet
    for command in load.cancelled.values():
        command.process.wait(60)
    ends = answers(fleet, load.tasks)
    found = [
        *_answers(load, ends, contract),
        *_stored(load, ends),
        *_published(load, ends, upheaval),
        *_uploads(load, ends),
        *(_as_agreed(load, contract) if contract else ()),
        *(f"left behind: {count} {name}" for name, count in in_service(fleet).items()),
    ]
    codes = fleet.stop_workers()
    found += [f"a worker ended with {code}" for code in codes if code]
    found += [f"left behind: {count} {name}" for name, count in after_the_end(fleet).items()]
    return found


def all_was_published(load: Load) -> bool:
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


def _answers(load: Load, ends: Ends, contract: Contract | None) -> Iterator[str]:
    """An answer for each task, of its own replay; the same for the same content."""
    yield from _some(f"{name}: no answer" for name in load.tasks if name not in ends)
    if contract is not None:
        results = (meta["result"] for meta in ends.values())
        yield from _faults(contract, "result", (r for r in results if "data" in r))
    bodies: defaultdict[str, set[str]] = defaultdict(set)
    for name, meta in ends.items():
        yield from _as_it_should(load, load.tasks[name], meta, bodies)
    yield from _some(
        f"{sha}: {len(each)} different data" for sha, each in bodies.items() if len(each) > 1
    )


def _as_it_should(
    load: Load, asked: Asked, meta: Meta, bodies: dict[str, set[str]]
) -> Iterator[str]:
    """A damaged replay is called that, what was given up ends as was asked, all else succeeds."""
    status, result = meta["status"], meta["result"]
    if asked.damaged:
        if status != "FAILURE" or result.get("code") != "invalid_replay":
            yield f"{asked.task_id}: a damaged replay ends with {status} {result!r:.300}"
    elif status != "SUCCESS" and asked.task_id in load.ended_by_caller:
        yield from _ends_as_asked(load, asked, meta)
    elif status != "SUCCESS":
        yield f"{asked.task_id}: {status} {result!r:.300}"
    elif result["hash"] != asked.sha256 or not _is_of(result["data"], asked.sha256):
        yield f"{asked.task_id}: the result of another replay"
    else:
        bodies[asked.sha256].add(json.dumps(result["data"], sort_keys=True))


def _ends_as_asked(load: Load, asked: Asked, meta: Meta) -> Iterator[str]:
    """The state is Celery's for this way to end a task, and the code names the cause."""
    kind = load.broken_off.get(asked.task_id, "cancel")
    status, code = _ENDS[kind]
    published = meta["result"].get("code", code)  # what is revoked is stored as Celery has it
    if (meta["status"], published) != (status, code):
        yield f"{asked.task_id}: {kind} ends with {meta['status']} {meta['result']!r:.300}"


def _is_of(data: dict[str, Any], sha256: str) -> bool:
    """Whether the body itself is of this content: by what `OneBody` puts in, or our parser."""
    digest = sha256.upper()
    by_sandbox = (data["rocket_league_id"], data["match_guid"]) == (digest[:32], digest[32:])
    return by_sandbox or str(data["link"]).endswith(f":{sha256}")


def _succeeded(load: Load, ends: Ends) -> set[str]:
    """The contents that somebody got a result of."""
    return {load.tasks[name].sha256 for name, m in ends.items() if m["status"] == "SUCCESS"}


def _stored(load: Load, ends: Ends) -> Iterator[str]:
    """One object a content, whole, and of this content; of one that was given up there may be."""
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
    missing, strange = _succeeded(load, ends) - hashes.keys(), hashes.keys() - load.contents
    more = hashes.total() - len(hashes)
    if missing or strange or more:
        yield f"stored objects: {len(missing)} missing, {len(strange)} of no task, {more} too many"


def _published(load: Load, ends: Ends, upheaval: Upheaval) -> Iterator[str]:
    """One end and one analytics event a task, and steps that never fall."""
    deployment, tasks = load.fleet.deployment, load.tasks.keys()
    progress, analytics = deployment.progress, deployment.analytics
    steps: defaultdict[str, list[float]] = defaultdict(list)
    published: Counter[str] = Counter()
    for message in progress.look():
        steps[message["taskId"]].append(message["progress"]["value"])
        published[message["taskId"]] += message["status"] != "Pending"
        yield from _end_as_answered(load, ends, message)
    events = Counter(dict(m["data"]["tags"])["taskId"] for m in analytics.look())
    for what, counts in (("end", published), ("analytics event", events)):
        yield from _once(what, counts, tasks)
    repeats = progress.repeats + analytics.repeats
    plan = load.fleet.plan
    at_once = 2 * plan.workers * plan.slots  # an end and an event of each task that may run
    violent = upheaval.violent + load.processes_ended
    if repeats > 2 * violent + at_once * upheaval.cuts:
        yield f"{repeats} repeats after {upheaval}"
    falls = [name for name, values in steps.items() if values != sorted(values)]
    if falls and not upheaval.disorders:
        yield from _some(f"{name}: progress fell: {steps[name]}" for name in falls)


def _end_as_answered(load: Load, ends: Ends, message: JsonObject) -> Iterator[str]:
    """Complete for a success, Error for all else; who gives up at the end may hear either."""
    name, status = message["taskId"], message["status"]
    answered = ends.get(name, {}).get("status")
    wanted = "Complete" if answered == "SUCCESS" else "Error"
    if status != "Pending" and name not in load.ended_by_caller and status != wanted:
        yield f"{name}: told {status} ({message.get('error')}), answered {answered}"


def _once(what: str, counts: Counter[str], tasks: Collection[str]) -> Iterator[str]:
    yield from _some(f"{name}: no {what}" for name in tasks if not counts[name])
    yield from _some(f"{name}: {counts[name]} × {what}" for name in tasks if counts[name] > 1)


def _uploads(load: Load, ends: Ends) -> Iterator[str]:
    """The remote parser accepted each content once; one that was given up once at most."""
    if load.fleet.plan.parser != "ballchasing":
        return
    accepted = load.fleet.simulator.site.counts.accepted_uploads
    missing = _succeeded(load, ends) - accepted.keys()
    strange = accepted.keys() - load.contents
    more = sum(accepted.values()) - len(accepted)
    if missing or strange or more:
        yield f"uploads: {len(missing)} missing, {len(strange)} of no task, {more} too many"


def _some(lines: Iterator[str]) -> Iterator[str]:
    """The first ones, and how many more there are."""
    found = list(lines)
    yield from found[:_SHOWN]
    if len(found) > _SHOWN:
        yield f"… and {len(found) - _SHOWN} more"
