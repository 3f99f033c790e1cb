"""eClinicalWorks: writes are outside its CapabilityStatement, answered by numbers of its own, 250 requests a minute."""

from gateway.vendors.declaration import Vendor
from writeback.rules import WriteRules

_CS = "CapabilityStatement of Facade 1.6 (2026-08-14)"
_CATALOGUE = "eClinicalWorks write-back catalogue (partner documentation, 92 status codes)"

ECLINICALWORKS = Vendor(
    name="eclinicalworks",
    title="eClinicalWorks",
    write=WriteRules(
        creates=frozenset({"Observation", "DocumentReference"}),
        unlisted=frozenset({"Observation", "DocumentReference"}),
        requires={"Observation": ("subject",), "DocumentReference": ("subject", "content")},
        encounters={"Observation": "open"},
        content_types=("text/plain",),
        client_ids=False,
        conditional_create=False,
        versions=False,
        requests_per_minute=250,
    ),
    sources={
        "creates": f"[V] {_CATALOGUE}: observations and documents",
        "unlisted": f"[V] {_CS}: Observation and DocumentReference are read only there, their write-back is beside it",
        "requires": f"[V] {_CATALOGUE}: 100 INVALID_PATIENT",
        "encounters": f"[V] {_CATALOGUE}: ENCOUNTER_IS_LOCKED",
        "content_types": f"[I] {_CATALOGUE}: 114 MIME; plain text is the one type that cannot be misread",
        "client_ids": f"[V] {_CS}: not declared",
        "conditional_create": f"[V] {_CS}: not declared",
        "versions": f"[V] {_CS}: not declared",
        "requests_per_minute": "[V] eClinicalWorks: 250 requests a minute per base address, 429 without Retry-After",
    },
)
