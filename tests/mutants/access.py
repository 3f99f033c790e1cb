"""Mutants of who may do what: one interaction unguarded, one letter mistaken, one thing shown that is not the token's."""

import json
import posixpath
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from auth import scopes
from auth.access import decide, levels
from auth.access.decide import bound, fhir_scopes
from gateway import ehr_face as _face  # noqa: F401 -- so that every module of the face is there to be changed
from tests.mutants.mutant import Answered, Asked, Mutant
from tests.mutants.turning import everywhere, fhir, on, unguarded, whole

Made = Callable[[], Mutant]


def _mutant(*caught_by: str, **parts: Any) -> Made:
    return lambda: Mutant(frozenset(caught_by), suites=("access",), **parts)


def _open(when: Any, *caught_by: str) -> Made:
    return _mutant(*caught_by, before=unguarded(when))


def _instance(asked: Asked) -> bool:
    return fhir(asked).count("/") == 1


def _plain(method: str) -> Any:
    return lambda asked: on(method, "Observation/")(asked) and _instance(asked)


def _condition(method: str) -> Any:
    return lambda asked: on(method, "Observation", query="identifier")(asked) and "/" not in fhir(asked)


def _once(asked: Asked) -> bool:
    return on("POST", "Observation")(asked) and "if-none-exist" in asked.headers


def _create(asked: Asked) -> bool:
    return asked.method == "POST" and fhir(asked) == "Observation" and "if-none-exist" not in asked.headers


def _keep_pages(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    """Whose each link is."""
    if answered.status == 200 and b"_page=" in answered.body and "authorization" in asked.headers:
        links = [each["url"] for each in json.loads(answered.body).get("link", ()) if "_page=" in each["url"]]
        mutant.kept.update({url.partition("_page=")[2]: asked.headers["authorization"] for url in links})


def _anybodys_page(mutant: Mutant, asked: Asked) -> None:
    if "_page=" in asked.query and "authorization" in asked.headers:
        _page_by_everybody(mutant, asked)


def _page_by_everybody(mutant: Mutant, asked: Asked) -> None:
    owner = mutant.kept.get(asked.query.partition("_page=")[2])
    if owner is not None:
        asked.headers["authorization"] = owner


def _allowing(free: Callable[[Any, Any, str, str], bool]) -> Any:
    """The product's decision, with scopes that are free of it."""

    def allowing(grant: Any, action: str, type: str, *, needs: frozenset[str] = frozenset()) -> tuple[Any, ...]:
        found = decide.allowing(grant, action, type, needs=needs)
        return found or tuple(scope for scope in fhir_scopes(grant) if free(scope, grant, action, type))

    return allowing


def _level_free(level: str) -> tuple[tuple[Any, str, Any], ...]:
    return everywhere(
        "allowing", _allowing(lambda scope, grant, action, type: scope.context == level and type in ("*", scope.type))
    )


def _any_type(scope: Any, grant: Any, action: str, type: str) -> bool:
    return decide.LETTERS.get(action) in scope.actions and bound(scope, grant)


def _tells_absent(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if answered.status == 404 and on("GET", "Patient/")(asked) and "there-is-nobody" not in asked.path:
        answered.status = 403


def _nothing(*given: Any) -> Any:
    return None
    yield


def _recheck(interaction: Any, answer: Any, *given: Any) -> Any:
    return answer
    yield


def _tidied(mutant: Mutant, asked: Asked) -> None:
    """What is escaped in a path is undone behind the guard, and dots lead upwards: the record of whoever is named last."""
    path = unquote(asked.path)
    if "/.." in path:
        asked.path, asked.headers["authorization"] = posixpath.normpath(path), f"Bearer {mutant.token}"


MUTANTS: Mapping[str, Made] = {
    "dots lead out of what was judged": _mutant("a_strange_address_leads_to_nobody_else", before=_tidied),
    "reads by id are not guarded": _open(_plain("GET"), "foreign_read_is_refused", "patient_read_follows_its_scope"),
    "versions are not guarded": _open(
        lambda asked: on("GET", "Observation/")(asked) and "/_history/" in asked.path, "foreign_vread_is_refused",
        "patient_vread_follows_its_scope", "granular_vread_stays_inside"),
    "histories are not guarded": _open(
        on("GET", "Observation/", ends="/_history"), "foreign_record_history_is_refused", "granular_history_stays_inside"),
    "the history of a type is everybody's": _open(
        lambda asked: fhir(asked) == "Observation/_history", "foreign_by_type_history_is_refused"),
    "the history of the system is everybody's": _open(
        lambda asked: fhir(asked) == "_history", "foreign_by_system_history_is_refused"),
    "compartments are everybody's": _open(
        lambda asked: on("GET", "Patient/", ends="/Observation")(asked), "foreign_compartment_is_refused"),
    "everything is everybody's": _open(
        on("GET", "Patient/", ends="$everything"), "foreign_everything_is_refused", "granular_everything_stays_inside"),
    "searches by POST are not guarded": _open(
        on("POST", "", ends="_search"), "a_posted_search_is_guarded", "patient_search_by_post_follows_its_scope"),
    "searches by id are not guarded": _open(
        on("GET", "Observation", query="_id="), "foreign_by_id_is_refused", "foreign_by_ids_is_refused",
        "granular_search_by_id_stays_inside"),
    "counts are everybody's": _open(on("GET", "Observation", query="_summary=count"), "foreign_by_count_is_refused"),
    "chains are everybody's": _open(on("GET", "Observation", query="Patient._id="), "foreign_by_chain_is_refused"),
    "includes are not judged": _mutant(
        "foreign_by_bridge_is_refused", overrides=everywhere("recheck_search", _recheck, below="gateway.face.searching")),
    "batches are not guarded": _open(
        whole("batch"), "foreign_by_batched_read_is_refused", "foreign_by_batched_search_is_refused",
        "granular_batch_stays_inside", "patient_batch_create_follows_its_scope"),
    "transactions are not guarded": _open(
        whole("transaction"), "foreign_transaction_is_refused", "foreign_transaction_update_is_refused",
        "patient_transaction_create_follows_its_scope"),
    "creates are not guarded": _open(
        _create, "foreign_create_is_refused", "patient_create_follows_its_scope", "user_create_follows_its_scope",
        "a_write_without_scope_is_403"),
    "creates look at no body": _mutant(
        "create_beside_another_performer_is_refused", 
        overrides=(*everywhere("may_write", lambda *given: True), *everywhere("_settled", _nothing, below="gateway.face.bodies"))),
    "conditions of creates are looked up everywhere": _open(_once, "foreign_conditional_create_is_refused"),
    "updates are not guarded": _open(
        _plain("PUT"), "foreign_update_is_refused", "theft_by_update_is_refused", "move_by_update_is_refused",
        "user_update_follows_its_scope", "granular_update_stays_inside"),
    "conditions of updates are looked up everywhere": _open(_condition("PUT"), "foreign_conditional_update_is_refused"),
    "patches are not guarded": _open(
        _plain("PATCH"), "foreign_patch_is_refused", "move_by_patch_is_refused", "patient_patch_follows_its_scope"),
    "deletes are not guarded": _open(
        _plain("DELETE"), "foreign_delete_is_refused", "user_delete_follows_its_scope", "granular_delete_stays_inside"),
    "conditions of deletes are looked up everywhere": _open(_condition("DELETE"), "foreign_conditional_delete_is_refused"),
    "Devices are not guarded": _open(on("POST", "Device"), "device_by_patient_is_refused", "device_by_user_is_refused"),
    "users write what is shared": _mutant(
        "device_by_user_is_refused", "organization_by_user_is_refused",
        overrides=((levels.FEATURES, "write-shared", levels.UNBOUND), *everywhere("shared", lambda *a, **k: False, below="auth.access.decide"))),
    "Conditions are not guarded": _open(on("POST", "Condition"), "foreign_condition_is_refused"),
    "Provenance is not guarded": _open(on("POST", "Provenance"), "foreign_provenance_is_refused"),
    "v1 write reads too": _mutant("v1_write_opens_what_it_says", overrides=((scopes.V1, "write", "crud"),)),
    "v1 read creates too": _mutant("v1_read_opens_what_it_says", overrides=((scopes.V1, "read", "rsc"),)),
    "updates go by the letter of deletes": _mutant(
        "patient_update_follows_its_scope", "system_update_follows_its_scope", overrides=((decide.LETTERS, "update", "d"),)),
    "histories go by the letter of searches": _mutant(
        "patient_history_follows_its_scope", overrides=((decide.LETTERS, "history", "s"),)),
    "a read permits a search": _mutant(
        "patient_search_follows_its_scope", "system_search_by_post_follows_its_scope", overrides=((decide.LETTERS, "search", "r"),)),
    "letters of system scopes are not compared": lambda: Mutant(
        frozenset({"system_create_follows_its_scope", "system_read_follows_its_scope"}), suites=("access",),
        overrides=_level_free("system")),
    "letters of user scopes are not compared": lambda: Mutant(
        frozenset({"user_delete_follows_its_scope", "user_search_follows_its_scope"}), suites=("access",),
        overrides=_level_free("user")),
    "types of scopes are not compared": lambda: Mutant(
        frozenset({"letters_of_two_types_opens_what_it_says", "another_type_opens_what_it_says"}), suites=("access",),
        overrides=everywhere("allowing", _allowing(_any_type))),
    "granular scopes are not compared": _mutant(
        "granular_create_stays_inside", "granular_update_stays_inside", overrides=((decide, "_matches", lambda *given: True),)),
    "pages are anybody's": _mutant(
        "page_of_another_shows_nothing", "page_for_another_type_shows_nothing", before=_anybodys_page, after=_keep_pages),
    "pages want no token": _mutant("page_without_a_token_shows_nothing", before=_page_by_everybody, after=_keep_pages),
    "foreign patients are told from absent ones": _mutant("foreign_and_absent_are_told_alike", after=_tells_absent),
}  # fmt: skip
SHORT = ("creates look at no body", "includes are not judged", "pages are anybody's")
