"""``python -m migrations "What changes"``: the next revision, from what the tables say now against all revisions so far."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations.ops import CreateIndexOp, CreateTableOp, DropIndexOp, ModifyTableOps, UpgradeOps
from mako.template import Template
from sqlalchemy import Connection, MetaData, create_engine

from gateway.installation import METADATA
from gateway.storage import schema
from migrations import HEAD, HERE


def whole(metadata: Sequence[MetaData] = METADATA) -> MetaData:
    """Every table in one MetaData."""
    found = MetaData()
    for each in metadata:
        for table in each.tables.values():
            table.to_metadata(found)
    return found


def context_of(connection: Connection) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})


def differences(connection: Connection, metadata: MetaData) -> list[Any]:
    """What the database lacks of the tables, or has beyond them; of the version's own table nothing."""
    return [each for each in compare_metadata(context_of(connection), metadata) if "alembic_version" not in str(each)]


def _rendered(found: Any) -> str:
    """The operations as Python. What is new is made where it is not there: a database of before there were revisions may
    have it. Indexes stand alone; what changes a table is a batch, since SQLite knows no other way."""
    flat: list[Any] = []
    for each in found.ops:
        only_indexes = isinstance(each, ModifyTableOps) and all(
            isinstance(op, CreateIndexOp | DropIndexOp) for op in each.ops
        )
        flat += each.ops if only_indexes else [each]
    for each in flat:
        if isinstance(each, CreateTableOp | CreateIndexOp):
            each.if_not_exists = True
    text = render_python_code(UpgradeOps(ops=flat), render_as_batch=True)
    return "\n".join(line for line in text.strip().splitlines() if "###" not in line).strip()


def write(message: str, metadata: MetaData) -> Path:
    """The file of the next revision."""
    number = f"{int(HEAD) + 1:04}"
    with create_engine("sqlite://").begin() as connection:
        if HEAD != "0000":
            schema.move(connection, 0.0, to=HEAD)
        made = produce_migrations(context_of(connection), metadata)
    path = HERE / "versions" / f"{number}_{'_'.join(message.lower().split())}.py"
    down = HEAD if HEAD != "0000" else None
    parts = [_rendered(ops) for ops in (made.upgrade_ops, made.downgrade_ops)]
    text = Template(filename=str(HERE / "script.py.mako")).render(
        message=message, up_revision=number, down_revision=down, upgrades=parts[0], downgrades=parts[1]
    )
    path.write_text(text)
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(path)], check=False)
    return path


if __name__ == "__main__":
    print(write(sys.argv[1], whole()))
