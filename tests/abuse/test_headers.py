"""Methods, headers and formats by which a request means something else to somebody further on."""

from typing import Any

from tests.abuse import holes, holes_of_requests
from tests.abuse.sign_in import FULL, NARROW, answered, launch, request, token, tokens, verifier
from tests.abuse.target import Target

OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override", "X-HTTP-Method-Override")


def methods(target: Target) -> list[str]:
    chart = target.chart
    own, foreign = chart.ref("Observation/override"), chart.ref("Observation/o2")
    target.fhir("PUT", own, token(target, FULL), document=chart.observation("override", "p1", "laboratory", "x"))
    before = target.stored("Observation/override")
    with target.untouched("a method that is another"):
        for scope in (NARROW, FULL):
            bearer = token(target, scope)
            for method in (
                "OPTIONS",
                "TRACE",
                "CONNECT",
                "get",
                "Get",
                "delete",
                "DELETE ",
                "PROPFIND",
                "PATCH2",
                "QUERY",
                "",
                "GET\n",
            ):
                for path in (own, foreign):
                    reply = target.fhir(method, path, bearer)
                    fine = reply.status >= 400 or (method == "OPTIONS" and not reply.body)
                    target.expect(fine, f"{method!r} was answered {reply.status}")
            head, get = (target.fhir(method, foreign, bearer) for method in ("HEAD", "GET"))
            target.expect(head.status == get.status == 404, "HEAD tells of p2's")
            for header in OVERRIDES:
                for method in ("GET", "POST", "PUT"):
                    for wanted in ("DELETE", "PUT", "PATCH"):
                        reply = target.fhir(method, own, bearer, headers=[(header, wanted)], document=chart.new())
                        target.expect(
                            method == "GET" or reply.status >= 400, f"{method} as {wanted} was answered {reply.status}"
                        )
                body = {"document": chart.new()}
                target.fhir("POST", "Observation", bearer, headers=[(header, "GET")], **body)
            for query in ("_method=DELETE", "_method=PUT", "X-HTTP-Method-Override=DELETE"):
                for method in ("GET", "POST"):
                    sent = {"form": {"_method": "DELETE"}} if method == "POST" else {}
                    target.refused(target.fhir(method, f"{own}?{query}", bearer, **sent), f"{method}?{query}")
    target.expect(before == target.stored("Observation/override"), "a method that is another changed a record")
    return target.problems


def test_a29_a_method_is_what_the_request_line_says(target: Target) -> None:
    assert methods(target) == []


def test_a29_twin_that_obeys_an_override(holed: Any) -> None:
    assert methods(holed(holes_of_requests.overrides_are_obeyed)) != []


FORMATS = ("xml", "application/fhir+xml", "html", "text/html", "ttl", "text/turtle", "application/fhir+turtle", "ndjson",
           "application/x-ndjson", "text/plain", "json", "application/fhir+ndjson", "rdf", "text/csv", "%00", "application/pdf")  # fmt: skip


def formats(target: Target) -> list[str]:
    bearer = token(target, FULL)
    for kind in FORMATS:
        for path in (
            target.chart.ref("Observation/o1"),
            "Observation",
            target.chart.ref("Observation/o2"),
            f"Patient?_id={target.chart.id('p2')}",
        ):
            for query, accept in ((f"_format={kind}", "*/*"), ("", kind), (f"_format={kind}&_pretty=true", kind)):
                whole = f"{path}{'&' if '?' in path else '?'}{query}" if query else path
                reply = target.fhir("GET", whole, bearer, headers=[("accept", accept.replace("%00", "x"))])
                said = reply.header("content-type").partition(";")[0]
                target.expect(said in ("application/fhir+json", ""), f"{whole} as {accept} was answered as {said}")
                target.expect(not reply.body or "resourceType" in reply.json, f"{whole} as {accept} is not JSON")
    return target.problems


def test_a30_every_answer_is_json_that_was_looked_at(target: Target) -> None:
    assert formats(target) == []


def test_a30_twin_that_formats_as_it_is_asked(holed: Any) -> None:
    assert formats(holed(holes_of_requests.formats_are_obeyed)) != []


FORWARDED = (
    ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https"), ("x-forwarded-prefix", "/evil"), ("forwarded", "host=evil.example;proto=https"),
    ("x-forwarded-for", "127.0.0.1"), ("x-original-url", "/ehr/spec/fhir/Patient/{p2}"), ("x-rewrite-url", "/ehr/spec/fhir/Patient/{p2}"),
    ("x-fhir-starter", "{p2}"), ("x-fhir-patient", "{p2}"), ("x-consent-decision", "permit"), ("x-partition-name", "ALL"), ("x-request-tenant-partition-ids", "_ALL"),
    ("x-provenance", '{"resourceType":"Provenance"}'), ("x-security-context", "Patient/{p2}"), ("x-progressive-query", "1"), ("x-total-mode", "accurate"),
    ("x-upsert-extistence-check", "disabled"), ("x-rewrite-history", "1"), ("x-user", "admin"), ("x-remote-user", "admin"), ("host", "evil.example"),
    ("cache-control", "no-store, max-results=500"), ("prefer", "handling=lenient"), ("range", "bytes=0-10"), ("expect", "100-continue"),
    ("content-location", "{p2}"), ("connection", "authorization"), ("te", "trailers"), ("cookie", "session=x"),
)  # fmt: skip


def smuggled(target: Target) -> list[str]:
    chart, bearer = target.chart, token(target, FULL)
    for name, value in FORWARDED:
        header = (name, value.replace("{p2}", chart.id("p2")))
        for path in ("Observation?_count=1", chart.ref("Observation/o1"), chart.ref("Observation/o2"), "metadata"):
            reply = target.fhir("GET", path, bearer, headers=[header])
            target.expect(b"evil" not in reply.body and "evil" not in str(reply.headers), f"{name} got into the answer")
        made = target.fhir("POST", "Observation", bearer, document=chart.new(), headers=[header])
        target.expect("evil" not in str(made.headers) and b"evil" not in made.body, f"{name} got into Location")
        target.refused(
            target.fhir("POST", "Observation", bearer, document=chart.new("p2"), headers=[header]),
            f"create for p2 with {name}",
        )
    second = token(target, FULL, patient="p2")
    secrets = {"never": chart.secrets}
    for header in (
        f"Bearer {bearer}, Bearer {second}",
        f"bearer {second} {bearer}",
        f"Bearer  {second}x",
        f"Basic {second}",
        f"Token {second}",
        f"Bearer\t{second}",
        f"Bearer {second}\x0b",
        "Bearer",
    ):
        target.refused(
            target.fhir("GET", chart.ref("Patient/p2"), headers=[("authorization", header)], **secrets),
            "an odd Authorization",
            401,
        )
    for pair in ((bearer, second), (second, bearer), (second, second)):
        headers = [("authorization", f"Bearer {each}") for each in pair]
        target.refused(
            target.fhir("GET", chart.ref("Patient/p2"), headers=headers, **secrets),
            "two Authorization headers",
            400,
            401,
        )
    for method, sent in (("GET", {}), ("POST", {"form": {"access_token": second}})):
        for name in ("access_token", "ACCESS_TOKEN", "access%5Ftoken", "token", "authorization"):
            for given in (None, bearer):
                path = (
                    f"Patient/_search?{name}={second}"
                    if method == "POST"
                    else f"{chart.ref('Patient/p2')}?{name}={second}"
                )
                target.refused(
                    target.fhir(method, path, given, **sent, **secrets), f"a token as {name} in the address of {method}"
                )
    target.refused(
        target.fhir("POST", "Patient/_search", form={"access_token": second}, **secrets), "a token in a form", 400, 401
    )
    small = target.fhir("GET", chart.ref("Observation/o1"), headers=[("authorization", f"bearer {bearer}")])
    target.expect(small.status in (200, 401), "bearer in small letters is answered otherwise")
    return target.problems


def test_a38_a_header_adds_nothing_to_a_token(target: Target) -> None:
    assert smuggled(target) == []


def test_a38_twin_that_believes_a_forwarded_host(holed: Any) -> None:
    assert any("x-forwarded-host" in each for each in smuggled(holed(holes_of_requests.forwarded_host_is_believed)))


def test_a38_twin_that_takes_the_last_of_two_tokens(holed: Any) -> None:
    assert any("two Authorization" in each for each in smuggled(holed(holes_of_requests.last_token_counts)))


def neighbours(target: Target) -> list[str]:
    chart, bearer, there = target.chart, token(target, FULL), target.neighbour.name
    system = tokens(target, FULL)["access_token"]
    for given in (bearer, system):
        for path in (
            f"/fhir/{chart.ref('Patient/p1')}",
            "/fhir/Observation",
            "/fhir/Patient",
            f"/fhir/{chart.ref('Patient/p2')}",
        ):
            target.refused(
                target.ask("GET", path, token=given, ehr=there, never=(chart.own, *chart.secrets)),
                f"{path} of the neighbour",
                401,
            )
            climbed = target.ask("GET", f"/../{there}{path}", token=given, never=(chart.own, *chart.secrets))
            target.refused(climbed, "a path to the neighbour")
            climbed = target.ask(
                "GET", f"/fhir/..%2F..%2F{there}{path}", token=given, never=(chart.own, *chart.secrets)
            )
            target.refused(climbed, "an encoded path to the neighbour")
        reply = target.ask(
            "POST", "/auth/introspect", form={"token": given}, headers=[("authorization", f"Bearer {given}")], ehr=there
        )
        target.refused(reply, "introspection at the neighbour", 401)
    for audience in (
        target.neighbour.fhir,
        f"{target.ehr.fhir}/../../{there}/fhir",
        "https://evil.example/fhir",
        target.ehr.base,
        None,
    ):
        asked = request(
            target,
            "public",
            f"launch {FULL}",
            verifier()[1],
            launch=launch(target, "public", patient=chart.id("p1")),
            aud=audience,
        )
        said = answered(target.ask("GET", "/auth/authorize", query=asked))
        target.expect("code" not in said, f"a code for the audience {audience}")
    return target.problems


def test_a37_a_token_of_one_ehr_opens_nothing_at_another(target: Target) -> None:
    assert neighbours(target) == []


def test_a37_twin_with_one_table_of_tokens_for_all(holed: Any) -> None:
    assert neighbours(holed(holes.tokens_are_shared)) != []
