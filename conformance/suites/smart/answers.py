"""How answers are judged: each finds what is wrong with one, in words that hold no value of it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange, Missing, NotOffered, Number, split
from conformance.scope_words import covers, of_fhir

Judge = Callable[[Exchange], Problems]
INVALID_CLIENT = ("invalid_client",)
INVALID_GRANT = ("invalid_grant",)
WRONG_METADATA = ("invalid_redirect_uri", "invalid_client_metadata")


def refused(answer: Exchange, *errors: str) -> Problems:
    """A token endpoint refuses with 400 or 401 and one of these OAuth errors (RFC 6749 §5.2)."""
    if answer.status not in (400, 401):
        yield f"answered {answer.status} instead of 400 or 401"
    if answer.table.get("error") not in errors:
        yield f"does not answer one of the errors {', '.join(errors)}"
    if "access_token" in answer.table:
        yield "gave an access token"


def stopped(answer: Exchange, *errors: str) -> Problems:
    """An authorization request ends in an error, on a page or at the redirect address, and never with a code."""
    given = answer.redirected
    if "code" in given or "access_token" in answer.headers.get("location", ""):
        yield "gave a code or a token"
    elif answer.status in (302, 303):
        if given.get("error") not in errors:
            yield f"does not redirect with one of the errors {', '.join(errors)}"
    elif not 400 <= answer.status < 500:
        yield f"answered {answer.status}"


def not_redirected(answer: Exchange) -> Problems:
    """What may not redirect is a 4xx page (RFC 6749 §4.1.2.1)."""
    if not 400 <= answer.status < 500:
        yield f"answered {answer.status} instead of an error page"
    if "location" in answer.headers:
        yield "redirected all the same"


def not_registered(answer: Exchange) -> Problems:
    """A registration is refused with 400 and one of the errors of RFC 7591 §3.2.2."""
    if answer.status != 400 or answer.table.get("error") not in WRONG_METADATA:
        yield f"answered {answer.status}, or none of the errors {', '.join(WRONG_METADATA)}"
    if "client_id" in answer.table:
        yield "made a client"


def token_given(answer: Exchange) -> Problems:
    """An access token is given."""
    if answer.status != 200 or not isinstance(answer.table.get("access_token"), str):
        yield f"answered {answer.status}, or no token"


def code_given(answer: Exchange) -> Problems:
    """The browser is sent to the redirect address with a code."""
    if answer.status not in (302, 303):
        yield f"answered {answer.status} instead of a redirect"
    if not answer.redirected.get("code"):
        yield "gave no code"


def opens(answer: Exchange) -> Problems:
    """A FHIR request is answered."""
    if answer.status != 200:
        yield f"answered {answer.status} instead of 200"


def opens_nothing(answer: Exchange) -> Problems:
    """A token that is none any more is 401 (RFC 6750 §3.1)."""
    if answer.status != 401:
        yield f"was answered with {answer.status} instead of 401"


def forbidden(answer: Exchange) -> Problems:
    """What the scopes do not cover is 403 (401 is tolerated)."""
    if answer.status not in (401, 403):
        yield f"was answered with {answer.status} instead of 403"


def readable(answer: Exchange) -> Problems:
    """A page of the origin that asked may read the answer (Fetch §CORS). Raises Missing where no page asked."""
    if "origin" not in answer.sent:
        raise Missing("a request of a page: the redirect address of this client is none on the web")
    if answer.headers.get("access-control-allow-origin") not in ("*", answer.sent["origin"]):
        yield "Access-Control-Allow-Origin allows neither this origin nor all"


def not_kept(answer: Exchange) -> Problems:
    """No cache keeps the answer (RFC 9111 §5.2.2.5)."""
    if "no-store" not in answer.headers.get("cache-control", "").lower():
        yield "Cache-Control lacks no-store"


def is_json(answer: Exchange) -> Problems:
    """The answer says that it is JSON."""
    if answer.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        yield "is not application/json"


_BEARER = re.compile(r"(^|,)\s*bearer\b", re.IGNORECASE)


def names_bearer(answer: Exchange) -> Problems:
    """Bearer is among the schemes that are told (RFC 6750 §3), whatever others there are."""
    if not _BEARER.search(answer.headers.get("www-authenticate", "")):
        yield "WWW-Authenticate does not say Bearer"


def beyond(answer: Exchange, scope: str) -> list[str]:
    """The FHIR scopes that were granted beyond these, in whatever spelling."""
    return [word for word in of_fhir(" ".join(words(answer))) if not covers(scope, word)]


def has(configuration: Mapping[str, Any], word: str) -> bool:
    """Whether a SMART configuration names it: a member, a capability, a grant type."""
    lists = (configuration.get("capabilities"), configuration.get("grant_types_supported"))
    return configuration.get(word) is not None or any(isinstance(each, list) and word in each for each in lists)


def needing(*names: str) -> Callable[[Iterable[Check]], tuple[Check, ...]]:
    """Makes of checks the same, of what only a server owes whose configuration has one of these names."""

    def gated(item: Check) -> Check:
        def find(evidence: Evidence) -> Problems:
            found = evidence.seen("smart")
            if found.status != 200 or not found.table:
                raise Missing("the smart-configuration")
            if not any(has(found.table, name) for name in names):
                raise NotOffered(" or ".join(names))
            yield from item.find(evidence)

        return replace(item, find=find)

    return lambda checks: tuple(map(gated, checks))


def sent(answer: Exchange) -> Mapping[str, str]:
    """The parameters of the request's own address."""
    return dict(parse_qsl(split(answer.url).query, keep_blank_values=True))


def words(answer: Exchange) -> set[str]:
    """The scopes that an answer says were granted."""
    return set(str(answer.table.get("scope", "")).split())


def number(value: Any) -> int | None:
    """A JSON number as a whole number; None for what is none."""
    try:
        return int(value) if isinstance(value, Number) else None
    except ValueError:
        return None


def one(name: str, id: str, title: str, requirements: Iterable[str], judge: Judge) -> Check:
    """A check that judges one answer."""

    def find(evidence: Evidence) -> Problems:
        yield from judge(evidence.seen(name))

    find.__doc__, find.__name__ = title, id
    return check(*requirements)(find)


def refusing(*errors: str) -> Judge:
    """``refused`` with these errors."""
    return lambda answer: refused(answer, *errors)


def stopping(*errors: str) -> Judge:
    """``stopped`` with these errors."""
    return lambda answer: stopped(answer, *errors)
