"""``/upload``: replays that are chosen or dropped in a browser.

Without scripts the form is sent with all its files, and answered by a page. The page's script
sends one file after the other, each in a form of its own, and is answered with JSON.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from parsekit import JsonObject
from parsekit.errors import BadRequest, ParsekitError
from parsekit_server.access import Visibility
from parsekit_server.api.fields import one_of
from parsekit_server.catalogue.rows import GroupRow
from parsekit_server.errors import NotFound
from parsekit_server.filters import read_group_filters, read_group_page
from parsekit_server.pages.call import PageCall, PageReply, page
from parsekit_server.replay_files import Draft
from parsekit_server.uploads import Upload, name_of

#: Files of one form.
MOST_FILES = 100
_MOST_FIELDS, _FIELD_BYTES = 16, 1024
_GROUPS = "200"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile:
    """What became of a file; ``replay_id`` is None and ``reason`` a sentence for a refused one."""

    name: str
    verdict: Literal["accepted", "duplicate", "refused"]
    replay_id: str | None = None
    reason: str = ""


class UploadForm:
    """A form while it arrives: fields first, then files, each accepted when it is whole."""

    def __init__(self, call: PageCall) -> None:
        call.check_signed_in()
        call.viewer.check_uploads()
        self.files: list[UploadedFile] = []
        self._call = call
        self._fields: dict[str, bytes] = {}
        self._field = ""
        self._name = ""
        self._draft: Draft | None = None

    def start(self, name: str, filename: str) -> None:
        """Begin a part. Raises `Forbidden` for a file before the token of the form."""
        self.end_file()
        self._field = name
        if name != "file":
            if len(self._fields) >= _MOST_FIELDS:
                raise BadRequest(f"a form has {_MOST_FIELDS} fields at most")
            self._fields[name] = b""
        elif filename:  # a form without a chosen file has an empty part
            self._call.check_form(self._text("form_token"))
            if len(self.files) >= MOST_FILES:
                raise BadRequest(f"a form has {MOST_FILES} files at most; send the rest again")
            self._name = filename
            self._draft = self._call.site.files.receive(str(uuid.uuid4()))

    def add(self, content: bytes) -> None:
        """Take the next piece of the part; what is too large is refused, and the form goes on."""
        if self._draft is not None:
            try:
                self._draft.write(content)
            except ParsekitError as error:
                self._refuse(error)
        elif self._field != "file":
            self._fields[self._field] += content
            if len(self._fields[self._field]) > _FIELD_BYTES:
                raise BadRequest(f"{self._field[:40]} is longer than {_FIELD_BYTES} bytes")

    def end_file(self) -> None:
        """Accept the file that was received, or say why not."""
        if self._draft is None:
            return
        try:
            receipt = self._call.site.accept(self._draft, self._upload(), self._call.viewer)
        except ParsekitError as error:
            self._refuse(error)
            return
        self.close()
        done = UploadedFile(name=self._name, verdict=receipt.verdict, replay_id=receipt.replay_id)
        self.files.append(done)

    def close(self) -> None:
        """Remove the file that was not accepted."""
        if self._draft is not None:
            with self._draft:
                self._draft = None

    def _refuse(self, error: ParsekitError) -> None:
        self.close()
        self.files.append(UploadedFile(name=self._name, verdict="refused", reason=error.message))

    def _upload(self) -> Upload:
        wanted = one_of(Visibility, "visibility", self._text("visibility") or None)
        return Upload(
            name=name_of(self._name),
            visibility=wanted or Visibility.PUBLIC,
            group_id=self._text("group") or None,
        )

    def _text(self, field: str) -> str:
        return self._fields.get(field, b"").decode(errors="replace")


def upload_page(call: PageCall) -> PageReply:
    """Show the form."""
    call.check_signed_in()
    call.viewer.check_uploads()
    return page(
        call,
        "upload.html",
        files=(),
        most_files=MOST_FILES,
        max_bytes=call.site.max_bytes,
        groups=tuple(_groups(call)),
        chosen=next(iter(call.query.get("group", ())), ""),
        visibilities=tuple(Visibility),
    )


def uploaded_page(call: PageCall, files: list[UploadedFile]) -> PageReply:
    """Say what became of each file."""
    if not files:
        raise BadRequest("no file was chosen; go back and choose replays")
    if call.scripted:
        return PageReply(json={"files": [_shown(each) for each in files]})
    return page(call, "uploaded.html", files=files)


def _shown(file: UploadedFile) -> JsonObject:
    return {
        "name": file.name,
        "verdict": file.verdict,
        "id": file.replay_id,
        "reason": file.reason,
    }


def _groups(call: PageCall) -> Iterator[GroupRow]:
    """The group that the address names, then those of the viewer, by name."""
    named = next(iter(call.query.get("group", ())), "")
    if named:
        with suppress(NotFound):
            yield call.site.groups.find(named)
    query = {"creator": ["me"], "count": [_GROUPS], "sort-by": ["name"], "sort-dir": ["asc"]}
    own = call.site.group_listing.page(
        read_group_filters(query), read_group_page(query), call.viewer
    )
    yield from (group for group in own.groups if group.id != named)
