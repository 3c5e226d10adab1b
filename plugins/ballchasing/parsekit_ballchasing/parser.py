"""The parser `ballchasing`: upload, come back, look, and hand over the statistics."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

from parsekit import Job, NotReady, Parsed, ProviderContext, Replay
from parsekit.errors import (
    ParsekitError,
    QuotaExhausted,
    RateLimited,
    RemoteRejected,
    RemoteTimeout,
)
from parsekit_ballchasing.account import AGAIN_S, DOUBT_S
from parsekit_ballchasing.client import BallchasingClient, PollAnswer, ReplayGone, Uploaded
from parsekit_ballchasing.metrics import at_work
from parsekit_ballchasing.rate_limit import LONGEST_PAUSE_S, Permit, RetryLater
from parsekit_ballchasing.rate_limit.budget import Budget
from parsekit_ballchasing.response import check_body
from parsekit_ballchasing.settings import BallchasingSettings
from parsekit_ballchasing.ticket import Ticket
from parsekit_ballchasing.tiers import Endpoint

UPLOADING = "Uploading replay to Ballchasing"
GETTING = "Getting stats from Ballchasing"
#: Percent of the task at which the texts appear; each doubling of the wait adds a little, up to a
#: ceiling.
UPLOADING_AT, GETTING_AT, PER_DOUBLING, GETTING_TO = 30.0, 50.0, 5.0, 85.0

#: The API counts as alive while it answered somebody in the last so many seconds.
ALIVE_S = 30.0
#: A call that is due within this time is waited for, whatever the deadline, seconds.
GRACE_S = 60.0


class OutOfQuota(QuotaExhausted):
    """No upload slot frees in time for this task, so that trying again is of no use to it."""

    retryable = False


class OutOfCalls(RateLimited):
    """No call is granted in time for this task, so that trying again is of no use to it."""

    retryable = False


class BallchasingParser:
    """A `WaitingParser`: returns `NotReady` wherever it would have to wait.

    Used from several threads at once, one a process. ``clock`` is UTC seconds, ``ticks`` never
    goes back, ``sleep`` is used for at most two seconds.
    """

    def __init__(
        self,
        context: ProviderContext,
        *,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        client: BallchasingClient | None = None,
        budget: Budget | None = None,
    ) -> None:
        self._settings: BallchasingSettings = context.settings or BallchasingSettings()
        token = self._settings.read_token()
        self._clock = clock
        self._client = client or BallchasingClient(
            self._settings.url, token, ca_file=self._settings.ca_file, clock=clock
        )
        self._budget = budget or Budget.open(
            context.redis_url,
            self._settings.url,
            token,
            self._client.ping,
            data_dir=context.data_dir,
            clock=clock,
            ticks=ticks,
            sleep=sleep,
        )
        at_work.add(self)

    @property
    def budget(self) -> Budget:
        """What this parser may use of the API."""
        return self._budget

    def parse(self, replay: Replay, job: Job) -> Parsed | NotReady:
        """Upload, or go on when the ticket knows of an upload."""
        ticket = self._ticket(job)
        if ticket.replay_id:
            return self._look(ticket, job)
        job.progress(UPLOADING_AT, UPLOADING)
        self._budget.calls.check()
        self._budget.account.refresh()
        # Read first: another worker may learn the quota after the smallest one has said no.
        known = self._budget.account.is_known()
        permit = self._acquire_upload(replay, job)
        if isinstance(permit, RetryLater):
            return self._wait_to_upload(permit, ticket, job, quota_known=known)
        try:
            uploaded = self._budget.calls.make(
                permit, lambda: self._client.upload(replay.path, self._settings.visibility)
            )
        except RateLimited as error:
            # Only the ping can tell an exhausted quota from too many calls.
            self._budget.account.refresh(DOUBT_S)
            return self._stumble(error, "upload", ticket, needs_replay=True)
        except ParsekitError as error:
            return self._stumble(error, "upload", ticket, needs_replay=True)
        return self._uploaded(uploaded, permit, ticket, job)

    def _acquire_upload(self, replay: Replay, job: Job) -> Permit | RetryLater:
        def ask() -> Permit | RetryLater:
            return self._budget.calls.acquire(
                "upload", waiter=job.task_id, reservation=replay.sha256, bulk=job.bulk
            )

        account = self._budget.account
        before = account.facts()
        permit = ask()
        if isinstance(permit, Permit) or permit.why != "quota":
            return permit
        # The day limit may have been raised on the site, or uploads elsewhere have expired.
        account.refresh(DOUBT_S)
        return permit if account.facts(reread=True) == before else ask()

    def resume(self, job: Job) -> Parsed | NotReady:
        """Look at an uploaded replay; ask for the file where nothing was uploaded yet."""
        ticket = self._ticket(job)
        if not ticket.replay_id:
            return NotReady(ticket=ticket.to_json(), after_s=0.0, needs_replay=True)
        return self._look(ticket, job)

    def close(self) -> None:
        """Let go of connections."""
        at_work.discard(self)
        self._client.close()
        self._budget.close()

    def _ticket(self, job: Job) -> Ticket:
        return Ticket.read(job.ticket, now_unix=self._clock())

    def _uploaded(
        self, uploaded: Uploaded, permit: Permit, ticket: Ticket, job: Job
    ) -> Parsed | NotReady:
        if uploaded.duplicate:
            # Gives back only a slot taken by this call: our own upload, whose answer was lost,
            # has kept the slot that the first try took.
            self._budget.calls.release(permit)
        ticket = ticket.uploaded(
            uploaded.replay_id, duplicate=uploaded.duplicate, now_unix=self._clock()
        )
        job.checkpoint(ticket.to_json())
        job.progress(GETTING_AT, GETTING)
        if uploaded.duplicate:
            return self._look(ticket, job)
        return self._poll_later(ticket, job)

    def _look(self, ticket: Ticket, job: Job) -> Parsed | NotReady:
        permit = self._budget.calls.acquire("replay", waiter=job.task_id, bulk=job.bulk)
        if isinstance(permit, RetryLater):
            return self._wait_to_look(permit, ticket)
        try:
            looked = self._budget.calls.make(permit, lambda: self._client.look(ticket.replay_id))
        except ReplayGone as error:
            return self._gone(error, ticket)
        except ParsekitError as error:
            return self._stumble(error, "replay", ticket, needs_replay=False)
        return self._seen(looked, ticket, job)

    def _seen(self, looked: PollAnswer, ticket: Ticket, job: Job) -> Parsed | NotReady:
        waited_s = self._waited_s(ticket)
        pending = looked.status == "pending"
        if pending and waited_s < self._settings.deadline:
            return self._poll_later(ticket.still_pending(), job)
        # The age of what somebody uploaded before is not known.
        learn = not pending and not ticket.duplicate
        self._budget.polls.done(ticket.replay_id, waited_s, learn=learn)
        if looked.status == "ok":
            check_body(looked.body, ticket.replay_id)
            return Parsed(data=looked.body)
        if looked.status == "failed":
            raise RemoteRejected(
                f"ballchasing could not parse the replay ({ticket.replay_id}); it is damaged or "
                "of a kind that the site does not know"
            )
        raise RemoteTimeout(
            f"ballchasing still has the replay pending after {waited_s:.0f} s "
            f"({ticket.replay_id}); ask again later, it is not uploaded again"
        )

    def _poll_later(self, ticket: Ticket, job: Job) -> NotReady:
        """Look again later, for the last time when the deadline comes."""
        waited_s = self._waited_s(ticket)
        pending = self._budget.polls.pending(ticket.replay_id, waited_s, bulk=job.bulk)
        if _getting_at(waited_s) > _getting_at(waited_s - pending.since_s):
            job.progress(_getting_at(waited_s), GETTING)
        last_s = self._settings.deadline - waited_s
        return NotReady(
            ticket=ticket.to_json(),
            after_s=max(min(pending.wait_s, last_s), 0.0),
            reason="ballchasing works on the replay",
        )

    def _waited_s(self, ticket: Ticket) -> float:
        return max(self._clock() - ticket.uploaded_unix, 0.0)

    def _gone(self, error: ReplayGone, ticket: Ticket) -> NotReady:
        """Upload once more what was deleted on the site; what is hidden from us stays so."""
        self._budget.polls.done(ticket.replay_id, self._waited_s(ticket), learn=False)
        if ticket.duplicate or ticket.uploads > 1:
            raise RemoteRejected(
                f"{error}; the replay is on ballchasing, but its uploader hides it"
            ) from error
        return NotReady(
            ticket=ticket.gone().to_json(),
            after_s=0.0,
            reason="the replay is no longer on ballchasing",
            needs_replay=True,
        )

    def _wait_to_upload(
        self, wait: RetryLater, ticket: Ticket, job: Job, *, quota_known: bool
    ) -> NotReady:
        in_time = self._clock() < ticket.since_unix + self._settings.deadline
        if wait.why == "quota" and in_time and not quota_known:
            # The smallest quota was assumed; the real one is one answered ping away.
            wait = RetryLater(why="paused", wait_s=AGAIN_S)
        too_late = job.has_fallback or self._is_too_late(wait, ticket.since_unix)
        if wait.why == "quota" and too_late:
            raise self._out_of_quota(wait)
        return self._wait(wait, ticket, ticket.since_unix, needs_replay=True)

    def _wait_to_look(self, wait: RetryLater, ticket: Ticket) -> NotReady:
        return self._wait(wait, ticket, ticket.uploaded_unix, needs_replay=False)

    def _wait(
        self, wait: RetryLater, ticket: Ticket, since_unix: float, *, needs_replay: bool
    ) -> NotReady:
        if self._is_too_late(wait, since_unix):
            raise self._out_of_calls(wait)
        return NotReady(
            ticket=ticket.to_json(),
            after_s=wait.after_s,
            reason=f"waiting for ballchasing's limits: {wait.why}",
            needs_replay=needs_replay,
        )

    def _refuse_lateness(self, error: ParsekitError, ticket: Ticket) -> None:
        """What the API announces wins over the schedule, but not over the deadline."""
        announced = RetryLater(why="paused", wait_s=error.retry_after_s or 0.0)
        since_unix = ticket.uploaded_unix if ticket.replay_id else ticket.since_unix
        if not self._is_too_late(announced, since_unix):
            return
        # No window of calls is that long for uploads, so it is the quota.
        quota = not ticket.replay_id and announced.wait_s > LONGEST_PAUSE_S
        raise (self._out_of_quota if quota else self._out_of_calls)(announced) from error

    def _out_of_quota(self, wait: RetryLater) -> OutOfQuota:
        return OutOfQuota(
            "ballchasing's upload quota is used up; the next slot frees at "
            f"{self._moment(wait.wait_s)}; see `parsekit quota`",
            retry_after_s=wait.wait_s,
        )

    def _out_of_calls(self, wait: RetryLater) -> OutOfCalls:
        return OutOfCalls(
            f"ballchasing allows no call before {self._moment(wait.wait_s)}, "
            "which is after this task's deadline",
            retry_after_s=wait.wait_s,
        )

    def _is_too_late(self, wait: RetryLater, since_unix: float) -> bool:
        left_s = since_unix + self._settings.deadline - self._clock()
        return wait.wait_s > max(left_s, GRACE_S)

    def _stumble(
        self, error: ParsekitError, endpoint: Endpoint, ticket: Ticket, *, needs_replay: bool
    ) -> NotReady:
        """Hold a failed call against the API, not the replay, while it answers others well.

        Then the same delays apply once more before the driver counts: an API that fails now and
        then loses nobody, one that is down ends the task on schedule.
        """
        self._refuse_lateness(error, ticket)
        alive = self._budget.calls.answers(endpoint, ALIVE_S)
        if not error.retryable or not alive or ticket.stumbles >= self._settings.max_retries:
            raise error
        delay_s = self._settings.backoff_factor ** (ticket.stumbles + 1)
        delay_s *= random.uniform(0.75, 1.25)  # noqa: S311  (spreads calls, guards nothing)
        return NotReady(
            ticket=ticket.stumbled().to_json(),
            after_s=error.retry_after_s or delay_s,
            reason=error.message,
            needs_replay=needs_replay,
        )

    def _moment(self, in_s: float) -> str:
        moment = datetime.fromtimestamp(self._clock() + in_s, UTC)
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _getting_at(waited_s: float) -> float:
    """Percent of a task whose replay was uploaded so long ago."""
    doublings = math.floor(math.log2(1 + max(waited_s, 0.0)))
    return min(GETTING_AT + PER_DOUBLING * doublings, GETTING_TO)
