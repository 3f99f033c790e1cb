"""Bodies that two readers would read in two ways, or that cost more to read than to send."""

import gzip
from typing import Any

from r4 import codec
from tests.abuse import holes_of_requests
from tests.abuse.sign_in import FULL, token
from tests.abuse.target import Target


def _documents(target: Target) -> list[tuple[str, bytes, str]]:
    chart = target.chart
    new = codec.format(chart.new())
    one, two = (codec.format(chart.to(f"Patient/{name}")) for name in ("p1", "p2"))
    json, deep = (
        "application/fhir+json",
        b'{"resourceType":"Observation","extension":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    )
    nested = b'{"extension":[' * 20_000 + b"{}" + b"]}" * 20_000
    doctype = b'<?xml version="1.0"?><!DOCTYPE o [<!ENTITY e SYSTEM "file:///etc/passwd">]><Observation xmlns="http://hl7.org/fhir">&e;</Observation>'
    laughs = b'<!DOCTYPE o [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Observation xmlns="http://hl7.org/fhir">&b;</Observation>'
    quantity = b'"valueQuantity":{"value":%s,"unit":"x"},'
    return [
        *((f"XML as {kind}", body, kind) for body in (doctype, laughs) for kind in ("application/fhir+xml", "application/xml", "text/xml", json)),
        ("subject twice", new.replace(b'"subject":' + one, b'"subject":' + two + b',"subject":' + one), json),
        ("subject twice, the other last", new.replace(b'"subject":' + one, b'"subject":' + one + b',"subject":' + two), json),
        ("reference twice", new.replace(one, one[:-1] + b',"reference":"' + chart.ref("Patient/p2").encode() + b'"}'), json),
        ("an escaped second name", new.replace(b'"subject":' + one, b'"subject":' + one + b',"\\u0073ubject":' + two), json),
        ("resourceType twice", new.replace(b'"resourceType":"Observation"', b'"resourceType":"Observation","resourceType":"Patient"'), json),
        ("another case", new.replace(b'"subject"', b'"Subject"'), json), ("a comment", new[:-1] + b"/* x */}", json), ("a second document", new + new, json),
        ("a trailing comma", new[:-1] + b",}", json), ("single quotes", new.replace(b'"', b"'"), json), ("not an object", b"[]", json), ("null", b"null", json),
        ("nothing", b"", json), ("a string", b'"x"', json), ("half", new[: len(new) // 2], json), ("a byte-order mark", b"\xef\xbb\xbf" + new, "x/y"),
        ("UTF-16", new.decode().encode("utf-16"), json), ("UTF-7", new, json + "; charset=utf-7"), ("UTF-16 as said", new.decode().encode("utf-16"), json + "; charset=utf-16"),
        ("bad UTF-8", new.replace(b"measurement", b"\xff\xfe"), json), ("an overlong form", new.replace(b"measurement", b"\xc0\xaf"), json),
        ("a lone surrogate", new.replace(b"measurement", b"\\ud800"), json), ("a NUL", new.replace(b"measurement", b"\\u0000"), json),
        ("NaN", new.replace(b'"valueString":"value"', (quantity % b"NaN")[:-1]), json), ("Infinity", new.replace(b'"valueString":"value"', (quantity % b"-Infinity")[:-1]), json),
        ("a huge exponent", new.replace(b'"valueString":"value"', (quantity % b"1e999999999")[:-1]), json),
        ("a huge number", new.replace(b'"valueString":"value"', (quantity % (b"9" * 100_000))[:-1]), json), ("deep lists", deep, json), ("deep objects", nested, json),
        ("a large body", new[:-1] + b',"id":"' + b"x" * 6_000_000 + b'"}', json), ("a form", b"resourceType=Observation", "application/x-www-form-urlencoded"),
        ("multipart", new, "multipart/form-data; boundary=x"), ("text", new, "text/plain"), ("ndjson", new + b"\n" + new, "application/fhir+ndjson"),
    ]  # fmt: skip


def bodies(target: Target) -> list[str]:
    bearer = token(target, FULL)
    with target.untouched("an odd body"):
        for what, body, kind in _documents(target):
            for method, path in (
                ("POST", "Observation"),
                ("PUT", f"Observation/odd-{target.chart.run}"),
                ("POST", ""),
                ("POST", "Observation/_search"),
            ):
                if (kind, path) == ("application/x-www-form-urlencoded", "Observation/_search"):
                    continue
                reply = target.fhir(method, path, bearer, body=body, headers=[("content-type", kind)])
                target.refused(reply, f"{what} by {method} {path}")
                target.expect(b"root:" not in reply.body and len(reply.body) < 20_000, f"{what} is echoed")
        for encoding, body in (
            ("gzip", gzip.compress(codec.format(target.chart.new()))),
            ("gzip", gzip.compress(b" " * 50_000_000)),
            ("br", b"x"),
            ("deflate", b"x"),
            ("gzip, identity", b"x"),
        ):
            headers = [("content-type", "application/fhir+json"), ("content-encoding", encoding)]
            target.refused(
                target.fhir("POST", "Observation", bearer, body=body, headers=headers), f"a body in {encoding}"
            )
    made = target.raw("Observation", {"_id": f"odd-{target.chart.run}"})
    target.expect(not made, "an odd body was stored")
    return target.problems


def test_a31_a_body_is_read_in_one_way_or_not_at_all(target: Target) -> None:
    assert bodies(target) == []


def test_a31_twin_with_a_reader_that_takes_the_last_of_two(holed: Any) -> None:
    problems = bodies(holed(holes_of_requests.json_is_read_leniently))
    assert any("subject twice" in each for each in problems)
