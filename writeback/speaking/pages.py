"""A search to its end, without a socket: an EHR answers in pages (R4 §3.1.1.4.1), and may leave out of a search what it does not
know, so that what is looked for may stand on any of them. What was not seen to its end is not known not to be there."""

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from writeback.speaking.answers import Answer, Failure, Request, tells_of_an_error

MOST = 20
"""Pages that are read of one search."""
Found = list[dict[str, Any]]


def read(path: str) -> Request:
    """The request of what the EHR has now: a read, a search, or the link of a further page."""
    return Request(method="GET", path=path, headers={"accept": "application/fhir+json", "cache-control": "no-cache"})


def searched(
    path: str, wanted: Callable[[Mapping[str, Any]], bool]
) -> Generator[Request, Answer | Failure, Found | Answer | Failure]:
    """The wanted ones of all that the search finds, or the reply by which that cannot be known: one that is no page, tells of
    an error, or is not the last one and has none after it."""
    found: Found = []
    reply: Answer | Failure = "unsent"
    seen = 0
    for _ in range(MOST):
        reply = yield read(path)
        bundle = reply.resource() if isinstance(reply, Answer) and reply.status == 200 else None
        if bundle is None or bundle["resourceType"] != "Bundle":
            return reply
        page = list(_resources(bundle))
        if any(tells_of_an_error(each) for each in page):
            return reply
        found, seen = [*found, *filter(wanted, page)], seen + len(page)
        following = _next(bundle)
        if following is None:
            return reply if not found and _more(bundle, seen) else found
        path = following
    return found or reply


def _resources(bundle: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            yield resource


def _next(bundle: Mapping[str, Any]) -> str | None:
    links = bundle.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"])
    return None


def _more(bundle: Mapping[str, Any], seen: int) -> bool:
    """Whether it says that it has found more than it has shown."""
    total = bundle.get("total")
    return isinstance(total, int) and not isinstance(total, bool) and total > seen
