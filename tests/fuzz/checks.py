"""What holds for every answer, whatever was asked. Each rule is a function of the pass; what it says is the fault."""

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from tests.fuzz.mutations import MARK
from tests.fuzz.records import CANARY
from tests.fuzz.wire import Got, Sent
from tests.fuzz.world import BACK, BASE, EHR, WIDE, bearer

TABLES = (
    "auth_clients", "auth_grants", "auth_codes", "auth_access_tokens", "auth_refresh_tokens", "fhir_resources", "fhir_versions",
    "fhir_terms", "auth_app_states",
)  # fmt: skip
"""What changes on success only. Launches and a client's ``jti`` are used up by a refused request too."""
CPU_LIMIT = 1.0
"""Seconds of this thread for one request."""
_LOUD = MARK.encode()
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_MARKUP = re.compile(rb"<(script>)?" + _LOUD)
_WIDE = tuple(bearer(name).encode() for name in WIDE)
SPOKEN = frozenset({"scope", "id_token"})
"""Members of a token answer that say what was asked for."""


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One request and all that came of it: ``before`` and ``after`` are counts of ``TABLES``, ``cpu`` is in seconds."""

    sent: Sent
    got: Got | None
    raised: BaseException | None
    before: tuple[int, ...]
    after: tuple[int, ...]
    logged: tuple[logging.LogRecord, ...]
    cpu: float

    @property
    def below(self) -> str:
        """The path below the issuer."""
        return self.sent.path.removeprefix(EHR)

    @property
    def location(self) -> str:
        return self.got.header(b"location") if self.got else ""

    @property
    def refused(self) -> bool:
        """Whether it was answered that nothing was done."""
        if self.got is None or self.got.status >= 400:
            return True
        return 300 <= self.got.status < 400 and "error" in dict(parse_qsl(urlsplit(self.location).query))


def _answered(it: Pass) -> str | None:
    if it.raised is not None:
        return f"raised {type(it.raised).__name__}: {it.raised}"
    assert it.got is not None
    if it.got.status == 501 and it.below.startswith("/fhir"):
        return None
    return None if 200 <= it.got.status < 500 else f"answered {it.got.status}"


def _quick(it: Pass) -> str | None:
    return f"took {it.cpu:.1f} s of CPU" if it.cpu > CPU_LIMIT else None


def _quiet(it: Pass) -> str | None:
    for record in it.logged:
        said = record.getMessage()
        if record.exc_info or record.levelno >= logging.ERROR:
            return f"logged {record.levelname} {said[:200]} {record.exc_info}"
        if MARK in said or MARK in str(record.args):
            return f"logged input: {said[:200]}"
    return None


def _no_echo(it: Pass) -> str | None:
    """A refusal repeats nothing but the id of its request; a redirect repeats only ``state``, and leads to a registered address."""
    got = it.got
    if got is None:
        return None
    headers = b"\n".join(
        value for name, value in got.headers if name != b"location" and not _request_id(it, name, value)
    ).lower()
    if got.status >= 400 and _LOUD in got.body.lower():
        return "the refusal repeats input"
    if got.status < 400 and got.header(b"content-type").startswith("text/html") and _MARKUP.search(got.body.lower()):
        return "input is markup in a page"
    if _LOUD in headers and not _allowed_origin(got):
        return "a header repeats input"
    return _repeats(it) or _token_repeats(it)


def _request_id(it: Pass, name: bytes, value: bytes) -> bool:
    """At the FHIR base an id comes back, and never another text."""
    return name == b"x-request-id" and it.below.startswith("/fhir") and bool(_ID.fullmatch(value))


def _allowed_origin(got: Got) -> bool:
    """A page's form-action, and CORS for an origin, name addresses; those are registered or public."""
    return got.status < 400 and MARK in got.header(b"content-security-policy")


def _repeats(it: Pass) -> str | None:
    said = it.location.lower()
    if MARK not in said:
        return None
    rest = [value for name, value in parse_qsl(urlsplit(it.location).query) if name != "state"]
    clean = MARK not in urlsplit(it.location)._replace(query="").geturl().lower()
    stored = it.got is not None and it.got.status in (200, 201) and it.below.startswith("/fhir")
    return None if stored or (clean and not any(MARK in value.lower() for value in rest)) else "Location repeats input"


def _token_repeats(it: Pass) -> str | None:
    if it.below not in ("/auth/token", "/auth/revoke") or it.got is None or _LOUD not in it.got.body:
        return None
    try:
        said = json.loads(it.got.body)
    except ValueError:
        return "tokens repeat input"
    return (
        None if all(name in SPOKEN or MARK not in str(value) for name, value in said.items()) else "tokens repeat input"
    )


LEADS_TO = (BACK, "http://127.0.0.1:9999/back?kept=1", "https://app.example/launch", f"{BASE}/")


def _leads_home(it: Pass) -> str | None:
    if it.got is None or not 300 <= it.got.status < 400 or not it.location:
        return None
    if it.got.status in (307, 308):
        return "sends the request on as it is (RFC 9700 §4.12)"
    return None if it.location.startswith(LEADS_TO) else "redirects elsewhere"


def _whole_headers(it: Pass) -> str | None:
    for name, value in it.got.headers if it.got else ():
        if re.search(rb"[\r\n\x00]", name + value):
            return f"header {name!r} holds a line end or NUL"
    return None


CROSS_SITE = b"Requests from other sites are refused here."


def _in_its_words(it: Pass) -> str | None:
    """A refusal is an OperationOutcome below the FHIR base and an OAuth error at the token's endpoints; tokens are not kept."""
    got = it.got
    if got is None or it.sent.method in ("HEAD", "OPTIONS") or got.status == 421 or got.body == CROSS_SITE:
        return None
    oauth = re.match(r"/auth/(token|introspect|revoke|register)$", it.below)
    if oauth and got.status != 405 and "no-store" not in got.header(b"cache-control"):
        return "may be kept by a cache"
    if got.status < 400 or not got.body or not (oauth or it.below.startswith("/fhir/")):
        return None
    try:
        said = json.loads(got.body)
    except ValueError:
        return "a refusal that is not JSON"
    return (
        None
        if said.get("resourceType") == "OperationOutcome" or (oauth and "error" in said)
        else "a refusal without words"
    )


def _nothing_half_done(it: Pass) -> str | None:
    """Counts change on success only, and never when FHIR is only read."""
    reading = it.sent.method in ("GET", "HEAD") and it.below.startswith("/fhir")
    if it.before == it.after or not (it.refused or reading):
        return None
    changed = [f"{name} {a}→{b}" for name, a, b in zip(TABLES, it.before, it.after, strict=False) if a != b]
    return f"{'reading' if reading else 'a refused request'} changed {', '.join(changed)}"


def _nobody_elses(it: Pass) -> str | None:
    """Only who may see every patient sees the second one."""
    if it.got is None or not it.below.startswith("/fhir") or CANARY.encode() not in it.got.body:
        return None
    said = [value for name, value in it.sent.headers if name == b"authorization"]
    return None if any(token in value for value in said for token in _WIDE) else "shows another patient's record"


RULES: Mapping[str, Callable[[Pass], str | None]] = {
    "no 5xx": _answered, "no hang": _quick, "no exception in logs": _quiet, "no echo": _no_echo, "redirects": _leads_home,
    "headers": _whole_headers, "words": _in_its_words, "nothing half-done": _nothing_half_done, "nobody else's": _nobody_elses,
}  # fmt: skip


def faults(it: Pass) -> dict[str, str]:
    """The rules that the pass breaks, and how."""
    return {rule: said for rule, check in RULES.items() if (said := check(it)) is not None}
