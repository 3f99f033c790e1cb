"""What the records of launches say: the requests of the app, read."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from conformance.evidence import Evidence, Exchange, Missing
from conformance.suites.gateway.ehr import SMART, TOKEN

Record = Mapping[str, Any]
_TAGS, _WORD = re.compile(r"<(script|style)\b.*?</\1>|<[^>]+>", re.S), re.compile(r"[^\W\d_]{3,}")


def record(evidence: Evidence, name: str) -> Record:
    """One launch. Raises Missing."""
    found: Record = evidence[name]
    return found


def records(evidence: Evidence) -> Iterator[tuple[str, Record]]:
    """All launches. Raises Missing."""
    for name in evidence["cases"]:
        yield name, record(evidence, name)


def authorization(evidence: Evidence, name: str) -> Mapping[str, str]:
    """The parameters of the authorization request. Raises Missing when the app asked for none."""
    found = record(evidence, name)["authorize"]
    if found is None:
        raise Missing(f"an authorization request ({name})")
    return query(found)


def query(exchange: Exchange) -> Mapping[str, str]:
    """The parameters of an address."""
    return dict(parse_qsl(urlsplit(exchange.url).query, keep_blank_values=True))


def form(exchange: Exchange) -> Mapping[str, str]:
    """The parameters of a form."""
    return dict(parse_qsl(exchange.content.decode("utf-8", "replace"), keep_blank_values=True))


def token_requests(found: Record, *grants: str) -> list[Exchange]:
    """The requests at the token endpoint, of these grant types when any are named."""
    asked = [each for each in found["asked"] if urlsplit(each.url).path == TOKEN]
    return [each for each in asked if not grants or form(each).get("grant_type") in grants]


def exchanged(evidence: Evidence, name: str) -> Exchange:
    """The request that redeemed the code. Raises Missing."""
    found = token_requests(record(evidence, name), "authorization_code")
    if not found:
        raise Missing(f"a request for a token ({name})")
    return found[0]


def all_token_requests(evidence: Evidence, *grants: str) -> list[Exchange]:
    """Those of all launches. Raises Missing when there is none."""
    found = [each for _, one in records(evidence) for each in token_requests(one, *grants)]
    if not found:
        raise Missing(f"a request at the token endpoint with {' or '.join(grants) or 'any grant type'}")
    return found


def fhir_requests(found: Record) -> list[Exchange]:
    """The requests below the FHIR base that are for records."""
    paths = ("/fhir/.well-known/", "/fhir/auth/", "/fhir/metadata")
    asked = [each for each in found["asked"] if urlsplit(each.url).path.startswith("/fhir/")]
    return [each for each in asked if not urlsplit(each.url).path.startswith(paths)]


def all_fhir_requests(evidence: Evidence) -> list[Exchange]:
    """Those of all launches. Raises Missing when there is none."""
    found = [each for _, one in records(evidence) for each in fhir_requests(one)]
    if not found:
        raise Missing("a request for records")
    return found


def served(evidence: Evidence, name: str, path: str) -> Record:
    """The launch, if the app met what this case is about. Raises Missing: it may keep an earlier answer."""
    found = record(evidence, name)
    if not any(urlsplit(each.url).path.startswith(path) for each in found["asked"]):
        raise Missing(f"a request for {path}: the app keeps an earlier answer ({name})")
    return found


def discovered(evidence: Evidence, name: str) -> Record:
    """The launch, if the app asked for discovery in it."""
    return served(evidence, name, SMART)


def pages(found: Record) -> list[Exchange]:
    """What the person's browser was answered."""
    more = [found["page"]] if "page" in found else []
    return [*found["pages"], *found.get("callback", ()), *found.get("callback again", ()), *more]


def last_page(found: Record) -> Exchange:
    """Where the person ended. Raises Missing."""
    shown = pages(found)
    if not shown:
        raise Missing("a page")
    return shown[-1]


def words(page: Exchange) -> set[str]:
    """The words that a page shows."""
    text = _TAGS.sub(" ", page.body.decode("utf-8", "replace"))
    return {word.lower() for word in _WORD.findall(text)}
