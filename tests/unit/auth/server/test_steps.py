"""Which page comes next, from the request alone."""

import pytest

from auth import scopes
from auth.server import steps
from auth.server.grants import Context
from auth.server.requests import format_asked, parse_asked
from auth.server.steps import Asked

DOCTOR, PATIENT = "Practitioner/d1", "Patient/p1"


def asked(words: str, **context: str) -> Asked:
    return Asked(
        client_id="c", redirect_uri="https://a.example", state="s", challenge="x", scopes=scopes.parse(words),
        context=Context(**context),  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(("request_", "user", "step"), [
    (asked("patient/*.rs"), None, "sign-in"),
    (asked("openid"), DOCTOR, "consent"),
    (asked("user/*.rs"), DOCTOR, "consent"),
    (asked("patient/*.rs"), DOCTOR, "patient"),
    (asked("launch/patient"), DOCTOR, "patient"),
    (asked("launch patient/*.rs", patient="p1"), DOCTOR, "consent"),
    (asked("launch/encounter"), DOCTOR, "patient"),
    (asked("launch/encounter", patient="p1"), DOCTOR, "encounter"),
    (asked("launch/encounter", encounter="e1"), DOCTOR, "consent"),
    (asked("launch/encounter patient/*.rs", patient="p1", encounter="e1"), DOCTOR, "consent"),
    (asked("patient/*.rs"), PATIENT, "consent"),
    (asked("launch/encounter"), PATIENT, "encounter"),
    (asked("patient/*.rs", patient="p2"), PATIENT, "sign-in"),
    (asked("patient/*.rs", user="Practitioner/d2"), DOCTOR, "sign-in"),
    (asked("patient/*.rs", user=DOCTOR), DOCTOR, "patient"),
])  # fmt: skip
def test_the_next_step(request_: Asked, user: str | None, step: str) -> None:
    assert steps.next_step(request_, user) == step


def test_an_encounter_that_was_declined_is_not_asked_for_again() -> None:
    kept = parse_asked(format_asked(asked("launch/encounter", patient="p1")))
    assert steps.next_step(kept, DOCTOR) == "encounter"
    done = Asked(**{name: getattr(kept, name) for name in kept.__dataclass_fields__} | {"done": ("encounter",)})
    assert steps.next_step(done, DOCTOR) == "consent"
    assert steps.offered(done, steps.context_of(done, DOCTOR)) == ()


def test_a_kept_request_is_read_as_it_was_written() -> None:
    request = asked(
        "openid patient/*.read patient/Observation.rs?category=lab launch/list?role=https://a.example", patient="p1"
    )
    assert parse_asked(format_asked(request)) == request


def test_a_patient_is_the_patient_in_context_only_when_one_is_wanted() -> None:
    assert steps.context_of(asked("patient/*.rs"), PATIENT).patient == "p1"
    assert steps.context_of(asked("openid"), PATIENT).patient is None
    assert steps.context_of(asked("patient/*.rs"), DOCTOR).patient is None


@pytest.mark.parametrize(("words", "context", "left"), [
    ("patient/*.rs user/*.rs fhirUser launch/patient launch/encounter", Context(), ""),
    ("patient/*.rs launch/patient", Context(patient="p1"), "patient/*.rs launch/patient"),
    ("user/*.rs fhirUser", Context(user=DOCTOR), "user/*.rs fhirUser"),
    ("launch/list", Context(fhir_context=({"reference": "List/1"},)), "launch/list"),
    ("launch/list", Context(), ""),
])  # fmt: skip
def test_a_scope_is_offered_where_its_context_is(words: str, context: Context, left: str) -> None:
    assert scopes.format(steps.offered(asked(words), context)) == left


def test_online_access_alone_ends_with_the_session() -> None:
    assert steps.ends_with_session(scopes.parse("online_access patient/*.rs"))
    assert not steps.ends_with_session(scopes.parse("online_access offline_access"))
