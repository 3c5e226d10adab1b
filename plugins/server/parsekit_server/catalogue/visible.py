"""Which replays a viewer may see, as conditions of a query."""

from __future__ import annotations

from sqlalchemy import ColumnElement, false, or_, select, true

from parsekit_server.access import Viewer, Visibility
from parsekit_server.catalogue.schema import replay, replay_group


def reachable(viewer: Viewer) -> ColumnElement[bool]:
    """Replays that open for this viewer under their id."""
    if viewer.sees_all:
        return true()
    return or_(
        replay.c.visibility != Visibility.PRIVATE, _own(viewer), replay.c.group_id.in_(_OPEN)
    )


def listed(viewer: Viewer) -> ColumnElement[bool]:
    """Replays that lists of all replays show to this viewer."""
    if viewer.sees_all:
        return true()
    return or_(replay.c.visibility == Visibility.PUBLIC, _own(viewer))


def listed_in_group(viewer: Viewer) -> ColumnElement[bool]:
    """Replays that a list of their group shows to this viewer: all of one that is shared."""
    return or_(listed(viewer), replay.c.group_id.in_(_OPEN))


_OPEN = select(replay_group.c.id).where(replay_group.c.open_to_all)


def _own(viewer: Viewer) -> ColumnElement[bool]:
    if viewer.account_id is None:
        return false()
    own = replay.c.uploader_id == viewer.account_id
    # who has the token of a group is not the account: its other replays are not theirs
    return own if viewer.group_id is None else own & (replay.c.group_id == viewer.group_id)
