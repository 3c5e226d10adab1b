"""Recorded conversations with the API, replayed without a network.

Every test has its cassette in ``cassettes/``, found by its name; the first lines of each say what
it was recorded from. To record anew, run ``make record``: from the sandbox, and, where
``BALLCHASING_TOKEN`` and ``REPLAY`` (a file that may be uploaded) are set, from the public API
what it can be made to say.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import vcr  # type: ignore[import-untyped]
from vcr.serializers import yamlserializer  # type: ignore[import-untyped]
from vcr.stubs.requests_stubs import (  # type: ignore[import-untyped]
    VCRRequestsHTTPConnection,
    VCRRequestsHTTPSConnection,
)

from parsekit import ProviderContext, Replay
from parsekit.errors import (
    RateLimited,
    RemoteRejected,
    RemoteUnavailable,
    Unauthorized,
)
from parsekit_ballchasing.deadline import Pool, SecurePool
from parsekit_ballchasing.parser import BallchasingParser
from parsekit_ballchasing.settings import PUBLIC_API, BallchasingSettings
from parsekit_ballchasing.simulator import Simulator, SiteOptions
from parsekit_ballchasing.simulator.faults import Fault

FOLDER = Path(__file__).parents[3] / "cassettes"
RECORDING = os.environ.get("PARSEKIT_RECORD") == "1"
PUBLIC_TOKEN = os.environ.get("BALLCHASING_TOKEN", "") if RECORDING else ""
#: Larger request bodies are kept as hash and length.
LARGEST_BODY_BYTES = 1024
#: What is said about people, and what changes with every call.
PRIVATE_KEYS = frozenset(
    {
        "uploader",
        "recorder",
        "name",
        "steam_id",
        "request_id",
        "server",
        "chat",
        "title",
        "location",
        "link",
    }
)

pytestmark = [] if RECORDING else [pytest.mark.block_network]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the sandbox does while a cassette is recorded; ``public`` ones can be had for real."""

    faults: tuple[Fault, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    public: bool = False


class Stage:
    """The parser with one replay, as its test drives it."""

    def __init__(self, make: Callable[..., Any], url: str, token_file: Path, clock: Any) -> None:
        settings = BallchasingSettings(url=url, token_file=token_file)
        context = ProviderContext(settings=settings, data_dir=token_file.parent)
        self.clock = clock
        self.parser = BallchasingParser(context, clock=clock, ticks=clock, sleep=clock.sleep)
        self._drive = make

    def task(self, **more: Any) -> Any:
        return self._drive(parser=self.parser, clock=self.clock, **more)


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Any, drive: Callable[..., Any]
) -> Iterator[Stage]:
    scene: Scene = getattr(request, "param", Scene())
    token_file = tmp_path / "cassette-token"
    token_file.write_text(PUBLIC_TOKEN or "cassette-token", encoding="utf-8")
    name = request.node.originalname.removeprefix("test_").replace("_", "-")
    public = bool(PUBLIC_TOKEN) and scene.public
    with ExitStack() as stack:
        url = PUBLIC_API
        if RECORDING and not public:
            options = SiteOptions(
                **{"pending_s": (2, 2), "token": "cassette-token", **dict(scene.options)}
            )
            simulator = stack.enter_context(Simulator(options, clock=clock))
            simulator.faults.scripted = list(scene.faults)
            url = simulator.url
        elif public:
            clock = RealClock()
        made = Stage(drive, url, token_file, clock)
        stack.callback(made.parser.close)
        stack.enter_context(recorder(public=public).use_cassette(f"ballchasing-{name}.yaml"))
        yield made


class RealClock:
    """Time as the public API knows it."""

    def __call__(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Serializer:
    """YAML with a header that says where it came from."""

    def __init__(self, *, public: bool) -> None:
        origin = "the public API" if public else "our simulator (parsekit-ballchasing-sim)"
        self._header = (
            f"# Recorded from {origin}, scrubbed of tokens, cookies and identities.\n"
            "# Record anew with `make record`.\n"
        )

    def serialize(self, cassette: dict[str, Any]) -> str:
        return self._header + str(yamlserializer.serialize(cassette))

    def deserialize(self, text: str) -> Any:
        return yamlserializer.deserialize(text)


def recorder(*, public: bool) -> Any:
    made = vcr.VCR(
        cassette_library_dir=str(FOLDER),
        record_mode="all" if RECORDING else "none",
        match_on=["method", "scheme", "host", "path", "query"],
        before_record_request=scrubbed_request,
        before_record_response=scrubbed_response,
        serializer="headed",
        custom_patches=(
            (Pool, "ConnectionCls", VCRRequestsHTTPConnection),
            (SecurePool, "ConnectionCls", VCRRequestsHTTPSConnection),
        ),
    )
    made.register_serializer("headed", Serializer(public=public))
    return made


def scrubbed_request(request: Any) -> Any:
    """What is kept of a request: no headers, no large body, always the public address."""
    kept = copy.copy(request)
    parts = urlsplit(PUBLIC_API)
    kept.uri = urlunsplit(urlsplit(request.uri)._replace(scheme=parts.scheme, netloc=parts.netloc))
    kept.headers = {"Accept": "*/*"}
    body = request.body or b""
    if len(body) > LARGEST_BODY_BYTES:
        kept.body = f"{len(body)} bytes"
    return kept


def scrubbed_response(response: dict[str, Any]) -> dict[str, Any]:
    headers = {key: response["headers"][key] for key in response["headers"] if _is_kept(key)}
    return {**response, "headers": headers, "body": {"string": _scrubbed(response["body"])}}


def _is_kept(header: str) -> bool:
    return header.lower() in ("content-type", "retry-after")


def _scrubbed(body: dict[str, bytes]) -> bytes:
    try:
        return json.dumps(_nameless(json.loads(body["string"]))).encode()
    except ValueError:
        return body["string"]


def _nameless(value: Any) -> Any:
    if isinstance(value, list):
        return [_nameless(item) for item in value]
    if not isinstance(value, dict):
        return value
    platform = value.get("platform")
    if isinstance(platform, str):
        return {**value, "id": "scrubbed"}
    return {
        key: _blank(item) if key in PRIVATE_KEYS else _nameless(item) for key, item in value.items()
    }


def _blank(item: Any) -> Any:
    return {} if isinstance(item, dict) else "scrubbed"


def scene(
    *kinds: str, endpoint: str = "upload", public: bool = False, **options: Any
) -> pytest.MarkDecorator:
    faults = tuple(Fault(kind=kind, endpoint=endpoint, seconds=30) for kind in kinds)  # type: ignore[arg-type]
    described = Scene(faults=faults, options=tuple(options.items()), public=public)
    return pytest.mark.parametrize("stage", [described], indirect=True, ids=[""])


@pytest.fixture
def make_replay(make_replay: Callable[..., Replay]) -> Callable[..., Replay]:
    """The file to upload to the public API, which takes no made-up one."""
    path = os.environ.get("REPLAY", "") if PUBLIC_TOKEN else ""
    if not path:
        return make_replay
    content = Path(path).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return lambda: Replay(path=Path(path), name="a", sha256=sha256, size_bytes=len(content))


@scene(public=True)
def test_upload_pending_then_ok(stage: Stage) -> None:
    task = stage.task()
    parsed = task.run()
    assert parsed.data["status"] == "ok"
    assert len(task.waits) > 1
    assert {wait.ticket["id"] for wait in task.waits} == {parsed.data["id"]}


@scene(public=True)
def test_duplicate_is_answered_by_its_id(stage: Stage) -> None:
    task = stage.task()
    task.run()
    again = stage.task()
    again.run()
    assert again.ticket["duplicate"] is True
    assert again.ticket["id"] == task.ticket["id"]


@scene(failing=1.0)
def test_failed_replay_is_rejected(stage: Stage) -> None:
    with pytest.raises(RemoteRejected, match="could not parse"):
        stage.task().run()


@scene("400")
def test_file_that_is_no_replay_is_rejected(stage: Stage) -> None:
    with pytest.raises(RemoteRejected, match=r"not a \.replay file"):
        stage.task().run()


@scene("401", public=True)
def test_wrong_token_is_unauthorized(stage: Stage) -> None:
    with pytest.raises(Unauthorized, match="invalid API key"):
        stage.task().run()


@scene("429-seconds")
def test_refusal_with_seconds_is_waited_for(stage: Stage) -> None:
    began = stage.clock()
    with pytest.raises(RateLimited) as caught:
        stage.task().step()
    assert caught.value.retry_after_s == 30
    assert stage.task().run().data["status"] == "ok"
    assert stage.clock() - began > 30


@scene("429-date")
def test_refusal_with_a_date_is_waited_for(stage: Stage) -> None:
    with pytest.raises(RateLimited) as caught:
        stage.task().step()
    assert caught.value.retry_after_s == pytest.approx(30, abs=1)
    assert stage.task().run().data["status"] == "ok"


@scene("429")
def test_bare_refusal_is_tried_on_schedule(stage: Stage) -> None:
    began = stage.clock()
    assert stage.task().run().data["status"] == "ok"
    assert stage.clock() - began > 4


@scene("500")
def test_fault_as_json_is_tried_again(stage: Stage) -> None:
    with pytest.raises(RemoteUnavailable, match="reason here"):
        stage.task().step()
    assert stage.task().run().data["status"] == "ok"


@scene("502-html")
def test_fault_as_html_is_tried_again(stage: Stage) -> None:
    with pytest.raises(RemoteUnavailable, match="502"):
        stage.task().step()
    assert stage.task().run().data["status"] == "ok"


@scene("truncated-json", endpoint="replay")
def test_truncated_statistics_are_asked_for_again(stage: Stage) -> None:
    task = stage.task()
    assert task.run().data["status"] == "ok"
    assert task.failures == 1


def test_every_cassette_says_where_it_came_from_and_is_used() -> None:
    names = {
        f"ballchasing-{name.removeprefix('test_').replace('_', '-')}.yaml"
        for name, test in globals().items()
        if name.startswith("test_") and any("stage" in mark.args for mark in _marks(test))
    }
    assert {path.name for path in FOLDER.glob("ballchasing-*.yaml")} == names
    for path in FOLDER.glob("ballchasing-*.yaml"):
        assert path.read_text().startswith("# Recorded from ")


def _marks(test: Any) -> list[Any]:
    return getattr(test, "pytestmark", [])


FORBIDDEN = {
    "a token": re.compile(r"(?i)authorization|cassette-token|test-token|api[_-]?key:\s*\S{20}"),
    "a cookie": re.compile(r"(?im)\bcookie\b|sid="),
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.\w"),
    "a Steam id": re.compile(r"\b7656\d{13}\b"),
    "an address of this machine": re.compile(r"127\.0\.0\.1|localhost|/home/"),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_cassette_holds(what: str) -> None:
    for path in FOLDER.glob("*.yaml"):
        found = FORBIDDEN[what].search(path.read_text())
        assert found is None, f"{path.name} holds {what}: {found}"


def test_the_search_for_secrets_finds_them() -> None:
    leaks = (
        "Authorization: x",
        "set-cookie: sid=1",
        "a.b@c.de",
        "76561198000000000",
        "http://127.0.0.1:1",
    )
    for leak, pattern in zip(leaks, FORBIDDEN.values(), strict=True):
        assert pattern.search(leak)
