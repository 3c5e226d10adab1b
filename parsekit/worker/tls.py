"""TLS to RabbitMQ. To Redis its settings travel in the URL, which every client of it reads."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from parsekit.config import CelerySettings

#: What kombu takes for ``ssl``.
AmqpTls = dict[str, Any] | bool

_SECURE = ("amqps", "rediss")


def check_files(celery: CelerySettings, *urls: str) -> None:
    """Raise `ConfigInvalid` for a file that one of these servers is to be reached with, in vain."""
    if any(urlsplit(url).scheme in _SECURE for url in urls):
        from parsekit.config.tls_files import check_tls_files  # noqa: PLC0415  (OpenSSL)

        check_tls_files(
            "celery",
            ca_file=celery.ca_file,
            certificate_file=celery.certificate_file,
            key_file=celery.key_file,
        )


def amqp_tls(url: str, celery: CelerySettings) -> AmqpTls:
    """Options for kombu's ``ssl``: False for a plain connection, else who is trusted.

    Without ``server_hostname`` kombu takes a certificate of any host (its pull request 1366). It
    fills in for None, but turns ``localhost`` into 127.0.0.1 first, which no certificate names.
    """
    if urlsplit(url).scheme != "amqps":
        return False
    several = ";" in url
    files = {
        "ca_certs": celery.ca_file,
        "certfile": celery.certificate_file,
        "keyfile": celery.key_file,
    }
    return {"server_hostname": None if several else urlsplit(url).hostname} | {
        option: str(path) for option, path in files.items() if path is not None
    }
