"""Addresses of the broker and the result store, brought into the form that their clients take.

Celery, kombu and redis-py each take another set of schemes and options, and answer what they don't
know with whatever their code runs into. No message repeats an address, as it may hold a password.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from parsekit.config.file import is_file
from parsekit.config.urls import UNUSABLE, is_usable

#: What others call the schemes that kombu knows.
_REDIS = {"redis": "redis", "valkey": "redis", "rediss": "rediss", "valkeys": "rediss"}
_SOCKET = ("redis+socket", "unix", "socket")
_AMQP = ("amqp", "amqps", "pyamqp")
_EXAMPLES = (
    "write redis://host:6379/0 (rediss:// with TLS), redis+socket:///path/of.sock, or "
    "amqp://host:5672/vhost (amqps:// with TLS)"
)
_SENTINEL = (
    "means Redis Sentinel, which parsekit does not ask for its primary; write the address of the "
    "primary, or of a proxy or DNS name that follows it, as redis://host:6379/0"
)
_CLUSTER = (
    "means a Redis Cluster, whose nodes have a part of the keys each, while tasks are settled in "
    "one step over several keys; write the address of one Redis or Valkey, as redis://host:6379/0"
)
_INSTEAD = {
    **dict.fromkeys(("sentinel", "redis+sentinel", "rediss+sentinel"), _SENTINEL),
    **dict.fromkeys(("redis+cluster", "rediss+cluster", "cluster"), _CLUSTER),
}
#: Names that others have for what parsekit knows by one.
_KNOWN_AS = {
    **dict.fromkeys(("librabbitmq", "rabbitmq", "rabbit", "amqp+tcp"), "amqp"),
    **dict.fromkeys(("rabbitmqs", "amqp+ssl", "pyamqps"), "amqps"),
    **dict.fromkeys(("redis+ssl", "redis+tls", "valkey+ssl", "valkey+tls"), "rediss"),
}
#: What else stands behind a question mark may be the end of a password.
_OPTION = re.compile("[a-z_]+")
_TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
#: Option of a Redis with TLS to the values that it takes; any where the tuple is empty.
_TLS_OPTIONS: dict[str, tuple[str, ...]] = {
    "ssl_cert_reqs": (
        *("required", "optional", "none"),
        *("CERT_REQUIRED", "CERT_OPTIONAL", "CERT_NONE"),
    ),
    "ssl_check_hostname": ("true", "false", "True", "False"),
    **dict.fromkeys(_TLS_FILES, ()),
}


def canonical(value: str) -> str:
    """The same server or servers as kombu, Celery and redis-py all know them.

    Raises ValueError with what to write instead, for what one of them would stumble over.
    """
    addresses = [address.strip() for address in value.split(";") if address.strip()]
    if not addresses or not all(map(_is_readable, addresses)):
        raise ValueError(f"is {UNUSABLE}")
    known = [_canonical(urlsplit(address)) for address in addresses]
    schemes = {urlsplit(address).scheme for address in known}
    if len(known) > 1 and not schemes <= set(_AMQP):
        raise ValueError(
            "names several servers, which goes for the nodes of one RabbitMQ cluster; name one "
            "Redis or Valkey"
        )
    if len(schemes) > 1:
        raise ValueError(f"mixes {' and '.join(sorted(schemes))}; write the same for each node")
    return ";".join(known)


def _is_readable(address: str) -> bool:
    """Whether its parts are where clients look for them; an @ elsewhere is one of a password."""
    if not address.isprintable() or " " in address or not is_usable(address):
        return False
    parts = urlsplit(address)
    return "@" not in f"{parts.path}{parts.query}{parts.fragment}" and not parts.fragment


def _canonical(parts: SplitResult) -> str:
    if parts.scheme in _AMQP:
        _refuse_options(parts, {})
        return f"{parts.scheme}://{parts.netloc}{parts.path}"
    if parts.scheme in _SOCKET:
        return _socket(parts)
    if parts.scheme in _REDIS:
        return _redis(_REDIS[parts.scheme], parts)
    raise ValueError(_instead_of(parts.scheme))


def _redis(scheme: str, parts: SplitResult) -> str:
    if "," in parts.netloc:
        raise ValueError("names several hosts; name one Redis or Valkey")
    options = _refuse_options(parts, {"db": (), **(_TLS_OPTIONS if scheme == "rediss" else {})})
    number = _database(parts.path.strip("/"), options.pop("db", ""))
    path = f"/{number}" if number else parts.path
    query = f"?{urlencode(options, safe='/')}" if options else ""
    return f"{scheme}://{parts.netloc}{path}{query}"


def _socket(parts: SplitResult) -> str:
    """Celery calls the database of a socket a virtual host."""
    if parts.hostname or not parts.path.strip("/"):
        raise ValueError("names no socket; write redis+socket:///path/of.sock, with three slashes")
    options = _refuse_options(parts, {"db": (), "virtual_host": ()})
    number = _database(options.get("virtual_host", "").strip("/"), options.get("db", ""))
    query = f"?virtual_host={number}" if number else ""
    return f"redis+socket://{parts.netloc}{parts.path}{query}"


def _database(*given: str) -> str:
    """The one number among what path and options say; "" where neither does."""
    named = {each for each in given if each}
    if len(named) > 1:
        raise ValueError("names two databases; name one, as in redis://host:6379/0")
    number = next(iter(named), "")
    if number and not (number.isascii() and number.isdigit()):
        raise ValueError("names a database that is no number; write one as in redis://host:6379/0")
    return number


def _refuse_options(parts: SplitResult, known: dict[str, tuple[str, ...]]) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name, value in options.items():
        if name not in known:
            more = "use rediss:// for it" if name in _TLS_OPTIONS else "take it out"
            shown = f"the option {name}" if _OPTION.fullmatch(name) else "an option"
            raise ValueError(
                f"has {shown}, which is not read: parsekit sets time-outs and the like "
                f"itself, and other settings stand beside the address; {more}"
            )
        if known[name] and value not in known[name]:
            raise ValueError(f"has no usable {name}; write {' or '.join(known[name][:3])}")
        if name in _TLS_FILES and not is_file(Path(value)):
            raise ValueError(f"names a file as {name} that is not there")
    return options


def _instead_of(scheme: str) -> str:
    if scheme in _INSTEAD:
        return _INSTEAD[scheme]
    choices = {name: name for name in (*_REDIS, *_SOCKET, *_AMQP)} | _KNOWN_AS
    near = difflib.get_close_matches(scheme, choices, n=1, cutoff=0.75)
    hint = f"did you mean {choices[near[0]]}://? " if near else ""
    return f"has a scheme that parsekit does not speak; {hint}{_EXAMPLES}"
