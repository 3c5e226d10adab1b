"""Why RabbitMQ can't be used, in words for people, without any secret."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from parsekit.errors import ConfigInvalid
from parsekit_sinks_rabbitmq.settings import BrokerAddress

_ACCESS_REFUSED, _NOT_ALLOWED = 403, 530


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happened, and what to do about it."""

    text: str
    advice: str

    def __str__(self) -> str:
        """Both, for a log."""
        return f"{self.text}; {self.advice}"


def explain(error: Exception, broker: BrokerAddress | None) -> Explanation:
    """Translate what a connection raised."""
    if isinstance(error, ConfigInvalid):
        text, _, advice = error.message.partition("; ")
        return Explanation(text, advice or "correct the section transport")
    where = str(broker) if broker else "RabbitMQ"
    user, vhost = (repr(broker.username), repr(broker.vhost)) if broker else ("?", "?")
    code = getattr(error, "code", None)
    if code == _ACCESS_REFUSED:
        return Explanation(
            f"{where} refuses user {user}",
            "check transport.username and transport.password_file, and the user's permissions",
        )
    if code == _NOT_ALLOWED:
        return Explanation(
            f"vhost {vhost} does not exist at {where}, or user {user} may not use it",
            "make it with rabbitmqctl add_vhost and set_permissions, or correct transport.url",
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return Explanation(
            f"the certificate of {where} is not trusted: {error.verify_message}",
            "set transport.ca_file to the authority that signed it, and use the host name in it",
        )
    return _network(error, where)


def _network(error: Exception, where: str) -> Explanation:
    if isinstance(error, ssl.SSLError):
        return Explanation(
            f"no TLS with {where}: {error.reason or error}",
            "check the port, and transport.certificate_file if the broker asks for one",
        )
    if isinstance(error, socket.gaierror):
        return Explanation(f"the host of {where} is not known", "correct transport.url")
    if isinstance(error, ConnectionRefusedError):
        return Explanation(f"nobody listens at {where}", "start RabbitMQ, or correct transport.url")
    if isinstance(error, TimeoutError):
        return Explanation(f"{where} does not answer", "look whether RabbitMQ hangs or is blocked")
    return Explanation(f"{where}: {type(error).__name__}: {error}", "look into RabbitMQ's log")
