"""Edge: one page of a search as an EHR answered it: its matches, what it says is left out, and where it goes on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from auth.client.ehr import below
from r4 import codec
from vocabulary.chart import Resource

PARTIAL = frozenset({"incomplete", "suppressed", "too-costly", "timeout", "throttled", "forbidden", "security"})
"""Issue types that say of a search's answer that it is not all of it: https://hl7.org/fhir/R4/valueset-issue-type.html"""


class ForeignLink(Exception):
    """The next page of a search lies outside the EHR's own address: it is not asked for, with a token or without."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """``total`` is what the EHR says there is in all, None when it does not; ``entries`` how many this page has, of any
    kind; ``partial`` that an OperationOutcome in it says something was left out; ``next`` a path below the base."""

    matches: tuple[Resource, ...]
    entries: int
    total: int | None = None
    partial: bool = False
    next: str | None = None


def read_page(bundle: Mapping[str, Any], base: str) -> Page | None:
    """A searchset, or None when it is none. Raises ForeignLink."""
    if bundle.get("resourceType") != "Bundle":
        return None
    entries, total = _rows(bundle.get("entry")), bundle.get("total")
    found = [(each, each["resource"]) for each in entries if isinstance(each.get("resource"), dict)]
    return Page(
        matches=tuple(resource for entry, resource in found if _is_match(entry, resource)),
        entries=len(entries),
        total=total if isinstance(total, int) and not isinstance(total, bool) else None,
        partial=any(_says_partial(resource) for _, resource in found),
        next=_next(bundle, base),
    )


def head_link(body: bytes, base: str) -> str | None:
    """Where the next page is, when that stands before the entries, as most servers have it: known before the page is parsed.
    None when it is not there; whether it is right the page itself says."""
    head, found, _ = body.partition(b'"entry"')
    if not found:
        return None
    try:
        bundle = codec.parse(head + b'"entry":[]}')
        return _next(bundle, base) if isinstance(bundle, dict) else None
    except (codec.CodecError, ForeignLink):
        return None


def _is_match(entry: Mapping[str, Any], resource: Resource) -> bool:
    """Outcomes and includes are not part of the chart."""
    search = entry.get("search")
    mode = search.get("mode") if isinstance(search, dict) else None
    return resource.get("resourceType") != "OperationOutcome" and mode not in ("outcome", "include")


def _says_partial(resource: Resource) -> bool:
    return resource.get("resourceType") == "OperationOutcome" and any(
        issue.get("severity") in ("fatal", "error") or any(issue.get("code") == each for each in PARTIAL)
        for issue in _rows(resource.get("issue"))
    )


def _next(bundle: Mapping[str, Any], base: str) -> str | None:
    """The next page's path below the base; a link may be relative to it (R4 http §3.1.0.1.2)."""
    for link in _links(bundle):
        url = urljoin(f"{base.rstrip('/')}/", link)
        if not below(base, url):
            raise ForeignLink("the next page of a search lies outside the EHR's own address")
        parts = urlsplit(url)
        path = parts.path.removeprefix(urlsplit(base).path.rstrip("/")).lstrip("/")
        return f"{path}?{parts.query}" if parts.query else path
    return None


def _links(bundle: Mapping[str, Any]) -> Iterator[str]:
    for link in _rows(bundle.get("link")):
        if link.get("relation") == "next" and isinstance(link.get("url"), str):
            yield link["url"]


def _rows(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
