"""What Alembic runs to apply steps: in the caller's transaction, to which all of them belong."""

from alembic import context

from parsekit_server.catalogue.migrations.upgrading import VERSION_TABLE
from parsekit_server.catalogue.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
