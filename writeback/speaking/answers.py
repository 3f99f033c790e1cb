"""What an EHR's answer to a write means, as one table (HTTP semantics RFC 9110; FHIR R4 §3.1.0).

What matters is only this: was the request processed? ``later`` says it was not, ``unsure`` that nobody knows.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from r4 import codec
from vocabulary.write import Strategy
from writeback.retry import parse_retry_after

Meaning = Literal["accepted", "later", "unsure", "refused", "several"]

_LOCATION = re.compile(
    r"(?:^|/)([A-Z][A-Za-z]{1,63})/(?!\.{1,2}(?:/|$))([A-Za-z0-9.-]{1,64})(?:/_history/([A-Za-z0-9.-]{1,64}))?/?$"
)
_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~-]{1,64}")
"""An id that can stand in an address as it is (RFC 3986 §2.3), of FHIR's length: any other is none that we could read,
and one that no database takes would hold up the record of everything that was sent beside it."""
_VERSION = re.compile(r"[!#-~]{1,64}")
"""What an entity tag may hold (RFC 9110 §8.8.3), of FHIR's length: ``If-Match`` says it again."""
_ETAG = re.compile(r'(?:W/)?"?([A-Za-z0-9.-]{1,64})"?')


class Request(Struct, frozen=True, kw_only=True, gc=False):
    """``path`` is below the EHR's FHIR base. ``writes`` says whether it could change anything there."""

    method: str
    path: str
    headers: Mapping[str, str] = {}
    body: bytes | None = None

    @property
    def writes(self) -> bool:
        return self.method != "GET"


class Answer(Struct, frozen=True, kw_only=True, gc=False):
    """An HTTP answer; header names are lower case. ``shown`` is its resource where it was read from another answer."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    shown: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"Answer(status={self.status})"  # the rest may be a patient's

    def resource(self) -> dict[str, Any] | None:
        """The FHIR resource in the body, or None: empty, HTML, broken, no ``resourceType``."""
        if self.shown is not None:
            return self.shown
        if not self.body.lstrip().startswith(b"{"):
            return None
        try:
            document = codec.parse(self.body)
        except codec.CodecError:
            return None
        return document if isinstance(document, dict) and isinstance(document.get("resourceType"), str) else None


def word_of(answer: Answer) -> str:
    """What an answer says in a word of the EHR's own, where it is no FHIR resource: its ``key``; empty for none."""
    if answer.resource() is not None or not answer.body.lstrip().startswith(b"{"):
        return ""
    try:
        said = codec.parse(answer.body).get("key")
    except codec.CodecError:
        return ""
    return said if isinstance(said, str) else ""


Failure = Literal["unsent", "no_token", "answer_lost"]
"""No answer at all: the request never left, could not be armed with a token, or was sent in vain."""
Reply = Answer | Failure
JSON = "application/fhir+json"

TABLE: Mapping[int, tuple[Meaning, Meaning, Meaning]] = {
    # status: PUT by id,   conditional,  plain POST
    400: ("refused",  "refused",  "refused"),
    401: ("later",    "later",    "later"),     # refused before it was processed; the token is renewed by the sender
    403: ("refused",  "refused",  "refused"),
    404: ("refused",  "refused",  "refused"),   # the type or the address is not there: no retry mends that
    405: ("refused",  "refused",  "refused"),
    408: ("unsure",   "unsure",   "unsure"),
    409: ("later",    "later",    "unsure"),    # two at once; on a plain POST it may be the echo of our own first try
    410: ("refused",  "refused",  "refused"),   # somebody deleted it: it is not brought back to life
    412: ("refused",  "several",  "refused"),   # more than one match
    413: ("refused",  "refused",  "refused"),
    415: ("refused",  "refused",  "refused"),
    422: ("refused",  "refused",  "refused"),
    425: ("later",    "later",    "later"),
    429: ("later",    "later",    "later"),
    501: ("refused",  "refused",  "refused"),
}  # fmt: skip
_COLUMN: Mapping[Strategy, int] = {"put": 0, "conditional": 1, "post": 2, "edit": 0}


def classify(answer: Answer, strategy: Strategy, *, named: bool = False) -> Meaning:
    """What the answer to a write means. A success that is no FHIR answer (a log-in page, a proxy) is none: unsure.
    ``named`` says that it is known to name a place."""
    status = answer.status
    if 200 <= status < 300:
        return "accepted" if named or _plausible(answer, strategy) else "unsure"
    if 300 <= status < 400:
        return (
            "later" if status in (307, 308) else "unsure"
        )  # the others may say that it was processed (RFC 9110 §15.4)
    if status in TABLE:
        return TABLE[status][_COLUMN[strategy]]
    if status == 503 and parse_retry_after(answer.headers.get("retry-after"), 0.0) is not None:
        return "later"  # it says when: it has not been processed
    return "refused" if 400 <= status < 500 else "unsure"


def _plausible(answer: Answer, strategy: Strategy) -> bool:
    """A 2xx names what it made or shows it; after a PUT the place is known, and it need only not be a page, nor tell of an
    error."""
    if place_of(answer) is not None:
        return True
    resource = answer.resource()
    spoken = not answer.body.strip() or (resource is not None and not tells_of_an_error(resource))
    return strategy == "put" and spoken and "html" not in answer.headers.get("content-type", "")


def tells_of_an_error(resource: Mapping[str, Any]) -> bool:
    """Whether it is an OperationOutcome with an issue that is more than a warning."""
    issues = resource.get("issue") if resource.get("resourceType") == "OperationOutcome" else None
    found = [issue for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []
    return any(issue.get("severity") in ("error", "fatal") for issue in found)


class Place(Struct, frozen=True, kw_only=True, gc=False):
    """Where the EHR keeps a resource; ``version`` None when it does not say."""

    type: str
    id: str
    version: str | None = None

    @property
    def location(self) -> str:
        return f"{self.type}/{self.id}"


def place_of(answer: Answer) -> Place | None:
    """From ``Location`` or ``Content-Location`` (absolute or relative, versioned or not), else from the body; the
    version also from ``ETag``. None when the answer names no resource."""
    for name in ("location", "content-location"):
        match = _LOCATION.search(answer.headers.get(name, "").partition("?")[0])
        if match:
            return Place(type=match[1], id=match[2], version=match[3] or _etag(answer))
    resource = answer.resource()
    id = None if resource is None or resource["resourceType"] == "OperationOutcome" else id_in(resource)
    if resource is None or id is None:
        return None
    return Place(type=resource["resourceType"], id=id, version=version_in(resource) or _etag(answer))


def id_in(resource: Mapping[str, Any]) -> str | None:
    """The resource's id, when it has one that can be asked for."""
    return _text(resource.get("id"), _ID)


def version_in(resource: Mapping[str, Any]) -> str | None:
    """``meta.versionId``, when it is there."""
    meta = resource.get("meta")
    return _text(meta.get("versionId"), _VERSION) if isinstance(meta, dict) else None


def _text(value: Any, form: re.Pattern[str]) -> str | None:
    return value if isinstance(value, str) and form.fullmatch(value) else None


def _etag(answer: Answer) -> str | None:
    match = _ETAG.fullmatch(answer.headers.get("etag", "").strip())
    return match[1] if match else None


def healthy(answer: Answer) -> bool:
    """The EHR is up and answering for itself; a refusal is an answer too."""
    return answer.status < 500 and answer.status not in (408, 429)


_CODE = re.compile(r"[A-Za-z0-9._-]{1,40}")
MOST_ISSUES = 8


def issue_codes(answer: Answer) -> tuple[str, ...]:
    """What an OperationOutcome says in codes: issue types (``processing``) and, after a slash, the EHR's own
    (``business-rule/59189``). Its texts may hold patient data and are left alone."""
    resource = answer.resource()
    issues = resource.get("issue") if resource and resource["resourceType"] == "OperationOutcome" else None
    found = [_issue(issue) for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []
    return tuple(dict.fromkeys(code for code in found if code))[:MOST_ISSUES]


_TRACE = re.compile(r"[A-Za-z0-9._:/+=-]{1,100}")
TRACES = ("x-request-id", "opc-request-id")
"""Headers in which an EHR says how it calls a request: R4 §3.1.0.16; ``opc-request-id``: Oracle Health Millennium."""


def traces(answer: Answer, key: str) -> tuple[str, ...]:
    """How the EHR calls the request in its own logs, as ``header/id``, for whoever has to ask there; not what was only sent
    back (it begins as the delivery's ``key``)."""
    said = ((name, answer.headers.get(name, "")) for name in TRACES)
    return tuple(f"{name}/{id}" for name, id in said if _TRACE.fullmatch(id) and not id.startswith(key[:8]))


def _issue(issue: Mapping[str, Any]) -> str:
    details = issue.get("details")
    codings = details.get("coding") if isinstance(details, dict) else None
    own = [coding.get("code") for coding in codings if isinstance(coding, dict)] if isinstance(codings, list) else []
    return "/".join(code for code in (issue.get("code"), *own[:1]) if isinstance(code, str) and _CODE.fullmatch(code))
