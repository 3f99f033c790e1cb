"""What a person reads for each scope, and what the server does wrongly when told to."""

import pytest

from auth import scopes
from auth.server import faults, style, words

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


@pytest.mark.parametrize(("scope", "says"), [
    ("patient/*.rs", "Read and search all records of this patient"),
    ("patient/Observation.cruds", "Read, search, add, change and delete observations (vital signs, laboratory results) of this patient"),
    ("user/Immunization.r", "Read immunizations that you may see"),
    ("patient/Flag.u", "Change records of type Flag of this patient"),
    ("patient/Condition.rs?category=problem-list-item", "Read and search problems and diagnoses of this patient, only where category is problem-list-item"),
    (f"patient/Observation.rs?category={CATEGORY}|laboratory", "Read and search laboratory results of this patient"),
    (f"user/Observation.cu?category={CATEGORY}|vital-signs&code=http://loinc.org|8867-4", "Add and change vital signs that you may see, only where code is http://loinc.org|8867-4"),
    ("patient/Condition.r?category=http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern", "Read health concerns of this patient"),
    (f"patient/Condition.r?category={CATEGORY}|laboratory", f"Read problems and diagnoses of this patient, only where category is {CATEGORY}|laboratory"),
    ("patient/Observation.r?category=http://else.example|laboratory", "Read observations (vital signs, laboratory results) of this patient, only where category is http://else.example|laboratory"),
    ("offline_access", "Keep this access after you sign out, until you revoke it"),
    ("launch/imagingstudy?role=https://a.example", "Know which ImagingStudy is open in the EHR"),
])  # fmt: skip
def test_a_scope_in_words(scope: str, says: str) -> None:
    parsed = scopes.parse_one(scope)
    assert parsed is not None
    assert words.describe(parsed) == says


def test_what_alters_the_record_is_marked() -> None:
    assert [words.writes(scope) for scope in scopes.parse("patient/*.rs patient/*.c patient/*.write openid")] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    "word",
    ["launch/Imagingstudy", "launch/nope", "launch/list?rol=x", "launch/list?role=", "launch/", "launch/list?role=a b"],
)
def test_a_context_scope_that_is_not_well_formed_is_not_understood(word: str) -> None:
    assert scopes.parse_one(word) is None


def test_every_fault_has_a_name_of_its_own_and_strikes_only_at_its_stage() -> None:
    assert len(faults.BY_NAME) == len(faults.FAULTS)
    for fault in faults.FAULTS:
        for stage in ("authorize", "token", "refresh"):
            struck = faults.error([fault.name], stage)
            assert (struck is not None) == (fault.stage == stage and fault.error is not None)


def test_without_a_named_fault_nothing_is_bent() -> None:
    query, claims = {"code": "c", "state": "s", "iss": "i"}, {"aud": "a", "iat": 1, "exp": 2}
    assert faults.bend((), query) == query
    assert faults.bend_claims((), claims) == claims
    assert faults.error((), "authorize") is None


def test_the_faults_of_an_id_token() -> None:
    claims = {"aud": "a", "iss": "i", "nonce": "n", "iat": 10_000, "exp": 10_300}
    for name, member in (("audience", "aud"), ("issuer", "iss"), ("nonce", "nonce")):
        bent = faults.bend_claims([f"id-token-wrong-{name}"], dict(claims))
        assert {each for each in claims if bent[each] != claims[each]} == {member}
    assert int(str(faults.bend_claims(["id-token-expired"], dict(claims))["exp"])) < 10_000
    assert int(str(faults.bend_claims(["id-token-ahead"], dict(claims))["iat"])) == int(str(claims["iat"])) + 3600


def test_the_address_of_the_style_is_made_of_its_values() -> None:
    assert style.url("https://ehr.example").endswith(style.VERSION)
