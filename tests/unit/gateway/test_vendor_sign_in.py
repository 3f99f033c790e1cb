"""Every line that a vendor declares about signing in does what it says, and EHRs without the line are unharmed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from auth import scopes
from auth.client.ehr import LAUNCH_SCOPES, RegisteredEhr
from auth.client.rules import SMART, SignInRules
from auth.discovery import DiscoveryError, parse
from gateway.ehrs.facts import Facts
from gateway.ehrs.lines import traps
from gateway.ehrs.registrations import declare
from gateway.launches.extents import extents
from gateway.vendors import VENDORS, sign_in_rules
from gateway.vendors.declaration import Vendor, deviations

ISSUER = "https://fhir.hospital.example/R4"
LINES = {
    ("epic", "hosted_keys"), ("oracle", "launch_scopes"), ("oracle", "backend_scopes"), ("oracle", "endpoints_at"),
    ("oracle", "sealed_identity"), ("veradigm", "plain_challenge"), ("veradigm", "hosted_keys"),
    ("eclinicalworks", "launch_scopes"), ("eclinicalworks", "backend_scopes"), ("eclinicalworks", "algorithm"),
    ("eclinicalworks", "endpoints_at"), ("meditech", "launch_scopes"), ("meditech", "backend_scopes"),
}  # fmt: skip


def registered(vendor: str, **members: Any) -> RegisteredEhr:
    return declare({"name": "hospital", "issuer": ISSUER, "client_id": "c", "vendor": vendor, **members}, "command")


def advice(vendor: str, rule: str) -> str | None:
    facts = Facts(ehr=registered(vendor), models=(), now=0.0, discovery=None, metadata=None)
    return next((line.next for line in traps(facts) if line.check == f"vendor-{rule.replace('_', '-')}"), None)


def reads_what_models_need(ehr: RegisteredEhr) -> bool:
    """Each type that the shipped models read can be searched with what a launch asks for; nothing is asked twice."""
    of = extents(" ".join(ehr.scopes))
    return all(of(type) == "all" for type in ("Observation", "Condition", "MedicationRequest", "Encounter"))


def tolerates_plain(vendor: str) -> bool:
    document = {
        "authorization_endpoint": f"{ISSUER}/a", "token_endpoint": f"{ISSUER}/t",
        "code_challenge_methods_supported": ["S256", "plain"],
    }  # fmt: skip
    try:
        parse(json.dumps(document).encode(), iss=ISSUER, plain_challenge=sign_in_rules(vendor).plain_challenge)
    except DiscoveryError:
        return False
    return True


def asks_as_backend(vendor: str) -> bool:
    found = [scopes.parse_one(word) for word in registered(vendor).backend_scopes]
    return all(getattr(scope, "type", "*") != "*" for scope in found)


HEEDED: dict[str, Callable[[str], bool]] = {
    "launch_scopes": lambda name: registered(name).scopes != LAUNCH_SCOPES and reads_what_models_need(registered(name)),
    "backend_scopes": asks_as_backend,
    "algorithm": lambda name: registered(name).algorithm == "RS384",
    "endpoints_at": lambda name: all(
        registered(name).allows(f"{one}/token") for one in VENDORS[name].sign_in.endpoints_at
    ),
    "plain_challenge": tolerates_plain,
    "hosted_keys": lambda name: "/app/jwks.json" in (advice(name, "hosted_keys") or ""),
    "sealed_identity": lambda name: "encrypted" in (advice(name, "sealed_identity") or ""),
}


def test_the_declared_lines_are_these() -> None:
    assert {(name, rule) for name, each in VENDORS.items() for rule in deviations(each.sign_in)} == LINES


@pytest.mark.parametrize(("vendor", "rule"), sorted(LINES))
def test_a_declared_line_is_heeded_and_a_vendor_without_it_is_as_smart_says(vendor: str, rule: str) -> None:
    assert HEEDED[rule](vendor)
    if rule not in ("endpoints_at",):
        assert not HEEDED[rule]("spec")
    else:
        assert not registered("spec").allows(f"{VENDORS[vendor].sign_in.endpoints_at[0]}/token")


def test_what_a_registration_says_itself_goes_before_what_its_vendor_has() -> None:
    ehr = registered("eclinicalworks", scopes=["launch", "patient/*.rs"], backend_scopes=[], algorithm="ES384")
    assert (ehr.scopes, ehr.backend_scopes, ehr.algorithm) == (("launch", "patient/*.rs"), (), "ES384")


@pytest.mark.parametrize(
    "wrong",
    [
        {"launch_scopes": ("patient/Observation.dus",)}, {"launch_scopes": ("system/*.rs",)}, {"backend_scopes": ("patient/*.rs",)},
        {"endpoints_at": ("http://login.example",)},
    ],
    ids=str,
)  # fmt: skip
def test_rules_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SignInRules(**wrong)


def test_a_line_without_a_source_and_a_source_without_a_line_are_refused() -> None:
    with pytest.raises(ValueError, match="hosted_keys"):
        Vendor(name="x", title="X", sign_in=SignInRules(hosted_keys=True))
    with pytest.raises(ValueError, match="algorithm"):
        Vendor(name="x", title="X", sign_in=SMART, sources={"algorithm": "[V] somewhere"})
