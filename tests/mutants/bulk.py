"""Mutants of bulk exports: without a token, beyond what was asked, and with a manifest that lies."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.mutants.mutant import Answered, Asked, Mutant
from tests.mutants.turning import fhir, told, unguarded, without_header, without_parameter

Made = Callable[[], Mutant]


def _kick(asked: Asked) -> bool:
    return asked.method == "GET" and fhir(asked).endswith("$export")


def _status(asked: Asked) -> bool:
    return asked.method == "GET" and fhir(asked).startswith("bulk/") and fhir(asked).count("/") == 1


def _file(asked: Asked) -> bool:
    return asked.method == "GET" and fhir(asked).endswith(".ndjson")


def _mutant(*caught_by: str, **parts: Any) -> Made:
    return lambda: Mutant(frozenset(caught_by), suites=("bulk",), **parts)


def _open_kick(mutant: Mutant, asked: Asked) -> None:
    if _kick(asked):
        asked.headers.setdefault("authorization", f"Bearer {mutant.token}")


def _remember(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    """Whose token a job was begun with."""
    if _kick(asked) and "content-location" in answered.headers:
        mutant.kept[answered.headers["content-location"].rpartition("/")[2]] = asked.headers["authorization"]


def _owners(when: Callable[[Asked], bool]) -> Any:
    """Done for everybody as for whom it was begun by."""

    def before(mutant: Mutant, asked: Asked) -> None:
        if when(asked) and fhir(asked).split("/")[1] in mutant.kept:
            asked.headers["authorization"] = mutant.kept[fhir(asked).split("/")[1]]

    return before


def _named_only(mutant: Mutant, asked: Asked) -> None:
    """Done for everybody who has a token of any client."""
    if "authorization" in asked.headers and "garbage" not in asked.headers["authorization"]:
        _owners(lambda each: _status(each) or _file(each))(mutant, asked)


def _counts(document: Any) -> Any:
    return {**document, "output": [{**row, "count": int(row["count"]) + 1} for row in document["output"]]}


def _without(name: str) -> Any:
    return told(_status, lambda document: {member: value for member, value in document.items() if member != name})


def _broken_lines(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if _file(asked) and answered.status == 200:
        answered.body = answered.body.replace(b"{", b"", 1)


def _as_list(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if _file(asked) and answered.status == 200:
        lines = [json.loads(line) for line in answered.body.splitlines()]
        answered.body = json.dumps(lines).encode()


def _as_json(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if _file(asked) and answered.status == 200:
        answered.headers["content-type"] = "application/fhir+json"


def _not_cancelled(mutant: Mutant, asked: Asked) -> Answered | None:
    return Answered(202, {}, b"") if asked.method == "DELETE" and fhir(asked).startswith("bulk/") else None


def _relative(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if "content-location" in answered.headers:
        answered.headers["content-location"] = answered.headers["content-location"].partition("/ehr")[2]


MUTANTS: Mapping[str, Made] = {
    "exports want no token": _mutant("an_export_wants_a_token", before=_open_kick),
    "the status of an export wants no token": _mutant("the_status_wants_a_token", before=_owners(_status), after=_remember),
    "files of an export want no token": _mutant("a_file_wants_a_token", before=_owners(_file), after=_remember),
    "exports are every client's": _mutant("an_export_is_its_clients_alone", before=_named_only, after=_remember),
    "patients export everybody": _mutant("a_patient_token_exports_nothing", before=unguarded(_kick)),
    "exports ignore the types": _mutant(
        "system_export_is_what_was_asked", "group_export_is_what_was_asked", before=without_parameter(_kick, "_type")),
    "exports ignore the time": _mutant("since_leaves_out_what_is_older", before=without_parameter(_kick, "_since")),
    "exports take every format": _mutant(
        "export_with_another_format_is_refused", before=without_parameter(_kick, "_outputFormat")),
    "counts of files are wrong": _mutant("patient_export_is_ndjson", after=told(_status, _counts)),
    "a manifest does not say who may fetch": _mutant("system_export_ends_with_a_manifest", after=_without("requiresAccessToken")),
    "a manifest does not say when": _mutant("group_export_ends_with_a_manifest", after=_without("transactionTime")),
    "lines are broken": _mutant("system_export_is_ndjson", after=_broken_lines),
    "a file is one list": _mutant("group_export_is_ndjson", after=_as_list),
    "a file is sent as JSON": _mutant("patient_export_is_ndjson", after=_as_json),
    "exports are never cancelled": _mutant("a_cancelled_export_is_gone", before=_not_cancelled),
    "exports are not told to be asynchronous": _mutant("system_export_is_accepted", before=without_header(_kick, "prefer")),
    "the address of a status is relative": _mutant("patient_export_is_accepted", after=_relative),
}  # fmt: skip
SHORT = ("files of an export want no token", "counts of files are wrong")
