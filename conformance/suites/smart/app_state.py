"""App state (SMART App Launch 2.2 app-state, experimental): owed by a server that lists the capability."""

from conformance.check import Check, Problems, check, marked
from conformance.evidence import Evidence, Exchange
from conformance.reading import id_of, resources
from conformance.suites.smart.answers import needing
from conformance.suites.smart.collect.app_state import FIRST, SECOND
from conformance.suites.smart.ids import smart


@check(*smart(371))
def app_state_is_kept(evidence: Evidence) -> Problems:
    """Who lists smart-app-state keeps a Basic of the app's own: it is made, found, changed by its version, and deleted."""
    made, changed = evidence.seen("state made"), evidence.seen("state changed")
    found = resources(evidence.seen("state found"))
    if made.status != 201:
        yield f"a state was answered {made.status} instead of 201"
    if [each.get("id") for each in found] != [id_of(made)] or FIRST not in str(found):
        yield "the state is not found by its code and subject, alone and as it was sent"
    if changed.status != 200 or SECOND not in str(changed.table):
        yield f"a change was answered {changed.status}, or without it"
    yield from _gone(evidence.seen("state deleted"), evidence.seen("state searched again"))


def _gone(deleted: Exchange, after: Exchange) -> Problems:
    if deleted.status not in (200, 202, 204) or resources(after):
        yield f"the delete was answered {deleted.status}, or the state is found afterwards"


CHECKS: tuple[Check, ...] = marked(needing("smart-app-state")((app_state_is_kept,)), writes=True)
