"""Reads of one resource and of histories, errors of every class, and bundles."""

from collections.abc import Callable
from random import Random
from typing import Any

from r4 import codec
from tests.contract.differential.observing import Case, Step
from tests.contract.differential.records import TAGS
from tests.contract.differential.writing import FHIR, SIMPLE, Writing, step

BROKEN = (
    b"{", b"", b"[]", b"null", b'"text"', b'{"resourceType":', b'{"resourceType":"Basic","resourceType":"Basic"}',
    b'{"resourceType":"Basic","code":{"text":"\xff"}}', b"<Basic/>", b'{"resourceType":"Nothing"}', b"{}",
    b'{"resourceType":"Patient","gender":"male"}', b'{"resourceType":"Basic","code":{"text":"a"},}',
)  # fmt: skip
PATHS = (
    ("GET", "Nothing"), ("GET", "Nothing/1"), ("GET", "Patient/a_b"), ("GET", "Bundle/1"), ("GET", "StructureMap"), ("GET", "Patient/x/y/z"),
    ("POST", "Patient/abc"), ("DELETE", "Nothing/1"), ("PUT", "Patient"), ("GET", "Patient/" + "a" * 65), ("PATCH", "Patient"),
    ("GET", "Patient/$nothing"), ("POST", "$nothing"), ("GET", "Patient/abc/_history/abc"), ("OPTIONS", "Patient"),
    ("GET", "metadata"), ("GET", "_history?_count=0"), ("GET", "Patient/_history?_since=never"),
)  # fmt: skip
QUERIES = (
    "unknown=1", "name:nothing=a", "birthdate=yesterday", "birthdate=zz2020", "_count=x", "_count=-1", "_sort=unknown",
    "_sort=-", "_include=Patient", "_include=Patient:unknown", "_revinclude=Observation:code", "_include=*", "_summary=all",
    "_total=some", "_elements=", "_page=abc", "_cursor=abc", "general-practitioner.unknown=1", "_has:Observation:patient=1",
    "_has:Observation:unknown:code=1", "identifier=a|b|c", "_include:iterate=Patient:organization", "_format=xml", "_id:not=a",
    "gender:in=x", "_lastUpdated=2020-13", "active:missing=maybe", "_count=3&_count=4", "name=", "_text=a", "_content=a",
    "_filter=a", "_list=a", "birthdate=2020-02-30", "phone=%00", "_count=0", "_tag=a,b,,c",
)  # fmt: skip


class Erring:
    """Draws single requests: most of them wrong."""

    def __init__(self, random: Random, records: list[dict[str, Any]], run: str) -> None:
        self.random, self.records, self._run = random, records, run
        self.writing = Writing(random, records, run + "e")

    def drawn(self) -> Case:
        """One case out of many."""
        kinds: tuple[tuple[str, Callable[[], Step]], ...] = (
            ("read", self._read), ("read", self._read), ("version", self._version), ("shape", self._shape), ("history", self._history),
            ("body", self._broken), ("element", self._element), ("element", self._element), ("reference", self._reference),
            ("path", self._path), ("query", self._query), ("header", self._header), ("condition", self._condition),
        )  # fmt: skip
        kind, make = self.random.choice(kinds)
        return Case(kind=kind, steps=(make(),))

    def _place(self) -> str:
        body = self.random.choice(self.records)
        return f"{body['resourceType']}/{body['id']}"

    def _read(self) -> Step:
        place = self._place() if self.random.random() < 0.8 else f"{self.random.choice(SIMPLE)}/{self._run}none"
        since = self.random.choice(("Wed, 01 Jan 2020 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT", "yesterday"))
        headers: dict[str, str] = self.random.choice((
            {}, {}, {"if_none_match": 'W/"1"'}, {"if_none_match": 'W/"2"'}, {"if_none_match": "*"},
            {"if_none_match": "1"}, {"if_modified_since": since}, {"accept": "application/fhir+xml"}, {"accept": "application/json"},
        ))  # fmt: skip
        return step(self.random.choice(("GET", "GET", "HEAD")), place, **headers)

    def _version(self) -> Step:
        return step(
            "GET", f"{self._place()}/_history/{self.random.choice(('1', '1', '2', '0', '01', 'x', '99999999999'))}"
        )

    def _shape(self) -> Step:
        shape = self.random.choice(("_summary=true", "_summary=text", "_summary=data", "_summary=false", "_summary=count",
                                    "_elements=status", "_elements=identifier,code", "_summary=some", "unknown=1"))  # fmt: skip
        return step("GET", f"{self._place()}?{shape}")

    def _history(self) -> Step:
        span = self.random.choice(("", "", "?_count=1", "?_since=2020-01-01", "?_since=2100-01-01T00:00:00Z", "?_count=x",
                                   "?_since=2020-01-01&_count=5", "?_at=2020", "?_at=2100", "?unknown=1", "?_sort=date"))  # fmt: skip
        return step("GET", f"{self._place()}/_history{span}")

    def _broken(self) -> Step:
        method, path = self.random.choice((("POST", "Basic"), ("PUT", f"Basic/{self.writing.id()}"), ("POST", "")))
        kind = self.random.choice(
            (FHIR, FHIR, {"content-type": "text/plain"}, {"content-type": "application/fhir+xml"})
        )
        return Step(method=method, path=path, headers=kind, body=self.random.choice(BROKEN))

    def _element(self) -> Step:
        """A resource with one thing wrong, or nothing."""
        body = self.writing.resource()
        name = self.random.choice(sorted(set(body) - {"resourceType", "id", "meta"}))
        value = body[name]
        changes: tuple[Callable[[], Any], ...] = (
            lambda: body.pop(name), lambda: body.update(unknownElement="x"), lambda: body.update({name: {"a": 1}}),
            lambda: body.update({name: 7}), lambda: body.update({name: [value]}), lambda: body.update({name: None}),
            lambda: body.update({name: []}), lambda: body.update({name: ""}), lambda: body.update(language=["en"]),
            lambda: body.update(implicitRules="not a uri"), lambda: body.update(id="a_b"), lambda: body.update(extension=[{"url": "x"}]),
            lambda: body.update(meta={"lastUpdated": "yesterday"}), lambda: body.update(contained=[{"resourceType": "Nothing"}]),
            lambda: body.update(text={"status": "generated", "div": "<script/>"}), lambda: body.update(status="no such status"),
        )  # fmt: skip
        self.random.choice(changes)()
        if self.random.random() < 0.5:
            return step("POST", body["resourceType"], body)
        return step("PUT", f"{body['resourceType']}/{body['id']}", body)

    def _reference(self) -> Step:
        body = self.writing.resource(self.random.choice(("Observation", "Condition", "ServiceRequest")))
        target = self.random.choice(self.records)
        body["subject"] = {"reference": self.random.choice((
            "Patient/nobody", "Nothing/1", "http://example.org/fhir/Patient/1", "Patient?identifier=x", "patient", "#nothing", "urn:uuid:x",
            f"Patient/{self.writing.known['Patient'][0]}/_history/1", f"Patient/{self.writing.known['Patient'][0]}/_history/9", "",
            f"http://127.0.0.1:8700/ehr/spec/fhir/Patient/{self.writing.known['Patient'][1]}", f"{target['resourceType']}/{target['id']}",
            f"Patient/{self.writing.known['Patient'][0]}", "Patient/a b",
        ))}  # fmt: skip
        return step("POST", body["resourceType"], body)

    def _path(self) -> Step:
        method, path = self.random.choice(PATHS)
        return step(method, path, {"resourceType": "Patient"} if method in ("POST", "PUT") else None)

    def _query(self) -> Step:
        lenient = {"prefer": "handling=lenient"} if self.random.random() < 0.2 else {}
        return step("GET", f"Patient?{self.random.choice(QUERIES)}&_tag={TAGS}%7C{self._run}", **lenient)

    def _header(self) -> Step:
        body = self.writing.resource()
        headers: dict[str, str] = self.random.choice((
            {"if_match": "abc"}, {"if_match": 'W/"1'}, {"content_encoding": "gzip"}, {"x_http_method_override": "DELETE"},
            {"accept": "text/html"}, {"prefer": "return=everything"}, {"if_none_match": "*"}, {"accept": "application/fhir+json;q=0"},
        ))  # fmt: skip
        return step("PUT", f"{body['resourceType']}/{body['id']}", body, **headers)

    def _condition(self) -> Step:
        body, _ = self.writing.keyed()
        type = body["resourceType"]
        condition = self.random.choice(
            (
                "unknown=1",
                "",
                "_count=1",
                "identifier=",
                "?identifier=a|b",
                f"{type}?identifier=a|b",
                "_has:x=1",
                "code:nothing=1",
            )
        )
        return step("POST", type, body, if_none_exist=condition)


def bundle(kind: str, *entries: dict[str, Any]) -> Step:
    """A batch or a transaction."""
    return Step(
        method="POST",
        path="",
        headers=FHIR,
        body=codec.format({"resourceType": "Bundle", "type": kind, "entry": [*entries]}),
    )
