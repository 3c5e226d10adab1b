"""Signatures of what is kept in the storage, so that nobody who can write there can forge it.

A signature is an HMAC-SHA256 with a key that only workers have. A storage that others share needs
a key that is configured; for a folder of this machine one is made, and kept in the data folder.
Without a key, stored documents still carry a digest, which finds damage but not a forger, who
writes a fitting digest. `ResultStore.encode` signs results, `Tickets.keep` tickets.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from parsekit.config import Config, FolderSettings, ProvenanceSettings, read_secret
from parsekit.errors import ConfigInvalid
from parsekit.model import JsonObject
from parsekit.storage.atomic import OwnedFolder

#: The shortest key, in bytes of its text: `openssl rand -hex 32` writes 64.
MIN_KEY_BYTES = 32
#: The file in the data folder with the key that is made where none is configured.
OWN_KEY_FILE = "provenance.key"
#: What to say, and to advise, where stored results have no signature.
UNSIGNED = "stored results are not signed: who can write to the storage can forge them"
HOW_TO_SIGN = "openssl rand -hex 32 > key, and set provenance.key_file on every worker"

log = logging.getLogger("parsekit.provenance")

_PREFIX = "hmac-sha256:"


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """Signs with the first key; takes signatures of any, so that a key can be replaced."""

    keys: tuple[bytes, ...]

    @classmethod
    def of(cls, config: Config) -> Signer | None:
        """The signer of section `provenance`; None without a key.

        Raises `ConfigInvalid` for a key that can't be read or is too short.
        """
        settings = config.section(ProvenanceSettings)
        if settings.key_file is None:
            return None
        current = _keys({"provenance.key_file": settings.key_file})
        return cls((*current, *_previous_keys(settings)))

    @classmethod
    def for_storage(cls, config: Config, data_dir: Path) -> Signer | None:
        """As `of`, but a folder of this machine is signed for with a key that is made for it.

        Raises `ConfigInvalid` like `of`, never for the key that is made.
        """
        configured = cls.of(config)
        if configured is not None or not is_folder_here(config):
            return configured
        previous = _previous_keys(config.section(ProvenanceSettings))
        return cls((_own_key(data_dir / OWN_KEY_FILE), *previous))

    def sign(self, purpose: str, document: JsonObject) -> str:
        """The signature of a document; ``purpose`` keeps one kind from passing for another."""
        return _PREFIX + _mac(self.keys[0], purpose, document)

    def verifies(self, purpose: str, document: JsonObject, signature: object) -> bool:
        """Whether one of the keys made this signature; takes the same time for each wrong one."""
        given = str(signature).encode()
        macs = (_PREFIX + _mac(key, purpose, document) for key in self.keys)
        return any(hmac.compare_digest(mac.encode(), given) for mac in macs)


def _mac(key: bytes, purpose: str, document: JsonObject) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, f"{purpose}\n{canonical}".encode(), hashlib.sha256).hexdigest()


def is_folder_here(config: Config) -> bool:
    """Whether results are kept in a folder of this machine, or one that is mounted here."""
    path = config.section(FolderSettings).path or ""
    here = "://" not in path.removeprefix("file://").removeprefix("local://")
    return config.storage_name == "folder" and here


def _previous_keys(settings: ProvenanceSettings) -> tuple[bytes, ...]:
    named = enumerate(settings.previous_key_files)
    return _keys({f"provenance.previous_key_files.{place}": file for place, file in named})


def _keys(files: Mapping[str, Path]) -> tuple[bytes, ...]:
    """The keys in these files. Raises `ConfigInvalid` with the setting that names the file."""
    read = {name: read_secret(file, name) for name, file in files.items()}
    keys = {name: secret.get_secret_value().encode() for name, secret in read.items()}
    for name, key in keys.items():
        if len(key) < MIN_KEY_BYTES:
            raise ConfigInvalid(
                f"{name}: holds {len(key)} bytes, want at least {MIN_KEY_BYTES}; "
                "make one with `openssl rand -hex 32`"
            )
    return tuple(keys.values())


def _own_key(path: Path) -> bytes:
    """The key of this data folder, made by whoever needs it first.

    Where it can't be kept, a key of this process stands in: a result that nobody can vouch for is
    parsed again rather than served.
    """
    try:
        with OwnedFolder.open(path.parent, make=True) as folder:
            if not path.exists():  # the first writer wins
                key = secrets.token_hex(MIN_KEY_BYTES).encode()
                folder.write(path.name, (key,), replace=False, sync=True)
            os.close(folder.own_file(path.name, os.O_RDONLY))
        (key,) = _keys({path.name: path})
    except (OSError, ConfigInvalid) as exc:
        log.warning(
            "results of other runs are parsed again, as there is no usable key in %s: %s; "
            "remove the file, or name another in provenance.key_file",
            *(path, exc),
        )
        return _key_of_this_process()
    return key


@cache
def _key_of_this_process() -> bytes:
    return secrets.token_hex(MIN_KEY_BYTES).encode()
