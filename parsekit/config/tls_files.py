"""PEM files for TLS, tried before a library trips over them while it connects.

Libraries then name no file, which looks like a fault of the server, and ask on the terminal for the
passphrase of a key.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from parsekit.errors import ConfigInvalid


def check_tls_files(
    section: str, *, ca_file: Path | None, certificate_file: Path | None, key_file: Path | None
) -> None:
    """Load what the settings of this section name; a certificate's file may hold its key too.

    Raises `ConfigInvalid` with the key, the path and what to do.
    """
    if ca_file is not None:
        _try_certificates(f"{section}.ca_file", ca_file)
    if certificate_file is None:
        return
    _try_certificates(f"{section}.certificate_file", certificate_file)
    if key_file is None:
        _try_key(f"{section}.certificate_file", certificate_file, certificate_file)
    else:
        _try_key(f"{section}.key_file", key_file, certificate_file)


def _try_certificates(key: str, path: Path) -> None:
    try:
        _context().load_verify_locations(_readable(key, path))
    except ssl.SSLError as exc:
        raise ConfigInvalid(
            f"{key}: {path} holds no certificate that can be read; name a PEM file"
        ) from exc


def _try_key(key: str, path: Path, certificate: Path) -> None:
    file = _readable(key, path)
    try:
        _context().load_cert_chain(certificate.expanduser(), file, password=_refuse_to_ask)
    except _EncryptedError:
        raise ConfigInvalid(
            f"{key}: the key in {path} is encrypted, and nobody is there to type its passphrase; "
            "name a file that `openssl pkey` wrote without one"
        ) from None
    except ssl.SSLError as exc:
        reason = f" ({exc.reason.lower().replace('_', ' ')})" if exc.reason else ""
        raise ConfigInvalid(
            f"{key}: {path} holds no key that can be used for the certificate in "
            f"{certificate}{reason}; name the PEM file of its key as key_file"
        ) from exc


def _readable(key: str, path: Path) -> Path:
    """The full path of a file that opens: OpenSSL does not say which of two it can't open."""
    try:
        found = path.expanduser()
        found.open("rb").close()
    except (OSError, ValueError, RuntimeError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise ConfigInvalid(
            f"{key}: can't read {str(path)!r}: {reason.lower()}; name a PEM file"
        ) from exc
    return found


def _context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class _EncryptedError(Exception):
    """A key asked for its passphrase."""


def _refuse_to_ask() -> str:
    raise _EncryptedError
