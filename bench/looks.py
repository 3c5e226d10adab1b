"""When the Ballchasing parser looks, on the simulator in virtual time: how soon, and how often.

Run it alone with ``python -m bench.looks``. It is a part of ``python -m bench ballchasing``.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, quantiles
from typing import Any, cast

from pydantic import SecretStr

from bench.promises import promise
from devkit.servers.valkey import valkey
from parsekit import Job, NotReady, Parsed, ProviderContext, Replay, RetryPolicy
from parsekit.errors import ParsekitError, RateLimited, RemoteUnavailable
from parsekit_ballchasing.client import BallchasingClient, PollAnswer, Uploaded
from parsekit_ballchasing.parser import BallchasingParser
from parsekit_ballchasing.polling import PollSchedule
from parsekit_ballchasing.rate_limit import Permit
from parsekit_ballchasing.rate_limit.budget import Budget
from parsekit_ballchasing.settings import BallchasingSettings
from parsekit_ballchasing.simulator.endpoints import answer, route_of
from parsekit_ballchasing.simulator.exchange import ApiCall, Reply
from parsekit_ballchasing.simulator.site import Site, SiteOptions
from parsekit_ballchasing.simulator.virtual_time import VirtualTime
from parsekit_ballchasing.tiers import HOUR_S

TOKEN = SecretStr("bench-token")
#: What a call takes there and back, and a wait on its way through a broker, seconds.
CALL_S, HOP_S = 0.02, 0.01
#: A worker's waits are spread by up to so much.
SPREAD = 1.1
#: Of the 1000 looks that the free tier has in an hour, so many were used up before.
SPENT = 740
#: Seconds after which the one replay is ready.
READY_S = (0.0, 1.0, 2.0, 5.0, 8.0, 15.0, 30.0, 60.0, 90.0, 120.0)


class DirectClient(BallchasingClient):
    """The simulator's rules without a network: a call takes a moment of virtual time."""

    def __init__(self, site: Site, time: VirtualTime) -> None:
        super().__init__("http://localhost/api", TOKEN, clock=time)
        self._site = site
        self._time = time

    def ping(self) -> Any:
        return self._ask("GET", "/").body

    def upload(self, path: Path, visibility: str) -> Uploaded:  # noqa: ARG002
        part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.replay"\r\n\r\n'
        body = part + path.read_bytes() + b"\r\n--b--\r\n"
        reply = self._ask("POST", "/v2/upload", body)
        return Uploaded(cast("dict[str, str]", reply.body)["id"], duplicate=reply.status == 409)

    def look(self, replay_id: str) -> PollAnswer:
        body: Any = self._ask("GET", f"/replays/{replay_id}").body
        return PollAnswer(body["status"], body)

    def _ask(self, method: str, path: str, body: bytes = b"") -> Reply:
        self._time.sleep(CALL_S / 2)
        call = ApiCall(
            method=method,
            path=path,
            query={"visibility": "private"},
            token=TOKEN.get_secret_value(),
            root="http://localhost",
            content_type="multipart/form-data; boundary=b",
            body=body,
        )
        found = route_of(call)
        if found is None:
            raise RemoteUnavailable(f"{method} {path} is no call")
        reply = answer(self._site, call, *found)
        counts = self._site.counts
        counts.log.append((self._time(), found[0].endpoint, reply.status))
        self._time.sleep(CALL_S / 2)
        if reply.status == 429:
            raise RateLimited("too many requests", retry_after_s=2.0)
        return reply


@dataclass(slots=True)
class Wanted:
    """One replay: when it was sent, when it was ready, and when it was answered."""

    name: str
    sent: float = 0.0
    ready: float = 0.0
    answered: float = 0.0
    bulk: bool = False


@dataclass(slots=True, kw_only=True)
class Scene:
    """Workers of one budget at one site, in virtual time."""

    time: VirtualTime
    site: Site
    workers: list[BallchasingParser]
    folder: Path
    dice: random.Random
    done: list[Wanted] = field(default_factory=list)

    def send(self, name: str, *, after_s: float = 0.0, bulk: bool = False) -> None:
        worker = self.workers[len(self.done) % len(self.workers)]
        wanted = Wanted(name, sent=self.time() + after_s, bulk=bulk)
        self.done.append(wanted)
        self.time.start(lambda: self._drive(worker, wanted), after_s=after_s)

    def _drive(self, parser: BallchasingParser, wanted: Wanted) -> None:
        """As the host drives a task."""
        replay, failures = self._replay(wanted.name), 0
        ticket: Any = None
        uploaded = False

        def keep(kept: Any) -> None:
            nonlocal ticket, uploaded
            ticket, uploaded = kept, True

        while True:
            job = Job(task_id=wanted.name, ticket=ticket, bulk=wanted.bulk, checkpoint=keep)
            try:
                found = parser.resume(job) if uploaded else parser.parse(replay, job)
            except ParsekitError as error:
                failures += 1
                delay_s = RetryPolicy().next_delay_s(failures, error)
                if delay_s is None:
                    raise
                self.time.sleep(delay_s)
                continue
            if isinstance(found, Parsed):
                break
            failures, ticket, uploaded = 0, found.ticket, not found.needs_replay
            self.time.sleep(self._hop_s(found))
        wanted.answered = self.time()
        wanted.ready = self.site.replays[ticket["id"]].ready_unix
        replay.path.unlink()

    def _hop_s(self, answer: NotReady) -> float:
        return max(answer.after_s, 0.05) * self.dice.uniform(1.0, SPREAD) + HOP_S

    def _replay(self, name: str) -> Replay:
        path = self.folder / f"{name}.replay"
        content = f"{name} ".encode() * 40
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        return Replay(path=path, name=name, sha256=sha256, size_bytes=len(content))

    def spend(self, looks: int) -> None:
        """Use up a part of the hour."""
        parser, of_site = self.workers[0], self.site.account(TOKEN.get_secret_value()).calls

        def spend() -> None:
            parser.budget.account.refresh()
            while parser.budget.store.calls("replay", HOUR_S) < looks:
                permit = parser.budget.calls.acquire("replay", waiter="spender")
                if isinstance(permit, Permit):
                    make = parser.budget.calls.make
                    make(permit, lambda: of_site.admit("replay", (), self.time()))
                else:
                    self.time.sleep(permit.wait_s)

        self.time.start(spend)
        self.time.run()

    def looks(self) -> list[float]:
        """When the site was asked how far a replay is."""
        return [at for at, endpoint, _ in self.site.counts.log if endpoint == "replay"]

    def refused(self) -> int:
        return sum(1 for _, _, status in self.site.counts.log if status == 429)


@contextmanager
def scene(
    tier: str,
    pending_s: tuple[float, float],
    *,
    workers: int = 1,
    redis_url: str | None = None,
    schedule: PollSchedule | None = None,
) -> Iterator[Scene]:
    time = VirtualTime()
    site = Site(SiteOptions(tier=tier, pending_s=pending_s, day=-1, week=-1), time)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)

        def worker() -> BallchasingParser:
            client = DirectClient(site, time)
            budget = Budget.open(
                redis_url,
                "http://localhost/api",
                TOKEN,
                client.ping,
                clock=time,
                ticks=time,
                sleep=time.sleep,
                shared_clock=time,
            )
            if schedule is not None:
                budget = replace(budget, polls=replace(budget.polls, schedule=schedule))
            token_file = folder / "token"
            token_file.touch(mode=0o600)
            token_file.write_text(TOKEN.get_secret_value(), encoding="utf-8")
            settings = BallchasingSettings(token_file=token_file)
            parser = BallchasingParser(
                ProviderContext(settings=settings, data_dir=folder),
                clock=time,
                ticks=time,
                sleep=time.sleep,
                client=client,
                budget=budget,
            )
            stack.callback(parser.close)
            return parser

        yield Scene(
            time=time,
            site=site,
            workers=[worker() for _ in range(workers)],
            folder=folder,
            dice=random.Random(1),  # noqa: S311  (repeatable)
        )


def one_replay() -> None:
    """A replay alone, with nothing learned before."""
    worst = 0.0
    for ready_s in READY_S:
        with scene("regular", (ready_s, ready_s)) as stage:
            stage.send("one")
            stage.time.run()
            (wanted,) = stage.done
            took_s, looks = wanted.answered - wanted.sent, len(stage.looks())
            worst = max(worst, (took_s - ready_s) / max(1.0, 0.15 * ready_s))
            print(f"   ready after {ready_s:3.0f} s: answered after {took_s:6.2f} s, {looks} looks")
    limit = "<= 1 s, or 15 % of its time"
    promise("a replay waits for its look", f"{worst:.2f} of that at worst", limit, kept=worst <= 1)


def crowd(count: int, pending_s: float, tier: str, *, within_s: float, looks: float) -> None:
    """Replays that are sent at once, with nothing learned before."""
    with scene(tier, (pending_s, pending_s)) as stage:
        began = stage.time()
        for number in range(count):
            stage.send(f"replay-{number}")
        stage.time.run()
        took_s = max(wanted.answered for wanted in stage.done) - began
        each = len(stage.looks()) / count
        what = f"{count} replays of {pending_s:g} s, tier {tier}"
        measured = f"{took_s:.1f} s, {each:.2f} looks a replay, 429: {stage.refused()}"
        kept = took_s <= within_s and each <= looks and not stage.refused()
        promise(what, measured, f"<= {within_s:g} s, <= {looks:g} looks, no 429", kept=kept)


def scarcity(redis_url: str) -> None:
    """The free tier's hour is nearly used."""
    with scene("regular", (3.0, 20.0), workers=4, redis_url=redis_url) as stage:
        stage.spend(SPENT)
        for number in range(200):
            stage.send(f"replay-{number}")
        stage.time.run()
        each = len(stage.looks()) / 200
        what = f"200 replays, 4 workers, {SPENT} of 1000 looks used"
        measured = f"{each:.2f} looks a replay, 429: {stage.refused()}"
        kept = each <= 1.3 and not stage.refused()
        promise(what, measured, "<= 1.3 looks, no 429", kept=kept)


#: Three ways to look, the first one ours. The others are its extremes: every three seconds whatever
#: that costs, and always as rarely as patience allows.
SCHEDULES = {
    "as we look": PollSchedule(),
    "every 3 s": PollSchedule(shortest_s=3.0, part=0.0, used=1e9, free=1e9, scarce=2e9),
    "as rarely as can be": PollSchedule(free=-2.0, scarce=-1.0),
}


def day(name: str, schedule: PollSchedule) -> None:
    """Single replays all day, series of matches in the evening, a back-fill at night."""
    with scene("gold", (4.0, 8.0), schedule=schedule) as stage:
        dice = random.Random(7)  # noqa: S311  (repeatable)
        _busy_evening(stage)
        sent = 0
        for hour in range(24):
            for _ in range(dice.randint(2, 6)):
                stage.send(f"single-{sent}", after_s=hour * HOUR_S + dice.uniform(0, HOUR_S))
                sent += 1
        for _ in range(6):
            begins_s = dice.uniform(19, 23) * HOUR_S
            for _ in range(dice.randint(5, 20)):
                stage.send(f"series-{sent}", after_s=begins_s + dice.uniform(0, 60))
                sent += 1
        for number in range(150):
            stage.send(f"back-fill-{number}", after_s=2 * HOUR_S, bulk=True)
        stage.time.run()
        _print_day(name, stage)


def _busy_evening(stage: Scene) -> None:
    """From 18 h on the site takes ten times as long."""
    options: dict[str, Any] = {"pending_s": [40.0, 80.0]}
    stage.time.start(lambda: stage.site.configure(options), after_s=18 * HOUR_S)


def _print_day(name: str, stage: Scene) -> None:
    looks = stage.looks()
    fullest = max(sum(1 for at in looks if end - HOUR_S < at <= end) for end in looks)
    print(
        f"   {name:<20} {len(stage.done)} replays, {len(looks)} looks "
        f"({len(looks) / len(stage.done):.1f} a replay, {fullest} in the fullest hour of 2000), "
        f"429: {stage.refused()}"
    )
    kinds: dict[str, Callable[[Wanted], bool]] = {
        "single": lambda wanted: wanted.name.startswith("single"),
        "series": lambda wanted: wanted.name.startswith("series"),
        "back-fill": lambda wanted: wanted.bulk,
    }
    for kind, chosen in kinds.items():
        late_s = [wanted.answered - wanted.ready for wanted in stage.done if chosen(wanted)]
        slowest = quantiles(late_s, n=20)[-1]
        print(
            f"   {'':<20} {kind:<9} waited for a look {mean(late_s):5.1f} s, p95 {slowest:5.1f} s"
        )


def main() -> None:
    """Print the figures."""
    print("   One replay, free tier, nothing learned before:")
    one_replay()
    crowd(40, 8.0, "gc", within_s=13.0, looks=6.0)
    crowd(100, 6.0, "regular", within_s=66.0, looks=1.3)
    with tempfile.TemporaryDirectory() as name, valkey(Path(name) / "valkey") as redis:
        scarcity(redis.url())
    print("   A day, tier gold, of the same replays:")
    for name, schedule in SCHEDULES.items():
        day(name, schedule)


if __name__ == "__main__":
    main()
