"""Signatures of what is kept in the storage, so that nobody who can write there can forge it.

A signature is an HMAC-SHA256 with a key that only workers have. Without a key, stored documents
still carry a digest, which finds damage but not a forger, who writes a fitting digest.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass

from parsekit.config import Config, ProvenanceSettings, read_secret
from parsekit.errors import ConfigInvalid
from parsekit.model import JsonObject

#: The shortest key, in bytes of its text: `openssl rand -hex 32` writes 64.
MIN_KEY_BYTES = 32

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
        files = {"provenance.key_file": settings.key_file} | {
            f"provenance.previous_key_files.{place}": file
            for place, file in enumerate(settings.previous_key_files)
        }
        secrets = {name: read_secret(file, name) for name, file in files.items()}
        keys = {name: secret.get_secret_value().encode() for name, secret in secrets.items()}
        for name, key in keys.items():
            if len(key) < MIN_KEY_BYTES:
                raise ConfigInvalid(
                    f"{name}: holds {len(key)} bytes, want at least {MIN_KEY_BYTES}; "
                    "make one with `openssl rand -hex 32`"
                )
        return cls(tuple(keys.values()))

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
