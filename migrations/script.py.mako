"""${message}."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, oldest = ${repr(up_revision)}, ${repr(down_revision)}, ${repr(down_revision or up_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
