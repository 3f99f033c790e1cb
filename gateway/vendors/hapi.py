"""HAPI FHIR JPA server 8.10, a general server and no chart: it takes everything."""

from gateway.vendors.declaration import Vendor
from writeback.rules import WriteRules

HAPI = Vendor(
    name="hapi",
    title="HAPI FHIR 8.10",
    write=WriteRules(
        client_ids=True,
        stale=frozenset({409}),
        quarantine=60.0,
    ),
    sources={
        "client_ids": "[V] 8.10 as in docker/hapi: PUT on a new id is 201, sixteen at once make one; "
        "updateCreate is not declared",
        "stale": "[V] hapi-fhir BaseHapiFhirResourceDao: a version mismatch is HAPI-0989, HTTP 409",
        "quarantine": "[I] its default servlet time-out is 30 s; twice that",
    },
)
"""``conditional_create_is_atomic`` stays false: parallel conditional PUTs made several copies (measured), and the guard
of conditional creates is purged after an hour (hapi-fhir #4609)."""
