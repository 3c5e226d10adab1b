"""One budget of calls and uploads for all workers that use the same token.

`RateLimiter` says when a call may go out; a `Store` keeps what was used: in Redis for all workers,
or in this process.
"""

from parsekit_ballchasing.rate_limit.limiter import LONGEST_PAUSE_S, Permit, RateLimiter, RetryLater
from parsekit_ballchasing.rate_limit.store import Load

__all__ = ["LONGEST_PAUSE_S", "Load", "Permit", "RateLimiter", "RetryLater"]
