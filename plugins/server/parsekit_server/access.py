"""Who asks, and what they may do.

Three roles, each of which may all that the one before may: ``read`` looks, ``upload`` adds replays
and groups and changes its own, ``admin`` sees and changes those of everybody. A token of a group
only uploads into that group. A stranger, without a token, sees what is public or unlisted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from parsekit_server.errors import Forbidden, NotSignedIn


class Role(StrEnum):
    """What a token may do."""

    READ = "read"
    UPLOAD = "upload"
    ADMIN = "admin"
    #: Uploads into one group, and nothing else.
    GROUP = "group"


class Visibility(StrEnum):
    """Who may see a replay.

    ``public``: everybody finds it. ``unlisted``: who knows its id. ``private``: its owner, and
    whoever may see its group where that is shared.
    """

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"


class PlayerIdentification(StrEnum):
    """What makes a player of two replays the same one."""

    BY_ID = "by-id"
    BY_NAME = "by-name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who asks. ``account_id`` None is a stranger; ``group_id`` is that of a group's token."""

    account_id: int | None = None
    name: str = ""
    role: Role = Role.READ
    group_id: str | None = None

    @property
    def sees_all(self) -> bool:
        """Whether private replays of others are shown."""
        return self.role is Role.ADMIN

    def check_reads(self) -> None:
        """Raise `Forbidden` for the token of a group."""
        if self.role is Role.GROUP:
            raise Forbidden("the token of a group only uploads; use a token of your own")

    def check_uploads(self) -> int:
        """Raise `Forbidden` for who may not add replays; answer who will own them."""
        if self.account_id is None or self.role is Role.READ:
            raise Forbidden("this token may only read; ask for one with the role upload")
        return self.account_id

    def check_administers(self) -> None:
        """Raise `NotSignedIn` for a stranger, `Forbidden` for who has another role than admin."""
        if self.account_id is None:
            raise NotSignedIn("sign in first, with a token of the role admin")
        if self.role is not Role.ADMIN:
            raise Forbidden("this is for the role admin; ask for a token with it")

    def check_changes(self, owner_id: int) -> None:
        """Raise `Forbidden` for who may not change what this account owns."""
        self.check_reads()
        self.check_uploads()
        if not self.sees_all and self.account_id != owner_id:
            raise Forbidden("only its owner may change it")


STRANGER = Viewer()
