"""The first tables."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, Text

revision = "0001"
down_revision = None

#: Compared byte for byte, so that what begins with a text stands together in an index.
_PREFIXED = Text().with_variant(Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make every table."""
    _people()
    _replays()
    _matches()


def _people() -> None:
    op.create_table(
        "account",
        Column("id", Integer, primary_key=True),
        Column("name", Text, nullable=False, unique=True),
        Column("created_us", BigInteger, nullable=False),
    )
    op.create_table(
        "replay_group",
        Column("id", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("name_folded", Text, nullable=False),
        Column("creator_id", Integer, ForeignKey("account.id"), nullable=False),
        Column("parent_id", Text, ForeignKey("replay_group.id", ondelete="CASCADE")),
        Column("path", _PREFIXED, nullable=False),
        Column("player_identification", Text, nullable=False),
        Column("team_identification", Text, nullable=False),
        Column("shared", Boolean, nullable=False),
        Column("open_to_all", Boolean, nullable=False),
        Column("created_us", BigInteger, nullable=False),
    )
    op.create_index("replay_group_created", "replay_group", ["created_us", "id"])
    op.create_index("replay_group_name", "replay_group", ["name_folded", "id"])
    op.create_index("replay_group_parent", "replay_group", ["parent_id", "created_us", "id"])
    op.create_index("replay_group_path", "replay_group", ["path"])
    op.create_table(
        "token",
        Column("id", Integer, primary_key=True),
        Column("account_id", Integer, ForeignKey("account.id"), nullable=False),
        Column("group_id", Text, ForeignKey("replay_group.id", ondelete="CASCADE")),
        Column("role", Text, nullable=False),
        Column("digest", Text, nullable=False, unique=True),
        Column("created_us", BigInteger, nullable=False),
        Column("revoked_us", BigInteger),
    )


def _replays() -> None:
    op.create_table(
        "replay",
        Column("id", Text, primary_key=True),
        Column("uploader_id", Integer, ForeignKey("account.id"), nullable=False),
        Column("group_id", Text, ForeignKey("replay_group.id", ondelete="SET NULL")),
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
    )
    for name, *columns in (
        ("replay_created", "created_us", "id"),
        ("replay_date", "date_us", "id"),
        ("replay_uploader", "uploader_id", "created_us", "id"),
        ("replay_group_created_at", "group_id", "created_us", "id"),
        ("replay_playlist", "playlist", "created_us", "id"),
        ("replay_season", "season", "created_us", "id"),
        ("replay_map", "map_code", "created_us", "id"),
        ("replay_pro", "pro", "created_us", "id"),
        ("replay_sha256", "sha256"),
        ("replay_match", "match_guid"),
        ("replay_due", "due_us"),
        ("replay_result", "result_key"),
    ):
        op.create_index(name, "replay", columns)


def _matches() -> None:
    op.create_table(
        "body",
        Column("replay_id", Text, ForeignKey("replay.id", ondelete="CASCADE"), primary_key=True),
        Column("item", LargeBinary, nullable=False),
        Column("data", LargeBinary, nullable=False),
    )
    op.create_table(
        "rating",
        Column("reporter_id", Integer, ForeignKey("account.id"), primary_key=True),
        Column("match_guid", Text, primary_key=True),
        Column("account", Text, primary_key=True),
        Column("tier", Integer, nullable=False),
        Column("division", Integer, nullable=False),
    )
    op.create_table(
        "arena",
        Column("code", Text, primary_key=True),
        Column("name", Text, nullable=False),
    )
    op.create_table(
        "player",
        Column("replay_id", Text, ForeignKey("replay.id", ondelete="CASCADE"), primary_key=True),
        Column("place", Integer, primary_key=True),
        Column("account", Text, nullable=False),
        Column("name_folded", Text, nullable=False),
        Column("won", Boolean),
    )
    op.create_index("player_account", "player", ["account", "replay_id"])
    op.create_index("player_name", "player", ["name_folded", "replay_id"])
