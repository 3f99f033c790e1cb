"""What becomes of what is written (FHIR R4 §3.1.0): kept exactly, once, by its version; and what must be refused."""

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange


def outcome(answer: Exchange, *, element: str = "") -> Problems:
    """A refusal is a 4xx with an OperationOutcome that names the element."""
    if not 400 <= answer.status < 500:
        yield f"answered {answer.status} instead of 4xx"
    issues = answer.table.get("issue")
    if answer.table.get("resourceType") != "OperationOutcome" or not isinstance(issues, list) or not issues:
        yield "is no OperationOutcome"
    elif element and element not in str([(issue.get("expression"), issue.get("location")) for issue in issues]):
        yield f"does not name {element}"


@check("fhir-r4#create")
def a_create_says_where(evidence: Evidence) -> Problems:
    """A create is 201 with Location and ETag."""
    answer = evidence.seen("create")
    if answer.status != 201:
        yield f"answered {answer.status}"
    if "/Observation/" not in answer.headers.get("location", ""):
        yield "Location does not name the resource"
    if "/_history/" in answer.headers.get("location", "") and "etag" not in answer.headers:
        yield "a versioned Location without ETag"


@check("fhir-r4#decimal-precision")
def digits_are_kept(evidence: Evidence) -> Problems:
    """A decimal comes back with the digits it was written with."""
    value = (evidence.seen("read back").table.get("valueQuantity") or {}).get("value")
    if value != "72.50":
        yield "72.50 did not come back as 72.50"


@check("fhir-r4#create")
def what_was_written_is_read(evidence: Evidence) -> Problems:
    """What was created is there, with version and time."""
    answer = evidence.seen("read back")
    if answer.status != 200 or answer.table.get("status") != "final":
        yield f"answered {answer.status}, or something else than was written"
    if not {"versionId", "lastUpdated"} <= set(answer.table.get("meta") or {}):
        yield "meta lacks versionId or lastUpdated"


@check("fhir-r4#vread")
def a_version_is_read(evidence: Evidence) -> Problems:
    """The version that was written can be read."""
    if evidence.seen("vread").status != 200:
        yield f"answered {evidence.seen('vread').status}"


@check("fhir-r4#update")
def an_update_makes_a_version(evidence: Evidence) -> Problems:
    """An update with the current version is 200 with another ETag."""
    answer = evidence.seen("update")
    if answer.status != 200:
        yield f"answered {answer.status}"
    if answer.headers.get("etag") == evidence.seen("create").headers.get("etag"):
        yield "the ETag did not change"


@check("fhir-r4#version-aware-update")
def a_stale_update_is_refused(evidence: Evidence) -> Problems:
    """An update with an old version is 412 (409 in STU3) and changes nothing."""
    if evidence.seen("stale update").status not in (409, 412):
        yield f"answered {evidence.seen('stale update').status}"
    if evidence.seen("after stale update").table.get("status") != "amended":
        yield "the refused update is there"


@check("fhir-r4#history")
def the_history_has_every_version(evidence: Evidence) -> Problems:
    """The history of the resource has its versions."""
    found = evidence.seen("history").table.get("entry") or []
    if evidence.seen("history").status != 200 or len(found) < 2:
        yield f"answered {evidence.seen('history').status} with {len(found)} versions"


@check("fhir-r4#update")
def an_update_with_another_id_is_refused(evidence: Evidence) -> Problems:
    """An update whose body has another id than its address is 400."""
    yield from outcome(evidence.seen("update with another id"))


@check("fhir-r4#conditional-create")
def a_conditional_create_is_once(evidence: Evidence) -> Problems:
    """Where it is offered, the same conditional create twice makes one resource."""
    rest = evidence.seen("metadata").table.get("rest") or [{}]
    offered = {
        each["type"]
        for each in rest[0].get("resource", ())
        if each.get("conditionalCreate") == "true" or each.get("conditionalCreate") is True
    }
    if "Observation" not in offered:
        return
    first, again = evidence.seen("conditional create"), evidence.seen("conditional create again")
    if first.status != 201 or again.status != 200:
        yield f"answered {first.status} and {again.status} instead of 201 and 200"


@check("fhir-r4#delete")
def a_delete_is_gone(evidence: Evidence) -> Problems:
    """What was deleted is not read any more."""
    if evidence.seen("delete").status not in (200, 204):
        yield f"delete answered {evidence.seen('delete').status}"
    if evidence.seen("read deleted").status not in (404, 410):
        yield f"the deleted resource was answered with {evidence.seen('read deleted').status}"


def _refusal(name: str, element: str, title: str) -> Check:
    """One body that must be refused."""

    def find(evidence: Evidence) -> Problems:
        answer = evidence.seen(name)
        yield from outcome(answer, element=element)
        if evidence["marker"].encode() in answer.body:
            yield "repeats what was sent"

    find.__doc__, find.__name__ = title, name.replace(" ", "_") + "_is_refused"
    return check("fhir-r4#validity")(find)


@check("smart-app-launch-2.2.0#patient-scopes")
def a_write_for_another_patient_is_refused(evidence: Evidence) -> Problems:
    """A resource of another patient cannot be created."""
    if evidence.seen("foreign write").status not in (403, 404, 422):
        yield f"answered {evidence.seen('foreign write').status}"


@check("smart-app-launch-2.2.0#patient-scopes")
def a_patient_token_creates_no_patient(evidence: Evidence) -> Problems:
    """A token of one patient cannot create a Patient."""
    if evidence.seen("patient create").status != 403:
        yield f"answered {evidence.seen('patient create').status}"


CHECKS: tuple[Check, ...] = (
    a_create_says_where, digits_are_kept, what_was_written_is_read, a_version_is_read, an_update_makes_a_version,
    a_stale_update_is_refused, the_history_has_every_version, an_update_with_another_id_is_refused,
    a_conditional_create_is_once, a_delete_is_gone,
    _refusal("required code", "status", "A code outside a required value set is refused by element, without echo."),
    _refusal("missing element", "code", "A missing required element is refused by element."),
    _refusal("unknown element", "Observation", "An element that R4 does not have is refused without echo."),
    _refusal("impossible date", "effectiveDateTime", "A day that the calendar does not have is refused by element."),
    _refusal("two values", "value", "Two values of one choice are refused."),
    _refusal("broken body", "", "A body that is not JSON is a 4xx with an OperationOutcome."),
    _refusal("equal keys", "", "An object with equal keys is refused."),
    _refusal("not a number", "", "NaN is refused."),
    _refusal("deep body", "", "A body nested without end is refused."),
    _refusal("lone surrogate", "", "Half of a surrogate pair is refused."),
    a_write_for_another_patient_is_refused, a_patient_token_creates_no_patient,
)  # fmt: skip
