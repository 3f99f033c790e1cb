"""Checks of Bulk Data Access (https://hl7.org/fhir/uv/bulkdata/STU2): nothing is owed at a level that is not advertised."""

from collections.abc import Iterator, Mapping
from typing import Any

from conformance import capability
from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange, Missing, NotOffered
from conformance.reading import references
from conformance.suites.bulk.manifests import FILES, asks_for_types, cut, ended, lines, listed, problems_of

IG = "hl7.fhir.uv.bulkdata_2.0.0"
LEVELS: Mapping[str, str] = {"system": "$export", "patient": "Patient/$export", "group": "Group/{group}/$export"}
"""Where an export of each level is kicked off."""
TYPES = ("Patient", "Condition", "Encounter")
"""What is asked for: enough to judge by, little enough to be fetched."""


def advertised(evidence: Evidence, level: str) -> bool:
    """Whether the server says that it exports at this level."""
    on = {"system": None, "patient": "Patient", "group": "Group"}[level]
    names = capability.operations(evidence, on)
    return bool({"export", f"{level}-export"} & names)


def _require(evidence: Evidence, level: str) -> None:
    if not advertised(evidence, level):
        raise NotOffered(f"$export of {level}")


def any_level(evidence: Evidence) -> str:
    """The first level that is advertised. Raises NotOffered."""
    found = next((level for level in LEVELS if advertised(evidence, level)), None)
    if found is None:
        raise NotOffered("$export")
    return found


def _accepted(level: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        _require(evidence, level)
        answer = evidence.seen(f"export {level}")
        if answer.status != 202:
            yield f"answered {answer.status}"
        if "://" not in answer.headers.get("content-location", ""):
            yield "Content-Location is no absolute address"

    find.__doc__ = f"An export of {level} is accepted: 202 with the address of its status."
    find.__name__ = f"{level}_export_is_accepted"
    return check(f"{IG}#kick-off")(find)


def _ends(level: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        _require(evidence, level)
        answer = ended(evidence, f"status {level}")
        if answer.status != 200:
            yield f"the status was answered {answer.status} in the end"
        yield from problems_of(answer, evidence.seen(f"export {level}").url)

    find.__doc__ = f"The status of an export of {level} becomes 200 with a complete manifest."
    find.__name__ = f"{level}_export_ends_with_a_manifest"
    return check(f"{IG}#manifest")(find)


def _files(level: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        _require(evidence, level)
        for row, file in zip(listed(evidence.seen(f"status {level}")), evidence[f"files {level}"], strict=False):
            yield from _file(row, file)

    find.__doc__ = f"Every file of an export of {level} is NDJSON of the type that the manifest names."
    find.__name__ = f"{level}_export_is_ndjson"
    return check(f"{IG}#files")(find)


def _file(row: Mapping[str, Any], file: Exchange) -> Iterator[str]:
    found, type = lines(file), str(row.get("type"))
    if file.status != 200:
        yield f"a file of {type} was answered {file.status}"
        return
    if not file.headers.get("content-type", "").startswith("application/fhir+ndjson"):
        yield f"a file of {type} is not sent as application/fhir+ndjson"
    if any(not isinstance(each, dict) or each.get("resourceType") != type for each in found):
        yield f"a line of a file of {type} is no {type}"
    if "count" in row and str(row["count"]) != str(len(found)) and not cut(file):
        yield f"a file of {type} has another number of lines than its count"


def _whole(level: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        _require(evidence, level)
        status = ended(evidence, f"status {level}")
        if not asks_for_types(evidence.seen(f"export {level}").url):
            raise NotOffered("_type")
        files = evidence[f"files {level}"]
        every = [each for file in files for each in lines(file) if isinstance(each, dict)]
        kinds = {each.get("resourceType") for each in every}
        if kinds - set(TYPES):
            yield "there are types that were not asked for"
        if len(listed(status)) > FILES or any(map(cut, files)):
            raise Missing("the whole of an export: it is larger than what is looked at")
        patients = {each.get("id") for each in every if each.get("resourceType") == "Patient"}
        if len(patients) < 2:
            yield f"there are {len(patients)} patients"
        keys = [(each.get("resourceType"), each.get("id")) for each in every]
        if len(set(keys)) < len(keys):
            yield "a resource is there twice"
        foreign = {name for each in every for name in references(each.get("subject")) if name.startswith("Patient/")}
        if foreign - {f"Patient/{id}" for id in patients}:
            yield "there are records of patients that are not there"
        if level == "group" and patients - set(evidence["members"]):
            yield "there are patients who are not in the group"

    find.__doc__ = f"An export of {level} has the types that were asked for, each resource once, of its own patients."
    find.__name__ = f"{level}_export_is_what_was_asked"
    return check(f"{IG}#type")(find)


@check(f"{IG}#files-token")
def a_file_wants_a_token(evidence: Evidence) -> Problems:
    """Where the manifest says requiresAccessToken, a file is refused without a token and with one that is none."""
    any_level(evidence)
    if not evidence["requires token"]:
        raise NotOffered("requiresAccessToken")
    for name in ("file without a token", "file with garbage"):
        if evidence.seen(name).status not in (401, 403):
            yield f"{name} was answered {evidence.seen(name).status}"


@check(f"{IG}#since")
def since_leaves_out_what_is_older(evidence: Evidence) -> Problems:
    """With _since of the future nothing is exported."""
    any_level(evidence)
    answer = ended(evidence, "status since")
    if answer.status != 200 or listed(answer):
        yield f"answered {answer.status} with {len(listed(answer))} files"


@check(f"{IG}#output-format")
def every_name_of_ndjson_is_taken(evidence: Evidence) -> Problems:
    """_outputFormat takes application/fhir+ndjson, application/ndjson and ndjson."""
    any_level(evidence)
    for name in FORMATS:
        if evidence.seen(f"format {name}").status != 202:
            yield f"{name} was answered {evidence.seen(f'format {name}').status}"


FORMATS = ("application/fhir+ndjson", "application/ndjson", "ndjson")
WRONG: Mapping[str, tuple[str, str]] = {
    "unknown type": ("_type=NoSuchType", "A type that R4 does not have"),
    "no instant": ("_since=yesterday", "A _since that is no instant"),
    "another format": ("_outputFormat=application/fhir+xml", "A format that is not served"),
}
"""Parameters that must be refused."""


def _wrong(name: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        any_level(evidence)
        answer = evidence.seen(f"export with {name}")
        if not 400 <= answer.status < 500 or answer.table.get("resourceType") != "OperationOutcome":
            yield f"answered {answer.status}, or without an OperationOutcome"

    find.__doc__ = f"{WRONG[name][1]} is refused with an OperationOutcome."
    find.__name__ = f"export_with_{name.replace(' ', '_')}_is_refused"
    return check(f"{IG}#kick-off-error")(find)


@check(f"{IG}#authorization")
def an_export_wants_a_token(evidence: Evidence) -> Problems:
    """A kick-off without a token is 401."""
    any_level(evidence)
    if evidence.seen("export without a token").status != 401:
        yield f"answered {evidence.seen('export without a token').status}"


@check(f"{IG}#authorization")
def the_status_wants_a_token(evidence: Evidence) -> Problems:
    """The status of an export is refused without a token."""
    any_level(evidence)
    if evidence.seen("status without a token").status not in (401, 403):
        yield f"answered {evidence.seen('status without a token').status}"


@check(f"{IG}#authorization", "chartgate#export-is-for-systems")
def a_patient_token_exports_nothing(evidence: Evidence) -> Problems:
    """A token of one patient begins no export."""
    any_level(evidence)
    if evidence.seen("export by a patient").status not in (401, 403):
        yield f"answered {evidence.seen('export by a patient').status}"


@check(f"{IG}#authorization")
def an_export_stays_within_its_scopes(evidence: Evidence) -> Problems:
    """A token for Patient exports nothing but Patient; asked for Condition, it is refused or gets none."""
    any_level(evidence)
    narrow = ended(evidence, "status narrow")
    if narrow.status != 200 or {row.get("type") for row in listed(narrow)} - {"Patient"}:
        yield f"answered {narrow.status}, or with other types"
    answer = evidence.seen("export beyond scope")
    if answer.status == 202:
        if listed(evidence.seen("status beyond scope")):
            yield "what the token does not reach was exported"
    elif not 400 <= answer.status < 500:
        yield f"answered {answer.status}"


@check("chartgate#export-is-its-clients")
def an_export_is_its_clients_alone(evidence: Evidence) -> Problems:
    """Another client reads neither status nor files of an export."""
    any_level(evidence)
    for name in ("status for another client", *(["file for another client"] if evidence["requires token"] else [])):
        if evidence.seen(name).status not in (401, 403, 404):
            yield f"{name} was answered {evidence.seen(name).status}"


@check(f"{IG}#tls")
def exports_are_fetched_by_tls(evidence: Evidence) -> Problems:
    """The status and the files of an export are at https addresses (http on loopback only)."""
    level = any_level(evidence)
    status = ended(evidence, f"status {level}")
    for url in (status.url, *(str(row.get("url")) for row in listed(status))):
        if not url.startswith(("https://", "http://127.0.0.1", "http://localhost", "http://[::1]")):
            yield "an address is without TLS"
            return


@check(f"{IG}#delete")
def a_cancelled_export_is_gone(evidence: Evidence) -> Problems:
    """DELETE of the status is 202; then the status is 404 with an OperationOutcome."""
    any_level(evidence)
    if evidence.seen("cancel").status != 202:
        yield f"answered {evidence.seen('cancel').status}"
    after = evidence.seen("status cancelled")
    if after.status != 404 or after.table.get("resourceType") != "OperationOutcome":
        yield f"the status was answered {after.status} afterwards, or without an OperationOutcome"


CHECKS: tuple[Check, ...] = (
    *(made(level) for level in LEVELS for made in (_accepted, _ends, _files, _whole)),
    a_file_wants_a_token, since_leaves_out_what_is_older, every_name_of_ndjson_is_taken, *map(_wrong, WRONG),
    an_export_wants_a_token, the_status_wants_a_token, a_patient_token_exports_nothing,
    an_export_stays_within_its_scopes, an_export_is_its_clients_alone, a_cancelled_export_is_gone,
    exports_are_fetched_by_tls,
)  # fmt: skip
