"""The differences that stay: what the embedded store does, what HAPI does behind the same face, and the sentence of R4
that decides. A row that no difference of a run fits fails the test, and so does a difference that fits no row.
"""

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote_plus

from r4.criteria import criterion, searchable
from tests.contract.differential.observing import Case, Seen, Step

SEARCH = "http://hl7.org/fhir/R4/search.html"


class Difference(NamedTuple):
    """One request that the two sides answer differently."""

    case: Case
    step: Step
    embedded: Seen
    hapi: Seen

    @property
    def query(self) -> str:
        """What a search says, decoded, in the address or in a form."""
        form = (self.step.body or b"").decode() if self.step.path.endswith("_search") else ""
        return unquote_plus(self.step.path.partition("?")[2] or form)

    @property
    def refused(self) -> bool:
        """Whether only HAPI's side refuses, as a thing that it does not do."""
        return self.embedded.status == 200 and self.hapi.status == 400

    def kinds(self) -> dict[str, list[str]]:
        """The values of the search's own parameters by kind."""
        found: dict[str, list[str]] = {}
        type = self.step.path.partition("?")[0].removesuffix("/_search")
        for pair in self.query.split("&"):
            name, _, value = pair.partition("=")
            said = criterion(name)
            where, name = (
                (said.reverse[0], said.reverse[2]) if said and said.reverse else (type, said.name if said else "")
            )
            row = searchable(where).get(name)
            if row is not None and not (said and said.rest):
                found.setdefault(row.kind, []).append(value)
        return found


class Row(NamedTuple):
    """A difference: whether it is this one, what each side does, and the sentence with its address."""

    id: str
    covers: Callable[[Difference], bool]
    embedded: str
    hapi: str
    sentence: str
    address: str


def _says(pattern: str) -> Callable[[Difference], bool]:
    return lambda found: found.refused and re.search(pattern, found.query) is not None


def _several_dates(found: Difference) -> bool:
    chained = re.findall(r"\.[\w-]*=([^&]*,[^&]*)", found.query)
    return found.refused and any("," in value for value in [*found.kinds().get("date", []), *chained])


def _repeated_date(found: Difference) -> bool:
    names = [pair.partition("=")[0].removesuffix(":missing") for pair in found.query.split("&")]
    return found.refused and len(found.kinds().get("date", [])) > 1 and len(names) > len(set(names))


def _found_more(kind: str) -> Callable[[Difference], bool]:
    return lambda found: found.embedded.status == found.hapi.status == 200 and kind in found.kinds()


def _ordered_otherwise(found: Difference) -> bool:
    one, other = found.embedded, found.hapi
    return (
        "_sort=" in found.query
        and one._replace(ids=(), total=None) == other._replace(ids=(), total=None)
        and sorted(one.ids) == sorted(other.ids)
    )


def _converted(found: Difference) -> bool:
    return found.embedded.status == found.hapi.status == 200 and "http://unitsofmeasure.org|" in found.query


def _canonical(found: Difference) -> bool:
    return (
        found.embedded.status == found.hapi.status == 200
        and re.search(r"(instantiates-canonical|questionnaire|^_has:.*:(instantiates-uri|url))\b", found.query)
        is not None
    )


def _zoned(found: Difference) -> bool:
    one, other = ({*seen.contents} for seen in (found.embedded, found.hapi))
    return "date" in found.kinds() and one != other and all(AWAY in content for content in one ^ other)


AWAY = "2021-07-04T23:30:00-02:00"
"""The one time of the records that is another day in UTC."""


def _recreated(found: Difference) -> bool:
    one, other = found.embedded, found.hapi
    return found.case.kind == "recreate" and one.status == other.status and one.contents == other.contents


def _referred(found: Difference) -> bool:
    return found.step.method == "DELETE" and (found.embedded.status, found.hapi.status) == (204, 409)


def _elsewhere(found: Difference) -> bool:
    text = b" ".join(step.body or b"" for step in found.case.steps)
    return found.case.kind in ("reference", "batch", "wrong batch") and (
        b'"urn:uuid:' in text or b"http://example.org/fhir" in text
    )


def _versioned(found: Difference) -> bool:
    return found.embedded._replace(contents=()) == found.hapi._replace(contents=()) and b"/_history/1" in (
        found.step.body or b""
    )


ROWS = (
    Row(
        "missing-of-meta", _says(r"_(tag|security|profile):missing=|\._source:missing="), "finds what has no such tag",
        "ignores it, so that the face refuses it (400)",
        "Server SHALL reject any search request that contains is suffixed by a modifier that the server does not support for that parameter.",
        f"{SEARCH}#modifiers",
    ),
    Row(
        "tag-in-parts", _says(r"_(tag|security)(:not)?=([^&]*,)?(\||[^&,]*\|(,|&|$))"), "finds tags by their system, or without one",
        "takes |code for any system and refuses system|, so that the face refuses both (400)",
        "[parameter]=|[code]: the value of [code] matches a Coding.code or Identifier.value, and the Coding/Identifier has no system property",
        f"{SEARCH}#token",
    ),
    Row(
        "dates-in-a-list", _several_dates, "any of the dates will do", "refuses a prefix or different precisions in a list (400)",
        "Every search parameter may be used with comma-separated values in this fashion", f"{SEARCH}#combining",
    ),
    Row(
        "date-repeated", _repeated_date, "all of the dates have to hold", "takes two of a lower and an upper bound only (400)",
        "If a parameter repeats, such as /Patient?language=FR&language=NL, then this matches a patient who speaks both languages.",
        f"{SEARCH}#combining",
    ),
    Row(
        "chain-of-type-and-meta", _says(r":[A-Z]\w+\._(tag|security|profile|source|lastUpdated)(:\w+)?="), "looks at the type that is named",
        "ignores the type, so that the face refuses it (400)",
        "Because the Diagnostic Report subject can be one of a set of different resources, it's necessary to limit the search to a particular type", f"{SEARCH}#chaining",
    ),
    Row(
        "chain-of-not", _says(r"\.[\w-]+:not="), "finds what refers to a resource of the type that is not so",
        "ignores the type, so that the face refuses it (400)",
        "Because the Diagnostic Report subject can be one of a set of different resources, it's necessary to limit the search to a particular type", f"{SEARCH}#chaining",
    ),
    Row(
        "modifier-behind-has", _says(r"(^|&)_has(:[\w-]+){3}:\w+="), "looks with the modifier at what refers to it",
        "does not know a modifier there, so that the face refuses it (400)",
        "Parameters are defined per resource. Parameter names may specify a modifier as a suffix.", f"{SEARCH}#modifiers",
    ),
    Row(
        "composite-in-parts", _found_more("composite"), "both values stand in the same part", "finds values of different parts, too",
        "searching on Group.characteristic where you need find a combination of key/value, not an intersection of separate matches on key and value",
        f"{SEARCH}#combining",
    ),
    Row(
        "composite-of-a-reference", _says(r"(^|&|:)relationship="), "finds documents by what they do to another",
        "does not know such composites, so that the face does not advertise it and refuses it (400)",
        "Implementers need only implement the amount of complexity that they require for their implementations.", SEARCH,
    ),
    Row(
        "units-converted", _converted, "finds what is the same in another unit", "compares numbers of the unit that was asked for",
        "The search processor may choose to perform a search based on canonical units", f"{SEARCH}#quantity",
    ),
    Row(
        "canonical-urn", _canonical, "finds canonical references that are URNs", "does not index them, nor any URN behind _has",
        "[parameter]=[url] where the [url] is an absolute URL - a reference to a resource by its absolute location, or by it's canonical URL",
        f"{SEARCH}#reference",
    ),
    Row(
        "day-of-a-time-with-a-zone", _zoned, "takes the day in UTC", "takes the day that is written, whatever the zone",
        "Where possible, the system should correct for time zones when performing queries.", f"{SEARCH}#date",
    ),
    Row(
        "order-of-codes", _ordered_otherwise, "sorts codes and references as text", "sorts them with their system or by its own numbers",
        "This specification does not specify exacts rules for consistency of sorting across servers.", f"{SEARCH}#sort",
    ),
    Row(
        "version-after-deletion", _recreated, "counts one version for what is created again", "counts two when the content changed",
        "This value changes when the resource is created, updated, or deleted.",
        "http://hl7.org/fhir/R4/resource-definitions.html#Meta.versionId",
    ),
    Row(
        "deletion-of-what-is-referred-to", _referred, "deletes it", "refuses it (409)",
        "Whether to support delete at all, or for a particular resource type or a particular instance is at the discretion of the server based on the policy and business rules that apply in its context.",
        "http://hl7.org/fhir/R4/http.html#delete",
    ),
    Row(
        "reference-elsewhere", _elsewhere, "stores references to other servers and URNs", "refuses them (400)",
        "The reference may be a relative reference, in which case it is relative to the service base URL, or an absolute URL that resolves to the location where the resource is found.",
        "http://hl7.org/fhir/R4/references-definitions.html#Reference.reference",
    ),
    Row(
        "reference-with-version", _versioned, "keeps the version of a reference", "drops it",
        "The reference may be version specific or not.", "http://hl7.org/fhir/R4/references-definitions.html#Reference.reference",
    ),
)  # fmt: skip
