"""Lists by player in an index, and a mark of each body that changes with it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Give players the moments by which lists are sorted, and bodies an edition."""
    op.add_column("body", sa.Column("edition", sa.Integer, nullable=False, server_default="0"))
    replay = sa.table("replay", sa.column("id"), sa.column("created_us"), sa.column("date_us"))
    moments = ("created_us", "date_us")
    player = sa.table("player", sa.column("replay_id"), *map(sa.column, moments))
    for moment in moments:
        column = sa.Column(moment, sa.BigInteger, nullable=False, server_default="0")
        op.add_column("player", column)
        found = sa.select(replay.c[moment]).where(replay.c.id == player.c.replay_id)
        op.execute(player.update().values({moment: found.scalar_subquery()}))
    op.drop_index("player_account", "player")
    op.drop_index("player_name", "player")
    op.create_index("player_account", "player", ["account", "created_us", "replay_id"])
    op.create_index("player_account_date", "player", ["account", "date_us", "replay_id"])
    op.create_index("player_name", "player", ["name_folded", "created_us", "replay_id"])
    op.create_index("player_name_date", "player", ["name_folded", "date_us", "replay_id"])
