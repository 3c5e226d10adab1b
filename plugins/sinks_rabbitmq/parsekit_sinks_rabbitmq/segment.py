"""One file of the spool: messages, one a line, behind a mark of how far they are sent.

The file begins with the offset of the first message that was not sent, twenty digits and a line
feed, rewritten in place. A line is the message's id as JSON, when it was reported, the caller's
queue as JSON ("" for analytics, which go where the settings say), and the body, with tabs between.
The owner holds a lock on the file, which the system drops when it dies.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from parsekit import OwnedFolder
from parsekit_sinks_rabbitmq.message import Message

_MARK_BYTES = 21
#: Read at once.
_CHUNK_BYTES = 1024 * 1024
#: Longest line, so that a chunk always holds a whole one: an event has some 500 bytes, the end of a
#: task some 20 KB.
MAX_LINE_BYTES = _CHUNK_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """Messages, each with the offset behind it.

    ``end`` is the offset behind all that was read; ``damaged`` lines made no sense, as a crash may
    cut one short.
    """

    messages: list[tuple[Message, int]]
    end: int
    damaged: int


class Segment:
    """A locked spool file of this process. Used from several threads.

    Written with one write a message and not flushed to the disk until `sync`: what was appended
    survives the death of the process at once, and that of the machine after a `sync`.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._file = descriptor
        self._lock = threading.Lock()
        self._end = max(os.fstat(descriptor).st_size, _MARK_BYTES)
        self._sent = self._read_mark()
        self._synced = self._end
        _MINE.add(self)

    @classmethod
    def make(cls, path: Path) -> Self | None:
        """Make a new file; None when another process took it over at once. Raises OSError."""
        return cls._had(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)

    @classmethod
    def adopt(cls, path: Path) -> Self | None:
        """Take over the file of a process that died; None when its owner lives. Raises OSError."""
        try:
            return cls._had(path, os.O_RDWR)
        except FileNotFoundError:
            return None

    @classmethod
    def _had(cls, path: Path, flags: int) -> Self | None:
        """The file, if it is ours and still has this name once it is locked."""
        try:
            with OwnedFolder.open(path.parent) as folder:
                segment = cls._locked(path, folder.own_file(path.name, flags))
        except BlockingIOError:
            return None
        if segment.replaced:
            segment.close()
            return None
        return segment

    @classmethod
    def _locked(cls, path: Path, descriptor: int) -> Self:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cls(path, descriptor)
        except OSError:
            os.close(descriptor)
            raise

    @property
    def unsent_bytes(self) -> int:
        """Size of what is still to be sent."""
        return self._end - self._sent

    @property
    def size_bytes(self) -> int:
        """Size of the file, what was sent already included: the offset behind its last message."""
        return self._end

    @property
    def age_s(self) -> float:
        """Seconds since it was written last."""
        return time.time() - os.fstat(self._file).st_mtime

    @property
    def replaced(self) -> bool:
        """Whether the name stands for another file by now, or for none."""
        try:
            with OwnedFolder.open(self.path.parent) as folder:
                return not folder.same(self.path.name, self._file)
        except OSError:
            return True

    def append(self, message: Message) -> int:
        """Write a message at the end; return the offset at which it begins.

        Raises OSError, and the file is as it was before; ValueError for one that is too long.
        """
        queue = message.queue if message.kind == "progress" else ""
        head = (message.message_id, message.created_unix, queue)
        line = b"\t".join((*(json.dumps(part).encode() for part in head), message.body))
        if len(line) >= MAX_LINE_BYTES:
            raise ValueError(f"a message has {len(line)} bytes, the spool takes 1 MiB")
        with self._lock:
            try:
                written = os.pwrite(self._file, line + b"\n", self._end)
                if written <= len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                os.ftruncate(self._file, self._end)
                raise
            start, self._end = self._end, self._end + written
        return start

    def unsent(self, queue: str, most: int) -> Unsent:
        """Read the first messages that were not sent, at most so many. Raises OSError.

        ``queue`` is that of analytics.
        """
        with self._lock:
            start, end = self._sent, self._end
        chunk = os.pread(self._file, min(end - start, _CHUNK_BYTES), start)
        if not chunk and end > start:  # somebody has cut the file short, to make room
            return Unsent(messages=[], end=end, damaged=1)
        if start + len(chunk) < end:
            whole = chunk.rfind(b"\n") + 1
            if not whole:  # no line of ours is as long
                return Unsent(messages=[], end=start + len(chunk), damaged=1)
            chunk = chunk[:whole]
        messages, damaged = [], 0
        for line in chunk.splitlines(keepends=True)[:most]:
            start += len(line)
            message = _message(line, queue)
            if message is None:
                damaged += 1
            else:
                messages.append((message, start))
        return Unsent(messages=messages, end=start, damaged=damaged)

    def mark_sent(self, offset: int) -> None:
        """Remember that all before ``offset`` was sent; a file sent whole shrinks.

        Raises OSError.
        """
        with self._lock:
            if offset >= self._end:
                os.ftruncate(self._file, 0)
                self._sent = self._end = self._synced = _MARK_BYTES
            else:
                os.pwrite(self._file, b"%020d\n" % offset, 0)
                self._sent = offset

    def discard(self) -> int:
        """Give up what is unsent; return how many messages. Raises OSError."""
        gone = 0
        while self.unsent_bytes:
            unsent = self.unsent("", _CHUNK_BYTES)
            gone += len(unsent.messages) + unsent.damaged
            self.mark_sent(unsent.end)
        return gone

    def sync(self) -> None:
        """Have the disk take what was written. Raises OSError."""
        if self._synced != self._end:
            self._synced = self._end
            os.fdatasync(self._file)

    def close(self) -> None:
        """Let go; a file without unsent messages is removed."""
        with self._lock:
            if self._file < 0:
                return
            if not self.unsent_bytes and not self.replaced:
                with OwnedFolder.open(self.path.parent) as folder:
                    folder.delete_own(self.path.name)
            self.forget()

    def forget(self) -> None:
        """Close the file as it is; a child must, as its copy keeps the parent's lock alive."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _read_mark(self) -> int:
        mark = os.pread(self._file, _MARK_BYTES, 0)
        offset = int(mark) if mark.strip(b"\0\n").isdigit() else _MARK_BYTES
        return offset if _MARK_BYTES <= offset <= self._end else _MARK_BYTES


def _message(line: bytes, analytics_queue: str) -> Message | None:
    try:
        # Zeros stand before what was written after somebody had cut the file short.
        name, created, addressee, body = line.lstrip(b"\0").split(b"\t", 3)
        message_id, created_unix = str(json.loads(name)), float(created)
        queue = str(json.loads(addressee))
    except ValueError:
        return None
    if not body.endswith(b"\n"):
        return None
    return Message(
        kind="progress" if queue else "analytics",
        queue=queue or analytics_queue,
        body=body[:-1],
        message_id=message_id,
        created_unix=created_unix,
        durable=True,
    )


_MINE: weakref.WeakSet[Segment] = weakref.WeakSet()


def _forget_all() -> None:
    for segment in tuple(_MINE):
        segment.forget()


os.register_at_fork(after_in_child=_forget_all)
