"""Verbs with a condition or a wish (FHIR R4 §3.1.0: Prefer, If-None-Match, If-None-Exist, conditional PUT and DELETE, PATCH)."""

from conformance import capability
from conformance.check import Check, Problems, check, marked
from conformance.evidence import Evidence, NotOffered
from conformance.reading import id_of, resources, version_of
from conformance.suites.writeback.writes import versioned


@check("fhir-r4#prefer")
def a_minimal_answer_has_no_body(evidence: Evidence) -> Problems:
    """Prefer: return=minimal is answered without the resource."""
    capability.require(evidence, "Observation", "create")
    answer = evidence.seen("minimal")
    if answer.status not in (200, 201) or answer.table.get("resourceType") == "Observation":
        yield f"answered {answer.status}, or with the resource"


@check("fhir-r4#prefer")
def a_representation_is_the_resource(evidence: Evidence) -> Problems:
    """Prefer: return=representation is answered with the resource as it was kept."""
    capability.require(evidence, "Observation", "create")
    answer = evidence.seen("representation")
    if answer.status not in (200, 201) or answer.table.get("resourceType") != "Observation" or "id" not in answer.table:
        yield f"answered {answer.status}, or without the resource"


@check("fhir-r4#conditional-read")
def an_unchanged_read_is_304(evidence: Evidence) -> Problems:
    """A read with If-None-Match of the current version is 304 without a body."""
    versioned(evidence)
    if capability.row(evidence, "Observation").get("conditionalRead") not in ("not-match", "full-support"):
        raise NotOffered("conditional reads of Observation")
    answer = evidence.seen("unchanged read")
    if answer.status != 304 or answer.body:
        yield f"answered {answer.status}"


@check("fhir-r4#create")
def the_server_gives_the_id(evidence: Evidence) -> Problems:
    """An id in the body of a create is not taken."""
    capability.require(evidence, "Observation", "create")
    answer = evidence.seen("create with an id")
    if answer.status < 300 and id_of(answer) == evidence["id sent"]:
        yield "the id that was sent became the resource's"


@check("fhir-r4#conditional-create")
def a_conditional_create_is_once(evidence: Evidence) -> Problems:
    """Where it is offered, the same conditional create twice makes one resource: 201, then 200."""
    capability.require(evidence, "Observation", "conditional-create")
    first, again = evidence.seen("conditional create"), evidence.seen("conditional create again")
    if first.status != 201 or again.status != 200:
        yield f"answered {first.status} and {again.status} instead of 201 and 200"
    if len(resources(evidence.seen("conditional create found"))) != 1:
        yield f"made {len(resources(evidence.seen('conditional create found')))} resources"


@check("chartgate#key-reuse")
def a_reused_key_changes_nothing(evidence: Evidence) -> Problems:
    """A conditional create whose condition is met by a resource with another body leaves that one as it is.

    If-None-Exist compares the condition, never the body: answer 200 with the Location of what is there, and write nothing."""
    capability.require(evidence, "Observation", "conditional-create")
    answer, found = evidence.seen("reused key"), resources(evidence.seen("reused key found"))
    if answer.status not in (200, 409, 412, 422):
        yield f"answered {answer.status}"
    if len(found) != 1 or found[0].get("status") != "final":
        yield "what was there is no longer alone, or was changed"


@check("us-core-write#notes-once")
def a_note_is_created_once(evidence: Evidence) -> Problems:
    """Where it is offered, the same conditional create of a note twice makes one note."""
    capability.require(evidence, "DocumentReference", "create", "conditional-create")
    first, again = evidence.seen("note"), evidence.seen("note again")
    if first.status != 201 or again.status != 200:
        yield f"answered {first.status} and {again.status} instead of 201 and 200"
    if len(resources(evidence.seen("notes found"))) != 1:
        yield f"made {len(resources(evidence.seen('notes found')))} notes"


@check("fhir-r4#conditional-create")
def an_ambiguous_condition_is_412(evidence: Evidence) -> Problems:
    """A conditional create that matches two resources is 412 and makes none."""
    capability.require(evidence, "Observation", "conditional-create")
    if evidence.seen("ambiguous create").status != 412:
        yield f"answered {evidence.seen('ambiguous create').status}"
    if len(resources(evidence.seen("ambiguous found"))) != 2:
        yield "there are not the two resources that were there before"


@check("fhir-r4#conditional-update")
def a_conditional_update_creates_or_updates(evidence: Evidence) -> Problems:
    """A conditional update that matches nothing creates; one that matches a resource updates that one."""
    capability.require(evidence, "Observation", "conditional-update")
    none, one = evidence.seen("conditional update of none"), evidence.seen("conditional update of one")
    found = resources(evidence.seen("conditional update found"))
    if none.status != 201 or one.status != 200:
        yield f"answered {none.status} and {one.status} instead of 201 and 200"
    if len(found) != 1 or found[0].get("status") != "amended":
        yield f"there are {len(found)} resources, or the update is not there"


@check("fhir-r4#conditional-update")
def an_ambiguous_update_is_412(evidence: Evidence) -> Problems:
    """A conditional update that matches two resources is 412 and changes neither."""
    capability.require(evidence, "Observation", "conditional-update")
    if evidence.seen("ambiguous update").status != 412:
        yield f"answered {evidence.seen('ambiguous update').status}"
    if {each.get("status") for each in resources(evidence.seen("ambiguous found"))} != {"final"}:
        yield "one of the two was changed"


@check("fhir-r4#conditional-delete")
def a_conditional_delete_deletes_what_it_matches(evidence: Evidence) -> Problems:
    """A conditional delete removes what it matches and nothing else."""
    capability.require(evidence, "Observation", "conditional-delete")
    if evidence.seen("conditional delete").status not in (200, 202, 204):
        yield f"answered {evidence.seen('conditional delete').status}"
    if resources(evidence.seen("conditional delete found")):
        yield "what it matches is still found"
    if len(resources(evidence.seen("ambiguous found"))) != 2:
        yield "something else is gone"


@check("fhir-r4#conditional-delete")
def an_ambiguous_delete_is_412(evidence: Evidence) -> Problems:
    """A server that deletes single matches answers 412 for two and deletes neither."""
    capability.require(evidence, "Observation", "conditional-delete")
    if capability.row(evidence, "Observation").get("conditionalDelete") != "single":
        raise NotOffered("conditional-delete of single matches")
    if evidence.seen("ambiguous delete").status != 412:
        yield f"answered {evidence.seen('ambiguous delete').status}"
    if len(resources(evidence.seen("ambiguous found"))) != 2:
        yield "one of the two is gone"


@check("fhir-r4#patch")
def a_patch_changes_what_it_names(evidence: Evidence) -> Problems:
    """A JSON Patch changes what it names, as a new version."""
    capability.require(evidence, "Observation", "patch")
    answer, before, after = (evidence.seen(name) for name in ("patch", "before patch", "after patch"))
    if answer.status != 200:
        yield f"answered {answer.status}"
    if after.table.get("status") != "amended" or after.table.get("code") != before.table.get("code"):
        yield "the change is not there, or something else was changed"
    if capability.versioned(evidence, "Observation") and version_of(before) == version_of(after):
        yield "meta.versionId did not change"


@check("fhir-r4#patch")
def a_patch_that_does_not_fit_changes_nothing(evidence: Evidence) -> Problems:
    """A JSON Patch whose test fails is refused as a whole."""
    capability.require(evidence, "Observation", "patch")
    if not 400 <= evidence.seen("patch that fails").status < 500:
        yield f"answered {evidence.seen('patch that fails').status}"
    if evidence.seen("after patch that fails").table.get("status") != "amended":
        yield "a part of it was done"


@check("fhir-r4#version-aware-update")
def a_stale_patch_is_refused(evidence: Evidence) -> Problems:
    """A patch with an old version is 412 (409 in STU3) and changes nothing."""
    capability.require(evidence, "Observation", "patch")
    versioned(evidence)
    if evidence.seen("stale patch").status not in (409, 412):
        yield f"answered {evidence.seen('stale patch').status}"
    if evidence.seen("after stale patch").table.get("status") != "amended":
        yield "the refused patch is there"


@check("rfc9110#if-match")
def a_stale_delete_is_refused(evidence: Evidence) -> Problems:
    """A delete with an old version is 412 (409) and deletes nothing.

    RFC 9110 §13.1.1 lets no method be done whose If-Match is false: a delete would take away what its sender never saw."""
    capability.require(evidence, "Observation", "delete", "update")
    versioned(evidence)
    if evidence.seen("stale delete").status not in (409, 412):
        yield f"answered {evidence.seen('stale delete').status}"
    if evidence.seen("after stale delete").status != 200:
        yield "it is gone all the same"


@check("fhir-r4#update-create")
def an_update_creates_what_is_not_there(evidence: Evidence) -> Problems:
    """Where it is offered, an update to a new id creates there, and the same again makes no second resource."""
    capability.require(evidence, "Observation", "update-create")
    first, again = evidence.seen("update that creates"), evidence.seen("update that creates again")
    if first.status != 201 or again.status != 200:
        yield f"answered {first.status} and {again.status} instead of 201 and 200"
    if len(resources(evidence.seen("update that creates found"))) != 1:
        yield f"there are {len(resources(evidence.seen('update that creates found')))} resources"


CHECKS: tuple[Check, ...] = marked(
    (
        a_minimal_answer_has_no_body, a_representation_is_the_resource, an_unchanged_read_is_304, the_server_gives_the_id,
        a_conditional_create_is_once, a_note_is_created_once, a_reused_key_changes_nothing, an_ambiguous_condition_is_412,
        a_conditional_update_creates_or_updates, an_ambiguous_update_is_412, a_conditional_delete_deletes_what_it_matches,
        an_ambiguous_delete_is_412, a_patch_changes_what_it_names, a_patch_that_does_not_fit_changes_nothing,
        a_stale_patch_is_refused, a_stale_delete_is_refused, an_update_creates_what_is_not_there,
    ),
    writes=True,
)  # fmt: skip
