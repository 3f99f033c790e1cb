"""What becomes of what is written (FHIR R4 §3.1.0): kept exactly, once, by its version."""

from conformance import capability
from conformance.check import Check, Problems, check, marked
from conformance.evidence import Evidence, NotOffered
from conformance.reading import entries, etag, resources, version_of
from conformance.suites.writeback.bodies import outcome


def versioned(evidence: Evidence) -> None:
    """Raises NotOffered when this server minds no versions, or nothing is created here."""
    capability.require(evidence, "Observation", "create")
    if not capability.versioned(evidence, "Observation"):
        raise NotOffered("versions of Observation")


@check("fhir-r4#create")
def a_create_says_where(evidence: Evidence) -> Problems:
    """A create is 201 with a Location that names the resource.

    Answer 201 with Location [base]/Observation/[id]/_history/[version]."""
    capability.require(evidence, "Observation", "create")
    answer = evidence.seen("create")
    if answer.status != 201:
        yield f"answered {answer.status}"
    if "Observation/" not in answer.headers.get("location", ""):
        yield "Location does not name the resource"


@check("fhir-r4#etag")
def a_create_says_its_version(evidence: Evidence) -> Problems:
    """Where versions are minded, a create says in ETag which one it made."""
    versioned(evidence)
    answer = evidence.seen("create")
    if etag(answer) is None:
        yield "there is no ETag"
    elif etag(answer) != version_of(evidence.seen("read back")):
        yield "ETag is not the version that is read"


@check("fhir-r4#etag")
def a_read_says_its_version(evidence: Evidence) -> Problems:
    """Where versions are minded, the ETag of a read is its meta.versionId, and Last-Modified is there."""
    versioned(evidence)
    answer = evidence.seen("read back")
    if etag(answer) is None or etag(answer) != version_of(answer):
        yield "ETag is not meta.versionId"
    if "last-modified" not in answer.headers:
        yield "there is no Last-Modified"


@check("fhir-r4#decimal-precision")
def digits_are_kept(evidence: Evidence) -> Problems:
    """A decimal comes back with the digits it was written with."""
    capability.require(evidence, "Observation", "create")
    value = (evidence.seen("read back").table.get("valueQuantity") or {}).get("value")
    if value != "72.50":
        yield "72.50 did not come back as 72.50"


@check("fhir-r4#create")
def what_was_written_is_read(evidence: Evidence) -> Problems:
    """What was created is there, with the same content, and with the time of its version."""
    capability.require(evidence, "Observation", "create")
    answer = evidence.seen("read back")
    if answer.status != 200 or answer.table.get("status") != "final":
        yield f"answered {answer.status}, or something else than was written"
    if not answer.table.get("identifier"):
        yield "the identifier it was written with is lost"
    if "lastUpdated" not in (answer.table.get("meta") or {}):
        yield "meta lacks lastUpdated"


@check("fhir-r4#vread")
def a_version_is_read(evidence: Evidence) -> Problems:
    """The version that was written can be read."""
    capability.require(evidence, "Observation", "vread")
    answer = evidence.seen("vread")
    if answer.status != 200 or version_of(answer) != version_of(evidence.seen("read back")):
        yield f"answered {answer.status}, or another version"


@check("fhir-r4#update")
def an_update_makes_a_version(evidence: Evidence) -> Problems:
    """An update with the current version is 200 and is what is read then, as another version."""
    capability.require(evidence, "Observation", "update")
    answer, after = evidence.seen("update"), evidence.seen("after update")
    if answer.status != 200:
        yield f"answered {answer.status}"
    if after.table.get("status") != "amended":
        yield "the update is not what is read"
    if capability.versioned(evidence, "Observation"):
        if version_of(after) == version_of(evidence.seen("read back")):
            yield "meta.versionId did not change"
        if etag(answer) != version_of(after):
            yield "ETag is not the version that is read"


@check("fhir-r4#version-aware-update")
def a_stale_update_is_refused(evidence: Evidence) -> Problems:
    """An update with an old version is 412 (409 in STU3) and changes nothing.

    Compare If-Match with the current version inside the transaction that writes."""
    capability.require(evidence, "Observation", "update")
    versioned(evidence)
    if evidence.seen("stale update").status not in (409, 412):
        yield f"answered {evidence.seen('stale update').status}"
    if evidence.seen("after stale update").table.get("status") != "amended":
        yield "the refused update is there"


@check("fhir-r4#history")
def the_history_has_every_version(evidence: Evidence) -> Problems:
    """The history of the resource has its versions, the newest first, each with how it came about."""
    capability.require(evidence, "Observation", "history-instance", "update")
    answer = evidence.seen("history")
    found = [version_of_resource for version_of_resource in map(_version, resources(answer)) if version_of_resource]
    if answer.status != 200 or len(found) < 2:
        yield f"answered {answer.status} with {len(found)} versions"
    elif found[0] != version_of(evidence.seen("after stale update")):
        yield "the newest version is not the first"
    if answer.table.get("type") != "history" or any("request" not in entry for entry in entries(answer)):
        yield "is no Bundle of type history whose entries say the request"


def _version(resource: object) -> str | None:
    meta = resource.get("meta") if isinstance(resource, dict) else None
    return str(meta.get("versionId")) if isinstance(meta, dict) else None


@check("fhir-r4#update")
def an_update_with_another_id_is_refused(evidence: Evidence) -> Problems:
    """An update whose body has another id than its address is 400."""
    capability.require(evidence, "Observation", "update")
    yield from outcome(evidence.seen("update with another id"))


@check("fhir-r4#update")
def an_update_without_id_is_refused(evidence: Evidence) -> Problems:
    """An update whose body has no id is 400."""
    capability.require(evidence, "Observation", "update")
    yield from outcome(evidence.seen("update without id"))


@check("fhir-r4#delete")
def a_delete_is_gone(evidence: Evidence) -> Problems:
    """What was deleted is neither read nor found any more."""
    capability.require(evidence, "Observation", "delete")
    if evidence.seen("delete").status not in (200, 202, 204):
        yield f"delete answered {evidence.seen('delete').status}"
    if evidence.seen("read deleted").status not in (404, 410):
        yield f"the deleted resource was answered with {evidence.seen('read deleted').status}"
    if resources(evidence.seen("search deleted")):
        yield "a search finds the deleted resource"


@check("fhir-r4#delete-again")
def a_delete_again_is_no_error(evidence: Evidence) -> Problems:
    """A delete of what is deleted, or never was, is a success, 404 or 410."""
    capability.require(evidence, "Observation", "delete")
    for name in ("delete again", "delete of nothing"):
        if evidence.seen(name).status not in (200, 202, 204, 404, 410):
            yield f"{name} was answered {evidence.seen(name).status}"


STAGES = ("preliminary", "final", "amended")


@check("us-core-write#status")
def a_status_goes_its_way(evidence: Evidence) -> Problems:
    """A preliminary Observation becomes final, then amended; every step is taken."""
    capability.require(evidence, "Observation", "create", "update")
    for status, answer in zip(STAGES, evidence["stages"], strict=True):
        if answer.status not in (200, 201):
            yield f"{status} was answered {answer.status}"
    if evidence.seen("stages read").table.get("status") != "amended":
        yield "the last status is not what is read"


@check("fhir-r4#history")
def every_status_stays_in_the_history(evidence: Evidence) -> Problems:
    """Each status that an Observation had stays in its history, the newest first."""
    capability.require(evidence, "Observation", "update", "history-instance")
    found = [each.get("status") for each in resources(evidence.seen("stages history"))]
    if found != list(reversed(STAGES)):
        yield f"the history has {len(found)} versions, or in another order"


CHECKS: tuple[Check, ...] = marked(
    (
        a_create_says_where, a_create_says_its_version, a_read_says_its_version, digits_are_kept, what_was_written_is_read,
        a_version_is_read, an_update_makes_a_version, a_stale_update_is_refused, the_history_has_every_version,
        an_update_with_another_id_is_refused, an_update_without_id_is_refused, a_delete_is_gone,
        a_delete_again_is_no_error, a_status_goes_its_way,
        every_status_stays_in_the_history,
    ),
    writes=True,
)  # fmt: skip
