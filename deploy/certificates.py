"""An authority of the deployment's own, and the certificates of its servers, made by ``openssl``.

Python's library reads certificates and can't make any, so the command of OpenSSL does (1.1.1 or
newer). What it makes is as strict clients want it: `VERIFY_X509_STRICT`, which is what Python asks
for from 3.13 on.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
from pathlib import Path

#: Whom a certificate is made for; each is named so by compose.yaml and by the manifests.
SERVERS = ("valkey", "rabbitmq", "seaweedfs")
#: The file of an authority's certificate, and that of its key.
AUTHORITY, AUTHORITY_KEY = "ca.pem", "ca.key"
AUTHORITY_DAYS = 3650
SERVER_DAYS = 730

_OPTIONS = """\
[req]
distinguished_name = subject
[subject]
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
#: The ports are open to the host too, where callers know the server by these.
_ON_THE_HOST = "DNS:localhost, IP:127.0.0.1, IP:0:0:0:0:0:0:0:1"
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class CertificatesFailed(Exception):
    """There is no ``openssl``, or it failed; the message says which."""


def make_authority(folder: Path) -> None:
    """Write an authority's certificate and key, with a name that no other authority has."""
    options = _write_options(folder, _OPTIONS)
    _openssl(
        *("req", "-x509", *_NEW_KEY, "-config", options, "-extensions", "authority"),
        *("-subj", f"/CN=parsekit deployment {secrets.token_hex(4)}"),
        *("-days", str(AUTHORITY_DAYS), "-set_serial", _serial()),
        *("-keyout", folder / AUTHORITY_KEY, "-out", folder / AUTHORITY),
    )
    options.unlink()


def make_key(key: Path) -> None:
    """Write the key of a server."""
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)


def certify(server: str, key: Path, *, authority: Path, certificate: Path) -> None:
    """Write the certificate of the server that has this key, signed by the authority."""
    names = f"subjectAltName = DNS:{server}, {_ON_THE_HOST}\n"
    options = _write_options(certificate.parent, _OPTIONS + names)
    request = certificate.with_suffix(".csr")
    subject = ("-subj", f"/CN={server}")
    _openssl("req", "-new", "-key", key, *subject, "-config", options, "-out", request)
    _openssl(
        *("x509", "-req", "-in", request, "-extfile", options, "-extensions", "server"),
        *("-CA", authority / AUTHORITY, "-CAkey", authority / AUTHORITY_KEY),
        *("-days", str(SERVER_DAYS), "-set_serial", _serial(), "-sha256", "-out", certificate),
    )
    request.unlink()
    options.unlink()


def _write_options(folder: Path, options: str) -> Path:
    """A file of our own: that of the machine may say anything."""
    path = folder / "openssl.cnf"
    path.write_text(options)
    return path


def _serial() -> str:
    """Random, as no list of those given is kept; positive and of 20 bytes at most."""
    return f"0x{secrets.token_hex(16)}"


def _openssl(*arguments: str | Path) -> None:
    program = shutil.which("openssl")
    if program is None:
        raise CertificatesFailed(
            "there is no command openssl, which makes the certificates; install the package "
            "openssl (apt-get install openssl, dnf install openssl, brew install openssl)"
        )
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CertificatesFailed(f"openssl {arguments[0]} failed: {done.stderr.strip()}")
