"""Scopes taken for more than they say: granular ones, malformed ones, several added up, none at all."""

from typing import Any

from tests.abuse import holes
from tests.abuse.chart import LAB, VITAL
from tests.abuse.sign_in import backend, practitioner, token, tokens
from tests.abuse.target import Target

LABS = f"patient/Observation.rs?category={LAB} patient/Patient.rs patient/DiagnosticReport.rs patient/Provenance.rs"
LAB_WRITES = f"patient/Observation.cruds?category={LAB}"


def _vital_paths(target: Target) -> list[str]:
    vital, relabelled = (target.chart.ref(f"Observation/{name}") for name in ("v1", "relabelled"))
    return [
        vital, f"{vital}/_history", f"{vital}/_history/1", f"{relabelled}/_history/1", f"{relabelled}/_history",
        "Observation?_count=500", f"Observation?category={VITAL}", "Observation?category:not=x", f"Observation?category={LAB},{VITAL}",
        f"Observation?_id={target.chart.id('v1')}", "DiagnosticReport?_include=DiagnosticReport:result",
        "Observation?_include=Observation:has-member", "Patient?_revinclude=Observation:subject", "Patient?_revinclude=Observation:patient",
        f"{target.chart.ref('Patient/p1')}/$everything", f"{target.chart.ref('Patient/p1')}/Observation", "Observation/_history",
        f"{target.chart.ref('Patient/p1')}/$everything?_type=Observation", "Provenance?_include=Provenance:target",
        f"Observation?category:missing=false&category={VITAL}", "_history", f"Observation?category=http://x|y,{VITAL}",
    ]  # fmt: skip


def granular(target: Target) -> list[str]:
    never = (target.chart.vital, *target.chart.secrets)
    for scope in (LABS, LAB_WRITES):
        for path in _vital_paths(target):
            target.fhir("GET", path, token(target, scope), never=never)
    found = target.fhir("GET", "Observation?_count=500", token(target, LABS)).resources
    target.expect(target.chart.id("o1") in {each["id"] for each in found}, "what the scope allows is not found")
    bearer = token(target, LAB_WRITES)
    vital, lab = (target.chart.observation(name, "p1", "vital-signs", "x") for name in ("v1", "o1"))
    new = {name: value for name, value in vital.items() if name not in ("id", "identifier")}
    versions = [target.stored(f"Observation/{name}") for name in ("v1", "o1")]
    for what, reply in (
        ("create of a vital sign", target.fhir("POST", "Observation", bearer, document=new)),
        ("update of a vital sign", target.fhir("PUT", target.chart.ref("Observation/v1"), bearer, document=vital)),
        ("making a vital sign a lab value", target.fhir("PUT", target.chart.ref("Observation/v1"), bearer, document={**lab, "id": vital["id"]})),
        ("making a lab value a vital sign", target.fhir("PUT", target.chart.ref("Observation/o1"), bearer, document=lab)),
        ("deletion of a vital sign", target.fhir("DELETE", target.chart.ref("Observation/v1"), bearer)),
    ):  # fmt: skip
        target.refused(reply, what)
    target.expect(
        versions == [target.stored(f"Observation/{name}") for name in ("v1", "o1")], "what the scope excludes changed"
    )
    return target.problems


def test_a12_a_granular_scope_holds_for_every_way_to_a_record(target: Target) -> None:
    assert granular(target) == []


def test_a12_twin_that_narrows_searches_only(holed: Any) -> None:
    problems = granular(holed(holes.granular_scopes_narrow_searches_only))
    assert any("_include" in each for each in problems)
    assert any("/_history" in each for each in problems)


MALFORMED = (
    "patient/Observation.rs?category", "patient/Observation.rs?", "patient/Observation.rs?category=", "patient/Observation.rs?a=b=c",
    "patient/Observation.rs?category:not=x", "patient/Observation.rs?subject:Patient.name=x", "patient/Observation.rs?_include=Observation:subject",
    "patient/Observation.rs?=x", "patient/Observation.rs?&", "patient/Observation.rs?category=a&category=b", "patient/Observation.rsXYZ",
    "patient/Observation.dus", "patient/Observation.sr", "patient/Observation.rrs", "patient/Observation.", "patient/Observation",
    "patient/Observation.r.s", "patient/Observation.*s", "patient/Observation.readwrite", "patient/Observation.R", "patient/observation.rs",
    "patient/**.rs", "patient/*bservation.rs", "patient/Nonesuch.rs", "Patient/Observation.rs", "patient//Observation.rs",
    "patient/Observation.rs%3Fcategory=x", "patient/Observation.rs\tx", "*/*.cruds", "*", "patient/Observation.rs#x", "system/*.cruds",
    "patient/*.rs?category=x", "patient/Observation.rs?_has:Provenance:target:_id=x", "patient/Observation.rs?_filter=x",
)  # fmt: skip


def malformed(target: Target) -> list[str]:
    for scope in MALFORMED:
        said = tokens(target, f"openid patient/Condition.rs {scope}")
        bearer = str(said.get("access_token", "none-was-given"))
        for path in ("Observation", target.chart.ref("Observation/o1"), target.chart.ref("Observation/v1")):
            target.refused(target.fhir("GET", path, bearer), f"{path} with {scope}", 401, 403, 404)
        granted = set(str(said.get("scope", "")).split()) - {"openid", "patient/Condition.rs", "launch"}
        target.expect(not granted, f"{scope} was granted as {sorted(granted)}")
    return target.problems


def test_a13_a_scope_that_is_not_understood_grants_nothing(target: Target) -> None:
    assert malformed(target) == []


def test_a13_twin_that_drops_the_query_it_does_not_understand(holed: Any) -> None:
    problems = malformed(holed(holes.malformed_queries_are_dropped))
    assert any("?category" in each and "answered 200" in each for each in problems)


def _mixes(target: Target) -> list[tuple[str, str, str, dict[str, Any]]]:
    own, foreign = target.chart.ref("Observation/o1"), target.chart.ref("Observation/o2")
    body = target.chart.observation("o1", "p1", "laboratory", "x")
    new = {"document": target.chart.new()}
    return [
        ("patient/Observation.r user/Patient.cruds", "PUT", own, {"document": body}),
        ("patient/Observation.r user/Patient.cruds", "POST", "Observation", new),
        ("patient/Observation.r user/Patient.cruds", "DELETE", own, {}),
        ("patient/Observation.rs patient/Condition.cruds", "PUT", own, {"document": body}),
        ("patient/Observation.r user/Observation.s", "GET", foreign, {}),
        ("patient/Observation.r user/Condition.rs", "GET", foreign, {}),
        ("patient/Observation.rs user/Patient.rs", "GET", foreign, {}),
        (f"patient/Observation.r?category={LAB} patient/Observation.s", "GET", target.chart.ref("Observation/v1"), {}),
        (f"patient/Observation.u?category={LAB} patient/Observation.rs", "PUT", target.chart.ref("Observation/v1"),
         {"document": target.chart.observation("v1", "p1", "vital-signs", "x")}),
        (f"patient/Observation.u?category={LAB} patient/Observation.u?category={VITAL} patient/Observation.r", "PUT",
         target.chart.ref("Observation/mixed"), {"document": target.chart.observation("mixed", "p1", "vital-signs", "x")}),
        ("patient/Observation.u user/Observation.r", "PUT", foreign,
         {"document": target.chart.observation("o2", "p2", "laboratory", "x")}),
        ("patient/Observation.c user/Observation.r", "POST", "Observation", {"document": target.chart.new("p2")}),
        ("patient/Observation.d user/Observation.r", "DELETE", foreign, {}),
    ]  # fmt: skip


def mixed(target: Target) -> list[str]:
    before = [target.stored(f"Observation/{name}") for name in ("o1", "v1", "o2")]
    with target.untouched("scopes added up"):
        for scope, method, path, sent in _mixes(target):
            bearer = token(target, scope, user=practitioner(target))
            target.refused(target.fhir(method, path, bearer, **sent), f"{method} {path} with {scope}")
    after = [target.stored(f"Observation/{name}") for name in ("o1", "v1", "o2")]
    target.expect(before == after, "scopes added up changed a record")
    patient = token(target, "user/*.cruds patient/Observation.r", user=target.chart.ref("Patient/p1"))
    for name in ("Patient/p2", "Observation/o2", "Condition/k2"):
        target.refused(target.fhir("GET", target.chart.ref(name), patient), f"{name} for p1 as user", 404)
    target.fhir("GET", "Observation?_count=500", patient)
    return target.problems


def test_a14_scopes_are_never_added_up(target: Target) -> None:
    assert mixed(target) == []


def test_a14_twin_that_adds_scopes_up(holed: Any) -> None:
    assert len(mixed(holed(holes.scopes_are_added_up))) > 3


def nothing_granted(target: Target) -> list[str]:
    nobody: dict[str, Any] = {"patient": None, "user": practitioner(target)}
    bearers = {
        "openid only": token(target, "openid fhirUser", user=practitioner(target)), "words only": token(target, "openid offline_access"),
        "patient/ without a patient": token(target, "openid patient/*.cruds", **nobody),
        "launch/patient without a patient": token(target, "openid launch/patient patient/*.cruds", **nobody),
        "user/ without a user": token(target, "openid user/*.cruds"),
        "system/ by a launch": token(target, "openid system/*.cruds"), "patient/ by a backend service": backend(target, "patient/*.cruds"),
        "nonsense": token(target, "patient/Nonesuch.r nonsense"), "user/ by a backend service": backend(target, "user/*.cruds"),
    }  # fmt: skip
    for what, bearer in bearers.items():
        for path in (*(target.chart.ref(name) for name in ("Patient/p1", "Patient/p2", "Observation/o1", "Practitioner/dr")),
                     "Observation", "Patient", "Observation/_history", f"{target.chart.ref('Patient/p1')}/$everything"):  # fmt: skip
            reply = target.fhir("GET", path, bearer, never=(target.chart.own, *target.chart.secrets))
            target.refused(reply, f"{path} with {what}", 401, 403, 404, 501)
        target.refused(
            target.fhir("POST", "Observation", bearer, document=target.chart.new()),
            f"create with {what}",
            401,
            403,
            404,
        )
    return target.problems


def test_a15_no_fhir_scope_is_no_access(target: Target) -> None:
    assert nothing_granted(target) == []


def test_a15_twin_that_lets_everybody_in_whom_no_scope_binds(holed: Any) -> None:
    assert any("openid only" in each for each in nothing_granted(holed(holes.no_scope_is_no_limit)))
