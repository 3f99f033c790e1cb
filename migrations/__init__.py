"""The gateway's database by revisions (docs/decisions/0008-migrations.md). A revision expands first: what the release before it
needs stays until a later revision takes it away. ``python -m migrations "What changes"`` writes the next one.

Each file of ``versions`` says ``oldest``: the revision whose release still runs on the database as it is then.
"""

from pathlib import Path

HERE = Path(__file__).parent
REVISIONS = tuple(sorted(path.name[:4] for path in (HERE / "versions").glob("[0-9]*.py")))
"""In order; the last is what this release needs."""
HEAD = REVISIONS[-1] if REVISIONS else "0000"
