"""eClinicalWorks: writes are outside its CapabilityStatement, answered by numbers of its own, 250 requests a minute."""

from auth.client.rules import SignInRules, by_type
from gateway.vendors.declaration import Vendor
from writeback.rules import WriteRules

_CS = "CapabilityStatement of Facade 1.6 (2026-08-14)"
_CATALOGUE = "eClinicalWorks write-back catalogue (partner documentation, 92 status codes)"

_SMART = "smart-configuration (2026-08-14)"
_READ = ("Patient", "Condition", "Encounter", "MedicationRequest", "Observation", "DocumentReference")
_WRITTEN = ("Observation", "DocumentReference")

_REFUSALS = frozenset(
    {"INVALID_PATIENT", "INVALID_PROVIDER", "UNSUPPORTED_CODING_SYSTEM", "UNSUPPORTED_CHARACTERS", "MAX_SIZE",
     "ENCOUNTER_IS_LOCKED", "UNSUPPORTED_OBSERVATION", "INVALID_VITAL_VALUE"}
)  # fmt: skip
"""Those of the 92 whose names are known."""

ECLINICALWORKS = Vendor(
    name="eclinicalworks",
    title="eClinicalWorks",
    sign_in=SignInRules(
        launch_scopes=by_type("patient", read=_READ, written=_WRITTEN),
        backend_scopes=by_type("system", read=_READ, written=_WRITTEN),
        algorithm="RS384",
        endpoints_at=("https://oauthserver.eclinicalworks.com",),
    ),
    write=WriteRules(
        creates=frozenset({"Observation", "DocumentReference"}),
        unlisted=frozenset({"Observation", "DocumentReference"}),
        site_coded=frozenset({"Observation"}),
        categories={"Observation": frozenset({"vital-signs"})},
        requires={"Observation": ("subject",), "DocumentReference": ("subject", "content")},
        encounters={"Observation": "open"},
        content_types=("text/plain",),
        singles={"Observation": ("code.coding",)},
        client_ids=False,
        conditional_create=False,
        refusals=_REFUSALS,
        versions=False,
        requests_per_minute=250,
    ),
    sources={
        "launch_scopes": f"[V] {_SMART}: rs, c and u of single types, each a scope of its own; no cu, no RiskAssessment",
        "backend_scopes": f"[V] {_SMART}: the same for system access",
        "algorithm": "[P] developers' notes: client assertions by RS384 only",
        "endpoints_at": f"[V] {_SMART}: its key set and authorization server at oauthserver.eclinicalworks.com",
        "creates": f"[V] {_CATALOGUE}: observations and documents",
        "unlisted": f"[V] {_CS}: Observation and DocumentReference are read only there, their write-back is beside it",
        "site_coded": f"[V] {_CATALOGUE}: 102 UNSUPPORTED_CODING_SYSTEM; [I] which of its own a code becomes, its site says",
        "categories": f"[V] {_CATALOGUE}: UNSUPPORTED_OBSERVATION, INVALID_VITAL_VALUE; [I] only vital signs",
        "requires": f"[V] {_CATALOGUE}: 100 INVALID_PATIENT",
        "encounters": f"[V] {_CATALOGUE}: ENCOUNTER_IS_LOCKED",
        "content_types": f"[I] {_CATALOGUE}: 114 MIME; plain text is the one type that cannot be misread",
        "singles": f"[V] {_CATALOGUE}: 102 UNSUPPORTED_CODING_SYSTEM; [I] for any such code, so the own one goes alone",
        "client_ids": f"[V] {_CS}: not declared",
        "conditional_create": f"[V] {_CS}: not declared",
        "refusals": f"[V] {_CATALOGUE}: the answer has a number and a key, with a status of 200 too",
        "versions": f"[V] {_CS}: not declared",
        "requests_per_minute": "[V] eClinicalWorks: 250 requests a minute per base address, 429 without Retry-After",
    },
)
