"""SMART App Launch 2.2.0, the server's side: discovery, launches, tokens, and every step refused when done wrongly."""

from conformance.session import Suite
from conformance.suites.smart import (
    addresses,
    app_state,
    assertions,
    backend,
    brands,
    clients,
    discovery,
    identity,
    launching,
    pages,
    refreshing,
    refusals,
    registering,
    scopes,
    telling,
    tokens,
)
from conformance.suites.smart.parts import PARTS

SUITE = Suite(
    checks=(
        *discovery.CHECKS, *brands.CHECKS, *launching.CHECKS, *tokens.CHECKS, *identity.CHECKS, *refusals.CHECKS,
        *clients.CHECKS, *assertions.CHECKS, *addresses.CHECKS,
        *backend.CHECKS, *refreshing.CHECKS, *telling.CHECKS, *registering.CHECKS,
        *scopes.CHECKS, *pages.CHECKS, *app_state.CHECKS,
    ),
    parts=PARTS,
)  # fmt: skip
