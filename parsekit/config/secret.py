"""Secrets stand in files, named by keys that end in ``_file``, and are read when they are used."""

from __future__ import annotations

import logging
import os
import stat
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from parsekit.errors import ConfigInvalid
from parsekit.redaction.secrets import remember

log = logging.getLogger("parsekit.config")

#: Type of a setting that names a file with a secret in it.
SecretFile = Annotated[Path | None, Field(description="path of a file that holds the secret")]

#: A token file larger than this is surely another file.
_MAX_SECRET_BYTES = 64 * 1024


def read_secret(path: Path, key: str) -> SecretStr:
    """Read the secret that setting ``key`` names, without white space around it.

    It is masked from now on in every log, message and error of this process.

    Raises `ConfigInvalid` with the key and the path, never with the content.
    """
    text, found = _read(path, key)
    remember(text)
    _warn_once(path, key, exposed_to(found))
    return SecretStr(text)


def read_identifier(path: Path, key: str) -> str:
    """Read what setting ``key`` names and is no secret, though it stands beside one.

    An access key's id, for example: a store names it in its refusals, and nothing masks it.
    Raises as `read_secret` does.
    """
    text, _ = _read(path, key)
    return text


def _read(path: Path, key: str) -> tuple[str, os.stat_result]:
    try:
        with path.expanduser().open("rb") as file:
            found = os.fstat(file.fileno())
            raw = file.read(_MAX_SECRET_BYTES + 1)
        text = raw.decode().strip()
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise ConfigInvalid(f"{key}: can't read {path}: {reason.lower()}") from exc
    except UnicodeDecodeError:
        raise ConfigInvalid(f"{key}: {path} is not text; name a file with the secret") from None
    if not text or len(raw) > _MAX_SECRET_BYTES:
        state = "is empty" if not text else "is larger than 64 KiB"
        raise ConfigInvalid(f"{key}: {path} {state}; name a file with the secret")
    return text, found


def exposed_to(found: os.stat_result) -> str:
    """Who else can read a secret's file: ``everybody``, ``its group``, or nobody (empty).

    The group of a file that belongs to somebody else is how we get to read it ourselves.
    """
    if found.st_mode & stat.S_IROTH:
        return "everybody"
    if found.st_mode & stat.S_IRGRP and found.st_uid == os.geteuid():
        return "its group"
    return ""


@cache
def _warn_once(path: Path, key: str, others: str) -> None:
    if others:
        log.warning("%s: %s can be read by %s; chmod 600 it", key, path, others)
