"""What a token of one patient must not do to another, way by way: a table of requests, each answered without a word of the
other patient, and each write read back with a stronger token (SMART App Launch 2.2.0 scopes; smart-auth A01–A40)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance import capability
from conformance.check import Check, Problems, check, marked
from conformance.evidence import Evidence, Exchange
from conformance.reading import entries, names, references, resources, statuses, version_of
from conformance.samples import Resource, bundle, by_mark, condition, device, entry, identifier, provenance, vital

COMPARTMENT = "hl7.fhir.uv.smart-app-launch_2.2.0#patient-scopes"


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """``mine`` and ``theirs`` are ids of Observations of ``own`` and ``other``, ``bridge`` of one of ``own`` that refers to
    ``theirs``; ``mine_mark`` and ``their_mark`` find them;
    ``mark`` is what a row writes with; ``shape`` what this server wants of an Observation of the patient."""

    own: str
    other: str
    mine: str
    theirs: str
    bridge: str = ""
    their_mark: str = ""
    mark: str = ""
    version: str = "1"
    shape: Resource
    their_shape: Resource

    def body(self, **changes: Any) -> Resource:
        """An Observation of the own patient."""
        return vital(self.own, self.mark, self.shape, **changes)

    def foreign(self, **changes: Any) -> Resource:
        """An Observation of the other patient."""
        return vital(self.other, self.mark, self.their_shape, **changes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A request: ``path`` and ``body`` of the world. ``back`` is what is read back: ``mark`` (nothing may hold it), ``theirs``
    or ``mine`` (the version of before), or nothing for a read. ``codes`` are what the server must say that it has.
    ``by`` is the level of the token. ``may`` is whether it may be answered with success, as long as nothing of the other
    patient is shown or changed."""

    id: str
    title: str
    method: str
    path: Callable[[World], str]
    body: Callable[[World], Any] | None = None
    headers: Mapping[str, str] | Callable[[World], Mapping[str, str]] | None = None
    form: Callable[[World], Mapping[str, str]] | None = None
    back: str = ""
    codes: tuple[str, ...] = ()
    whole: str = ""
    by: str = "patient"
    may: bool = False
    requirement: str = COMPARTMENT

    def offered(self, evidence: Evidence) -> bool:
        """Whether the server says that it has what this asks."""
        plain = capability.offers(evidence, "Observation", *self.codes)
        return plain and (not self.whole or capability.whole(evidence, self.whole))


PATCH = {"content-type": "application/json-patch+json"}


def _search(id: str, title: str, query: Callable[[World], str], type: str = "Observation") -> Row:
    """A search that may be refused or find nothing of the other patient."""
    return Row(id=id, title=title, method="GET", path=lambda w: f"{type}?{query(w)}", codes=("search-type",), may=True)


def move(patient: str, path: str = "/subject/reference") -> list[Resource]:
    """A JSON Patch that makes a record another patient's."""
    return [{"op": "replace", "path": path, "value": f"Patient/{patient}"}]


READS: tuple[Row, ...] = (
    Row(id="foreign_read", title="read", method="GET", path=lambda w: f"Observation/{w.theirs}", codes=("read",)),
    Row(id="foreign_vread", title="read by version", method="GET", codes=("vread",),
        path=lambda w: f"Observation/{w.theirs}/_history/{w.version}"),
    Row(id="foreign_record_history", title="read by its history", method="GET", codes=("history-instance",),
        path=lambda w: f"Observation/{w.theirs}/_history"),
    Row(id="foreign_compartment", title="searched in the other patient's compartment", method="GET", may=True,
        path=lambda w: f"Patient/{w.other}/Observation"),
    Row(id="foreign_everything", title="given by $everything", method="GET", path=lambda w: f"Patient/{w.other}/$everything"),
    _search("foreign_by_id", "found by its id", lambda w: f"_id={w.theirs}"),
    _search("foreign_by_ids", "found beside the own one by ids", lambda w: f"_id={w.mine},{w.theirs}"),
    _search("foreign_by_subject", "found by subject", lambda w: f"subject=Patient/{w.other}"),
    _search("foreign_by_typed_subject", "found by subject:Patient", lambda w: f"subject:Patient={w.other}"),
    _search("foreign_by_list", "found by a list of patients", lambda w: f"patient={w.own},{w.other}"),
    _search("foreign_by_repeat", "found by a repeated patient", lambda w: f"patient={w.own}&patient={w.other}"),
    _search("foreign_by_negation", "found by a negated patient", lambda w: f"patient:not={w.own}"),
    _search("foreign_by_performer", "found by the patient as performer", lambda w: f"performer=Patient/{w.other}"),
    _search("foreign_by_chain", "found by a chain", lambda w: f"subject:Patient._id={w.other}"),
    _search("foreign_by_has", "told by _has", lambda w: f"_has:Observation:patient:_id={w.theirs}", "Patient"),
    _search("foreign_by_revinclude", "pulled in by _revinclude",
            lambda w: f"_id={w.other}&_revinclude=Observation:patient", "Patient"),
    _search("foreign_by_include", "pulled in by _include",
            lambda w: f"_id={w.theirs}&_include=Observation:subject"),
    _search("foreign_by_iteration", "pulled in by _include:iterate",
            lambda w: f"_id={w.mine}&_include:iterate=Observation:subject&_revinclude:iterate=Observation:subject"),
    _search("foreign_by_filter", "found by _filter", lambda w: f"_filter=subject eq Patient/{w.other}"),
    _search("foreign_by_count", "counted", lambda w: f"patient={w.other}&_summary=count"),
    Row(id="foreign_by_type_history", title="told by the history of the type", method="GET", may=True,
        path=lambda w: "Observation/_history?_count=1000", codes=("history-type",)),
    Row(id="foreign_by_posted_search", title="found where address and form disagree", method="POST", may=True,
        path=lambda w: f"Observation/_search?patient={w.own}", form=lambda w: {"patient": w.other}, codes=("search-type",)),
    Row(id="foreign_by_batched_search", title="found by a search in a batch", method="POST", whole="batch", may=True,
        path=lambda w: "", body=lambda w: bundle("batch", entry("GET", f"Observation?patient={w.other}"))),
    Row(id="foreign_by_batched_read", title="read in a batch", method="POST", whole="batch", may=True,
        path=lambda w: "", body=lambda w: bundle("batch", entry("GET", f"Observation/{w.theirs}"))),
    Row(id="foreign_by_system_history", title="told by the history of the system", method="GET", may=True,
        path=lambda w: "_history?_count=500", whole="history-system"),
)  # fmt: skip


def _create(id: str, title: str, change: Callable[[World], Mapping[str, Any]]) -> Row:
    """A create whose body must not be taken."""
    return Row(id=id, title=title, method="POST", path=lambda w: "Observation", back="mark", codes=("create",),
               body=lambda w: {**w.body(), **change(w)})  # fmt: skip


def _subject(**reference: Any) -> Mapping[str, Any]:
    return {"subject": reference}


WRITES: tuple[Row, ...] = (
    Row(id="foreign_by_bridge", title="pulled in by _include from a record that refers to it", method="GET", may=True,
        path=lambda w: f"Observation?_id={w.bridge}&_include=Observation:derived-from", codes=("search-type",)),
    Row(id="foreign_by_reverse_bridge", title="told by _revinclude of a record that refers to it", method="GET", may=True,
        path=lambda w: f"Observation?_id={w.theirs}&_revinclude=Observation:derived-from", codes=("search-type",)),
    Row(id="foreign_create", title="made", method="POST", path=lambda w: "Observation", back="mark", codes=("create",),
        body=lambda w: w.foreign()),
    _create("create_beside_another_performer", "made with the other patient as performer",
            lambda w: {"performer": [{"reference": f"Patient/{w.other}"}]}),
    _create("create_for_a_logical_subject", "made with a subject that is named by identifier only",
            lambda w: _subject(type="Patient", identifier={"system": "urn:x", "value": w.other})),
    _create("create_for_a_remote_subject", "made with a subject on another server",
            lambda w: _subject(reference=f"https://elsewhere.example/fhir/Patient/{w.own}")),
    _create("create_for_a_conditional_subject", "made with a subject that is a search",
            lambda w: _subject(reference=f"Patient?_id={w.other}")),
    _create("create_for_a_contained_subject", "made with a contained Patient as subject",
            lambda w: {**_subject(reference="#p"), "contained": [{"resourceType": "Patient", "id": "p"}]}),
    _create("create_for_nobody", "made with a subject that is only displayed", lambda w: _subject(display="somebody")),
    _create("create_about_a_foreign_record", "made as derived from the other patient's record",
            lambda w: {"derivedFrom": [{"reference": f"Observation/{w.theirs}"}]}),
    Row(id="foreign_update", title="updated", method="PUT", path=lambda w: f"Observation/{w.theirs}", back="theirs",
        body=lambda w: w.foreign(id=w.theirs, status="amended"), codes=("update",)),
    Row(id="theft_by_update", title="made the own patient's by an update", method="PUT", back="theirs", codes=("update",),
        path=lambda w: f"Observation/{w.theirs}", body=lambda w: w.body(id=w.theirs)),
    Row(id="move_by_update", title="made of an own record by an update", method="PUT", back="mine", codes=("update",),
        path=lambda w: f"Observation/{w.mine}", body=lambda w: w.foreign(id=w.mine)),
    Row(id="foreign_create_by_update", title="made by an update to a new id", method="PUT", back="mark",
        codes=("update-create",), path=lambda w: f"Observation/f-{w.mark}", body=lambda w: w.foreign(id=f"f-{w.mark}")),
    Row(id="foreign_patch", title="patched", method="PATCH", path=lambda w: f"Observation/{w.theirs}", headers=PATCH,
        body=lambda w: [{"op": "replace", "path": "/status", "value": "amended"}], back="theirs", codes=("patch",)),
    Row(id="move_by_patch", title="made of an own record by a patch", method="PATCH", headers=PATCH, back="mine",
        path=lambda w: f"Observation/{w.mine}", body=lambda w: move(w.other), codes=("patch",)),
    Row(id="move_by_whole_patch", title="made of an own record by a patch of the whole", method="PATCH", headers=PATCH,
        path=lambda w: f"Observation/{w.mine}", back="mine", codes=("patch",),
        body=lambda w: [{"op": "replace", "path": "", "value": w.foreign(id=w.mine)}]),
    Row(id="foreign_delete", title="deleted", method="DELETE", path=lambda w: f"Observation/{w.theirs}", back="theirs",
        codes=("delete",)),
    Row(id="foreign_conditional_delete", title="deleted by a condition", method="DELETE", back="theirs",
        codes=("conditional-delete",), path=lambda w: f"Observation?{by_mark(w.their_mark)}", may=True),
    Row(id="foreign_conditional_update", title="updated by a condition", method="PUT", back="theirs", may=True,
        codes=("conditional-update",), path=lambda w: f"Observation?{by_mark(w.their_mark)}", body=lambda w: w.body()),
    Row(id="foreign_conditional_create", title="told by the condition of a create", method="POST", back="theirs", may=True,
        codes=("conditional-create",), path=lambda w: "Observation", body=lambda w: w.body(),
        headers=lambda w: {"if-none-exist": by_mark(w.their_mark)}),
    Row(id="foreign_transaction", title="written by one entry of a transaction, which is refused as a whole", method="POST",
        path=lambda w: "", whole="transaction", back="mark",
        body=lambda w: bundle("transaction", entry("POST", "Observation", w.body()), entry("POST", "Observation", w.foreign()))),
    Row(id="foreign_transaction_update", title="updated by one entry of a transaction, which is refused as a whole",
        method="POST", path=lambda w: "", whole="transaction", back="mark",
        body=lambda w: bundle("transaction", entry("POST", "Observation", w.body()),
                              entry("PUT", f"Observation/{w.theirs}", w.body(id=w.theirs)))),
    Row(id="foreign_provenance", title="vouched for by a Provenance", method="POST", path=lambda w: "Provenance",
        body=lambda w: provenance(f"Observation/{w.theirs}", device=f"Patient/{w.own}")),
    Row(id="foreign_condition", title="made, as a Condition", method="POST", path=lambda w: "Condition", back="mark",
        body=lambda w: condition(w.other, w.mark)),
)  # fmt: skip
"""``back="mark"`` of the transactions finds the entry that alone would have been permitted."""

SHARED: tuple[Row, ...] = (
    Row(id="device_by_patient", title="A Device", method="POST", path=lambda w: "Device", body=lambda w: device(w.mark),
        back="mark"),
    Row(id="organization_by_patient", title="An Organization", method="POST", path=lambda w: "Organization", back="mark",
        body=lambda w: {"resourceType": "Organization", "name": "x", "identifier": identifier(w.mark)}),
    Row(id="practitioner_by_patient", title="A Practitioner", method="POST", path=lambda w: "Practitioner", back="mark",
        body=lambda w: {"resourceType": "Practitioner", "identifier": identifier(w.mark)}),
    Row(id="group_by_patient", title="A Group", method="POST", path=lambda w: "Group", back="mark",
        body=lambda w: {"resourceType": "Group", "type": "person", "actual": True, "identifier": identifier(w.mark)}),
    Row(id="patient_by_patient", title="A Patient", method="POST", path=lambda w: "Patient", back="mark",
        body=lambda w: {"resourceType": "Patient", "identifier": identifier(w.mark)}),
    Row(id="device_by_user", title="A Device", method="POST", path=lambda w: "Device", body=lambda w: device(w.mark),
        back="mark", by="user"),
    Row(id="organization_by_user", title="An Organization", method="POST", path=lambda w: "Organization", back="mark",
        body=lambda w: {"resourceType": "Organization", "name": "x", "identifier": identifier(w.mark)}, by="user"),
)  # fmt: skip
"""What is nobody's, or everybody's, and is for backend services to write (this product, access.md)."""


def shown(answer: Exchange, evidence: Evidence, ids: str) -> Problems:
    """Nothing of the other patient stands in the answer; ``ids`` is where the evidence says who and what that is."""
    theirs, other, own = (evidence[ids][name] for name in ("theirs", "other", "own"))
    found = [answer.table, *resources(answer), *(inner for each in resources(answer) for inner in _inner(each))]
    for each in found:
        told = each.get("resourceType") not in ("Bundle", "OperationOutcome", None)
        about = {name for member in ("subject", "patient") for name in references(each.get(member))}
        if told and (each.get("id") in (theirs, other) or names(each, f"Patient/{other}")):
            yield "the answer shows the other patient"
            return
        if told and any("Patient/" in name and not name.endswith(f"Patient/{own}") for name in about):
            yield "the answer shows a patient who is not the token's"
            return
    places = [
        answer.headers.get("location", ""),
        *(str((each.get("response") or {}).get("location")) for each in entries(answer)),
    ]
    if any(f"Observation/{theirs}" in place for place in places):
        yield "the answer names the other patient's record"
    if str(answer.table.get("total", "0")) != "0" and not entries(answer):
        yield "the answer counts the other patient's records"


def _inner(bundle: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = bundle.get("entry") if bundle.get("resourceType") == "Bundle" else None
    return (
        [each["resource"] for each in found if isinstance(each.get("resource"), dict)]
        if isinstance(found, list)
        else []
    )


def kept(evidence: Evidence, row: Row) -> Problems:
    """What the stronger token reads afterwards."""
    after = evidence.seen(f"{row.id}, read back")
    if row.back == "mark" and resources(after):
        yield "what was refused is there all the same"
    elif row.back != "mark" and [after.status, version_of(after)] != evidence[f"{row.id}, before"]:
        yield "the record is not as it was before"


def _refused(row: Row, how: str, ids: str) -> Check:
    """The check of a row; ``ids`` is where the evidence says whose records they are."""

    def find(evidence: Evidence) -> Problems:
        needed = ("create",) if ids == "written" else ()
        capability.require(evidence, "Observation", *needed, *row.codes)
        if row.whole:
            capability.require_whole(evidence, row.whole)
        answer = evidence.seen(row.id)
        said = statuses(answer) if str(answer.table.get("type")).endswith("-response") else [answer.status]
        if not (400 <= answer.status < 500) and not row.may:
            yield f"answered {answer.status}"
        if any(each >= 500 for each in said):
            yield f"answered {max(said)}"
        yield from shown(answer, evidence, ids)
        if row.back:
            yield from kept(evidence, row)

    find.__doc__, find.__name__ = how, f"{row.id}_is_refused"
    return check(row.requirement)(find)


FOREIGN = "With a token of one patient, another's record is not {}."
NOT_THEIRS = "{} is not written with a token of a {}."

CHECKS: tuple[Check, ...] = (
    *(_refused(row, FOREIGN.format(row.title), "read") for row in READS),
    *marked((_refused(row, FOREIGN.format(row.title), "written") for row in WRITES), writes=True),
    *marked((_refused(row, NOT_THEIRS.format(row.title, row.by), "written") for row in SHARED), writes=True),
)
