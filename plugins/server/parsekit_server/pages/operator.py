"""``/operator``: the queue, failures with their reasons, and the disk, for an admin."""

from __future__ import annotations

from parsekit_server.catalogue.replays import StatusCount
from parsekit_server.catalogue.rows import Status
from parsekit_server.catalogue.work_list import WorkLine
from parsekit_server.moments import now_us, rfc3339
from parsekit_server.pages.call import PageCall, PageReply, page

_STATUSES: tuple[Status, ...] = ("pending", "ok", "failed")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


def operator_page(call: PageCall) -> PageReply:
    """Show how the server does."""
    call.viewer.check_administers()
    space, counts = call.site.space, call.site.replays.counts()
    pending, parsed, failed = (counts.get(each, StatusCount()) for each in _STATUSES)
    free_bytes, total_bytes = space.free_bytes(), space.total_bytes()
    return page(
        call,
        "operator.html",
        pending=pending.replays,
        parsed=parsed.replays,
        failed=failed.replays,
        waiting=[(each, _state(each)) for each in call.site.work_list.waiting()],
        failures=[(each, rfc3339(each.created_us)[:10]) for each in call.site.work_list.failures()],
        files=size_shown(sum(each.size_bytes for each in counts.values())),
        free=size_shown(free_bytes),
        total=size_shown(total_bytes),
        used_percent=round(100 * (1 - free_bytes / total_bytes)) if total_bytes else 0,
        read_only=space.is_full(),
    )


def size_shown(size_bytes: int) -> str:
    """Such as ``1.5 GiB``."""
    size, unit = float(size_bytes), 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    return f"{size:.{1 if unit else 0}f} {_UNITS[unit]}"


def _state(line: WorkLine) -> str:
    wait_s = 0 if line.due_us is None else (line.due_us - now_us()) // 1_000_000
    if wait_s > 0:
        return f"try {line.tries + 1} in {wait_s} s"
    return f"begun {line.starts} times" if line.starts > 1 else "begun" if line.starts else "waits"
