"""Runs revisions on the connection, and inside the transaction, that ``store.migrate`` hands over."""

from alembic import context

from reconciler.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
