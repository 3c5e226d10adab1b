"""The three calls of the Ballchasing API that a parse needs, typed, bounded and token-free.

Every failure is one of parsekit's errors; nothing here waits, retries or counts.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import requests
from pydantic import SecretStr
from urllib3.exceptions import HTTPError as TransportError

from parsekit import JsonObject
from parsekit.errors import (
    ConfigInvalid,
    ParsekitError,
    RateLimited,
    RemoteRejected,
    RemoteUnavailable,
    Unauthorized,
)
from parsekit_ballchasing.deadline import DeadlineAdapter, whole_call
from parsekit_ballchasing.retry_after import retry_after_s
from parsekit_ballchasing.server_message import server_message
from parsekit_ballchasing.ticket import is_replay_id

#: Seconds to connect, and to wait for each piece of an answer.
CONNECT_S, READ_S = 5.0, 30.0
#: Seconds for a whole call, so that nothing that a server sends can hold a slot for ever.
CALL_S = 60.0
#: Largest answer. Real bodies have 14 to 28 kB.
MAX_ANSWER_BYTES = 8 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
#: Connections kept open: as many as a process has threads that call, at most.
POOL_SIZE = 256

#: First digits of the status codes of HTTP.
_SUCCESS, _ELSEWHERE, _SERVER_FAULT = 2, 3, 5
#: Answers that say nothing about the request, so that it may be repeated.
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})


class ReplayGone(RemoteRejected):
    """The API does not know this replay, or does not show it to us."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The API has the file under this id; ``duplicate`` when it had it before."""

    replay_id: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class PollAnswer:
    """The state of an uploaded replay; ``body`` is everything the API says about it."""

    status: Literal["ok", "pending", "failed"]
    body: JsonObject


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class BallchasingClient:
    """One session for one process: pooled connections, a deadline, no redirects, bounded answers.

    Used from several threads at once. ``clock`` is UTC. ``timeout_s`` is for the connection and for
    each piece of an answer, ``call_s`` for a whole call. ``ca_file`` names the authorities to trust
    instead of the public ones. Every call raises `ConfigInvalid` where the server's certificate is
    not trusted; nothing is sent then.
    """

    def __init__(
        self,
        url: str,
        token: SecretStr,
        *,
        ca_file: Path | None = None,
        clock: Callable[[], float] = time.time,
        timeout_s: tuple[float, float] = (CONNECT_S, READ_S),
        call_s: float = CALL_S,
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._clock = clock
        self._timeout_s = timeout_s
        self._call_s = call_s
        self._session = _session(ca_file)

    def ping(self) -> JsonObject:
        """Say whose token this is. Raises `Unauthorized`, `RateLimited`, `RemoteUnavailable`."""
        answer = self._call("GET", "/")
        self._refuse_failure(answer)
        return self._object(answer)

    def upload(self, path: Path, visibility: str) -> Uploaded:
        """Send the whole file.

        A duplicate is as good as a new one. Raises `RemoteRejected` for a file that the API does
        not want, `Unauthorized`, and for what may pass `RateLimited` and `RemoteUnavailable`.
        """
        answer = self._call(
            "POST", "/v2/upload", params={"visibility": visibility}, file=path.read_bytes()
        )
        if answer.status != HTTPStatus.CONFLICT:
            self._refuse_failure(answer)
        replay_id = self._object(answer).get("id")
        if not isinstance(replay_id, str) or not is_replay_id(replay_id):
            raise RemoteUnavailable(
                f"ballchasing answered {answer.status} to an upload without a usable id"
            )
        return Uploaded(replay_id, duplicate=answer.status == HTTPStatus.CONFLICT)

    def look(self, replay_id: str) -> PollAnswer:
        """Ask how far a replay is, and for its statistics when it is ready.

        Raises `ReplayGone`, and what `upload` raises for what may pass.
        """
        answer = self._call("GET", f"/replays/{replay_id}")
        if answer.status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
            raise ReplayGone(self._message(answer, f"does not show replay {replay_id}"))
        self._refuse_failure(answer)
        body = self._object(answer)
        match body.get("status"):
            case "ok" | "pending" | "failed" as status:
                return PollAnswer(status, body)
            case other:
                raise RemoteUnavailable(
                    f"ballchasing answered the unknown status {str(other)[:40]!r} for {replay_id}"
                )

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        file: bytes | None = None,
    ) -> ApiAnswer:
        with whole_call(self._call_s) as deadline:
            try:
                return self._answer(method, path, params, file)
            except (requests.RequestException, TransportError) as exc:
                if isinstance(exc, requests.Timeout) or deadline.is_over():
                    late = f"ballchasing did not answer in time: {method} {path}"
                    raise RemoteUnavailable(late) from exc
                raise self._unreached(exc, f"{method} {path}") from exc
            except OSError as exc:  # how requests says that the file of authorities is gone
                raise ConfigInvalid(f"ballchasing.ca_file: {exc}") from exc

    def _answer(
        self, method: str, path: str, params: Mapping[str, str] | None, file: bytes | None
    ) -> ApiAnswer:
        with self._session.request(
            method,
            self._url + path,
            params=params,
            # A fixed name, as the caller's may tell who played; the ending is asked for.
            files=None if file is None else {"file": ("upload.replay", file)},
            headers={"Authorization": self._token.get_secret_value()},
            timeout=self._timeout_s,
            allow_redirects=False,
            stream=True,
        ) as response:
            return ApiAnswer(response.status_code, response.headers, _content(response))

    def _unreached(self, exc: Exception, call: str) -> ParsekitError:
        if distrust := _distrust(exc):
            return ConfigInvalid(
                f"ballchasing.ca_file: the certificate of {urlsplit(self._url).netloc} is not "
                f"trusted ({distrust}); name the authority that signed it, and the API by a name "
                "in it"
            )
        return RemoteUnavailable(f"ballchasing can't be reached: {call}: {_cause(exc)}")

    def _object(self, answer: ApiAnswer) -> JsonObject:
        """The JSON object in an answer. Raises `RemoteUnavailable` when there is none."""
        try:
            body = json.loads(answer.content)
        except (ValueError, RecursionError) as exc:
            raise RemoteUnavailable(
                f"ballchasing answered {answer.status} with {len(answer.content)} bytes "
                "that are not JSON"
            ) from exc
        if not isinstance(body, dict):
            raise RemoteUnavailable(f"ballchasing answered {answer.status} without a JSON object")
        return body

    def _refuse_failure(self, answer: ApiAnswer) -> None:
        if answer.status // 100 != _SUCCESS:
            raise self._error(answer)

    def _error(self, answer: ApiAnswer) -> ParsekitError:
        status = answer.status
        wait_s = retry_after_s(answer.headers.get("Retry-After"), now_unix=self._clock())
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return RateLimited(self._message(answer, "refuses for now"), retry_after_s=wait_s)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            advice = "; check the file that ballchasing.token_file names"
            return Unauthorized(self._message(answer, "does not accept the token") + advice)
        if status in _PASSING or status // 100 == _SERVER_FAULT:
            return RemoteUnavailable(self._message(answer, "has a fault"), retry_after_s=wait_s)
        if status // 100 == _ELSEWHERE:
            return RemoteUnavailable(
                f"ballchasing answered {status} and points elsewhere, which is not followed; "
                "check ballchasing.url"
            )
        return RemoteRejected(self._message(answer, "refused the replay"))

    def _message(self, answer: ApiAnswer, what: str) -> str:
        words = server_message(answer.content, secret=self._token.get_secret_value())
        return f"ballchasing {what}: {answer.status}{words and ' ' + words}"


class _Session(requests.Session):
    """Does not even read where an answer points, which requests does of each and may fail over."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Answer that it points nowhere."""


def _session(ca_file: Path | None) -> requests.Session:
    session = _Session()
    session.verify = True if ca_file is None else str(ca_file)
    # Redirects and `Retry-After` are the caller's business: urllib3 would sleep up to six hours.
    adapter = DeadlineAdapter(pool_connections=2, pool_maxsize=POOL_SIZE, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    # A ~/.netrc entry would replace the token, and cookies would tie calls to one server.
    session.trust_env = False
    session.headers["User-Agent"] = "parsekit-ballchasing"
    session.headers["Accept-Encoding"] = "identity"
    return session


def _content(response: requests.Response) -> bytes:
    """Read piece by piece, as the length that an answer claims can't be trusted."""
    content = bytearray()
    response.raw.decode_content = True  # some proxies compress whatever is asked for
    while piece := response.raw.read1(_PIECE_BYTES):
        content += piece
        if len(content) > MAX_ANSWER_BYTES:
            raise RemoteUnavailable(
                f"ballchasing answered more than {MAX_ANSWER_BYTES} bytes; answer dropped"
            )
    return bytes(content)


def _distrust(exc: Exception) -> str:
    """Why the server's certificate was not trusted, empty when that is not what happened."""
    reason = getattr(exc.args[0], "reason", None) if exc.args else None
    inner = reason.args[0] if isinstance(reason, TransportError) and reason.args else None
    return inner.verify_message if isinstance(inner, ssl.SSLCertVerificationError) else ""


def _cause(exc: BaseException) -> str:
    """The kind of a network error, without addresses of objects and long chains."""
    inner = exc.args[0] if exc.args and isinstance(exc.args[0], BaseException) else exc
    return type(getattr(inner, "reason", None) or inner).__name__
