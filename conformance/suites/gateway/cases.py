"""What the EHR does to the app, case by case, in this order: an app keeps discovery and keys, so those go first."""

from collections.abc import Mapping
from typing import Any

from conformance.listener import Reply
from conformance.suites.gateway.ehr import KEYS, SMART, TOKEN, Case

HTML = Reply(headers={"content-type": "text/html"}, body=b"<html><script>alert('conformance')</script></html>")
AWAY = Reply(status=307, headers={"location": "{elsewhere}/moved"})
BUSY = Reply(status=429)
BUSY_FOR = Reply(status=429, headers={"retry-after": "30"})
DOWN = Reply(status=503)
DOWN_FOR = Reply(status=503, headers={"retry-after": "30"})
SLOW, ENDLESS = Reply(way="slow"), Reply(headers={"content-type": "application/json"}, way="endless")
REFUSED = Reply(status=400, headers={"content-type": "application/json"}, body=b'{"error": "invalid_grant"}')
UNUSABLE: Mapping[str, Reply] = {
    "redirected": AWAY, "html": HTML, "endless": ENDLESS, "slow": SLOW, "busy": BUSY, "down": DOWN,
    "busy for a while": BUSY_FOR, "down for a while": DOWN_FOR,
}  # fmt: skip
"""Answers that nothing can be done with."""
READING = "/fhir/Observation"


def _unusable(what: str, path: str) -> tuple[Case, ...]:
    return tuple(Case(name=f"{what} {how}", replies={path: reply}) for how, reply in UNUSABLE.items())


def _next(address: str) -> Mapping[str, Any]:
    return {"link": [{"relation": "next", "url": address}]}


DISCOVERY = (
    *_unusable("discovery", SMART),
    Case(name="foreign authorization endpoint", configuration={"authorization_endpoint": "{elsewhere}/authorize"}),
    Case(name="foreign token endpoint", configuration={"token_endpoint": "{elsewhere}/token"}),
    Case(name="foreign keys", configuration={"jwks_uri": "{elsewhere}/jwks"}),
    Case(name="discovery with plain", configuration={"code_challenge_methods_supported": ["S256", "plain"]}),
    Case(name="discovery without S256", configuration={"code_challenge_methods_supported": ["plain"]}),
)
RELATIVE = {"authorization_endpoint": "auth/authorize", "token_endpoint": "auth/token", "jwks_uri": "auth/jwks"}
"""Meant from the FHIR base, where the endpoints are: an app that keeps this finds them for all that follows."""
HONEST = (
    Case(name="keys that are a page", configuration=RELATIVE, replies={KEYS: HTML}),
    Case(name="relative addresses", configuration=RELATIVE), Case(name="honest"), Case(name="honest again"),
    Case(name="standalone", standalone=True),
)  # fmt: skip
CALLBACK = (
    Case(name="wrong state", callback={"state": "x" * 43}),
    Case(name="no state", callback={"state": None}),
    Case(name="another browser", stranger=True),
    Case(name="callback twice", again=True),
    Case(name="wrong issuer", callback={"iss": "{elsewhere}"}),
    Case(name="no issuer", callback={"iss": None}),
    Case(name="access denied", callback={"code": None, "error": "access_denied"}),
    Case(name="error of another issuer", callback={"code": None, "error": "access_denied", "iss": "{elsewhere}"}),
    Case(name="error that is a script", callback={"code": None, "error": "<script>alert('conformance')</script>"}),
    Case(name="no code", callback={"code": None}),
    Case(name="further address", callback=dict.fromkeys(("next", "redirect", "url", "target_link_uri"), "{elsewhere}/next")),
)  # fmt: skip
TOKENS = (
    *_unusable("token", TOKEN),
    Case(name="no expires_in", tokens={"expires_in": None}),
    Case(name="another token type", tokens={"token_type": "mac"}),
    Case(name="no access token", tokens={"access_token": None}),
    Case(name="token with a line break", tokens={"access_token": "secret\r\nx-injected: yes"}),
    Case(name="narrowed", tokens={"scope": "launch patient/Patient.r"}),
    Case(name="read only", tokens={"scope": "launch openid fhirUser patient/*.rs"}),
    Case(name="no record granted", tokens={"scope": "openid fhirUser"}),
    Case(name="no patient", tokens={"patient": None}),
    Case(name="patient that climbs", tokens={"patient": "../conformance-p2"}),
)
IDENTITY = (
    Case(name="identity expired", claims={"exp": 1_700_000_000, "iat": 1_699_999_000}),
    Case(name="identity for another", claims={"aud": "another-client"}),
    Case(name="identity of another issuer", claims={"iss": "{elsewhere}"}),
    Case(name="identity with another nonce", claims={"nonce": "another-nonce"}),
    Case(name="identity without nonce", claims={"nonce": None}),
    Case(name="identity unsigned", identity="unsigned"),
    Case(name="identity by the public key as secret", identity="shared"),
    Case(name="identity of another key", identity="another key"),
    Case(name="identity changed", identity="changed"),
    Case(name="identity encrypted", identity="encrypted"),
    Case(name="identity that is no token", identity="garbage"),
    Case(name="no identity", identity="none at all"),
    Case(name="identity by the next key", identity="next key"),
    Case(name="honest after all"),
)  # fmt: skip
RECORDS = (
    Case(name="short token", tokens={"expires_in": 1}, wait=1.2),
    Case(name="short token that is not renewed", tokens={"expires_in": 1}, renewal=REFUSED, wait=1.2),
    Case(name="foreign next link", bundle=_next("{elsewhere}/fhir/Observation?page=2")),
    Case(name="next link that climbs", bundle=_next("{fhir}/../elsewhere/Observation?page=2")),
    Case(name="records refused", replies={READING: Reply(status=401)}),
    *_unusable("records", READING),
)
"""An app that waits, as it should, is asked last."""
ORDER = (*DISCOVERY, *HONEST, *IDENTITY, *CALLBACK, *TOKENS, *RECORDS)
"""Identities stand between honest launches, for the pages of these are compared with theirs."""
ROTATION = Case(name="rotated key", identity="rotated key")
UNKNOWN_ISSUERS = ("elsewhere", "trailing slash", "other case", "user in front")
