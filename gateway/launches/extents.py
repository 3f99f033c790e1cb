"""Edge: how much of a chart the scopes of a launch let it read: what was not granted is not asked for."""

from collections.abc import Callable

from auth import scopes
from auth.scopes import FhirScope
from gateway.launches.charts import Extent


def extents(granted: str, contexts: tuple[str, ...] = ("patient", "user")) -> Callable[[str], Extent]:
    """A launch's granted scopes → how much of a type it may search: ``part`` where every scope that names it is granular
    (SMART App Launch 2.2 scopes §finer-grained), so that what is not found may well be there. ``contexts``: ``system`` for a
    backend client."""
    reading = [
        scope
        for scope in scopes.parse(granted)
        if isinstance(scope, FhirScope) and scope.context in contexts and "s" in scope.actions
    ]

    def extent(type: str) -> Extent:
        fitting = [scope for scope in reading if scope.type in ("*", type)]
        if any(not scope.query for scope in fitting):
            return "all"
        return "part" if fitting else "none"

    return extent
