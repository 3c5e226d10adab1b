"""Whose token it is: the tier, which sets the rates, and what is left of the upload quota."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import SecretStr

from parsekit import JsonObject
from parsekit.errors import ParsekitError
from parsekit_ballchasing.rate_limit.store import PermitRequest, Store
from parsekit_ballchasing.tiers import DAY_S, REGULAR, WEEK_S, Limit, Tier, tier_named

log = logging.getLogger("parsekit.ballchasing")

#: The tier and the quota are read anew after this time, seconds.
REREAD_S = DAY_S
#: Before a task fails as the quota is used up, the ping is asked again, at most this often.
DOUBT_S = 300.0
#: Who pings does it alone for this time, seconds.
CLAIM_S = 60.0
#: After a ping that failed the next one is this far, seconds.
AGAIN_S = 5.0
#: How long this process uses what it read from the shared state, seconds. That nobody has pinged
#: yet is not kept: the ping is on its way, and the smallest account is slow.
_CACHED_S = 5.0
#: Tokens of a group upload into it and can't ping.
_GROUP_TOKEN = "g/"  # noqa: S105  (how such tokens begin, no token)

_DOCUMENT, _CLAIM = "account", "ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Uploads in one rolling window: all that are allowed, and those that we don't know."""

    most: int
    elsewhere: int = 0
    unlimited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the last ping answered; before the first one, the smallest account."""

    tier: Tier = REGULAR
    pinged_unix: float | None = None
    day: Quota | None = None
    week: Quota | None = None

    def quotas(self) -> tuple[Limit, ...]:
        """How many uploads of ours fit into a day and a week."""
        return (
            *_limit(self.day, self.tier.uploads_per_day, DAY_S),
            *_limit(self.week, self.tier.uploads_per_week, WEEK_S),
        )


def _limit(quota: Quota | None, default: int, per_s: float) -> tuple[Limit, ...]:
    if quota is None:
        return (Limit(default, per_s),)
    return () if quota.unlimited else (Limit(max(quota.most - quota.elsewhere, 0), per_s),)


class Account:
    """The facts of one token, read by one worker for all. Used from several threads at once."""

    def __init__(
        self,
        store: Store,
        ping: Callable[[], JsonObject],
        token: SecretStr,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._ping = ping
        self._can_ping = not token.get_secret_value().startswith(_GROUP_TOKEN)
        self._clock = clock
        self._cached = (0.0, Facts())

    def facts(self, *, reread: bool = False) -> Facts:
        """What is known now; asks nobody but the store, ``reread`` does so surely."""
        read_at, facts = self._cached
        now = self._clock()
        known = facts.pinged_unix is not None and read_at <= now < read_at + _CACHED_S
        if reread or not known:
            facts = _from_json(self._store.read(_DOCUMENT))
            self._cached = (now, facts)
        return facts

    def is_known(self) -> bool:
        """Whether the facts are the account's own, or as good as they will get."""
        return not self._can_ping or self.facts().pinged_unix is not None

    def refresh(self, older_than_s: float = REREAD_S) -> None:
        """Ping when the facts are older than this, unless another worker does.

        A ping that fails changes nothing and fails nobody: an upload shows what the token is worth.
        """
        if not self._can_ping or self._age_s() < older_than_s or not self._claimed():
            return
        try:
            answer = self._pinged()
        except ParsekitError as error:
            log.warning("ballchasing's ping failed, keeping to what is known: %s", error)
            self._store.change(_CLAIM, lambda claim: {**claim, "until": self._clock() + AGAIN_S})
            return
        if answer is not None:
            self.learn(answer)

    def learn(self, answer: JsonObject) -> Facts:
        """Take the body of a ping."""
        document = {
            "type": answer.get("type"),
            "at": self._clock(),
            "day": self._quota(answer, "uploads_in_24h", DAY_S),
            "week": self._quota(answer, "uploads_in_7d", WEEK_S),
        }
        self._store.change(_DOCUMENT, lambda _: document)
        self._cached = (self._clock(), _from_json(document))
        return self._cached[1]

    def _pinged(self) -> JsonObject | None:
        """One ping, if it is the account's turn; announcements in its answer hold for all calls."""
        ask = PermitRequest(
            endpoint="ping",
            call=uuid.uuid4().hex,
            waiter="ping",
            rates=self.facts().tier.limits("ping"),
        )
        if self._store.acquire(ask).why != "granted":
            return None
        try:
            return self._ping()
        except ParsekitError as error:
            if error.retry_after_s is not None:
                self._store.pause(error.retry_after_s)
            raise

    def _age_s(self) -> float:
        pinged = self.facts().pinged_unix
        return float("inf") if pinged is None else self._clock() - pinged

    def _claimed(self) -> bool:
        """Whether it is this process that pings now."""
        me, now = uuid.uuid4().hex, self._clock()

        def claim(document: JsonObject) -> JsonObject:
            free = document.get("until", 0.0) <= now
            return {"by": me, "until": now + CLAIM_S} if free else document

        return bool(self._store.change(_CLAIM, claim)["by"] == me)

    def _quota(self, answer: JsonObject, name: str, per_s: float) -> JsonObject | None:
        quota = answer.get("quota")
        window = quota.get(name) if isinstance(quota, dict) else None
        if not isinstance(window, dict):
            return None
        most, used = window.get("max"), window.get("used")
        if window.get("unlimited") is True:
            return {"most": 0, "elsewhere": 0, "unlimited": True}
        if not isinstance(most, int) or not isinstance(used, int):
            return None
        ours = len(self._store.uploads(per_s))
        return {"most": most, "elsewhere": max(used - ours, 0), "unlimited": False}


def _from_json(document: JsonObject) -> Facts:
    day, week = document.get("day"), document.get("week")
    return Facts(
        tier=tier_named(document.get("type")),
        pinged_unix=document.get("at"),
        day=Quota(**day) if day else None,
        week=Quota(**week) if week else None,
    )
