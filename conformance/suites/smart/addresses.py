"""Key sets that a client publishes at an address (SMART App Launch 2.2 client-confidential-asymmetric). They are served
where ``--listen`` says, which the server under test must reach."""

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange
from conformance.suites.smart.answers import token_given
from conformance.suites.smart.collect.addresses import LIVES
from conformance.suites.smart.ids import smart


def _fetched(evidence: Evidence, name: str) -> list[Exchange]:
    found = evidence[f"{name} key set by --listen: fetched"]
    assert isinstance(found, list)
    return found


@check(*smart(296))
def keys_are_registered_by_address(evidence: Evidence) -> Problems:
    """A client whose keys are at an address is registered, and authenticates by them.

    The server must reach the address: --public-url says how it is called from there. A sandbox on this machine takes one
    of this machine with --allow-loopback-jwks."""
    for name in LIVES:
        answer = evidence.seen(f"{name} key set by --listen: registration")
        if answer.status != 201:
            yield f"answered {answer.status} instead of 201 to a registration with jwks_uri"
            continue
        for each in evidence[f"{name} key set by --listen: tokens"]:
            yield from token_given(each)


@check(*smart(339))
def a_key_set_is_fetched_with_get(evidence: Evidence) -> Problems:
    """A key set at an address is fetched with GET."""
    for name in LIVES:
        asked = _fetched(evidence, name)
        if not asked:
            yield "did not fetch the key set"
        yield from (f"asked with {each.method}" for each in asked if each.method != "GET")


@check(*smart(341))
def a_key_set_is_kept_no_longer_than_it_says(evidence: Evidence) -> Problems:
    """A key set that says no-store is fetched for every token.

    A server that keeps it longer takes keys that their owner has withdrawn."""
    if (times := len(_fetched(evidence, "fleeting"))) < 2:
        yield f"fetched it {times} times for two tokens"


@check(*smart(342))
def a_key_set_is_kept_as_it_says(evidence: Evidence) -> Problems:
    """A key set that may be kept for ten minutes is fetched once for two tokens."""
    if (times := len(_fetched(evidence, "kept"))) != 1:
        yield f"fetched it {times} times for two tokens"


CHECKS: tuple[Check, ...] = (
    keys_are_registered_by_address, a_key_set_is_fetched_with_get, a_key_set_is_kept_no_longer_than_it_says,
    a_key_set_is_kept_as_it_says,
)  # fmt: skip
