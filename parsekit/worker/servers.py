"""The broker and the result store: whether they answer, and what they refuse, in words.

A server that is away comes back by itself. What it refuses stays refused until somebody changes its
settings or ours, so nobody waits for that.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import redis
from amqp.exceptions import AMQPError
from kombu import Connection, Queue
from kombu.exceptions import OperationalError
from redis import exceptions as redis_errors

from parsekit.config.redis_address import is_redis
from parsekit.errors import ConfigInvalid, ParsekitError, StorageUnavailable
from parsekit.redaction.secrets import cleaned
from parsekit.worker.addresses import CELERYS_DEFAULT_QUEUE, Addresses
from parsekit.worker.amqp.counting import waiting_messages
from parsekit.worker.monitoring.queue_stats import message_count
from parsekit.worker.redis.client import connect, masked
from parsekit.worker.redis.membership import remove
from parsekit.worker.redis.transient_errors import is_transient
from parsekit.worker.tls import AmqpTls

#: By its path: kombu keeps the class that it once had for a scheme, and a worker's is another.
_AMQP = "kombu.transport.pyamqp:Transport"
_CONNECT_SECONDS = 3.0
_MAX_REASON = 300
_AWAY = "is the server up, and is its address, user and vhost right?"
_CLUSTER = (
    "it is a node of a Redis Cluster, and tasks are settled in one step over several keys; name "
    "one Redis or Valkey that is none"
)
_CERTIFICATE = (
    "set celery.ca_file to the authority that signed the certificate, and write the host as it is "
    "named there"
)
_QUEUE_DIFFERS = (
    "the queue exists with other arguments, while every caller declares it with none: delete it, "
    "or name another in celery.queue; limits and the type of a queue are set by policy"
)
_ACCOUNT = "correct the user and password of its address, or what the user may do there"
#: Reply codes of AMQP (0-9-1, 1.2) that are no accident of the moment, and what to do.
_AMQP_REFUSALS = {
    403: _ACCOUNT,
    404: "correct the address, or the name of the queue",
    405: "another connection holds the queue for itself; end it, or name another in celery.queue",
    406: _QUEUE_DIFFERS,
    530: "make the vhost and let the user in (rabbitmqctl add_vhost, set_permissions), or correct "
    "the address",
}
#: A Redis names the kind of a refusal at the beginning of its text, or has only its words.
_REDIS_REFUSALS = (
    (("CROSSSLOT", "hash to the same slot", "MOVED", "ASK ", "CLUSTERDOWN"), _CLUSTER),
    (
        ("NOPERM", "no permissions", "has no permissions"),
        "let the user run scripts and what they call; docs/security.md says what a worker needs",
    ),
    (
        ("DB index", "SELECT is not allowed"),
        "name a database that the server has, as the number behind the host",
    ),
    (
        ("unknown command",),
        "what answers there can't run scripts; is it a Sentinel or a proxy? name the Redis itself",
    ),
    (("WRONGTYPE",), "another program keeps something else under this name; use another database"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerProblem:
    """Why a server can't be used, and what to do; ``passes`` says that waiting may be enough."""

    reason: str
    advice: str
    passes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One of the two; ``name`` is what people call it.

    Every method raises `StorageUnavailable` where waiting may be enough, else `ConfigInvalid`.
    """

    name: str
    url: str
    tls: AmqpTls = False

    @property
    def shown(self) -> str:
        """Its address for people."""
        return masked(self.url)

    def greet(self) -> None:
        """Ask whether it answers us: for callers, who may write nothing of ours."""
        with self.client_errors_translated():
            if is_redis(self.url):
                with closing(connect(self.url)) as client:
                    client.ping()
            else:
                with self._amqp():
                    pass

    def use(self) -> None:
        """Try what a worker needs: to write and read, and to run a script over several keys.

        So one that is full or read-only is found out, a Redis Cluster, and a user without scripts.
        """
        with self.client_errors_translated():
            if is_redis(self.url):
                with closing(connect(self.url)) as client:
                    client.set("parsekit:doctor", "1", ex=10)
                    client.get("parsekit:doctor")
                    remove(client, "parsekit-doctor", beat="none")
            else:
                with self._amqp() as connection, connection.channel():
                    pass

    def declare(self, queue: Queue) -> str:
        """Make a queue as a worker does; return how it is.

        On a channel of its own, which the server closes when the queue exists otherwise.
        """
        with self.client_errors_translated():
            if is_redis(self.url):
                with closing(connect(self.url)) as client:
                    client.llen(queue.name)
                return "made by Redis when it is used"
            with self._amqp() as connection, connection.channel() as channel:
                queue.bind(channel).declare()
                waiting = channel.queue_declare(queue.name, passive=True).message_count
                return f"{waiting} waiting"

    def count(self, queue: str) -> int:
        """Messages of a queue that need not be there, and is not made."""
        with self.client_errors_translated():
            if is_redis(self.url):
                with closing(connect(self.url)) as client:
                    return message_count(client, queue)
            return waiting_messages(self.url, self.tls, queue)

    @contextmanager
    def client_errors_translated(self) -> Iterator[None]:
        """Translate what its client raises in the block."""
        try:
            yield
        except ParsekitError:
            raise
        except Exception as exc:
            raise self.error(exc) from exc

    def error(self, raised: Exception) -> ParsekitError:
        """What its client raised, in words."""
        trouble = trouble_of(raised)
        if trouble.passes:
            return StorageUnavailable(
                f"the {self.name} does not answer: {self.shown}: {trouble.reason}; {trouble.advice}"
            )
        return ConfigInvalid(
            f"the {self.name} {self.shown} refuses: {trouble.reason}; {trouble.advice}"
        )

    def _amqp(self) -> Connection:
        """A connection to the first node that answers."""
        *others, last = self.url.split(";")
        for node in others:
            try:
                return self._opened(node)
            except Exception as exc:
                if not trouble_of(exc).passes:
                    raise
        return self._opened(last)

    def _opened(self, node: str) -> Connection:
        made = Connection(node, transport=_AMQP, connect_timeout=_CONNECT_SECONDS, ssl=self.tls)
        made.ensure_connection(
            max_retries=0, timeout=_CONNECT_SECONDS, reraise_as_library_errors=False
        )
        return made


def broker(at: Addresses) -> Server:
    """Where tasks come from."""
    return Server(name="broker", url=at.broker, tls=at.broker_tls)


def result_store(at: Addresses) -> Server:
    """Where results go, and what workers share."""
    return Server(name="result store", url=at.backend)


def misplaced_tasks(at: Addresses) -> int:
    """Messages in the queue to which Celery sends what names none, where that is none of ours.

    Raises as the methods of `Server` do.
    """
    return 0 if at.reserves(CELERYS_DEFAULT_QUEUE) else broker(at).count(CELERYS_DEFAULT_QUEUE)


def servers(at: Addresses) -> list[Server]:
    """Both, or the one that is both."""
    return [broker(at)] if at.backend == at.broker else [broker(at), result_store(at)]


def trouble_of(error: Exception) -> ServerProblem:
    """Translate what redis-py, kombu or amqp raised; without a secret of the address."""
    error = _cause(error)
    text = str(getattr(error, "reply_text", "") or error)
    reason = cleaned(" ".join(text.split()))[:_MAX_REASON].rstrip(".") or type(error).__name__
    if (advice := _advice(error, reason)) is not None:
        return ServerProblem(reason=reason, advice=advice)
    passes = isinstance(error, OSError | AMQPError | OperationalError | redis.RedisError)
    return ServerProblem(reason=reason, advice=_AWAY, passes=passes)


def _advice(error: Exception, reason: str) -> str | None:
    """What to do about a refusal; None for what may pass, and for what nobody knows."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return "does the server speak TLS at this port?"
    if isinstance(error, redis_errors.AuthenticationError):
        return _ACCOUNT
    if isinstance(error, redis_errors.InvalidResponse):
        return "what answers there is no Redis; correct the address"
    transient = isinstance(error, redis_errors.ReadOnlyError) or is_transient(error)
    if isinstance(error, redis_errors.ResponseError) and not transient:
        return _advice_of_redis(reason)
    return _AMQP_REFUSALS.get(getattr(error, "reply_code", None) or 0)


def _advice_of_redis(reason: str) -> str:
    found = (advice for signs, advice in _REDIS_REFUSALS if any(sign in reason for sign in signs))
    return next(found, "correct the address, or the settings of the server")


def _cause(error: Exception) -> Exception:
    """The error of TLS behind a client's own, which has its text and not its class."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return error
