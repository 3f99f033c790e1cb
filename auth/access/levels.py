"""What each level of a grant may do at all: operation × ``patient``/``user``/``system``, as a table.

``patient`` is a scope that is bound to one patient's record: ``patient/``, and ``user/`` of a patient. Whatever cannot be
narrowed to that record before it is done, or would tell by its size what was taken out of it, is not for that level.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Level = Literal["patient", "user", "system"]

ALL: frozenset[Level] = frozenset({"patient", "user", "system"})
UNBOUND: frozenset[Level] = frozenset({"user", "system"})
SYSTEM: frozenset[Level] = frozenset({"system"})
NOBODY: frozenset[Level] = frozenset()

FEATURES: Mapping[str, frozenset[Level]] = {
    "chain": SYSTEM,
    "_has": SYSTEM,
    "_source": UNBOUND,
    "_include": ALL,
    "_revinclude": ALL,
    "history-instance": ALL,
    "history-type": UNBOUND,
    "history-system": UNBOUND,
    "compartment": ALL,
    "write-shared": SYSTEM,
    "create-patient": UNBOUND,
    "delete-patient": UNBOUND,
}
"""Chains and ``_has`` answer questions about resources that are not shown (smart-auth.md A08, A09); where a
record came from is in no compartment (§3.2 rule 2); the history of a
type or of the system cannot be narrowed to one patient by any server."""


class Operation(NamedTuple):
    """``levels`` may call it; ``letters`` are needed together, or one of them where ``any``; it is called on ``places``
    (``system``, ``type``, ``instance``); ``served`` says that this server has it."""

    levels: frozenset[Level]
    letters: str = ""
    places: tuple[str, ...] = ()
    served: bool = False


OPERATIONS: Mapping[str, Operation] = {
    "$everything": Operation(ALL, "rs", ("instance",), served=True),
    "$validate": Operation(ALL, "cu", ("type", "instance"), served=True),
    "$export": Operation(SYSTEM, "rs", ("system", "type", "instance"), served=True),
    "$graphql": Operation(NOBODY),
    "$expunge": Operation(NOBODY),
    "$reindex": Operation(NOBODY),
    "$match": Operation(NOBODY),
    "$member-match": Operation(NOBODY),
    "$process-message": Operation(NOBODY),
    "$apply": Operation(NOBODY),
    "$diff": Operation(NOBODY),
    "$meta": Operation(NOBODY),
    "$meta-add": Operation(NOBODY),
    "$meta-delete": Operation(NOBODY),
    "$merge": Operation(NOBODY),
    "$summary": Operation(NOBODY),
    "$docref": Operation(NOBODY),
    "$lastn": Operation(NOBODY),
    "$stats": Operation(NOBODY),
    "$graph": Operation(NOBODY),
    "$import": Operation(NOBODY),
}
"""Named operations; one that is not here does not exist."""

CLOSED = frozenset({"Group", "AuditEvent", "Subscription", "MessageHeader", "Binary"})
"""Types that are closed to the ``patient`` level (smart-auth.md §3.2 rule 8). A Binary says of itself who may read it
(``securityContext``), which whoever writes it chooses; the document that it belongs to cannot be searched for."""
