"""What the page of a replay shows of its match, as the plugin that writes pages makes it.

Positions and events stand in no stored result, so that the replay is parsed again for them, by
one thread, and only where that takes this machine's time alone: never by a remote parser. What was
made is kept in memory for the next who look.
"""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from parsekit import JsonObject, Outcome, Page
from parsekit.errors import ConfigInvalid
from parsekit_server.errors import Busy
from parsekit_server.work_queue import Parse

#: Contents that are kept, some 0.1 MB each.
_KEPT = 64
#: Contents that may wait to be made.
_MOST_WAITING = 16
#: Readers that may wait at once: half of the threads of pages, so that others go on.
_MOST_READERS = 8
#: Seconds that a reader waits for one.
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchContent:
    """See `parsekit.PageContent`; the body is compressed."""

    title: str
    style: str
    script: str
    packed_body: bytes

    @property
    def body(self) -> str:
        """HTML, to stand inside of ``main``."""
        return zlib.decompress(self.packed_body).decode()


class ParsesForPages(Protocol):
    """What makes contents: `parsekit.Parsing`."""

    @property
    def remote(self) -> bool:
        """Whether the parser sends replays away."""
        ...

    def begin_page(self) -> Page:
        """Begin a page of matches."""
        ...

    @property
    def parse(self) -> Parse:
        """Parse the replay in a file."""
        ...


class MatchContents:
    """Makes and keeps contents."""

    def __init__(self, parsing: ParsesForPages, path_of: Callable[[str], Path]) -> None:
        self._parsing = parsing
        self._path_of = path_of
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._made: OrderedDict[str, Future[MatchContent | None]] = OrderedDict()
        self._readers = threading.BoundedSemaphore(_MOST_READERS)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="match-page")

    def get(self, replay_id: str, data: JsonObject) -> MatchContent | None:
        """The content of a replay that was parsed; None where no plugin writes pages.

        Raises `Busy`, and `parsekit.errors.PluginFailed`.
        """
        with self._lock:
            wanted = self._made.get(replay_id)
            if wanted is None:
                if sum(not each.done() for each in self._made.values()) >= _MOST_WAITING:
                    raise Busy("too many pages are made right now; try again in a minute")
                wanted = self._made[replay_id] = self._thread.submit(self._make, replay_id, data)
            self._made.move_to_end(replay_id)
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        try:
            return self._waited_for(wanted)
        except TimeoutError:
            raise Busy("the page takes long to make; try again in a minute") from None
        except Busy:
            raise
        except BaseException:
            self.forget(replay_id)
            raise

    def _waited_for(self, wanted: Future[MatchContent | None]) -> MatchContent | None:
        if wanted.done():
            return wanted.result()
        if not self._readers.acquire(blocking=False):
            raise Busy("too many wait for pages right now; try again in a minute")
        try:
            return wanted.result(_PATIENCE_S)
        finally:
            self._readers.release()

    def forget(self, replay_id: str) -> None:
        """Drop the content of a replay that was deleted."""
        with self._lock:
            self._made.pop(replay_id, None)

    def close(self) -> None:
        """End; the content that is being made is waited for."""
        self._stop.set()
        self._thread.shutdown(cancel_futures=True)

    def _make(self, replay_id: str, data: JsonObject) -> MatchContent | None:
        try:
            page = self._parsing.begin_page()
        except ConfigInvalid:
            return None
        shown = Outcome(replay=f"{replay_id}.replay", task_id="", data=data)
        path = self._path_of(replay_id)
        if not self._parsing.remote and path.is_file():
            again = self._parsing.parse(path, timeline=True, fallback=False, stop=self._stop)
            shown = replace(again, replay=shown.replay, data=data, data_text=None, failure=None)
        page.add(shown)
        content = page.content()
        packer = zlib.compressobj()
        packed = [packer.compress(part.encode()) for part in content.body]
        return MatchContent(
            title=content.title,
            style=content.style,
            script=content.script,
            packed_body=b"".join([*packed, packer.flush()]),
        )
