"""What waits for a person is found by its patient and model."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, oldest = "0005", "0004", "0004"

AWAITING = sa.text("state = 'awaiting_confirmation'")


def upgrade() -> None:
    op.create_index(
        "outputs_waiting_of", "outputs", ["ehr", "patient", "model", "state"],
        sqlite_where=AWAITING, postgresql_where=AWAITING,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("outputs_waiting_of", table_name="outputs")
