"""What the server says of itself (SMART App Launch 2.2 conformance §using-well-known, §metadata)."""

from collections.abc import Collection, Mapping
from typing import Any

from conformance import capability
from conformance.check import Check, Problems, check
from conformance.client import listed
from conformance.evidence import Evidence, NotOffered
from conformance.reading import codings
from conformance.suites.smart.answers import is_json, needing, readable, words
from conformance.suites.smart.ids import smart

REQUIRED = ("token_endpoint", "capabilities", "code_challenge_methods_supported", "grant_types_supported")
RECOMMENDED = (
    "scopes_supported", "response_types_supported", "introspection_endpoint", "revocation_endpoint",
    "user_access_brand_bundle", "user_access_brand_identifier",
)  # fmt: skip
LISTS = ("capabilities", "code_challenge_methods_supported", "grant_types_supported")
"""Members that are lists, each with something in it."""
LAUNCHING = ("launch-ehr", "launch-standalone")
CLIENTS = frozenset({"client-public", "client-confidential-symmetric", "client-confidential-asymmetric"})
SETS: Mapping[str, tuple[frozenset[str], ...]] = {
    "Patient Access for Standalone Apps": (
        frozenset({"launch-standalone"}), CLIENTS, frozenset({"context-standalone-patient"}), frozenset({"permission-patient"}),
    ),
    "Patient Access for EHR Launch": (
        frozenset({"launch-ehr"}), CLIENTS, frozenset({"context-ehr-patient"}), frozenset({"permission-patient"}),
    ),
    "Clinician Access for Standalone": (
        frozenset({"launch-standalone"}), CLIENTS, frozenset({"permission-user"}),
        frozenset({"permission-patient", "permission-user"}),
    ),
    "Clinician Access for EHR Launch": (
        frozenset({"launch-ehr"}), CLIENTS, frozenset({"permission-user"}),
        frozenset({"context-ehr-patient", "context-ehr-encounter"}),
    ),
}  # fmt: skip
"""Capability sets: one of each group (conformance §capability-sets)."""


def said(evidence: Evidence) -> Mapping[str, Any]:
    """The SMART configuration."""
    return evidence.seen("smart").table


def capable(evidence: Evidence) -> Collection[str]:
    """The capabilities that it lists."""
    return listed(said(evidence), "capabilities")


@check(*smart(30, 228, 372, 373))
def discovery_is_served(evidence: Evidence) -> Problems:
    """The smart-configuration is served as a JSON object below the FHIR base."""
    answer = evidence.seen("smart")
    if answer.status != 200 or not answer.table:
        yield f"answered {answer.status}, or no JSON object"


@check(*smart(377, 380))
def discovery_is_application_json(evidence: Evidence) -> Problems:
    """The smart-configuration is application/json."""
    yield from is_json(evidence.seen("smart"))


@check(*smart(374, 376))
def discovery_is_json_whatever_is_accepted(evidence: Evidence) -> Problems:
    """The smart-configuration is JSON whatever the Accept header says."""
    answer = evidence.seen("smart as xml")
    if answer.status != 200 or answer.table != said(evidence):
        yield f"answered {answer.status}, or another document than without the header"


@check(*smart(384, 385, 393, 394))
def discovery_is_complete(evidence: Evidence) -> Problems:
    """The smart-configuration has every required member, lists as lists."""
    for name in REQUIRED:
        if name not in said(evidence):
            yield f"lacks {name}"
        elif name in LISTS and not listed(said(evidence), name):
            yield f"{name} is no list of words"


@check(*smart(383))
def launches_have_an_authorization_endpoint(evidence: Evidence) -> Problems:
    """A server that offers launches names its authorization_endpoint."""
    if any(word in capable(evidence) for word in LAUNCHING) and "authorization_endpoint" not in said(evidence):
        yield "offers launches and names no authorization_endpoint"


@check(*smart(381, 382))
def sign_on_has_an_issuer_and_keys(evidence: Evidence) -> Problems:
    """A server that offers sso-openid-connect names issuer and jwks_uri; one that does not names no issuer."""
    names = {"issuer", "jwks_uri"} & said(evidence).keys()
    if "sso-openid-connect" in capable(evidence):
        if len(names) < 2:
            yield "offers sso-openid-connect without issuer and jwks_uri"
    elif "issuer" in names:
        yield "names an issuer and does not offer sso-openid-connect"


@check(*smart(231, 378))
def addresses_are_absolute_and_protected(evidence: Evidence) -> Problems:
    """Every endpoint is an absolute https address (http on loopback only)."""
    for name, value in said(evidence).items():
        if (name.endswith("_endpoint") or name in ("issuer", "jwks_uri")) and value is not None:
            text = str(value)
            local = text.startswith(("http://127.0.0.1", "http://localhost", "http://[::1]"))
            if not text.startswith("https://") and not local:
                yield f"{name} is not an absolute https address"


@check(*smart(14))
def pkce_is_supported(evidence: Evidence) -> Problems:
    """The S256 challenge method is offered."""
    if "S256" not in listed(said(evidence), "code_challenge_methods_supported"):
        yield "code_challenge_methods_supported lacks S256"


@check(*smart(15))
def pkce_is_never_plain(evidence: Evidence) -> Problems:
    """The plain challenge method is not offered."""
    if "plain" in str(said(evidence).get("code_challenge_methods_supported")):
        yield "code_challenge_methods_supported offers plain"


@check(*smart(384))
def codes_are_a_grant_type(evidence: Evidence) -> Problems:
    """A server that offers launches lists the grant type authorization_code."""
    types = listed(said(evidence), "grant_types_supported")
    if any(word in capable(evidence) for word in LAUNCHING) and "authorization_code" not in types:
        yield "grant_types_supported lacks authorization_code"


@check(*smart(285, 286, 287, 288, 289))
def asymmetric_clients_are_announced(evidence: Evidence) -> Problems:
    """A server for clients with keys lists private_key_jwt, and RS384 or ES384."""
    methods = listed(said(evidence), "token_endpoint_auth_methods_supported")
    if "client-confidential-asymmetric" not in capable(evidence) and "private_key_jwt" not in methods:
        raise NotOffered("clients with keys")
    for name in ("token_endpoint", "scopes_supported"):
        if name not in said(evidence):
            yield f"lacks {name}"
    if "client-confidential-asymmetric" not in capable(evidence):
        yield "capabilities lack client-confidential-asymmetric"
    if "private_key_jwt" not in methods:
        yield "token_endpoint_auth_methods_supported lacks private_key_jwt"
    if not {"RS384", "ES384"} & set(listed(said(evidence), "token_endpoint_auth_signing_alg_values_supported")):
        yield "token_endpoint_auth_signing_alg_values_supported lacks RS384 and ES384"


def _set(name: str, number: int) -> Check:
    """A server has one of each group of a capability set, or does not begin it."""

    def find(evidence: Evidence) -> Problems:
        has = set(capable(evidence))
        lacking = [group for group in SETS[name] if not group & has]
        if not SETS[name][0] & has:
            raise NotOffered(name)
        if lacking and any(all(group & has for group in groups) for groups in SETS.values()):
            raise NotOffered(name)  # one set is whole, and that is what is asked for
        for group in lacking:
            yield f"has none of {', '.join(sorted(group))}"

    find.__doc__ = f"Capability set {name}: who offers its launch offers the rest of it, or another set."
    find.__name__ = "the_set_" + name.lower().replace(" ", "_") + "_is_whole"
    return check(*smart(346, number))(find)


@check(*smart(126))
def old_scopes_are_announced(evidence: Evidence) -> Problems:
    """Who grants scopes of SMART 1 lists the capability permission-v1."""
    if "permission-v1" not in capable(evidence):
        if "patient/*.read" not in words(evidence.seen("v1 token")):
            raise NotOffered("scopes of SMART 1")
        yield "capabilities lack permission-v1"


@check(*smart(99, 269, 387, 388, 389, 390, 391, 392, 406, 427, 428))
def discovery_says_what_is_recommended(evidence: Evidence) -> Problems:
    """The recommended members are there: scopes, response types, introspection, revocation, brand."""
    for name in RECOMMENDED:
        if name not in said(evidence):
            yield f"lacks {name}"


@check(*smart(16))
def discovery_is_read_from_any_origin(evidence: Evidence) -> Problems:
    """A page of any origin may read the smart-configuration."""
    yield from readable(evidence.seen("smart to a page"))


@check(*smart(16))
def metadata_is_read_from_any_origin(evidence: Evidence) -> Problems:
    """A page of any origin may read the CapabilityStatement."""
    yield from readable(evidence.seen("metadata to a page"))


@check("fhir-r4#capabilities")
def metadata_is_r4(evidence: Evidence) -> Problems:
    """The CapabilityStatement says R4 4.0.1 and the formats it speaks."""
    answer = evidence.seen("metadata")
    if answer.status != 200 or answer.table.get("resourceType") != "CapabilityStatement":
        yield f"answered {answer.status}, or no CapabilityStatement"
    if answer.table.get("fhirVersion") != "4.0.1":
        yield "fhirVersion is not 4.0.1"
    if not answer.table.get("format"):
        yield "names no format"


@check("smart-app-launch-2.2.0#capability-statement-security")
def metadata_names_smart(evidence: Evidence) -> Problems:
    """The CapabilityStatement says that the server is protected by SMART."""
    found = capability.rest(evidence).get("security")
    if "SMART-on-FHIR" not in {code for _, code in codings(found if isinstance(found, dict) else {}, "service")}:
        yield "rest.security.service lacks the code SMART-on-FHIR"


CHECKS: tuple[Check, ...] = (
    discovery_is_served, discovery_is_application_json, discovery_is_json_whatever_is_accepted, discovery_is_complete,
    launches_have_an_authorization_endpoint, sign_on_has_an_issuer_and_keys, addresses_are_absolute_and_protected,
    pkce_is_supported, pkce_is_never_plain, codes_are_a_grant_type, asymmetric_clients_are_announced,
    *(_set(name, 348 + place) for place, name in enumerate(SETS)), old_scopes_are_announced,
    discovery_says_what_is_recommended,
    *needing("client-public")((discovery_is_read_from_any_origin, metadata_is_read_from_any_origin)),
    metadata_is_r4, metadata_names_smart,
)  # fmt: skip
