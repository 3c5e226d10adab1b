"""Upload to `parsekit serve` from eight clients while it is killed again and again.

    python -m trials.serve --uploads 1000 --clients 8 [--seed N]

Some uploads have the bytes or the match of others. A client sends again what was not answered. At
the end every match is there once, with its bytes, parsed; all who uploaded it were told one id.
The seed is printed first; the same seed makes the same uploads and pauses.
"""

from __future__ import annotations

import argparse
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import requests

from devkit.servers.process import free_port, listens
from parsekit import JsonObject
from parsekit.testing import believable_match, synthetic_replay

#: From the moment when the server listens to its end, seconds, and how long that may take.
LIFE_S = (0.5, 5.0)
START_S = 120.0
#: Of all uploads, those with the bytes of another, and with its match alone.
SAME_BYTES, SAME_MATCH = 0.15, 0.15
#: How long a client goes on, and how long parses get once nothing is killed any more, seconds.
PATIENCE_S, REST_S = 300.0, 300.0
_CALL_S = 30.0


@dataclass(frozen=True, slots=True)
class Recording:
    """A file of a match; another one of the same match has another length."""

    match: int
    number: int

    def content(self) -> bytes:
        """Its bytes."""
        return synthetic_replay(believable_match(seed=self.match), frames=10 * self.number)


@dataclass
class Server:
    """The real command, and its next life after each end."""

    folder: Path
    port: int = field(default_factory=free_port)
    kills: int = 0

    @property
    def root(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> list[str]:
        """A command of its own data folder."""
        return [sys.executable, "-m", "parsekit", "serve", *arguments]

    def environ(self) -> dict[str, str]:
        """The environment of its commands."""
        return {**os.environ, "HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder)}

    def start(self) -> subprocess.Popen[bytes]:
        """Begin a life."""
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                self.command("--port", str(self.port)), env=self.environ(), stderr=log
            )

    def add_token(self) -> str:
        """Make a token."""
        wanted = self.command("token", "add", "trial")
        done = subprocess.run(wanted, env=self.environ(), check=True, capture_output=True)
        return done.stdout.decode().strip()


@dataclass
class Uploads:
    """What is to be uploaded, and what came of it."""

    server: Server
    token: str
    waiting: queue.SimpleQueue[Recording]
    told: dict[Recording, list[tuple[int, str]]] = field(default_factory=dict)
    tries: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def work(self) -> None:
        """Be one client."""
        with requests.Session() as session:
            session.headers["Authorization"] = self.token
            while True:
                try:
                    recording = self.waiting.get_nowait()
                except queue.Empty:
                    return
                self._upload(session, recording)

    def _upload(self, session: requests.Session, recording: Recording) -> None:
        content, ends = recording.content(), time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            try:
                answer = session.post(
                    f"{self.server.root}/api/v2/upload",
                    files={"file": (f"{recording.match}.replay", content)},
                    timeout=_CALL_S,
                )
            except requests.RequestException:
                self.tries["without an answer"] += 1
                time.sleep(0.3)
                continue
            self.tries[str(answer.status_code)] += 1
            if answer.status_code in {201, 409}:
                told = self.told.setdefault(recording, [])
                told.append((answer.status_code, answer.json()["id"]))
                return
            if answer.status_code != 503 or "Retry-After" not in answer.headers:  # noqa: PLR2004
                self.wrong.append(f"{recording}: {answer.status_code} {answer.text[:200]}")
                return
            time.sleep(0.2)
        self.wrong.append(f"{recording}: no answer for {PATIENCE_S:.0f} s")


def trial(folder: Path, *, uploads: int, clients: int, seed: int) -> list[str]:
    """One run in an empty folder; every promise that was broken."""
    dice = random.Random(seed)  # noqa: S311  (no secret)
    server = Server(folder)
    work = Uploads(server, server.add_token(), queue.SimpleQueue())
    recordings = list(_recordings(uploads, dice))
    for recording in recordings:
        work.waiting.put(recording)
    over = threading.Event()
    killer = threading.Thread(target=_kill_and_start, args=(server, over, dice))
    killer.start()
    began = time.monotonic()
    try:
        with ThreadPoolExecutor(clients) as threads:
            for client in [threads.submit(work.work) for _ in range(clients)]:
                client.result()
    finally:
        over.set()
        killer.join()
    say(f"uploaded in {time.monotonic() - began:.0f} s, {server.kills} kills, {dict(work.tries)}")
    life = server.start()
    try:
        return [*work.wrong, *_broken(work, recordings)]
    finally:
        life.terminate()
        life.wait()


def _recordings(uploads: int, dice: random.Random) -> Iterator[Recording]:
    """Each of a new match, or of one that was before; bytes differ by ``number``."""
    made: list[Recording] = []
    for match in range(uploads):
        fate = dice.random()
        if made and fate < SAME_BYTES:
            yield dice.choice(made)
        elif made and fate < SAME_BYTES + SAME_MATCH:
            other = dice.choice(made)
            yield Recording(other.match, other.number + 1)
        else:
            made.append(Recording(match, 0))
            yield made[-1]


def _kill_and_start(server: Server, over: threading.Event, dice: random.Random) -> None:
    while not over.is_set():
        life = server.start()
        ends = time.monotonic() + START_S
        while not listens(server.port) and not over.wait(0.1) and time.monotonic() < ends:
            pass
        over.wait(dice.uniform(*LIFE_S))
        life.kill()
        life.wait()
        server.kills += 1


def _broken(work: Uploads, recordings: list[Recording]) -> Iterator[str]:
    ids: dict[int, set[str]] = {}
    accepted: Counter[int] = Counter()
    for recording, told in work.told.items():
        for status, replay_id in told:
            ids.setdefault(recording.match, set()).add(replay_id)
            accepted[recording.match] += status == 201  # noqa: PLR2004
    for match in {each.match for each in recordings}:
        if len(ids.get(match, ())) != 1:
            yield f"match {match} has the ids {sorted(ids.get(match, ()))}"
        if accepted[match] > 1:
            yield f"match {match} was accepted {accepted[match]} times"
    with requests.Session() as session:
        session.headers["Authorization"] = work.token
        yield from _lost(session, work.server.root, ids)
    drafts = [*work.server.folder.rglob("*.upload")]
    if drafts:
        yield f"{len(drafts)} drafts are left"


def _lost(session: requests.Session, root: str, ids: dict[int, set[str]]) -> Iterator[str]:
    began = time.monotonic()
    listed = _listed(session, root)
    for match, (replay_id, *_) in ids.items():
        shown = _ended(session, f"{root}/api/replays/{replay_id}", began + REST_S)
        if shown.get("status") != "ok":
            yield f"match {match}: {shown.get('status')} {shown.get('failure')}"
        file = session.get(f"{root}/api/replays/{replay_id}/file", timeout=_CALL_S).content
        if file not in (Recording(match, number).content() for number in range(3)):
            yield f"match {match}: its file has {len(file)} other bytes"
    unknown = listed - {each for some in ids.values() for each in some}
    if unknown:
        yield f"{len(unknown)} replays are there that nobody was told of"
    say(f"all parsed {time.monotonic() - began:.0f} s later: {len(listed)} replays")


def _listed(session: requests.Session, root: str) -> set[str]:
    found: set[str] = set()
    url = f"{root}/api/replays?count=200"
    while url:
        page = _ended(session, url, time.monotonic() + REST_S)
        found |= {each["id"] for each in page["list"]}
        url = page.get("next", "")
    return found


def _ended(session: requests.Session, url: str, ends: float) -> JsonObject:
    """The body when the server answers and nothing in it is pending."""
    while True:
        try:
            body: JsonObject = session.get(url, timeout=_CALL_S).json()
            if body.get("status") != "pending" or time.monotonic() > ends:
                return body
        except requests.RequestException:
            if time.monotonic() > ends:
                raise
        time.sleep(0.1)


def say(line: str) -> None:
    """Print at once, whoever reads."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run once, and say what came of it."""
    parser = argparse.ArgumentParser(prog="trials.serve", description=__doc__.splitlines()[0])
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    given = parser.parse_args()
    say(f"seed {given.seed}")
    with tempfile.TemporaryDirectory(prefix="parsekit-serve-") as folder:
        broken = trial(Path(folder), uploads=given.uploads, clients=given.clients, seed=given.seed)
    say("\n".join(broken) or "every promise was kept")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
