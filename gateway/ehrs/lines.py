"""Edge: what an EHR's answers mean for a gateway that is registered with it: one rule a line or two, pure."""

from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime

from auth import scopes
from auth.client.ehr import origin
from auth.discovery import SmartConfiguration
from auth.keys import parse_key_set
from gateway.ehrs.facts import Facts, Line, Trouble
from gateway.ehrs.fetch import Fetched
from gateway.ehrs.scheduled import schedules
from gateway.ehrs.writing import bundles, writes
from gateway.vendors import vendor_of

SKEW = 60.0
"""Seconds between the EHR's clock and ours from which on signed assertions and id_tokens are at risk: both leave 30 s of
leeway (RFC 7519 §4.1.4)."""
Rule = Callable[[Facts], Iterator[Line]]
TELL = "Tell whoever runs the EHR."
UNSAID = "there is no SMART configuration to say so"


def judged(facts: Facts) -> Iterator[Line]:
    """Every line, in the order in which they matter; a rule whose subject is missing says that it was skipped."""
    for rule in RULES:
        yield from rule(facts)


def reachable(facts: Facts) -> Iterator[Line]:
    """Whether anything answers."""
    answers = (facts.discovery, facts.metadata)
    if any(isinstance(each, Fetched) for each in answers):
        yield Line("reachable", "pass", f"it answers, in {facts.seconds * 1000:.0f} ms")
        return
    trouble = next(each for each in answers if isinstance(each, Trouble))
    yield Line("reachable", "fail", trouble.happened, trouble.advice)


def tls(facts: Facts) -> Iterator[Line]:
    """Whether what is said to it is private."""
    ehr = facts.ehr
    if not ehr.issuer.startswith("https://"):
        yield Line("tls", "warn", "no TLS, which is possible on this machine only", "Register the https address.")
    elif isinstance(facts.discovery, Fetched):
        by = "the registered authority or the system's" if ehr.ca else "the system's authorities"
        shows = "; a client certificate is shown to whoever wants one" if ehr.certificate else ""
        yield Line("tls", "pass", f"its certificate is verified by {by}{shows}")
    else:
        yield Line("tls", "skip", "nothing was heard from it")


def clock(facts: Facts) -> Iterator[Line]:
    """Whether its clock and ours agree."""
    answer = next((each for each in (facts.discovery, facts.metadata) if isinstance(each, Fetched)), None)
    if answer is None:
        yield Line("clock", "skip", "nothing was heard from it")
        return
    try:
        skew = parsedate_to_datetime(answer.headers["date"]).timestamp() - facts.now
    except (KeyError, ValueError, OverflowError):
        yield Line("clock", "warn", "its answer has no Date: whether the clocks agree is not known", TELL)
        return
    if abs(skew) > SKEW:
        where = "ahead of" if skew > 0 else "behind"
        yield Line(
            "clock", "warn", f"its clock is {abs(skew):.0f} s {where} ours: signatures and id_tokens will be refused",
            "Synchronise this machine with a time server (chronyc tracking), or ask them to.",
        )  # fmt: skip
    else:
        yield Line("clock", "pass", f"its clock and ours differ by {abs(skew):.0f} s")


def discovery(facts: Facts) -> Iterator[Line]:
    """Whether its SMART configuration can be read (SMART App Launch 2.2 conformance §using-well-known)."""
    answer = facts.discovery
    if not isinstance(answer, Fetched):
        yield Line("discovery", "skip", "nothing was heard from it")
    elif 300 <= answer.status < 400:
        yield Line("discovery", "fail", "its SMART configuration is a redirect, and none is followed",
                   "Register the address that it redirects to, if that is the iss of its launches.")  # fmt: skip
    elif answer.status != 200:
        yield Line("discovery", "fail", f"it has no SMART configuration at its address (status {answer.status})",
                   "Check the issuer: it is the FHIR base, without metadata or .well-known at its end.")  # fmt: skip
    elif facts.unusable is not None:
        yield Line("discovery", "fail", f"its SMART configuration cannot be used. {facts.unusable}", TELL)
    elif not answer.headers.get("content-type", "").lower().startswith("application/json"):
        yield Line("discovery", "warn", "its SMART configuration does not call itself application/json", TELL)
    else:
        yield Line("discovery", "pass", "its SMART configuration can be used")


def endpoints(facts: Facts) -> Iterator[Line]:
    """Whether its endpoints are at origins that it was registered with (mix-up, smart-auth B08)."""
    found = facts.configuration
    if found is None:
        yield Line("endpoints", "skip", "there is no SMART configuration to say where they are")
        return
    named = (found.token_endpoint, found.authorization_endpoint, found.jwks_uri)
    foreign = sorted({origin(url) or "an address without TLS" for url in named if url and not facts.ehr.allows(url)})
    if foreign:
        words = " ".join(f"--origin {each}" for each in foreign if "://" in each) or "an https address"
        yield Line("endpoints", "fail", f"it names endpoints at {', '.join(foreign)}: not registered, so never contacted",
                   f"If that is right (ask them): chartgate ehrs add … {words}.")  # fmt: skip
    else:
        yield Line("endpoints", "pass", "its endpoints are where they may be")


def issuer(facts: Facts) -> Iterator[Line]:
    """Whether it calls itself what we call it: ``iss`` is compared byte for byte."""
    implementation = (facts.statement or {}).get("implementation")
    url = implementation.get("url") if isinstance(implementation, dict) else None
    if isinstance(url, str) and url != facts.ehr.issuer:
        yield Line("issuer", "warn", "its CapabilityStatement gives another address of itself than the registered issuer",
                   "See which of the two its launches send as iss: that one, byte for byte, must be registered.")  # fmt: skip
    elif facts.statement is not None:
        yield Line("issuer", "pass", "it gives no other address of itself than the registered issuer")
    else:
        yield Line("issuer", "skip", "there is no CapabilityStatement")
    found = facts.configuration
    said = (facts.openid or {}).get("issuer")
    if found is not None and found.issuer is not None and said not in (None, found.issuer):
        yield Line("openid-issuer", "fail", "its two discovery documents name different issuers: no id_token will hold",
                   TELL)  # fmt: skip


def pkce(facts: Facts) -> Iterator[Line]:
    """Whether a stolen code is worthless (SMART App Launch 2.2 §considerations-for-pkce-support)."""
    found = facts.configuration
    if facts.unusable is not None and facts.unusable.startswith("code_challenge"):
        yield Line("pkce", "fail", f"it does not do what every launch must: {facts.unusable}", TELL)
        return
    if found is None:
        yield Line("pkce", "skip", UNSAID)
        return
    if "S256" in found.code_challenge_methods_supported:
        yield Line("pkce", "pass", "PKCE with S256")
    else:
        yield Line("pkce", "warn", "it does not offer PKCE with S256, as launches must have",
                   "Backend services only, until they offer it.")  # fmt: skip


def authentication(facts: Facts) -> Iterator[Line]:
    """Whether it takes the registered way of proving who we are."""
    found, ehr = facts.configuration, facts.ehr
    if found is None:
        yield Line("authentication", "skip", UNSAID)
        return
    offered, algorithms = (
        found.token_endpoint_auth_methods_supported,
        found.token_endpoint_auth_signing_alg_values_supported,
    )
    public = ehr.method == "none" and "client-public" in found.capabilities
    if not offered and not public:
        yield Line("authentication", "warn", "it does not say how clients may authenticate",
                   f"See whether {ehr.method} is what they registered.")  # fmt: skip
    elif not public and ehr.method not in offered:
        known = [each for each in offered if each in KNOWN_METHODS] or ["none that this gateway has"]
        yield Line("authentication", "fail", f"it does not take {ehr.method}; it takes {', '.join(known)}",
                   "Register again with a --method that it takes.")  # fmt: skip
    elif ehr.method == "private_key_jwt" and algorithms and ehr.algorithm not in algorithms:
        yield Line("authentication", "fail", f"it does not take signatures by {ehr.algorithm}",
                   "Register again with the other --algorithm (RS384, ES384).")  # fmt: skip
    else:
        yield Line("authentication", "pass", f"it takes {ehr.method}")


KNOWN_METHODS = ("private_key_jwt", "client_secret_basic", "client_secret_post", "none")


def wanted_scopes(facts: Facts) -> Iterator[Line]:
    """Whether what launches ask for can be granted at all."""
    found = facts.configuration
    if found is None:
        yield Line("scopes", "skip", UNSAID)
        return
    if not found.scopes_supported:
        yield Line(
            "scopes", "warn", "it does not say which scopes it has", "The first launch will show what is granted."
        )
        return
    yield _missing("scopes", facts.ehr.scopes, " ".join(found.scopes_supported), "it does not list")


def _missing(check: str, wanted: tuple[str, ...], held: str, verb: str) -> Line:
    have = scopes.parse(held)
    lost = [word for word in wanted if (one := scopes.parse_one(word)) and scopes.narrow([one], have) != (one,)]
    if lost:
        return Line(check, "warn", f"{verb} all of {' '.join(lost)}",
                    "What is not granted is not attempted; narrow what is asked with --scope and --backend-scope.")  # fmt: skip
    return Line(check, "pass", "every scope that is asked for")


WAYS: Mapping[str, Callable[[SmartConfiguration], bool]] = {
    "launch-ehr": lambda found: "launch-ehr" in found.capabilities and found.authorization_endpoint is not None,
    "launch-standalone": lambda found: "launch-standalone" in found.capabilities
    and found.authorization_endpoint is not None,
    "backend": lambda found: "client_credentials" in found.grant_types_supported,
    "identity": lambda found: {"sso-openid-connect"} <= set(found.capabilities) and None not in (found.issuer, found.jwks_uri),
}  # fmt: skip
_WITHOUT = {
    "launch-ehr": "nobody can launch from within the EHR",
    "launch-standalone": "nobody can start here and choose a patient there",
    "backend": "no output without a launch, and no Device or model card: it offers no client_credentials",
    "identity": "nobody is known after a launch, so nobody can confirm or reject",
}


def ways_in(facts: Facts) -> Iterator[Line]:
    """Which of the ways in are open (SMART App Launch 2.2 conformance §capabilities)."""
    found = facts.configuration
    for way, opened in WAYS.items():
        if found is None:
            yield Line(way, "skip", UNSAID)
        elif opened(found):
            yield Line(way, "pass", "offered")
        else:
            yield Line(way, "warn", _WITHOUT[way], "Ask whoever runs the EHR, if it is needed.")


def keys(facts: Facts) -> Iterator[Line]:
    """Whether its signatures can be checked."""
    answer = facts.keys
    if facts.configuration is None or answer is None:
        yield Line("keys", "skip", "no key set is named where one may be")
        return
    if isinstance(answer, Trouble):
        yield Line("keys", "fail", f"its key set cannot be had: {answer.happened}", answer.advice)
        return
    try:
        count = len(tuple(parse_key_set(answer.body))) if answer.status == 200 else 0
    except ValueError:
        count = 0
    if count:
        yield Line("keys", "pass", f"its key set has {count} usable {'key' if count == 1 else 'keys'}")
    else:
        yield Line("keys", "fail", "its key set has no key that can be used: no id_token will hold", TELL)


def backend(facts: Facts) -> Iterator[Line]:
    """Whether the backend client is given a token."""
    if isinstance(facts.backend, Trouble):
        yield Line("backend-token", "fail", facts.backend.happened, facts.backend.advice)
    elif facts.backend is not None:
        yield _missing("backend-token", facts.ehr.backend_scopes, facts.backend, "a token was given, but not for")
    elif facts.configuration is None:
        yield Line("backend-token", "skip", "there is no SMART configuration to say where to ask")
    else:
        yield Line(
            "backend-token", "skip", "it was not asked: no backend client is registered, or its endpoint is foreign"
        )


def traps(facts: Facts) -> Iterator[Line]:
    """What is known of EHRs of this vendor, each with where it is known from."""
    vendor = vendor_of(facts.ehr.vendor)
    for name, source in vendor.sources.items():
        advice = HEED.get(name, "The gateway heeds it.")
        yield Line(f"vendor-{name.replace('_', '-')}", "warn", f"{vendor.title}: {source}", advice)


HEED: Mapping[str, str] = {
    "hosted_keys": "Register the address of this gateway's /app/jwks.json, and see that it can be reached from there.",
    "sealed_identity": "Ask for id_tokens that are signed and not encrypted: with an encrypted one nobody can confirm.",
}
"""What only people can heed."""


def statement(facts: Facts) -> Iterator[Line]:
    """Whether it says what it takes, in the version of FHIR that is spoken here."""
    if isinstance(facts.metadata, Trouble):
        yield Line(
            "metadata",
            "fail",
            f"its CapabilityStatement cannot be had: {facts.metadata.happened}",
            facts.metadata.advice,
        )
        return
    if facts.statement is None:
        yield Line("metadata", "fail", "no CapabilityStatement can be read at metadata",
                   "Check the issuer: it is the FHIR base.")  # fmt: skip
        return
    version = facts.statement.get("fhirVersion")
    if isinstance(version, str) and version.startswith("4.0."):
        yield Line("fhir-version", "pass", "FHIR R4")
    else:
        yield Line(
            "fhir-version", "fail", "it does not speak FHIR R4 (4.0.x)", "Register its R4 base: others have their own."
        )
    for check, result, text, advice in (*writes(facts.statement, facts.ehr, facts.models), bundles(facts.statement)):
        yield Line(check, result, text, advice)


RULES: tuple[Rule, ...] = (
    reachable, tls, clock, discovery, endpoints, issuer, pkce, authentication, wanted_scopes, ways_in, keys, backend,
    schedules, statement, traps,
)  # fmt: skip
