"""What an EHR's declaration may say, and which addresses are its own (smart-auth B08, B11)."""

from typing import Any

import pytest

from auth import scopes
from auth.client.ehr import BACKEND_SCOPES, LAUNCH_SCOPES, RegisteredEhr, below, origin
from auth.client.errors import RegistrationError

BASE = "https://ehr.example/r4"


def ehr(**members: Any) -> RegisteredEhr:
    return RegisteredEhr(**{"name": "spec", "issuer": BASE, "client_id": "gateway", **members})


def test_a_declaration_with_its_defaults_asks_for_the_chart_and_the_patients_own_outputs() -> None:
    assert {"launch", "patient/*.rs", "patient/Provenance.cu"} <= set(ehr().scopes)
    assert all(scope.startswith("system/") for scope in ehr().backend_scopes)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", "Spec"), ("name", ""), ("name", "a/b"), ("name", "a|b"),
        ("issuer", "http://ehr.example/r4"), ("issuer", "ftp://ehr.example"), ("issuer", "https://u:p@ehr.example/r4"),
        ("issuer", "https://ehr.example/r4#x"), ("issuer", "https://ehr.example/r4?x=1"), ("issuer", "https://"),
        ("issuer", "https://ehr.example:x/"), ("issuer", "https://ehr.ex\u0430mple/r4"), ("issuer", "https://ehr\\@x/"),
        ("client_id", ""), ("client_id", "a\nb"), ("method", "client_secret_jwt"), ("scopes", ()),
        ("scopes", ("a b",)), ("backend_scopes", ('a"b',)), ("networks", ("10.0.0.1/8",)), ("networks", ("home",)),
        ("origins", ("http://ehr.example",)), ("algorithm", "HS256"), ("secret", "without a method that takes one"),
    ],
)  # fmt: skip
def test_a_declaration_that_cannot_be_used_is_refused_by_member(member: str, value: Any) -> None:
    with pytest.raises(RegistrationError) as refused:
        ehr(**{member: value})
    assert refused.value.member == member
    assert not value or str(value) not in str(refused.value)


def test_a_secret_is_required_where_the_method_takes_one_and_never_shown() -> None:
    with pytest.raises(RegistrationError):
        ehr(method="client_secret_basic")
    assert "hush" not in repr(ehr(method="client_secret_basic", secret="hush"))


@pytest.mark.parametrize(
    "issuer", ["http://127.0.0.1:8700/ehr/spec/fhir", "http://localhost/fhir", "http://[::1]:1/r4"]
)
def test_plain_http_is_for_loopback(issuer: str) -> None:
    assert ehr(issuer=issuer).issuer == issuer


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://EHR.example/a", "https://ehr.example:443"),
        ("https://ehr.example:443", "https://ehr.example:443"),
        ("http://[::1]:8/x", "http://[::1]:8"),
        ("//ehr.example/a", None),
        ("https://ehr.example /a", None),
        ("javascript:alert(1)", None),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, expected: str | None) -> None:
    assert origin(url) == expected


def test_endpoints_live_at_the_ehrs_own_origin_or_a_declared_one() -> None:
    declared = ehr(origins=("https://login.example",))
    assert declared.allows("https://ehr.example/token")
    assert declared.allows("https://login.example:443/token")


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example/token", "https://ehr.example:8443/token", "http://ehr.example/token",
        "https://ehr.example.evil/token", "https://ehr.example@evil/token", "/token", "",
    ],
)  # fmt: skip
def test_endpoints_anywhere_else_are_refused(url: str) -> None:
    assert not ehr().allows(url)


@pytest.mark.parametrize(
    "url", [BASE, f"{BASE}/Patient/1", f"{BASE}?_id=1", f"{BASE}/Observation?code=a%2Fb", f"{BASE}/"]
)
def test_a_bearer_goes_below_the_base(url: str) -> None:
    assert below(BASE, url)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/r4/Patient/1", "http://ehr.example/r4/Patient/1", "https://ehr.example:444/r4/Patient",
        "https://ehr.example/r4x/Patient/1", "https://ehr.example/other", "https://ehr.example/r4/../admin",
        "https://ehr.example/r4/%2e%2e/admin", "https://ehr.example/r4/..%2fadmin", "https://ehr.example/r4//evil",
        "https://ehr.example@evil.example/r4/Patient", "https://ehr.example/r4\\..\\admin", "Patient/1",
    ],
)  # fmt: skip
def test_a_bearer_goes_nowhere_else(url: str) -> None:
    assert not below(BASE, url)


def test_what_is_asked_by_default_is_in_the_language_of_scopes_and_no_more_than_is_done() -> None:
    """Letters of v2: the chart is read and searched, the patient's own outputs are made and changed, nothing is deleted."""
    launch, backend = scopes.parse(" ".join(LAUNCH_SCOPES)), scopes.parse(" ".join(BACKEND_SCOPES))
    assert (len(launch), len(backend)) == (len(LAUNCH_SCOPES), len(BACKEND_SCOPES))
    for asked, context in ((launch, "patient"), (backend, "system")):
        found = {scope.type: scope for scope in asked if isinstance(scope, scopes.FhirScope)}
        assert {scope.context for scope in found.values()} == {context}
        assert found["*"].actions == {"r", "s"}
        assert {frozenset(scope.actions) for type, scope in found.items() if type != "*"} == {frozenset("cu")}
    words = {scope.word for scope in launch if isinstance(scope, scopes.WordScope)}
    assert words == {"launch", "openid", "fhirUser", "offline_access"}


def test_an_ehr_is_a_confidential_client_s_by_default_and_signs_by_a_key_pair() -> None:
    assert (ehr().method, ehr().algorithm) == ("private_key_jwt", "ES384")
