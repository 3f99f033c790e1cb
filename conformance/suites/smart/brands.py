"""User-access brands: whose FHIR endpoint this is (SMART App Launch 2.2 brands)."""

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence
from conformance.reading import resources
from conformance.suites.smart.answers import needing, readable
from conformance.suites.smart.discovery import said
from conformance.suites.smart.ids import smart

ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
ASKED = ("asked-declined", "asked-unknown")


def _all(evidence: Evidence, type: str) -> list[Mapping[str, Any]]:
    return [each for each in resources(evidence.seen("brands")) if each.get("resourceType") == type]


def _rows(resource: Mapping[str, Any], member: str) -> list[Mapping[str, Any]]:
    found = resource.get(member)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _identifier(evidence: Evidence) -> Mapping[str, Any]:
    found = said(evidence).get("user_access_brand_identifier")
    return found if isinstance(found, dict) else {}


@check(*smart(396, 406, 417))
def brands_name_this_endpoint(evidence: Evidence) -> Problems:
    """The brand Bundle has an Endpoint of this FHIR base, and a brand that refers to it."""
    base = evidence.seen("smart").url.partition("/.well-known/")[0]
    endpoints = [each for each in _all(evidence, "Endpoint") if str(each.get("address", "")).rstrip("/") == base]
    if not endpoints:
        yield "no Endpoint has this FHIR base as its address"
    names = {f"Endpoint/{each.get('id')}" for each in endpoints}
    referred = {
        str(reference.get("reference")) for brand in _all(evidence, "Organization")
        for reference in _rows(brand, "endpoint")
    }  # fmt: skip
    if endpoints and not any(name in each for name in names for each in referred):
        yield "no Organization refers to the Endpoint of this FHIR base"


@check(*smart(398, 418))
def brands_have_a_timestamp(evidence: Evidence) -> Problems:
    """The brand Bundle says when its contents last changed."""
    if not isinstance(evidence.seen("brands").table.get("timestamp"), str):
        yield "the Bundle has no timestamp"


@check(*smart(399, 419))
def brands_say_when_each_was_updated(evidence: Evidence) -> Problems:
    """Each resource of the brand Bundle says when it was last updated."""
    for type in ("Organization", "Endpoint"):
        for each in _all(evidence, type):
            meta = each.get("meta")
            if not isinstance(meta, dict) or not isinstance(meta.get("lastUpdated"), str):
                yield f"one {type} has no meta.lastUpdated"


@check(*smart(400, 423))
def brands_are_read_from_any_origin(evidence: Evidence) -> Problems:
    """A page of any origin may read the brands."""
    yield from readable(evidence.seen("brands"))


@check(*smart(401, 424))
def brands_have_a_weak_etag(evidence: Evidence) -> Problems:
    """The brands come with a weak ETag."""
    if not evidence.seen("brands").headers.get("etag", "").startswith('W/"'):
        yield "the answer has no weak ETag"


@check(*smart(409, 410, 430))
def brands_have_an_identifier_with_a_value(evidence: Evidence) -> Problems:
    """The configuration says which brand is meant, by an identifier with a value."""
    _all(evidence, "Organization")
    if not isinstance(_identifier(evidence).get("value"), str):
        yield "user_access_brand_identifier has no value"


@check(*smart(411, 431))
def the_brand_identifier_has_a_system(evidence: Evidence) -> Problems:
    """The identifier of the brand has a system."""
    _all(evidence, "Organization")
    if not isinstance(_identifier(evidence).get("system"), str):
        yield "user_access_brand_identifier has no system"


@check(*smart(412, 432))
def the_brand_identifier_is_of_one_organization(evidence: Evidence) -> Problems:
    """Exactly one Organization of the Bundle has the identifier."""
    wanted = (_identifier(evidence).get("system"), _identifier(evidence).get("value"))
    having = [
        brand for brand in _all(evidence, "Organization")
        if any((each.get("system"), each.get("value")) == wanted for each in _rows(brand, "identifier"))
    ]  # fmt: skip
    if len(having) != 1:
        yield f"{len(having)} Organizations have it"


@check(*smart(404, 405, 437))
def brands_say_why_something_is_missing(evidence: Evidence) -> Problems:
    """A value that is absent was asked for: asked-declined or asked-unknown, and no other reason."""
    for each in (*_all(evidence, "Organization"), *_all(evidence, "Endpoint")):
        for reason in _reasons(each):
            if reason not in ASKED:
                yield "has a data-absent-reason that is neither asked-declined nor asked-unknown"


def _reasons(value: Any) -> Iterator[Any]:
    """Every data-absent-reason below a value."""
    if isinstance(value, dict):
        if value.get("url") == ABSENT:
            yield value.get("valueCode")
        for each in value.values():
            yield from _reasons(each)
    elif isinstance(value, list):
        for each in value:
            yield from _reasons(each)


BRANDS: tuple[Check, ...] = (
    brands_name_this_endpoint, brands_have_a_timestamp, brands_say_when_each_was_updated,
    brands_are_read_from_any_origin, brands_have_a_weak_etag, brands_have_an_identifier_with_a_value,
    the_brand_identifier_has_a_system, the_brand_identifier_is_of_one_organization, brands_say_why_something_is_missing,
)  # fmt: skip
CHECKS: tuple[Check, ...] = needing("user_access_brand_bundle")(BRANDS)
