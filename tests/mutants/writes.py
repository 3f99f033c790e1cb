"""Mutants of what becomes of what is written: lost updates, lying versions, races, halves, lost labels and digits."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.mutants.mutant import Answered, Asked, Mutant
from tests.mutants.turning import (
    After,
    Before,
    When,
    answered,
    fhir,
    on,
    sent,
    told,
    whole,
    without_header,
    without_parameter,
)

Made = Callable[[], Mutant]
CREATE, OBSERVATION = on("POST", "Observation"), on("GET", "Observation")


def _mutant(*caught_by: str, **parts: Any) -> Made:
    return lambda: Mutant(frozenset(caught_by), suites=("writeback",), **parts)


def _read(asked: Asked) -> bool:
    return OBSERVATION(asked) and fhir(asked).count("/") == 1


def _found(asked: Asked) -> bool:
    return OBSERVATION(asked) and fhir(asked) == "Observation"


def _crowd(header: str) -> tuple[Before, After]:
    """The header counts for the first of several at once only: who decides before the other has written."""

    def before(mutant: Mutant, asked: Asked) -> None:
        if header in asked.headers:
            going = mutant.kept.setdefault(asked.headers[header], [])
            going.append(asked)
            if len(going) > 1:
                asked.headers.pop(header)

    def after(mutant: Mutant, asked: Asked, answered: Answered) -> None:
        for going in mutant.kept.values():
            if isinstance(going, list) and asked in going:
                going.remove(asked)

    return before, after


def _race(header: str, *caught_by: str) -> Made:
    def made() -> Mutant:
        before, after = _crowd(header)
        return Mutant(frozenset(caught_by), suites=("writeback",), before=before, after=after)

    return made


def _etag(asked: Asked) -> bool:
    return asked.method == "PUT" and "/fhir/Observation" in asked.path


def _same_etag(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if _etag(asked) and "etag" in answered.headers:
        answered.headers["etag"] = 'W/"1"'


def _no_header(when: When, name: str) -> After:
    def after(mutant: Mutant, asked: Asked, answered: Answered) -> None:
        if when(asked):
            answered.headers.pop(name, None)

    return after


def _unlabelled(body: Any) -> Any:
    kept = {name: item for name, item in body.get("meta", {}).items() if name != "security"}
    return {**{name: item for name, item in body.items() if name != "meta"}, **({"meta": kept} if kept else {})}


def _without_inline(body: Any) -> Any:
    value = dict(body.get("valueQuantity") or {})
    value.pop("extension", None)
    return {**body, "valueQuantity": value} if value else body


def _rounded(when: When) -> After:
    """Digits as a library of binary numbers writes them."""

    def after(mutant: Mutant, asked: Asked, answered: Answered) -> None:
        if when(asked) and answered.status == 200 and answered.body:
            answered.body = json.dumps(json.loads(answered.body)).encode()

    return after


def _as_batch(mutant: Mutant, asked: Asked) -> None:
    if whole("transaction")(asked):
        asked.body = json.dumps({**json.loads(asked.body), "type": "batch"}).encode()
        asked.headers["content-length"] = str(len(asked.body))
        mutant.kept[id(asked)] = True


def _tells_transaction(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    """The first entry that is refused is told as the refusal of all."""
    if mutant.kept.pop(id(asked), None) is None or answered.status != 200:
        return
    document = json.loads(answered.body)
    bad = [each["response"] for each in document["entry"] if int(each["response"]["status"][:3]) >= 400]
    if bad:
        answered.status = int(bad[0]["status"][:3])
        answered.body = json.dumps(
            bad[0].get("outcome") or {"resourceType": "OperationOutcome", "issue": [{}]}
        ).encode()
    else:
        answered.body = json.dumps({**document, "type": "transaction-response"}).encode()


def _to(method: str, when: When, path: Callable[[Asked], str]) -> Before:
    """Taken for another request."""

    def before(mutant: Mutant, asked: Asked) -> None:
        if when(asked):
            asked.method, place = method, path(asked)
            below, _, query = place.partition("?")
            asked.path = asked.path.partition("/fhir/")[0] + "/fhir/" + below
            asked.query = query

    return before


def _body(asked: Asked) -> Any:
    return json.loads(asked.body)


def _with_id(asked: Asked) -> bool:
    return CREATE(asked) and fhir(asked) == "Observation" and b'"id"' in asked.body.split(b'"identifier"')[-1]


def _reused(asked: Asked) -> bool:
    return CREATE(asked) and "if-none-exist" in asked.headers and b'"amended"' in asked.body


def _half_patch(mutant: Mutant, asked: Asked) -> None:
    if asked.method == "PATCH" and b'"test"' in asked.body:
        asked.body = json.dumps([each for each in json.loads(asked.body) if each["op"] != "test"]).encode()
        asked.headers["content-length"] = str(len(asked.body))
        mutant.kept[id(asked)] = True


def _says_refused(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if mutant.kept.pop(id(asked), None):
        answered.status = 422


def _ambiguous(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if CREATE(asked) and "if-none-exist" in asked.headers and answered.status == 412:
        answered.status = 200


def _entry_condition(body: Any) -> Any:
    entries = [
        {**each, "request": {n: v for n, v in each["request"].items() if n != "ifNoneExist"}} for each in body["entry"]
    ]
    return {**body, "entry": entries}


def _lenient(mutant: Mutant, asked: Asked) -> None:
    """The JSON reader of the language: the last of two equal names, and whatever else it takes."""
    if CREATE(asked) and asked.body:
        try:
            asked.body = json.dumps(json.loads(asked.body)).encode()
        except (ValueError, RecursionError):
            return
        asked.headers["content-length"] = str(len(asked.body))


def _unknown(body: Any) -> Any:
    return {name: value for name, value in body.items() if name != "extra"}


def _days(body: Any) -> Any:
    impossible = body.get("effectiveDateTime") == "2026-02-30"
    return {**body, "effectiveDateTime": "2026-02-28"} if impossible else body


def _reversed(document: Any) -> Any:
    return {**document, "entry": document["entry"][::-1]} if document.get("type") == "history" else document


def _emptied(document: Any) -> Any:
    return {name: value for name, value in document.items() if name != "entry"}


def _whole_again(mutant: Mutant, asked: Asked) -> None:
    if whole("batch")(asked):
        asked.body = json.dumps({**json.loads(asked.body), "type": "transaction"}).encode()
        asked.headers["content-length"] = str(len(asked.body))


def _withdrawn(body: Any) -> Any:
    return _unlabelled(body) if body.get("status") == "entered-in-error" else body


def _drop_label(body: Any) -> Any:
    return [*body, {"op": "remove", "path": "/meta/security"}] if b"corrected" in json.dumps(body).encode() else body


def _own_id(asked: Asked) -> str:
    return f"Observation/{_body(asked)['id']}"


def _address_id(mutant: Mutant, asked: Asked) -> None:
    sent(on("PUT", "Observation/"), lambda body: {"id": asked.path.rpartition("/")[2], **body})(mutant, asked)


MUTANTS: Mapping[str, Made] = {
    "updates are lost": _mutant(
        "a_stale_update_is_refused", "parallel_updates_let_one_win", before=without_header(on("PUT"), "if-match")),
    "a patch looks at no version": _mutant("a_stale_patch_is_refused", before=without_header(on("PATCH"), "if-match")),
    "a delete looks at no version": _mutant("a_stale_delete_is_refused", before=without_header(on("DELETE"), "if-match")),
    "updates race": _race("if-match", "parallel_updates_let_one_win"),
    "conditional creates race": _race("if-none-exist", "parallel_creates_make_one"),
    "conditions of creates are ignored": _mutant(
        "a_conditional_create_is_once", "parallel_creates_make_one", "a_lost_answer_is_made_good", "a_reused_key_changes_nothing",
        before=without_header(CREATE, "if-none-exist")),
    "an ambiguous condition takes the first": _mutant("an_ambiguous_condition_is_412", after=_ambiguous),
    "a reused key overwrites": _mutant(
        "a_reused_key_changes_nothing", before=_to("PUT", _reused, lambda asked: f"Observation?{asked.headers['if-none-exist']}")),
    "conditions in transactions are ignored": _mutant(
        "a_condition_in_a_transaction_is_once", before=sent(whole("transaction"), _entry_condition)),
    "conditional updates always create": _mutant(
        "a_conditional_update_creates_or_updates", before=_to("POST", on("PUT", "Observation", query="identifier"), lambda asked: "Observation")),
    "ETag lies": _mutant("an_update_makes_a_version", after=_same_etag),
    "a create has no ETag": _mutant("a_create_says_its_version", after=_no_header(CREATE, "etag")),
    "a create has no Location": _mutant("a_create_says_where", after=_no_header(CREATE, "location")),
    "a read has no Last-Modified": _mutant("a_read_says_its_version", after=_no_header(OBSERVATION, "last-modified")),
    "reads are never 304": _mutant("an_unchanged_read_is_304", before=without_header(_read, "if-none-match")),
    "wishes are not heard": _mutant("a_minimal_answer_has_no_body", before=without_header(CREATE, "prefer")),
    "the client gives the id": _mutant("the_server_gives_the_id", before=_to("PUT", _with_id, _own_id)),
    "deletes are forgotten": _mutant("a_delete_is_gone", before=answered(on("DELETE", "Observation/"), 204)),
    "a patch is done by halves": _mutant(
        "a_patch_that_does_not_fit_changes_nothing", before=_half_patch, after=_says_refused),
    "a transaction is done by halves": _mutant(
        "transaction_with_a_bad_end_leaves_nothing", "a_refused_transaction_changes_nothing",
        "a_set_without_provenance_is_not_written", before=_as_batch, after=_tells_transaction),
    "a batch is all or nothing": _mutant("a_batch_is_done_entry_by_entry", before=_whole_again),
    "the history begins with the oldest": _mutant(
        "every_status_stays_in_the_history", "the_history_has_every_version", after=told(on("GET", "Observation/", ends="/_history"), _reversed)),
    "labels are lost on create": _mutant("the_label_is_kept_on_create", before=sent(CREATE, _unlabelled)),
    "labels are lost on update": _mutant("the_label_survives_an_update_by_another_client", before=sent(on("PUT", "Observation/"), _unlabelled)),
    "labels are lost by a patch": _mutant("the_label_survives_a_patch", before=sent(on("PATCH"), _drop_label)),
    "labels are lost by a recall": _mutant("a_recall_keeps_the_label", before=sent(on("PUT", "Observation/"), _withdrawn)),
    "labels on elements are lost": _mutant("a_label_on_an_element_is_kept", before=sent(CREATE, _without_inline)),
    "labels are not searched": _mutant("the_label_is_searched", after=told(on("GET", "Observation", query="_security"), _emptied)),
    "digits are lost in searches": _mutant("digits_survive_search", after=_rounded(_found)),
    "digits are lost in histories": _mutant("digits_survive_history", after=_rounded(on("GET", "Observation/", ends="/_history"))),
    "digits are lost in versions": _mutant(
        "digits_survive_vread", after=_rounded(lambda asked: OBSERVATION(asked) and "/_history/" in asked.path)),
    "digits are lost in updates": _mutant("digits_survive_update", before=sent(on("PUT", "Observation/"), lambda body: body)),
    "exponents are written out": _mutant(
        "an_exponent_keeps_its_precision",
        after=lambda mutant, asked, answered: setattr(answered, "body", answered.body.replace(b":1e2", b":100"))),
    "Provenance is not found by its target": _mutant(
        "provenance_is_found_by_its_target", after=told(on("GET", "Provenance", query="target"), _emptied)),
    "Provenance does not come along": _mutant(
        "provenance_comes_with_its_target", before=without_parameter(on("GET", "Observation"), "_revinclude")),
    "searches ignore the device": _mutant("observations_of_a_model_are_found", before=without_parameter(on("GET", "Observation"), "device")),
    "searches ignore the agent": _mutant("provenance_of_a_model_is_found", before=without_parameter(on("GET", "Provenance"), "agent")),
    "JSON is read leniently": _mutant("equal_keys_is_refused", before=_lenient),
    "unknown elements are dropped": _mutant("unknown_element_is_refused", before=sent(CREATE, _unknown)),
    "days are moved": _mutant("impossible_date_is_refused", before=sent(CREATE, _days)),
    "an update takes the address's id": _mutant(
        "an_update_without_id_is_refused", before=_address_id),
}  # fmt: skip
SHORT = ("updates are lost", "conditional creates race", "a transaction is done by halves")
