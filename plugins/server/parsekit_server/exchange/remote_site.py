"""Another site that speaks Ballchasing's API, whose replays are fetched with a token of it."""

from __future__ import annotations

import http.client
import ipaddress
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from parsekit import JsonObject
from parsekit.errors import BadRequest
from parsekit_server.errors import SiteUnavailable

_BLOCK_BYTES = 1024 * 1024
_TIMEOUT_S = 60.0
#: Largest page of a list that is read.
_PAGE_BYTES = 64 * 1024 * 1024
#: Seconds before each new try of a call that the site can't answer now.
_DELAYS_S = (2.0, 8.0, 30.0, 60.0, 60.0)
_LONGEST_WAIT_S = 3600.0
_REFUSED = (401, 403)
_TOO_MANY, _SERVER_FAILED, _NOT_FOUND = 429, 500, 404


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteReplay:
    """A replay of the other site, as its list states it."""

    id: str
    title: str
    visibility: str


class RemoteSite:
    """Lists and fetches. ``root`` is the address of its API, such as ``https://host/api``.

    Raises `BadRequest` for an address that is none, and for one of another machine without TLS
    unless ``allow_http``; `SiteUnavailable` from its methods.
    """

    def __init__(
        self,
        root: str,
        token: str,
        *,
        allow_http: bool = False,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        parts = urlsplit(root)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise BadRequest(f"{root!r} is no address of an API; write https://host/api")
        if parts.scheme == "http" and not allow_http and not _is_this_machine(parts.hostname):
            raise BadRequest(
                f"{root} would get the token unencrypted over a network; use https, or say "
                "--allow-http where nobody else listens"
            )
        self._root = root.rstrip("/")
        self._token = token
        self._sleep = sleep
        self._opener = build_opener(_WithoutToken)

    def own_replays(self) -> Iterator[RemoteReplay]:
        """What the token's owner has uploaded, the oldest first."""
        query = {"uploader": "me", "count": "200", "sort-by": "created", "sort-dir": "asc"}
        while True:
            page = self._json(f"/replays?{urlencode(query)}")
            listed = page.get("list")
            for each in listed if isinstance(listed, list) else ():
                if isinstance(each, dict) and isinstance(each.get("id"), str):
                    title, visibility = each.get("replay_title"), each.get("visibility")
                    yield RemoteReplay(
                        id=each["id"],
                        title=title if isinstance(title, str) else "",
                        visibility=visibility if isinstance(visibility, str) else "",
                    )
            # the place alone is taken from the answer: the token goes to no address it names
            following = parse_qs(urlsplit(str(page.get("next", ""))).query).get("after")
            if not following or following == [query.get("after")]:
                return
            query["after"] = following[-1]

    def file(self, replay_id: str) -> Iterator[bytes] | None:
        """The bytes of a replay's file; None where the site has it no more."""
        answer = self._open(f"/replays/{quote(replay_id, safe='')}/file")
        return None if answer is None else _blocks(answer, self._root)

    def _json(self, path: str) -> JsonObject:
        answer = self._open(path)
        if answer is None:
            raise SiteUnavailable(f"{self._root}{path} is not there; name the address of the API")
        with answer, _translated(self._root):
            text = answer.read(_PAGE_BYTES)
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise SiteUnavailable(
                f"{self._root}{path} answers no JSON; name the address of the API"
            )
        return value

    def _open(self, path: str) -> IO[bytes] | None:
        """Ask, again after a while where the site says so or fails; None for a 404."""
        for delay_s in (*_DELAYS_S, None):
            try:
                request = Request(f"{self._root}{path}", headers={"Authorization": self._token})  # noqa: S310  (the scheme was checked)
                answer: IO[bytes] = self._opener.open(request, timeout=_TIMEOUT_S)
            except HTTPError as error:
                with error:
                    if error.code == _NOT_FOUND:
                        return None
                    if delay_s is None or not _may_pass(error.code):
                        advice = "check the token" if error.code in _REFUSED else "try again later"
                        raise SiteUnavailable(
                            f"{self._root}{path} answers {error.code}; {advice}"
                        ) from error
                    self._sleep(_wait_s(error, delay_s))
            except (OSError, http.client.HTTPException) as error:
                if delay_s is None:
                    raise _unavailable(self._root, error) from error
                self._sleep(delay_s)
            else:
                return answer
        raise AssertionError("the last try returns or raises")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _WithoutToken(HTTPRedirectHandler):
    """Goes on to another host, as stores of files are, without the token."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> Request | None:
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        if made is not None and _origin(made.full_url) != _origin(req.full_url):
            made.remove_header("Authorization")
        return made


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc


def _may_pass(status: int) -> bool:
    return status == _TOO_MANY or status >= _SERVER_FAILED


def _wait_s(error: HTTPError, delay_s: float) -> float:
    stated = error.headers.get("Retry-After", "")
    return min(float(stated), _LONGEST_WAIT_S) if stated.isdecimal() else delay_s


def _blocks(answer: IO[bytes], root: str) -> Iterator[bytes]:
    with answer, _translated(root):
        while block := answer.read(_BLOCK_BYTES):
            yield block


@contextmanager
def _translated(address: str) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise _unavailable(address, error) from error


def _unavailable(address: str, error: Exception) -> SiteUnavailable:
    return SiteUnavailable(f"{address} can't be reached: {error}; run it again to go on")
