"""The limits as the API's side counts them: strictly, by the moment at which a call arrives."""

from __future__ import annotations

from collections import defaultdict, deque

from parsekit_ballchasing.tiers import HOUR_S, Limit


class CallWindows:
    """Sliding windows of one account; not safe from threads, the site has the lock."""

    def __init__(self) -> None:
        self._arrivals: dict[str, deque[float]] = defaultdict(deque)

    def admit(self, endpoint: str, limits: tuple[Limit, ...], now: float) -> float | None:
        """Count the call and return None, or return the seconds until there is room.

        A refused call takes no room; whether that is so at the real API is unknown.
        """
        arrivals = self._arrivals[endpoint]
        while arrivals and arrivals[0] <= now - HOUR_S:
            arrivals.popleft()
        for limit in limits:
            inside = [at for at in arrivals if at > now - limit.per_s]
            if len(inside) >= limit.calls:
                return inside[-limit.calls] + limit.per_s - now
        arrivals.append(now)
        return None


class UploadWindows:
    """Accepted uploads of one account over rolling 24 hours and 7 days."""

    def __init__(self) -> None:
        self._accepted: list[float] = []

    def used(self, per_s: float, now: float) -> int:
        """Uploads in the window that ends now."""
        return sum(1 for at in self._accepted if at > now - per_s)

    def free_in_s(self, limits: tuple[Limit, ...], now: float) -> float | None:
        """None when there is a slot, else the seconds until one frees."""
        waits = []
        for limit in limits:
            inside = [at for at in self._accepted if at > now - limit.per_s]
            if limit.calls < 1:
                waits.append(limit.per_s)
            elif len(inside) >= limit.calls:
                waits.append(inside[-limit.calls] + limit.per_s - now)
        return max(waits) if waits else None

    def add(self, now: float) -> None:
        """Count an accepted upload."""
        self._accepted.append(now)
