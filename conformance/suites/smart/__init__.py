"""SMART App Launch 2.2.0, the server's side: discovery, launches, tokens, and every step refused when done wrongly."""

from conformance.session import Part, Suite
from conformance.suites.smart import collect, refusals, signing_in

SUITE = Suite(
    checks=(*signing_in.CHECKS, *refusals.CHECKS),
    parts=(
        Part(name="sign-in", collect=collect.sign_in),
        Part(name="refusals", collect=collect.refusals),
    ),
)
