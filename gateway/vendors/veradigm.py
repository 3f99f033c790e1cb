"""Veradigm FHIR 4.22: the widest create and update of all, without versions."""

from auth.client.rules import SignInRules
from gateway.vendors.declaration import Vendor
from writeback.rules import WriteRules

_CS = "CapabilityStatement of Veradigm FHIR 4.22 (2026-05)"

VERADIGM = Vendor(
    name="veradigm",
    title="Veradigm",
    sign_in=SignInRules(plain_challenge=True, hosted_keys=True),
    write=WriteRules(
        creates=frozenset({"Observation", "DocumentReference"}),
        client_ids=False,
        conditional_create=False,
        versions=False,
    ),
    sources={
        "plain_challenge": "[V] smart-configuration of the sandbox tenant CP00101 (2026-09-01): S256 and plain",
        "hosted_keys": "[V] developer.veradigm.com, Process Overview (2026-08-14): backend authentication via a JWKS endpoint",
        "creates": f"[V] {_CS}: of our types Observation and DocumentReference have create and update",
        "client_ids": f"[V] {_CS}: updateCreate is not declared",
        "conditional_create": f"[V] {_CS}: not declared",
        "versions": f"[V] {_CS}: versioning no-version",
    },
)
