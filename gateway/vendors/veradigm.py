"""Veradigm FHIR 4.22: the widest create and update of all, without versions."""

from gateway.vendors.declaration import Vendor
from writeback.rules import WriteRules

_CS = "CapabilityStatement of Veradigm FHIR 4.22 (2026-05)"

VERADIGM = Vendor(
    name="veradigm",
    title="Veradigm",
    write=WriteRules(
        creates=frozenset({"Observation", "DocumentReference"}),
        client_ids=False,
        conditional_create=False,
        versions=False,
    ),
    sources={
        "creates": f"[V] {_CS}: of our types Observation and DocumentReference have create and update",
        "client_ids": f"[V] {_CS}: updateCreate is not declared",
        "conditional_create": f"[V] {_CS}: not declared",
        "versions": f"[V] {_CS}: versioning no-version",
    },
)
