"""A search cut down to what a grant reaches, before it is done; what is left over is taken out of the answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from auth.access.compartment import confined, membership, narrowing
from auth.access.decide import bound, patient_of
from auth.scopes import FhirScope
from auth.server.grants import Grant

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Narrowed:
    """``pairs`` to add to the query. ``exact`` says that the search then finds nothing that has to be taken out again,
    so that its total is no secret. ``patient`` is the one that the search is bound to, or None."""

    pairs: Pairs
    exact: bool
    patient: str | None = None

    def query(self, said: Pairs, type: str) -> Pairs | None:
        """The query to do instead of ``said``, or None when that names another patient."""
        kept = said if self.patient is None else confined(type, said, self.patient)
        return None if kept is None else (*kept, *(pair for pair in self.pairs if pair not in kept))


def narrow(scopes: Sequence[FhirScope], type: str, grant: Grant) -> Narrowed | None:
    """How a search of this type is narrowed for the scopes that allow it, or None when it cannot be."""
    if any(not bound(scope, grant) and not scope.query for scope in scopes):
        return Narrowed(pairs=(), exact=True)
    pairs: Pairs = ()
    exact, patient = not any(bound(scope, grant) for scope in scopes), None
    if all(bound(scope, grant) for scope in scopes):
        patients = {patient_of(scope, grant) for scope in scopes}
        patient = next(iter(patients)) if len(patients) == 1 else None
        found = narrowing(type, patient) if patient is not None else None
        if found is None:
            return None
        pairs, exact = found, bool(found) and (type == "Patient" or membership(type).single)
    if all(scope.query for scope in scopes):
        added = _granular(scopes)
        plain = all(value.strip("|") == value for _, value in added)
        pairs, exact = (*pairs, *added), exact and bool(added) and plain
    return Narrowed(pairs=pairs, exact=exact, patient=patient)


def _granular(scopes: Sequence[FhirScope]) -> Pairs:
    """The pairs of one granular scope, or alternatives of several that differ in one value only."""
    if len(scopes) == 1:
        return scopes[0].query
    names = {tuple(name for name, _ in scope.query) for scope in scopes}
    if len(names) != 1 or len(next(iter(names))) != 1:
        return ()
    values = ",".join(dict.fromkeys(scope.query[0][1] for scope in scopes))
    return ((scopes[0].query[0][0], values),)
