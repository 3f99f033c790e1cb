"""Good requests, one of each kind, for the mutations to start from."""

import base64
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz.records import CODE, of
from tests.fuzz.world import BACK, BASE, EHR, FHIR, OFFLINE, SECRET, TOKENS, VERIFIER, World, asked, assertion, bearer

Pairs = list[tuple[str, str]]
FORM_TYPE, JSON_TYPE = "application/x-www-form-urlencoded", "application/json"
FHIR_TYPE, PATCH_TYPE = "application/fhir+json", "application/json-patch+json"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(kw_only=True)
class Seed:
    """A request in parts. ``good`` are the statuses that it is answered with when nothing is wrong with it."""

    method: str
    path: str
    query: Pairs = field(default_factory=list)
    headers: Pairs = field(default_factory=list)
    form: Pairs | None = None
    json: Any = None
    good: tuple[int, ...] = (200,)


def seeds(world: World) -> list[Seed]:
    """All of them, each endpoint about as often as it is worth."""
    return [
        *_authorize(),
        *_token(world),
        *_about_tokens(),
        *_register(),
        *_pages(world),
        *_read(),
        *_write(),
        *_bundles(),
    ]


def basic(name: str, secret: str = SECRET) -> tuple[str, str]:
    return "authorization", "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def _authorize() -> list[Seed]:
    path = f"{EHR}/auth/authorize"
    pairs = [
        [*asked(client_id=name, launch=f"launch-{kind}-{name}", scope=scope).items()]
        for name in ("public", "basic", "jwt")
        for kind, scope in (("auto", OFFLINE), ("hand", "launch patient/Observation.rs?category=laboratory"))
    ]
    return [
        *(Seed(method="GET", path=path, query=list(each), good=(303,)) for each in pairs),
        *(Seed(method="POST", path=path, form=list(each), good=(303,)) for each in pairs),
        Seed(method="GET", path=path, query=[*asked(scope="openid user/Patient.r", nonce="n").items()], good=(303,)),
    ]


def _token(world: World) -> list[Seed]:
    def seed(name: str, fields: Pairs) -> Seed:
        said: Pairs = {
            "public": [("client_id", "public")], "basic": [], "post": [("client_id", "post"), ("client_secret", SECRET)],
            "jwt": [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion(world, "jwt"))],
            "away": [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion(world, "away"))],
        }[name]  # fmt: skip
        headers = [basic("basic")] if name == "basic" else []
        good = (401,) if name == "away" else (200,)
        return Seed(method="POST", path=f"{EHR}/auth/token", form=[*fields, *said], headers=headers, good=good)

    names = ("public", "basic", "post", "jwt")
    code: Pairs = [("grant_type", "authorization_code"), ("redirect_uri", BACK), ("code_verifier", VERIFIER)]
    backend: Pairs = [("grant_type", "client_credentials"), ("scope", "system/Observation.rs system/Patient.r")]
    return [
        *(seed(name, [*code, ("code", f"code-{name}")]) for name in names),
        *(seed(name, [("grant_type", "refresh_token"), ("refresh_token", f"refresh-{name}")]) for name in names),
        seed("public", [("grant_type", "refresh_token"), ("refresh_token", "refresh-public"), ("scope", "patient/Patient.r")]),
        *(seed(name, backend) for name in ("basic", "post", "jwt", "away")),
    ]  # fmt: skip


def _about_tokens() -> list[Seed]:
    own = [("client_id", "post"), ("client_secret", SECRET)]
    return [
        Seed(method="POST", path=f"{EHR}/auth/introspect", form=[("token", bearer("patient"))], headers=[basic("basic")]),
        Seed(method="POST", path=f"{EHR}/auth/introspect", form=[("token", "refresh-post"), *own]),
        Seed(method="POST", path=f"{EHR}/auth/introspect", form=[("token", bearer("patient"))], headers=_as("patient")),
        Seed(method="POST", path=f"{EHR}/auth/revoke", form=[("token", bearer("patient"))], headers=[basic("basic")]),
        Seed(method="POST", path=f"{EHR}/auth/revoke", form=[("token", "refresh-public"), ("client_id", "public")]),
    ]  # fmt: skip


def _as(name: str) -> Pairs:
    return [("authorization", f"Bearer {bearer(name)}")]


def _register() -> list[Seed]:
    key = {"kty": "EC", "crv": "P-384", "kid": "k", "x": "A" * 64, "y": "B" * 64}
    app = {
        "client_name": "New", "redirect_uris": [BACK], "initiate_login_uri": "https://app.example/launch",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "scope": OFFLINE,
        "token_endpoint_auth_method": "none",
    }  # fmt: skip
    backend = {**app, "token_endpoint_auth_method": "private_key_jwt", "grant_types": ["client_credentials"]}
    registered = f"{EHR}/auth/register/post"
    own = [("authorization", "Bearer registration-post")]
    launch = {
        "client_id": "public", "patient": "p1", "user": "Practitioner/d1", "encounter": "e1", "intent": "order",
        "need_patient_banner": True, "scopes": OFFLINE, "automatic": True, "faults": ["redirect-no-state"],
        "fhirContext": [{"reference": "Observation/o10", "role": "http://example.org/role"}], "tenant": "t",
    }  # fmt: skip
    standalone = {
        "client_id": "public",
        "patient": "p1",
        "automatic": True,
        "standalone": True,
        "code_challenge": "c" * 43,
    }
    return [
        Seed(method="POST", path=f"{EHR}/auth/register", json=app, good=(201,)),
        Seed(method="POST", path=f"{EHR}/auth/register", json={**app, "token_endpoint_auth_method": "client_secret_basic"}, good=(201,)),
        Seed(method="POST", path=f"{EHR}/auth/register", json={**backend, "jwks": {"keys": [key]}}, good=(201, 400)),
        Seed(method="POST", path=f"{EHR}/auth/register", json={**backend, "jwks_uri": "https://app.example/jwks"}, good=(201,)),
        Seed(method="GET", path=registered, headers=own),
        Seed(method="PUT", path=registered, headers=own, json={**app, "client_id": "post", "token_endpoint_auth_method": "client_secret_post"}),
        Seed(method="DELETE", path=registered, headers=own, good=(204,)),
        Seed(method="POST", path=f"{EHR}/launch", json=launch),
        Seed(method="POST", path=f"{EHR}/launch", json=standalone),
        Seed(method="GET", path=f"{EHR}/launch"),
        Seed(method="GET", path=f"{EHR}/launch", headers=[("accept", "text/html")], query=[("client_id", "public"), ("patient", "p1")]),
        Seed(method="POST", path=f"{EHR}/launch", form=[("client_id", "public"), ("patient", "p1"), ("kind", "ehr")], good=(200, 303, 400)),
    ]  # fmt: skip


def _pages(world: World) -> list[Seed]:
    steps = []
    for step, (cookie, form) in world.browsers.items():
        path = f"{EHR}/auth/{step if step in ('manage', 'sign-out') else 'sign-in'}"
        own = [("cookie", cookie), ("origin", BASE.removesuffix(EHR)), ("sec-fetch-site", "same-origin")]
        steps.append(Seed(method="POST", path=path, form=[*form.items()], headers=own, good=(303,)))
        if step != "sign-out":
            query = [("request", form["request"]), ("name", "Ad")] if "request" in form else []
            steps.append(Seed(method="GET", path=path, query=query, headers=[("cookie", cookie)]))
    documents = (
        "fhir/.well-known/smart-configuration",
        ".well-known/openid-configuration",
        "auth/jwks",
        "style.json",
        "brands",
    )
    return [
        *steps,
        *(Seed(method="GET", path=f"{EHR}/{path}", headers=[("origin", "https://x.example")]) for path in documents),
    ]


def _fhir(method: str, path: str, token: str = "patient", **parts: Any) -> Seed:
    headers = [*_as(token), *parts.pop("headers", [])]
    return Seed(method=method, path=f"{EHR}/fhir/{path}".rstrip("/"), headers=headers, **parts)


SEARCHES: list[tuple[str, Pairs]] = [
    ("Observation", [("patient", "p1"), ("code", "http://loinc.org|8867-4"), ("_sort", "-date"), ("_count", "2")]),
    ("Observation", [("date", "ge2023-02-01"), ("category", "laboratory"), ("_include", "Observation:encounter")]),
    ("Encounter", [("status", "in-progress"), ("_revinclude", "Observation:encounter"), ("_total", "accurate")]),
    ("Patient", [("name", "Ada"), ("birthdate", "1970-01-01"), ("_summary", "count")]),
    ("DiagnosticReport", [("subject:Patient", "p1"), ("_include", "DiagnosticReport:result")]),
    ("Provenance", [("target", "Observation/o10")]),
    ("Practitioner", [("name:exact", "Dr. Dee")]),
    ("Patient/p1/Observation", [("value-quantity", "gt60||/min")]),
    ("Observation/_history", [("_since", "2020-01-01T00:00:00Z")]),
]  # fmt: skip


def _read() -> list[Seed]:
    ours = [
        "Observation/o10",
        "Patient/p1",
        "Binary/b1",
        "Device/model",
        "Observation/o10/_history/1",
        "Observation/o10/_history",
        "Patient/p1/$everything",
    ]
    theirs = ["Observation/o20", "Patient/p2", "Group/both", "Observation/o20/_history/1", "Binary/b2"]
    either = (200, 400, 403, 404, 410, 501)
    return [
        *(_fhir("GET", path, good=either) for path in (*ours, *theirs)),
        *(_fhir("GET", "Observation/o11", token, good=either, headers=[("if-none-match", 'W/"9"')]) for token in TOKENS),
        *(_fhir("GET", path, token, query=list(query), good=either) for path, query in SEARCHES for token in ("patient", "narrow", "system")),
        _fhir("POST", "Observation/_search", form=[("code", "8867-4"), ("patient", "p1")]),
        _fhir("GET", "Observation", query=[("_has:Provenance:target:agent", "d1"), ("subject.name", "x")], good=either),
        Seed(method="GET", path=f"{EHR}/fhir/metadata"),
    ]  # fmt: skip


def observation(patient: str = "1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "status": "final", "code": CODE, "subject": of(patient),
        "valueQuantity": {"value": 1.50, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
        "performer": [{"reference": "Practitioner/d1"}], "note": [{"text": "said"}], **more,
    }  # fmt: skip


def _write() -> list[Seed]:
    typed, prefers = ("content-type", FHIR_TYPE), ("prefer", "return=representation")
    device = {"resourceType": "Device", "patient": of("1"), "status": "active"}
    patch = [{"op": "replace", "path": "/status", "value": "amended"}, {"op": "test", "path": "/id", "value": "o10"}]
    path_patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
        {"name": "type", "valueCode": "replace"}, {"name": "path", "valueString": "Observation.status"}, {"name": "value", "valueCode": "amended"}]}]}  # fmt: skip
    either = (200, 201, 204, 400, 403, 404, 405, 412, 415, 422, 501)
    return [
        _fhir("POST", "Observation", json=observation(), headers=[typed, prefers], good=(201,)),
        _fhir("POST", "Observation", json=observation("2"), headers=[typed], good=(403,)),
        _fhir("POST", "Observation", json=observation(), headers=[typed, ("if-none-exist", "code=8867-4&date=2023-01-01")], good=either),
        _fhir("POST", "Device", "system", json=device, headers=[typed], good=(201,)),
        _fhir("PUT", "Observation/o10", json=observation(id="o10"), headers=[typed, ("if-match", 'W/"1"')]),
        _fhir("PUT", "Observation/fresh-one", json=observation(id="fresh-one"), headers=[typed, prefers], good=(201,)),
        _fhir("PUT", "Observation/o20", json=observation(id="o20"), headers=[typed], good=either),
        _fhir("PUT", "Observation", query=[("code", "8867-4")], json=observation(), headers=[typed], good=either),
        _fhir("PATCH", "Observation/o10", json=patch, headers=[("content-type", PATCH_TYPE)], good=either),
        _fhir("PATCH", "Observation/o10", json=path_patch, headers=[typed], good=either),
        _fhir("DELETE", "Observation/o12", good=(204,)),
        _fhir("DELETE", "Observation", query=[("code", "8867-4")], good=either),
        _fhir("POST", "Observation/$validate", json=observation(), headers=[typed], good=either),
        _fhir("PUT", "Patient/p1", "user", json={"resourceType": "Patient", "id": "p1", "active": True}, headers=[typed], good=either),
    ]  # fmt: skip


def _bundles() -> list[Seed]:
    first, second = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a", "urn:uuid:71ebe359-bfdc-4613-8bf2-c5e300945f0a"
    entries = [
        {"fullUrl": first, "resource": observation(), "request": {"method": "POST", "url": "Observation"}},
        {"fullUrl": second, "resource": observation(hasMember=[{"reference": first}]), "request": {"method": "POST", "url": "Observation"}},
        {"request": {"method": "GET", "url": "Observation?code=8867-4&_count=1"}},
        {"request": {"method": "GET", "url": "Patient/p1"}},
        {"resource": observation(id="o11"), "request": {"method": "PUT", "url": "Observation/o11", "ifMatch": 'W/"1"'}},
        {"request": {"method": "DELETE", "url": "Observation/o12"}},
    ]  # fmt: skip
    headers = [("content-type", FHIR_TYPE)]
    return [
        _fhir("POST", "", token, json={"resourceType": "Bundle", "type": kind, "entry": entries}, headers=headers, good=(200, 400, 403))
        for kind in ("batch", "transaction")
        for token in ("patient", "system")
    ]  # fmt: skip


WORDS = sorted(
    {FHIR, BASE, BACK, "Patient/p2", "Observation/o20", bearer("narrow"), bearer("none"), "code-basic", "refresh-jwt"}
)
"""What a thoughtful attacker puts where something else is expected."""
