"""Which values of a run's exchanges a report must not show: tokens and secrets, ids of records, and what is said of people.

Each gets a name in its place, ``$ACCESS_TOKEN_1`` or ``$PATIENT_2``: the same value has the same name everywhere in a report.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from conformance.evidence import Exchange, parse, split

SECRET = {
    "access_token": "ACCESS_TOKEN", "refresh_token": "REFRESH_TOKEN", "id_token": "ID_TOKEN", "code": "CODE",
    "client_secret": "CLIENT_SECRET", "client_assertion": "CLIENT_ASSERTION", "code_verifier": "CODE_VERIFIER",
    "token": "TOKEN", "registration_access_token": "REGISTRATION_TOKEN", "password": "PASSWORD", "launch": "LAUNCH",
    "assertion": "CLIENT_ASSERTION", "id_token_hint": "ID_TOKEN", "username": "USERNAME", "login_hint": "USERNAME",
}  # fmt: skip
"""Parameters and members whose values open something."""
PRIVATE_KEY = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
OURS = 12
"""A shorter value than this that only we sent is a wrong one that a check made up, and opens nothing; but for these."""
ALWAYS = frozenset({"CLIENT_SECRET", "COOKIE", "ADDRESS_CREDENTIAL"})
SHORTEST = 4
"""A secret is looked for from this length on: a shorter one stands in half of all words."""
PEOPLE = frozenset({"Patient", "RelatedPerson", "Practitioner", "Person"})
SAID = frozenset({"family", "given", "text", "value", "line", "city", "postalCode", "birthDate", "div", "display"})
"""Elements of a person whose values are that person's own."""
LISTED = frozenset({"patients", "users"})
"""Members of the launcher that list people."""


def secrets_of(exchanges: Iterable[Exchange]) -> dict[str, str]:
    """Each secret and the name of its kind."""
    answered: dict[str, str] = {}
    asked: dict[str, str] = {}
    for exchange in exchanges:
        answered.update(_told(exchange))
        asked.update(_sent(exchange))
    kept = {
        value: kind
        for value, kind in asked.items() if value in answered or kind in ALWAYS or len(value) >= OURS
    }  # fmt: skip
    return {value: kind for value, kind in {**kept, **answered}.items() if len(value) >= SHORTEST}


def _told(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """What the answer gave."""
    address = split(exchange.headers.get("location", ""))
    for pairs in (address.query, address.fragment):
        yield from _named(parse_qsl(pairs))
    if "set-cookie" in exchange.headers:
        yield exchange.headers["set-cookie"].partition(";")[0].partition("=")[2], "COOKIE"
    yield from _members(exchange.table)


def _sent(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """What the request carried."""
    address = split(exchange.url)
    yield from _named(parse_qsl(address.query))
    for said in (address.username, address.password):
        if said:
            yield from ((form, "ADDRESS_CREDENTIAL") for form in (said, unquote(said)))
    scheme, _, value = exchange.sent.get("authorization", "").partition(" ")
    if value:
        yield value.strip(), "CLIENT_SECRET" if scheme.lower() == "basic" else "ACCESS_TOKEN"
    for pair in exchange.sent.get("cookie", "").split(";"):
        yield pair.partition("=")[2], "COOKIE"
    if "urlencoded" in exchange.sent.get("content-type", ""):
        yield from _named(parse_qsl(exchange.content.decode("utf-8", "replace")))
    elif exchange.incoming or b"_token" in exchange.content:
        yield from _members(_json(exchange.content))


def _named(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in pairs:
        if name in SECRET:
            yield value, SECRET[name]


def _members(value: Any) -> Iterator[tuple[str, str]]:
    """Secret members of a JSON value that is no FHIR resource, at any depth; of a key, its private half."""
    if isinstance(value, list):
        for each in value:
            yield from _members(each)
    elif isinstance(value, dict) and "resourceType" not in value:
        for name, each in value.items():
            if isinstance(each, str) and (name in SECRET or (name in PRIVATE_KEY and "kty" in value)):
                yield each, SECRET.get(name, "PRIVATE_KEY")
            else:
                yield from _members(each)


def ids_of(exchanges: Iterable[Exchange]) -> dict[tuple[str, str], None]:
    """``(type, id)`` of every record that was seen, in the order of being seen."""
    found: dict[tuple[str, str], None] = {}
    for exchange in exchanges:
        for document in (exchange.document, _json(exchange.content)):
            found.update(dict.fromkeys((kind, id) for kind, id in _ids(document) if id))
    return found


def _ids(document: Any) -> Iterator[tuple[str, str]]:
    for resource in _resources(document):
        if isinstance(resource.get("id"), str) and resource["resourceType"] != "Bundle":
            yield str(resource["resourceType"]), resource["id"]
    if isinstance(document, dict) and "resourceType" not in document:
        for name in ("patient", "encounter"):
            if isinstance(document.get(name), str):
                yield name.capitalize(), document[name]
        for each in document.get("patients") or () if isinstance(document.get("patients"), list) else ():
            if isinstance(each, dict) and isinstance(each.get("id"), str):
                yield "Patient", each["id"]


def people_of(exchanges: Iterable[Exchange]) -> set[str]:
    """What was said of people: names, addresses, numbers, dates of birth."""
    found: set[str] = set()
    for exchange in exchanges:
        document = exchange.document
        for resource in _resources(document):
            if resource["resourceType"] in PEOPLE:
                found.update(_said(resource))
        if isinstance(document, dict):
            for name in LISTED & document.keys():
                found.update(
                    str(each["name"]) for each in document[name] or () if isinstance(each, dict) and each.get("name")
                )
    return found


def _resources(document: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(document, dict) and isinstance(document.get("resourceType"), str):
        yield document
        entries = document.get("entry")
        for each in entries if isinstance(entries, list) else ():
            if isinstance(each, dict):
                yield from _resources(each.get("resource"))


def _said(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _said(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from _said(each, name)
    elif isinstance(value, str) and name in SAID:
        yield value


def _json(content: bytes) -> Any:
    return parse(content) if content[:1] in (b"{", b"[") else None
