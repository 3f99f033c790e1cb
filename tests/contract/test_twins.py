"""Every check can fail: the evidence of a clean run is spoilt in one place after another until the check finds a problem.

This is the failing twin of each check, but for those that a mutant names (tests/mutants): they have a whole server. A check
that nothing fails looks at its evidence and never says no.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from conformance.check import Check, check, judge
from conformance.evidence import Evidence, Exchange
from conformance.run import Report
from conformance.suites import SUITES
from tests.mutants import tables

FOREIGN = b'{"resourceType":"Bundle","total":999,"entry":[{"resource":{"resourceType":"Patient","id":"foreign"}}]}'
NAMED = frozenset().union(*(made().caught_by for made in tables().values()))
CHECKS = [(name, item) for name, suite in SUITES.items() for item in suite.checks]


def spoilt(value: Any) -> Iterator[Any]:
    """The same value, wrong in one way: of a table or a list, first all of it alike, then each in turn."""
    if isinstance(value, Exchange):
        yield from spoilt_exchanges(value)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, 0, 10**9)
    elif isinstance(value, str):
        yield from (f"{value}x", "")
    elif isinstance(value, Mapping):
        yield {}
        yield from (dict(zip(value, others, strict=True)) for others in alike(list(value.values())))
        for name, each in value.items():
            yield from ({**value, name: other} for other in spoilt(each))
    elif isinstance(value, list | tuple):
        yield []
        yield [*value, *value]
        yield from alike(list(value))
        for place, each in enumerate(value):
            yield from ([*value[:place], other, *value[place + 1 :]] for other in spoilt(each))
    elif isinstance(value, set | frozenset):
        yield from (set(), {*value, "another"})
    elif value is None:
        yield "something"


def alike(values: list[Any]) -> Iterator[list[Any]]:
    """All of them spoilt in the same way, as long as each has one more way."""
    ways = [spoilt(each) for each in values]
    while values:
        others = [next(way, None) for way in ways]
        if all(other is None for other in others):
            return
        yield [each if other is None else other for each, other in zip(values, others, strict=True)]


def spoilt_exchanges(each: Exchange) -> Iterator[Exchange]:
    """Another status, a redirect with a code, no headers, no body, a body of something else, too much in it or too little."""
    for status in (500, 200, 201, 401, 404):
        yield replace(each, status=status)
    code = {"location": "https://app.example/callback?code=stolen&state=other", "access-control-allow-origin": "*"}
    yield replace(each, status=302, headers={**each.headers, **code})
    yield replace(each, headers={})
    yield replace(each, body=b"")
    yield replace(each, body=b"{}")
    yield replace(each, status=200, body=b'{"access_token":"x","token_type":"Bearer","active":true,"client_id":"x"}')
    yield replace(each, status=200, body=FOREIGN)
    yield replace(each, body=each.body + each.content, status=200)
    yield replace(each, body=each.body.replace(b"true", b"false"))
    yield replace(each, body=each.body.replace(b"0", b"9"))
    yield replace(each, body=poorer(each))
    yield replace(each, status=200, body=empty(each))
    yield replace(each, seconds=1e6)
    yield from (replace(each, body=body) for body in lacking(each))


def lacking(each: Exchange) -> Iterator[bytes]:
    """A JSON answer that is no resource, one of its members empty."""
    try:
        document = json.loads(each.body)
    except ValueError:
        return
    if isinstance(document, dict) and "resourceType" not in document:
        yield from (json.dumps({**document, name: {}}).encode() for name in document)


def poorer(each: Exchange) -> bytes:
    """The body's resources with nothing but type and id."""
    try:
        document = json.loads(each.body)
    except ValueError:
        return b""
    if isinstance(document, dict) and isinstance(document.get("entry"), list):
        entries = [
            {**entry, "resource": bare(entry.get("resource"))} for entry in document["entry"] if isinstance(entry, dict)
        ]
        return json.dumps({**document, "entry": entries}).encode()
    return json.dumps(bare(document)).encode()


def empty(each: Exchange) -> bytes:
    """A record of the type that was asked for, without anything in it."""
    type = urlsplit(each.url).path.partition("/fhir/")[2].split("/")[0] or "Basic"
    return b'{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"%b"}}]}' % type.encode()


def bare(resource: Any) -> Any:
    return (
        {name: resource[name] for name in ("resourceType", "id") if name in resource}
        if isinstance(resource, dict)
        else resource
    )


def falls(item: Check, suite: str, evidence: Evidence) -> bool:
    """Whether some spoilt evidence makes it fail."""
    kept, changed = dict(evidence.items()), copy(evidence)
    for name in reads(item, suite, evidence):
        for other in spoilt(kept[name]):
            changed[name] = other
            if judge(item, suite, changed).result == "fail":
                return True
        changed[name] = kept[name]
    return False


def copy(evidence: Evidence) -> Evidence:
    made = Evidence()
    for name, value in evidence.items():
        made[name] = value
    return made


def reads(item: Check, suite: str, evidence: Evidence) -> list[str]:
    """The names that it looks at."""
    seen: list[str] = []

    class Watched(Evidence):
        def __getitem__(self, name: str) -> Any:
            seen.append(name)
            return super().__getitem__(name)

    watched = Watched()
    for name, value in evidence.items():
        watched[name] = value
    judge(item, suite, watched)
    return list(dict.fromkeys(seen))


@pytest.mark.parametrize(("suite", "item"), [pytest.param(*each, id=each[1].id) for each in CHECKS])
def test_a_check_fails_when_its_evidence_is_spoilt(clean: Report, suite: str, item: Check) -> None:
    result = judge(item, suite, clean.evidence).result
    if result == "pass":
        assert item.id in NAMED or falls(item, suite, clean.evidence)
    else:
        assert item.slow or SUITES[suite].plays, "it did not pass on our own EHR"


def test_a_check_that_never_says_no_is_noticed(clean: Report) -> None:
    """The failing twin of the twins."""

    @check("x")
    def meek(evidence: Evidence) -> Iterator[str]:
        """Looks and says nothing."""
        evidence.seen("metadata")
        yield from ()

    assert judge(meek, "s", clean.evidence).result == "pass"
    assert not falls(meek, "s", clean.evidence)
