"""Lists page by page, with a cursor of time and id as in the real API."""

from __future__ import annotations

import base64

from parsekit import JsonObject
from parsekit_ballchasing.simulator.exchange import ApiCall, Reply

#: Replays or groups on a page: without `count`, and at most.
PAGE, LARGEST_PAGE = 150, 200


def page(items: list[tuple[float, str, JsonObject]], call: ApiCall) -> Reply:
    """One page of items, each with its time and id, and where the next page begins."""
    total = len(items)
    if cursor := _cursor(call.query.get("after", "")):
        items = [item for item in items if (item[0], item[1]) < cursor]
    wanted = call.query.get("count", "")
    count = min(int(wanted) if wanted.isdigit() else PAGE, LARGEST_PAGE)
    body: JsonObject = {"count": total, "list": [item[2] for item in items[:count]]}
    if len(items) > count > 0:
        last = items[count - 1]
        after = base64.urlsafe_b64encode(f"{last[0] * 1000!r}_{last[1]}".encode()).decode()
        body["next"] = f"{call.root}/api{call.path}?after={after}"
    return Reply(200, body)


def _cursor(text: str) -> tuple[float, str] | None:
    try:
        at, _, replay_id = base64.urlsafe_b64decode(text).decode().partition("_")
        return float(at) / 1000, replay_id
    except ValueError:
        return None
