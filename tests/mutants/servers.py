"""Faults of sign-in, of scopes and of writes, each in one line of the wire."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlencode

from tests.mutants.mutant import Answered, Asked, Mutant

VERIFIER = "a" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def _form(asked: Asked, **changes: str) -> None:
    asked.body = urlencode({**asked.form, **changes}).encode()
    asked.headers["content-length"] = str(len(asked.body))


def _query(asked: Asked, **changes: str) -> None:
    asked.query = urlencode({**dict(parse_qsl(asked.query)), **changes})


def offers_plain(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if asked.path.endswith("/smart-configuration"):
        answered.body = answered.body.replace(b'["S256"]', b'["S256","plain"]').replace(
            b'[ "S256" ]', b'["S256","plain"]'
        )


def cacheable_tokens(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if asked.path.endswith("/auth/token"):
        answered.headers.pop("cache-control", None)


def any_verifier(mutant: Mutant, asked: Asked) -> None:
    if asked.path.endswith("/auth/authorize") and "code_challenge=" in asked.query and "plain" not in asked.query:
        _query(asked, code_challenge=CHALLENGE)
    elif asked.path.endswith("/auth/token") and asked.form.get("grant_type") == "authorization_code":
        _form(asked, code_verifier=VERIFIER)


def remembers_codes(mutant: Mutant, asked: Asked) -> Answered | None:
    return mutant.kept.get(asked.form.get("code", "")) if asked.path.endswith("/auth/token") else None


def remember_code(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if asked.path.endswith("/auth/token") and answered.status == 200 and "code" in asked.form:
        mutant.kept[asked.form["code"]] = Answered(answered.status, dict(answered.headers), answered.body)


def drops_digits(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if "/fhir/Observation/" in asked.path and answered.status == 200:
        answered.body = json.dumps(json.loads(answered.body)).encode()


def ignores_if_match(mutant: Mutant, asked: Asked) -> None:
    asked.headers.pop("if-match", None)


def everybody_reads(mutant: Mutant, asked: Asked) -> None:
    reading = asked.method == "GET" and "/fhir/Patient/" in asked.path and "history" not in asked.path
    if reading and "garbage" not in asked.headers.get("authorization", "garbage"):
        asked.headers["authorization"] = f"Bearer {mutant.token}"


def needs_no_token(mutant: Mutant, asked: Asked) -> None:
    if "/fhir/Patient" in asked.path:
        asked.headers.setdefault("authorization", f"Bearer {mutant.token}")


def searches_everywhere(mutant: Mutant, asked: Asked) -> None:
    if asked.method == "GET" and asked.path.endswith("/fhir/Patient") and not asked.query:
        asked.headers["authorization"] = f"Bearer {mutant.token}"


def echoes(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if answered.status == 422 and b"conformance-echo" in asked.body:
        document = json.loads(answered.body)
        document["issue"][0]["diagnostics"] = asked.body.decode()
        answered.body = json.dumps(document).encode()


def forgets_state(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if asked.path.endswith("/auth/authorize") and "location" in answered.headers:
        base, _, query = answered.headers["location"].partition("?")
        kept = {name: value for name, value in parse_qsl(query) if name != "state"}
        answered.headers["location"] = f"{base}?{urlencode(kept)}"


def any_audience(mutant: Mutant, asked: Asked) -> None:
    if asked.path.endswith("/auth/authorize") and "aud=" in asked.query:
        _query(asked, aud=str(mutant.kept["base"]))


def server_errors(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if answered.status in (400, 422) and b"NaN" in asked.body:
        answered.status = 500


def takes_no_secret(mutant: Mutant, asked: Asked) -> None:
    if asked.path.endswith("/auth/token") and asked.headers.get("authorization", "").startswith("Basic"):
        asked.headers["authorization"] = "Basic bm90Om9mLXRoaXMtY2xpZW50"


def takes_no_public_client(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if (
        asked.path.endswith("/auth/token")
        and "client_assertion" not in asked.form
        and "authorization" not in asked.headers
    ):
        answered.status, answered.body = 401, b'{"error":"invalid_client"}'


MUTANTS: Mapping[str, Callable[[], Mutant]] = {
    "offers the plain challenge method": lambda: Mutant(frozenset({"pkce_is_never_plain"}), after=offers_plain),
    "lets caches keep tokens": lambda: Mutant(frozenset({"token_answer_is_not_cached", "a_refresh_is_not_cached"}), after=cacheable_tokens),
    "takes any verifier": lambda: Mutant(frozenset({"the_verifier_must_match", "the_verifier_must_be_there"}), before=any_verifier),
    "takes a code twice": lambda: Mutant(frozenset({"a_code_is_used_once"}), before=remembers_codes, after=remember_code),
    "drops digits": lambda: Mutant(frozenset({"digits_are_kept"}), after=drops_digits),
    "ignores If-Match": lambda: Mutant(frozenset({"a_stale_update_is_refused"}), before=ignores_if_match),
    "shows every patient": lambda: Mutant(
        frozenset({"another_patient_is_not_read", "foreign_and_absent_are_told_alike", "a_revoked_token_opens_nothing"}),
        before=everybody_reads,
    ),
    "needs no token": lambda: Mutant(frozenset({"no_token_is_401"}), before=needs_no_token),
    "searches everywhere": lambda: Mutant(frozenset({"a_search_for_patients_finds_one"}), before=searches_everywhere),
    "repeats what was sent": lambda: Mutant(frozenset({"required_code_is_refused", "unknown_element_is_refused"}), after=echoes),
    "forgets the state": lambda: Mutant(frozenset({"the_state_comes_back", "an_error_goes_back_with_its_state"}), after=forgets_state),
    "takes any audience": lambda: Mutant(frozenset({"another_audience_is_refused"}), before=any_audience),
    "takes no secret": lambda: Mutant(frozenset({"a_good_secret_is_taken"}), before=takes_no_secret),
    "takes no public client": lambda: Mutant(frozenset({"a_public_client_gets_a_token"}), after=takes_no_public_client),
    "answers NaN with 500": lambda: Mutant(frozenset({"not_a_number_is_refused"}), after=server_errors),
}  # fmt: skip
SHORT = (
    "takes any verifier",
    "ignores If-Match",
    "needs no token",
)
"""What ``make test`` runs; all run in ``make mutants``."""
