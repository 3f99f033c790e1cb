"""athenaPractice and athenaFlow (apiserver-athenaFlex); athenaOne's FHIR is read only, which its statement says."""

from gateway.vendors.declaration import Vendor
from writeback.rules import WriteRules

_ISSUES = "athenahealth/apiserver-athenaFlex issues"

ATHENA = Vendor(
    name="athena",
    title="athenahealth (athenaPractice, athenaFlow)",
    write=WriteRules(
        creates=frozenset({"Observation", "DocumentReference"}),
        site_coded=frozenset({"Observation"}),
        requires={"Observation": ("subject",), "DocumentReference": ("subject", "content")},
        content_types=("text/rtf",),
        drops={"Observation": ("encounter",), "DocumentReference": ("context.encounter",)},
        client_ids=False,
        conditional_create=False,
        versions=False,
    ),
    sources={
        "creates": f"[V] {_ISSUES} 197, 231, 257: Observation and DocumentReference can be posted",
        "site_coded": f"[V] {_ISSUES} 271, 272: the code must be the site's HDID",
        "requires": "[I] a resource without a patient has no chart to go to",
        "content_types": f"[V] {_ISSUES} 368, 373: RTF or C-CDA XML only",
        "drops": f"[V] {_ISSUES} 197, 231, 257, 271: an encounter cannot be written",
        "client_ids": "[V] CapabilityStatement of athenaOne (2026-08-14): not declared",
        "conditional_create": "[V] CapabilityStatement of athenaOne (2026-08-14): not declared",
        "versions": "[V] CapabilityStatement of athenaOne (2026-08-14): not declared",
    },
)
"""What is posted lands in an "API Update" document that somebody has to review before it shows."""
