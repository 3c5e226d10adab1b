"""A plugin that puts its token wherever it can; the name of the replay says where.

The token stands in the file ``$LEAKY_TOKEN``.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
from pathlib import Path

from parsekit import (
    AnalyticsEvent,
    AuditEvent,
    Job,
    NotReady,
    Parsed,
    ParserEntry,
    ProgressEvent,
    ProviderContext,
    Replay,
    hookimpl,
    read_secret,
)
from parsekit.errors import ERRORS, RemoteRejected, RemoteUnavailable

log = logging.getLogger("leaky.library")


def token() -> str:
    return read_secret(Path(os.environ["LEAKY_TOKEN"]), "leaky.token_file").get_secret_value()


class Leaky:
    def __init__(self, context: ProviderContext) -> None:
        self._token = token()

    def parse(self, replay: Replay, job: Job) -> Parsed | NotReady:
        secret = self._token
        kind = Path(replay.name).stem
        if kind == "logs":
            log.warning("headers %s", {"Authorization": secret}, extra={"data": {"id": secret}})
            warnings.warn(f"old {secret}", UserWarning, stacklevel=1)
            threading.Thread(target=_dies, args=(secret,)).start()
        elif kind == "raises":
            raise RuntimeError(f"bad answer to {secret}")
        elif kind == "cuts":
            raise RuntimeError(f"{'x' * 470} {secret}")
        elif kind == "warns":
            return Parsed(data={}, warnings=(f"parsed with {secret}",))
        elif kind == "slow":
            return NotReady(ticket={"n": 1}, after_s=60, reason=f"{secret} is slow")
        elif kind in ERRORS:
            raise ERRORS[kind](f"{kind} because of {secret}", retry_after_s=0.2)
        elif kind == "rejects":
            raise RemoteRejected(f"https://ann:{secret}@host refuses")
        elif kind == "waits":
            job.progress(40, f"uploading with {secret}")
            return NotReady(ticket={"n": 1}, after_s=0.2, reason=f"{secret} is not ready")
        elif kind == "away":
            raise RemoteUnavailable(f"no answer to {secret}", retry_after_s=0.2)
        return Parsed(data={})

    def resume(self, job: Job) -> Parsed:
        raise RemoteRejected(f"refused {self._token} in the end")


#: What native code writes before it aborts.
_LAST_WORDS = {"panics": "double free", "hoards": "memory allocation of 64 bytes failed"}


class LeakyLocal:
    """The same in a child process, which has no environment; its token is a file beside it."""

    def __init__(self, context: ProviderContext) -> None:
        self._token = read_secret(Path(__file__).with_name("token"), "x").get_secret_value()

    def parse(self, replay: Replay, job: Job) -> Parsed:
        job.progress(50, f"parsing with {self._token}")
        kind = Path(replay.name).stem
        if kind == "warns":
            return Parsed(data={}, warnings=(f"parsed with {self._token}",))
        if kind == "hangs":
            os.write(2, self._token.encode())
            time.sleep(60)
        if kind in _LAST_WORDS:
            os.write(2, f"thread panicked with {self._token}\n{_LAST_WORDS[kind]}\n".encode())
            os.write(2, f"{self._token}\n".encode())
            os.abort()
        raise RuntimeError(f"can't parse with {self._token!r}")


def _dies(secret: str) -> None:
    raise ValueError(f"{secret} in a thread")


@hookimpl
def parsekit_register_parsers(register) -> None:
    register(ParserEntry(name="leaky", version="1", create=Leaky, runs="remote"))
    register(ParserEntry(name="leaky-local", version="1", create=LeakyLocal))


@hookimpl
def parsekit_progress(event: ProgressEvent) -> None:
    raise RuntimeError(f"progress to {token()}")


@hookimpl
def parsekit_analytics(event: AnalyticsEvent) -> None:
    raise RuntimeError(f"analytics to {token()}")


@hookimpl
def parsekit_audit(event: AuditEvent) -> None:
    raise RuntimeError(f"audit to {token()}")
