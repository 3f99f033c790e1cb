"""HAPI FHIR JPA server 8.8, a general server and no chart: it takes everything."""

from gateway.vendors.declaration import Vendor
from writeback.rules import WriteRules

HAPI = Vendor(
    name="hapi",
    title="HAPI FHIR 8.8",
    write=WriteRules(
        client_ids=True,
        first_put={"x-upsert-extistence-check": "disabled"},
        search_reads={"cache-control": "no-cache, no-store, max-results=50"},
        at_once=8,
        quarantine=60.0,
    ),
    sources={
        "client_ids": "[V] 8.8 as in docker/hapi: PUT on a new id is 201, sixteen at once make one; "
        "updateCreate is not declared",
        "first_put": "[V] hapi-fhir docs, server_jpa/performance.md, Disable Upsert Existence Check (spelled so): a "
        "constraint of the database prevents a duplicate, and the operation fails; [V] 8.8 on PostgreSQL: an id that is there is "
        "409 (HAPI-0825), singly and in a batch, and stays as it is; of sixteen at once one is 201 and the others 409",
        "search_reads": "[V] hapi-fhir docs, server_jpa/configuration.md: no-cache makes it search anew, no-store with "
        "max-results disables paging; [V] 8.8: eight by one search cost it half of eight reads, fifty a third",
        "at_once": "[V] 8.8 on PostgreSQL with its default of ten connections: each request needs a second one while it reads "
        "the search parameters first, so that ten at once after a start wait for one another, for minutes and for all",
        "quarantine": "[I] its default servlet time-out is 30 s; twice that",
    },
)
"""``conditional_create_is_atomic`` stays false: parallel conditional PUTs made several copies (measured), and the guard
of conditional creates is purged after an hour (hapi-fhir #4609)."""
