"""What became of messages that were sent together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from parsekit_sinks_rabbitmq.counters import Reason


class Fate(Enum):
    """What became of one message of a batch."""

    TAKEN = "the broker has it"
    REJECTED = "the queue refuses it for now"
    UNROUTABLE = "there is no such queue, and it could not be declared"
    UNKNOWN = "nobody knows whether it arrived"
    UNSENT = "it was not sent"


#: Fates of what is not to be sent again, and how they are counted.
LOST: dict[Fate, Reason] = {Fate.REJECTED: "rejected", Fate.UNROUTABLE: "unroutable"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The fates of a batch, in its order, and what ended the connection, if it ended.

    ``refused``: the broker did not like a message, without regard to the connection;
    ``hopeless``: and never will, as it is too large or makes us stumble.
    """

    fates: Sequence[Fate]
    error: Exception | None
    refused: bool = False
    hopeless: bool = False
