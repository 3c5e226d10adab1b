"""What the site knows: accounts, replays, groups, and the time at which each replay is parsed."""

from __future__ import annotations

import hashlib
import random
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from parsekit import JsonObject
from parsekit_ballchasing.simulator.bodies import BodyMaker
from parsekit_ballchasing.simulator.windows import CallWindows, UploadWindows
from parsekit_ballchasing.tiers import DAY_S, WEEK_S, Limit, Tier, tier_named

#: A file of less is refused as a failed export, bytes (reported of an uploader, not of the site).
SMALLEST_REPLAY_BYTES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOptions:
    """How the sandbox behaves; times in seconds.

    ``token`` None accepts any token. A replay is pending for a random time of ``pending_s``, and
    ``failing`` of all replays fail to parse. ``day`` and ``week`` are upload quotas, None for the
    tier's own, -1 for none. ``retry_after`` says what a 429 announces.
    """

    tier: str = "regular"
    token: str | None = None
    pending_s: tuple[float, float] = (3.0, 20.0)
    failing: float = 0.0
    day: int | None = None
    week: int | None = None
    retry_after: Literal["seconds", "date", "none"] = "seconds"
    show_quota: bool = True
    seed: int = 0


@dataclass(slots=True)
class SiteReplay:
    """One uploaded replay."""

    id: str
    owner: str
    sha256: str
    content: bytes
    visibility: str
    title: str
    created_unix: float
    ready_unix: float
    fails: bool
    making: Future[JsonObject | None]
    group: str | None = None

    @property
    def body(self) -> JsonObject | None:
        """The part of its body that comes from the file; None when that can't be parsed."""
        return self.making.result()


@dataclass(slots=True)
class SiteAccount:
    """One token and what it used."""

    name: str
    steam_id: str
    calls: CallWindows = field(default_factory=CallWindows)
    uploads: UploadWindows = field(default_factory=UploadWindows)
    announced_unix: float = 0.0
    announced_until_unix: float = 0.0


@dataclass(slots=True)
class SiteCounts:
    """What a test wants to know afterwards."""

    calls: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    accepted_uploads: dict[str, int] = field(default_factory=dict)
    early_calls: int = 0
    log: list[tuple[float, str, int]] = field(default_factory=list)


class Site:
    """The state behind the endpoints. Every method is called with ``lock`` held."""

    def __init__(self, options: SiteOptions, clock: Callable[[], float]) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.options = options
        self.bodies = BodyMaker()
        self.random = random.Random(options.seed)  # noqa: S311  (a sandbox, repeatable)
        self.accounts: dict[str, SiteAccount] = {}
        self.replays: dict[str, SiteReplay] = {}
        self.groups: dict[str, JsonObject] = {}
        self.counts = SiteCounts()

    @property
    def tier(self) -> Tier:
        """The tier of every account."""
        return tier_named(self.options.tier)

    def account(self, token: str) -> SiteAccount:
        """The account of a token, made when it is first seen, with a name from its hash."""
        if token not in self.accounts:
            number = int(hashlib.sha256(token.encode()).hexdigest()[:10], 16)
            self.accounts[token] = SiteAccount(
                name=f"sandbox-{number % 10_000:04}", steam_id=f"7656{number % 10**13:013}"
            )
        return self.accounts[token]

    def quotas(self) -> tuple[Limit, ...]:
        """Upload quotas in force."""
        day = self.tier.uploads_per_day if self.options.day is None else self.options.day
        week = self.tier.uploads_per_week if self.options.week is None else self.options.week
        wanted = ((day, DAY_S), (week, WEEK_S))
        return tuple(Limit(calls, per_s) for calls, per_s in wanted if calls >= 0)

    def find_content(self, sha256: str) -> SiteReplay | None:
        """The replay with exactly this content, the reported meaning of a duplicate."""
        return next((r for r in self.replays.values() if r.sha256 == sha256), None)

    def add(self, token: str, content: bytes, *, visibility: str, group: str | None) -> SiteReplay:
        """Accept an upload."""
        now = self.clock()
        replay = SiteReplay(
            id=str(uuid.UUID(int=self.random.getrandbits(128), version=4)),
            owner=token,
            sha256=hashlib.sha256(content).hexdigest(),
            content=content,
            visibility=visibility,
            title="sandbox replay",
            created_unix=now,
            ready_unix=now + self.random.uniform(*self.options.pending_s),
            fails=self.random.random() < self.options.failing,
            making=self.bodies.begin(content),
            group=group,
        )
        self.replays[replay.id] = replay
        self.account(token).uploads.add(now)
        accepted = self.counts.accepted_uploads
        accepted[replay.sha256] = accepted.get(replay.sha256, 0) + 1
        return replay

    def status(self, replay: SiteReplay) -> Literal["ok", "pending", "failed"]:
        """How far a replay is."""
        if self.clock() < replay.ready_unix or not replay.making.done():
            return "pending"
        return "failed" if replay.fails or replay.body is None else "ok"

    def configure(self, changes: JsonObject) -> None:
        """Change options while it runs. Raises TypeError for an unknown one."""
        if "pending_s" in changes:
            changes = {**changes, "pending_s": tuple(changes["pending_s"])}
        self.options = replace(self.options, **changes)


def rfc3339(unix: float) -> str:
    """A moment as the API writes it."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="microseconds")[:-6] + "Z"
