"""The control endpoint: ``/_sim/…`` beside ``/api/…``, for tests and for people with curl.

=============================  =================================================================
``GET  /_sim/counts``          calls, refusals, accepted uploads by content, calls that came early
``POST /_sim/options``         change `SiteOptions` while it runs, such as ``{"pending_s": [1, 2]}``
``POST /_sim/faults``          ``{"rate": 0.2, "kinds": […]}``, or ``{"next": [{"kind": "500"}]}``
=============================  =================================================================
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from parsekit import JsonObject
from parsekit_ballchasing.simulator.exchange import Reply, failure
from parsekit_ballchasing.simulator.faults import CHAOS, KINDS, Fault

if TYPE_CHECKING:
    from parsekit_ballchasing.simulator.server import Simulator

ROOT = "/_sim/"


def answer(simulator: Simulator, method: str, path: str, body: bytes) -> Reply:
    """Answer one control call."""
    try:
        wanted = json.loads(body) if body else {}
        with simulator.site.lock:
            match method, path.removeprefix(ROOT):
                case "GET", "counts":
                    return Reply(200, asdict(simulator.site.counts))
                case "POST", "options":
                    simulator.site.configure(wanted)
                case "POST", "faults":
                    _set_faults(simulator, wanted)
                case _:
                    return failure(404, "not found")
    except (ValueError, TypeError) as exc:
        return failure(400, f"{type(exc).__name__}: {exc}")
    return Reply(204)


def _set_faults(simulator: Simulator, wanted: JsonObject) -> None:
    faults = simulator.faults
    scripted = [Fault.read(raw) for raw in wanted.get("next", [])]
    kinds = tuple(wanted.get("kinds", CHAOS))
    if not set(kinds) <= set(KINDS):
        raise ValueError(f"kinds are {', '.join(KINDS)}")
    faults.scripted = scripted
    faults.kinds = kinds
    faults.rate = float(wanted.get("rate", 0.0))
    faults.seconds = float(wanted.get("seconds", faults.seconds))
    faults.hang_s = float(wanted.get("hang_s", faults.hang_s))
