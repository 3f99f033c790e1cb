"""A stranger's interaction on its way through the EHR face (house.md §8, fourth way): decided, performed, checked again.

Generators of interactions: what they yield is performed below the guard and sent back as an Answer; what they return is
for the stranger. So the same rules stand before the embedded store (inside one transaction) and before a server that
is reached over HTTP.
"""

from collections.abc import Callable, Mapping

from auth.server.grants import Grant
from gateway.face.bundles import serve_batch, serve_transaction
from gateway.face.guarding import UNSERVED, Means, Serving
from gateway.face.operations import serve_operation
from gateway.face.persona import Own, Served
from gateway.face.persona import serve as by_persona
from gateway.face.reading import check_history, recheck_history, serve_read, serve_vread
from gateway.face.searching import serve_search
from gateway.face.writing import serve_write
from r4.interaction import Answer, Interaction
from r4.outcome import outcome
from r4.served import SERVED
from sandbox.answering import refusal

__all__ = ["Means", "Own", "Served", "serve"]


def serve(interaction: Interaction, grant: Grant, means: Means) -> Served:
    """The answer to one interaction of a bearer, by the persona of this EHR."""
    return by_persona(interaction, grant, means, guarded)


def guarded(interaction: Interaction, grant: Grant, means: Means) -> Serving:
    """The answer by the access decisions alone."""
    if interaction.wrong is not None:
        return Answer(status=interaction.wrong.status, resource=outcome([interaction.wrong.issue]))
    if interaction.action == "batch":
        return (yield from serve_batch(interaction, grant, means, guarded))
    if interaction.action == "transaction":
        return (yield from serve_transaction(interaction, grant, means, guarded))
    if interaction.action == "operation":
        return (yield from serve_operation(interaction, grant, means))
    if interaction.type is not None and interaction.type not in SERVED:
        return UNSERVED
    served = SERVES.get(interaction.action)
    if served is None:
        return refusal(501, "not-supported", "This interaction is not served.")
    return (yield from served(interaction, grant, means))


def _history(interaction: Interaction, grant: Grant, means: Means) -> Serving:
    checked = yield from check_history(interaction, grant, means)
    if isinstance(checked, Answer):
        return checked
    answer = yield checked
    return (yield from recheck_history(checked, answer, grant, means))


SERVES: Mapping[str, Callable[[Interaction, Grant, Means], Serving]] = {
    "read": serve_read, "vread": serve_vread, "history": _history, "search": serve_search, "create": serve_write,
    "update": serve_write, "patch": serve_write, "delete": serve_write,
}  # fmt: skip
