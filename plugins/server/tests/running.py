"""A server on a free port of this machine, with a parser that answers what a test wants."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from parsekit import Failure, JsonObject, Outcome, Session
from parsekit.testing import believable_match, synthetic_replay
from parsekit_report.page import SessionPage
from parsekit_server.access import Role
from parsekit_server.asgi.app import application
from parsekit_server.asgi.serving import make_server
from parsekit_server.site import ReplaySite, open_site
from parsekit_server.tokens import digest, new_token

#: No answer of a test takes longer, even on a busy machine.
PATIENCE_S = 60.0


def replay_bytes(seed: int = 1) -> bytes:
    """A whole replay; another seed is another match."""
    return synthetic_replay(believable_match(seed=seed), frames=0)


def player(name: str, number: int, **core: int) -> JsonObject:
    """A player of a body."""
    return {
        "start_time": 0,
        "end_time": 300.5,
        "name": name,
        "id": {"platform": "steam", "id": str(number)},
        "stats": {"core": {"score": 100, "goals": 0, "shots": 0, "mvp": False, **core}},
    }


def body(**changes: Any) -> JsonObject:
    """A parser's answer about a match that blue has won."""
    made: JsonObject = {
        "id": "of the parser",
        "link": "urn:parsekit:sha256:0",
        "created": "2026-03-10T18:55:49Z",
        "uploader": {"steam_id": "", "name": ""},
        "status": "ok",
        "visibility": "private",
        "rocket_league_id": "0" * 32,
        "match_guid": "A" * 32,
        "title": "A fine match",
        "map_code": "stadium_p",
        "map_name": "DFH Stadium",
        "playlist_id": "ranked-doubles",
        "playlist_name": "Ranked Doubles",
        "duration": 300,
        "overtime": False,
        "season": 13,
        "season_type": "free2play",
        "date": "2023-12-12T01:13:40-05:00",
        "date_has_timezone": True,
        "recorder": "Ann",
        "min_rank": {"tier": 10, "name": "Platinum I", "id": "platinum-1"},
        "max_rank": {"tier": 12, "name": "Platinum III", "id": "platinum-3"},
        "blue": {
            "color": "blue",
            "players": [player("Ann", 1, goals=2, shots=3), player("Ben", 2)],
            "stats": {"core": {"goals": 2}},
        },
        "orange": {
            "color": "orange",
            "players": [player("Cy", 3), player("Dee", 4)],
            "stats": {"core": {"goals": 0}},
        },
    }
    return made | changes


@dataclass
class FakeParsing:
    """Parses as a test wants it: a body, or a failure, by the SHA-256 of the file.

    ``may_go`` holds all parses back while it is not set.
    """

    session: Session
    slots: int = 2
    answers: dict[str, JsonObject | Failure] = field(default_factory=dict)
    may_go: threading.Event = field(default_factory=threading.Event)
    parsed: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    looked_at: list[str] = field(default_factory=list)
    recorded: list[dict[str, Any]] = field(default_factory=list)
    remote: bool = False

    def answer(self, content: bytes, what: JsonObject | Failure) -> None:
        """Answer this for a file of this content."""
        self.answers[hashlib.sha256(content).hexdigest()] = what

    def begin_page(self) -> SessionPage:
        """The page of parsekit-report."""
        return SessionPage()

    def parse(
        self, path: Path, *, timeline: bool = False, fallback: bool = True, stop: threading.Event
    ) -> Outcome:
        """Answer what was wanted, `body` where nothing was."""
        if timeline:
            assert not fallback, "a page never asks a parser that may be remote"
            self.looked_at.append(path.name)
        while not self.may_go.wait(0.02):
            if stop.is_set():
                cancelled = Failure(code="cancelled", message="stopped")
                return Outcome(replay=str(path), task_id="", failure=cancelled)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        self.parsed.append(sha256)
        answer = self.answers.get(sha256) or body(match_guid=sha256[:32].upper())
        if isinstance(answer, Failure):
            return Outcome(replay=str(path), task_id="", failure=answer)
        key = f"parsed/{sha256}.json"
        return Outcome(replay=str(path), task_id="", data=answer, output_path=key)

    def delete_result(self, key: str) -> None:
        """Note what was deleted."""
        self.deleted.append(key)

    def record(self, caller: str, **what: Any) -> None:
        """Note what was put on record."""
        self.recorded.append({"caller": caller, **what})


@dataclass(kw_only=True)
class Client:
    """Calls the API with one token."""

    root: str
    token: str

    @property
    def api(self) -> str:
        """The base address that clients are given."""
        return f"{self.root}/api"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call a path below the API."""
        headers = {"Authorization": self.token} if self.token else {}
        url = path if path.startswith("http") else f"{self.api}{path}"
        return requests.request(method, url, headers=headers, timeout=PATIENCE_S, **options)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of an answer that has status 200."""
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def upload(self, content: bytes, name: str = "a.replay", **params: str) -> requests.Response:
        """Upload a file."""
        return self.call("POST", "/v2/upload", files={"file": (name, content)}, params=params)

    def uploaded(self, content: bytes, **params: str) -> str:
        """Upload a file that is new; its id when it is parsed."""
        answer = self.upload(content, **params)
        assert answer.status_code == 201, answer.text
        replay_id: str = answer.json()["id"]
        self.wait(replay_id)
        return replay_id

    def wait(self, replay_id: str) -> Any:
        """The body of a replay when it is pending no more."""
        return poll(lambda: self.get(f"/replays/{replay_id}"), lambda it: it["status"] != "pending")


def poll(ask: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """Ask until the answer is as wanted."""
    ends = time.monotonic() + PATIENCE_S
    while not wanted(answer := ask()):
        assert time.monotonic() < ends, answer
        time.sleep(0.02)
    return answer


@dataclass(kw_only=True)
class RunningServer:
    """A server that answers, and what stands behind it."""

    root: str
    site: ReplaySite
    parsing: FakeParsing

    def client(self, name: str = "me", role: Role = Role.UPLOAD) -> Client:
        """Somebody with a new token."""
        token = new_token()
        self.site.accounts.add_token(name, role, digest(token))
        return Client(root=self.root, token=token)


@contextmanager
def running_server(parsing: FakeParsing) -> Iterator[RunningServer]:
    """Run a server in a thread of this process."""
    with open_site(parsing) as site:
        server, listener = make_server(application(site), host="127.0.0.1", port=0)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        root = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            yield RunningServer(root=root, site=site, parsing=parsing)
        finally:
            server.should_exit = True
            thread.join()
            listener.close()
