"""The tables of the catalogue.

Moments are microseconds since 1970 UTC. ``*_folded`` is a text without case, to be searched. What
lists are sorted by stands in an index together with the id, so that a page begins where the one
before it ended, however many came before.

A change here needs a step in ``migrations/versions``, by which older catalogues follow.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

#: Constraints have names, so that a later step of ``migrations`` can name them.
METADATA = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
    }
)

#: Compared byte for byte, so that what begins with a text stands together in an index.
_PREFIXED = Text().with_variant(Text(collation="C"), "postgresql")

#: Who has tokens. The number is what the API calls a ``steam_id``.
account = Table(
    "account",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_us", BigInteger, nullable=False),
)

#: ``digest`` is all that is kept of a token.
token = Table(
    "token",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("group_id", ForeignKey("replay_group.id", ondelete="CASCADE")),
    Column("role", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("created_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger),
)

#: ``path`` has the ids from the root down, each with a slash behind it: descendants begin with it.
#: ``open_to_all``: it is shared, or a group above it is.
replay_group = Table(
    "replay_group",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_folded", Text, nullable=False),
    Column("creator_id", ForeignKey("account.id"), nullable=False),
    Column("parent_id", ForeignKey("replay_group.id", ondelete="CASCADE")),
    Column("path", _PREFIXED, nullable=False),
    Column("player_identification", Text, nullable=False),
    Column("team_identification", Text, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("open_to_all", Boolean, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Index("replay_group_created", "created_us", "id"),
    Index("replay_group_name", "name_folded", "id"),
    Index("replay_group_parent", "parent_id", "created_us", "id"),
    Index("replay_group_path", "path"),
)

#: ``titled``: somebody gave it its title. ``starts``: how often its parse began without an end;
#: ``tries``: how often it ended for a reason that may pass; ``due_us``: when it is tried next.
replay = Table(
    "replay",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("uploader_id", ForeignKey("account.id"), nullable=False),
    Column("group_id", ForeignKey("replay_group.id", ondelete="SET NULL")),
    Column("visibility", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("date_us", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("title_folded", Text, nullable=False),
    Column("titled", Boolean, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("match_guid", Text),
    Column("status", Text, nullable=False),
    Column("starts", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_us", BigInteger),
    Column("failure_code", Text),
    Column("failure_message", Text),
    Column("result_key", Text),
    Column("playlist", Text),
    Column("season", Text),
    Column("map_code", Text),
    Column("min_tier", Integer),
    Column("max_tier", Integer),
    Column("pro", Boolean, nullable=False),
    Column("recorder_won", Boolean),
    Index("replay_created", "created_us", "id"),
    Index("replay_date", "date_us", "id"),
    Index("replay_uploader", "uploader_id", "created_us", "id"),
    Index("replay_group_created_at", "group_id", "created_us", "id"),
    Index("replay_playlist", "playlist", "created_us", "id"),
    Index("replay_season", "season", "created_us", "id"),
    Index("replay_map", "map_code", "created_us", "id"),
    Index("replay_pro", "pro", "created_us", "id"),
    Index("replay_sha256", "sha256"),
    Index("replay_match", "match_guid"),
    Index("replay_due", "due_us"),
    Index("replay_result", "result_key"),
)

#: ``item`` is its line in a list, ``data`` the parser's answer, both compressed JSON; ``edition``
#: is another one when they have changed.
body = Table(
    "body",
    METADATA,
    Column("replay_id", ForeignKey("replay.id", ondelete="CASCADE"), primary_key=True),
    Column("item", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("edition", Integer, nullable=False, server_default="0"),
)

#: Ranks of players in a match, as the uploader of its replay has reported them.
rating = Table(
    "rating",
    METADATA,
    Column("reporter_id", ForeignKey("account.id"), primary_key=True),
    Column("match_guid", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("tier", Integer, nullable=False),
    Column("division", Integer, nullable=False),
)

#: Maps that were played on.
arena = Table(
    "arena",
    METADATA,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
)

#: ``account`` is ``platform:id``, empty for bots; ``won`` None where nobody knows. The moments are
#: those of the replay, by which lists of one player's replays are sorted.
player = Table(
    "player",
    METADATA,
    Column("replay_id", ForeignKey("replay.id", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("name_folded", Text, nullable=False),
    Column("won", Boolean),
    Column("created_us", BigInteger, nullable=False, server_default="0"),
    Column("date_us", BigInteger, nullable=False, server_default="0"),
    Index("player_account", "account", "created_us", "replay_id"),
    Index("player_account_date", "account", "date_us", "replay_id"),
    Index("player_name", "name_folded", "created_us", "replay_id"),
    Index("player_name_date", "name_folded", "date_us", "replay_id"),
)
