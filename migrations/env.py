"""What Alembic runs: on the connection that it is handed, in the transaction that is open there, so that a database is at one
revision or at the other and never between two."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
context.run_migrations()
