"""What is compared of an answer: everything that R4 says, nothing of how a server says it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2

from r4 import codec
from tests.contract.differential.sides import BASE, Side

NO_RECORDS = frozenset({"OperationOutcome", "Bundle", "CapabilityStatement"})
PAGES = 12
"""Pages of a search that are read."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request. ``{name}`` in the path, the headers and the body stands for the id that an earlier step of the case
    was given and bound to this name."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    bind: str = ""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Requests in a row; ``kind`` is what the case is about."""

    kind: str
    steps: tuple[Step, ...]


class Seen(NamedTuple):
    """An answer. ``ids`` are those of a Bundle over all pages, or of the resource, in order where an order was asked for;
    ``included`` what came along; ``versions`` by id; ``contents`` the resources without what a server adds."""

    status: int
    outcome: bool
    etag: str = ""
    location: str = ""
    total: int | None = None
    ids: tuple[str, ...] = ()
    included: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()


async def observe(side: Side, case: Case) -> tuple[Seen, ...]:
    """The case's answers, one after the other."""
    names: dict[str, str] = {}
    return tuple([await _step(side, step, names) for step in case.steps])


async def _step(side: Side, step: Step, names: dict[str, str]) -> Seen:
    path, body = _filled(step.path, names), step.body
    if body is not None and names:
        body = _filled(body.decode("utf-8", "surrogateescape"), names).encode("utf-8", "surrogateescape")
    headers = {name: _filled(value, names) for name, value in step.headers.items()}
    answer = await side.ask(step.method, path, headers, body)
    if step.bind and "location" in answer.headers:
        names[step.bind] = answer.headers["location"].removeprefix(f"{BASE}/").split("/")[1]
    parsed = _parsed(answer)
    documents = [parsed]
    while len(documents) < PAGES and (link := _next(documents[-1])):
        documents.append(_parsed(await side.ask("GET", link, {}, None)))
    return _seen(answer, parsed, documents, {id: f"{{{name}}}" for name, id in names.items()}, "_sort=" in step.path)


def _filled(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: names.get(match[1], match[0]), text) if names else text


def _parsed(answer: httpx2.Response) -> Any:
    try:
        return codec.parse(answer.content) if answer.content else None
    except codec.CodecError:
        return None


def _next(document: Any) -> str:
    links = document.get("link", ()) if isinstance(document, dict) else ()
    return next((str(link["url"]) for link in links if link.get("relation") == "next"), "")


def _seen(answer: httpx2.Response, parsed: Any, documents: list[Any], ours: dict[str, str], sorted_: bool) -> Seen:
    kind = parsed.get("resourceType") if isinstance(parsed, dict) else None
    entries = [entry for page in documents if isinstance(page, dict) for entry in page.get("entry", ())]
    found = [_name(entry) for entry in entries if entry.get("search", {}).get("mode") != "include"]
    along = [_name(entry) for entry in entries if entry.get("search", {}).get("mode") == "include"]
    bodies = [entry.get("resource") for entry in entries] if kind == "Bundle" else [parsed]
    bodies = [body for body in bodies if isinstance(body, dict) and body.get("resourceType") not in NO_RECORDS]
    listed = kind == "Bundle" and (sorted_ or parsed.get("type") != "searchset")
    seen = Seen(
        status=answer.status_code, outcome=kind == "OperationOutcome", etag=_etag(answer.headers.get("etag", "")),
        location=_place(answer.headers.get("location", "")), total=parsed.get("total") if kind == "Bundle" else None,
        ids=tuple(found), included=tuple(sorted({*along} - {*found})),
        versions=tuple(sorted({_version(body) for body in bodies})), contents=tuple(sorted({*map(_content, bodies)})),
    )  # fmt: skip
    named = Seen(*(_ours(value, ours) for value in seen))
    ids = named.ids if listed else tuple(sorted(named.ids))
    return named._replace(ids=ids, versions=tuple(sorted(named.versions)), contents=tuple(sorted(named.contents)))


def _ours(value: Any, ours: Mapping[str, str]) -> Any:
    """The value with names in the place of the ids that a server gave."""
    if isinstance(value, tuple):
        return tuple(_ours(each, ours) for each in value)
    if isinstance(value, str):
        for id, name in ours.items():
            value = re.sub(rf"(?<![\w-]){re.escape(id)}(?![\w-])", name, value)
        return _GIVEN.sub("{new}", value)
    return value


_GIVEN = re.compile(
    r'(?:(?<=[a-z]/)(?<!_history/)|(?<="id":"))(?:[0-9]{1,9}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![\w-])'
)
"""An id that a server gave and that nothing was bound to."""


def _name(entry: Mapping[str, Any]) -> str:
    """An entry of a searchset, a history or a response in one line."""
    resource, request, response = (entry.get(member) or {} for member in ("resource", "request", "response"))
    name = f"{resource.get('resourceType')}/{resource['id']}" if "id" in resource else _place(entry.get("fullUrl", ""))
    if not response:
        return name
    if resource.get("resourceType") == "Bundle":
        name = " ".join(sorted(_name(each) for each in resource.get("entry", ())))
    outcome = " OperationOutcome" if "outcome" in response else ""
    said = f"{str(response.get('status', ''))[:3]} {_place(response.get('location', ''))} {_etag(response.get('etag', ''))}"
    return f"{request.get('method', '')} {name} {said}{outcome}".strip()


def _place(address: str) -> str:
    """An address below the base; another form is shown as it is."""
    return (
        address.removeprefix(f"{BASE}/")
        if address.startswith(BASE)
        else f"[{urlsplit(address).netloc}]{address}"
        if address
        else ""
    )


def _etag(text: str) -> str:
    return text


def _version(body: Mapping[str, Any]) -> str:
    meta = body.get("meta") or {}
    stamped = "" if "lastUpdated" in meta else " without lastUpdated"
    return f"{body.get('resourceType')}/{body.get('id')} {meta.get('versionId')}{stamped}"


def _content(body: Mapping[str, Any]) -> str:
    """The resource without what servers add on their own."""
    said = {name: value for name, value in body.items() if name not in ("meta", "text")}
    meta = {
        name: sorted(map(str, value))
        for name, value in (body.get("meta") or {}).items()
        if name in ("tag", "profile", "security")
    }
    return codec.format(_ordered({**said, "meta": meta})).decode().replace(f'"{BASE}/', '"')


def _ordered(value: Any) -> Any:
    """The same with members in the order of their names: JSON gives it no meaning."""
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(each) for each in value] if isinstance(value, list) else value
