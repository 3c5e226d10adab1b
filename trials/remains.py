"""What a service leaves behind once all is done: there should be nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import redis

from devkit.deployment import poll
from devkit.servers.seaweedfs import BUCKET
from trials.fleet import Fleet

#: Lists of messages in Redis, queues in RabbitMQ.
_QUEUES = ("replay-parse", "replay-parse-poll", "replay-parse-bulk", "replay-parse-bulk-poll")
#: Longest time between the end of a process and that of those it started, seconds.
ENDS_WITHIN_S = 10.0
#: What belongs to processes, by what its key begins with.
_OF_PROCESSES = ("parsekit:taken:", "parsekit:locks-of:", "parsekit:children:", "parsekit:beats")


def in_service(fleet: Fleet) -> Mapping[str, int]:
    """Messages, claims and tickets, while the workers still run; only what there is too much of."""
    left = _in_redis(fleet) + _in_rabbitmq(fleet)
    left["tickets"] = sum("/tickets/" in name for name in objects(fleet))
    return {name: count for name, count in left.items() if count}


def after_the_end(fleet: Fleet) -> Mapping[str, int]:
    """Files and processes, after all workers were asked to end."""
    data = fleet.deployment.folder / "data" / "parsekit"
    left = {
        "temporary files": _files(fleet.temporary),
        "spooled files": _files(data / "spool"),
        "heartbeats": _files(data / "workers"),
        "keys of processes": _keys_of_processes(fleet),
    }
    left |= _processes_left(fleet)
    return {name: count for name, count in left.items() if count}


def objects(fleet: Fleet) -> list[str]:
    """Names of all that workers have stored."""
    found = fleet.store.client().list_objects(BUCKET, "parsed/", recursive=True)
    return [str(each.object_name) for each in found]


def _in_redis(fleet: Fleet) -> Counter[str]:
    left: Counter[str] = Counter()
    with redis.Redis.from_url(fleet.valkey.url(), socket_timeout=30) as client:
        for name in (*_QUEUES, "parsekit:unreadable"):
            left[name] = client.llen(name)
        left["waiting tasks"] = client.hlen("parsekit:waiting")
        left["due tasks"] = client.zcard("parsekit:due") + client.zcard("parsekit:bulk-due")
        left["dead letters"] = client.hlen("parsekit:dead-letters")
        left["dead members"] = sum(map(_is_dead, client.zrange("parsekit:beats", 0, -1)))
        for name in client.scan_iter("parsekit:taken:*"):
            left["messages in hand"] += client.hlen(name)
        left["locks"] = sum(1 for _ in client.scan_iter("parsekit:lock:*"))
    return left


def _is_dead(member: bytes) -> bool:
    """Whether the process of this member is gone: others sign it off.

    Its name is ``host:pid:name``; a child's is its parent's, a slash and ``pid:name``.
    """
    pid = re.split(r"[:/]", member.decode())[-2]
    return not Path(f"/proc/{pid}").exists()


def _in_rabbitmq(fleet: Fleet) -> Counter[str]:
    left: Counter[str] = Counter()
    if fleet.vhost is None:
        return left
    facts = ("name", "messages", "--no-table-headers", "-p", fleet.vhost)
    rows = fleet.rabbitmq.ctl("list_queues", *facts)
    for row in rows.splitlines():
        name, _, messages = row.partition("\t")
        if name.startswith("replay-parse"):
            left[name] += int(messages)
    return left


def _keys_of_processes(fleet: Fleet) -> int:
    with redis.Redis.from_url(fleet.valkey.url(), socket_timeout=30) as client:
        return sum(1 for each in _OF_PROCESSES for _ in client.scan_iter(f"{each}*"))


def _files(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


def _processes_left(fleet: Fleet) -> Counter[str]:
    """Those that have not ended with who started them, given the time that a busy machine takes."""
    with suppress(TimeoutError):
        poll(lambda: not any(_processes(fleet)), seconds=ENDS_WITHIN_S)
    return Counter(f"process ({_command(pid)})" for pid in _processes(fleet))


def _command(pid: int) -> str:
    """Its arguments and state, for whoever has to find out why it is there."""
    with suppress(OSError):
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return f"{arguments.strip()}, state {state}"
    return "ended meanwhile"


def _processes(fleet: Fleet) -> Iterator[int]:
    """Those that carry this fleet's folder in their environment or on their command line."""
    mark = str(fleet.deployment.folder).encode(), str(fleet.temporary).encode()
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            with suppress(OSError):
                facts = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
                if any(each in facts for each in mark):
                    yield int(place.name)
