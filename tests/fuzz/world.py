"""The fuzzed EHR: records, clients, grants, launches and people half-way through signing in, all known to the seeds."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from sqlalchemy import Connection
from starlette.responses import PlainTextResponse

from auth import assertions, pkce, scopes
from auth.keys import SigningKeys
from auth.server import grants, launches
from auth.server import tables as auth_tables
from auth.server.clients import Client, Method, save_client
from auth.server.grants import Context
from gateway import ehr_face
from gateway.face.serving import rules_of
from gateway.processes.hosts import Faces
from gateway.sandbox_ehrs.ehr import SandboxEhr
from sandbox import audit_tables, loading, tables
from tests.fuzz.records import records
from tests.fuzz.rewound import Rewound
from tests.fuzz.wire import SITE, App, Got, Sent, pass_through

NOW = 1_700_000_000.0
EHR = "/ehr/spec"
BASE = f"http://{SITE}{EHR}"
FHIR = f"{BASE}/fhir"
BACK = "https://app.example/callback"
VERIFIER = "v" * 43
SECRET = "s" * 43
OFFLINE = "openid fhirUser launch launch/patient offline_access patient/*.cruds"
TOKENS = {
    "patient": ("patient/*.cruds", Context(patient="p1")),
    "narrow": ("patient/Observation.rs?category=laboratory patient/Patient.r", Context(patient="p1")),
    "self": ("user/*.cruds", Context(user="Patient/p1")),
    "user": ("user/*.cruds", Context(user="Practitioner/d1")),
    "system": ("system/*.cruds", Context()),
    "none": ("openid launch", Context(patient="p1")),
}
"""Bearers by name: scopes and context of their grants."""
WIDE = frozenset({"user", "system"})
"""Those who may see every patient."""
METHODS: dict[str, Method] = {
    "public": "none", "basic": "client_secret_basic", "post": "client_secret_post", "jwt": "private_key_jwt",
}  # fmt: skip


def bearer(name: str) -> str:
    """The access token of a grant of ``TOKENS``."""
    return f"bearer-{name}-" + "b" * 30


@dataclass
class World:
    """``browsers`` are cookies and forms of people at each step of signing in: step → (cookie, fields)."""

    database: Rewound
    ehr: SandboxEhr
    app: App
    keys: SigningKeys
    browsers: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)

    def close(self) -> None:
        self.ehr.audit.close()
        self.database.close()


class Secrets:
    """Ids and secrets in a row, which starts anew at each request."""

    def __init__(self) -> None:
        self.number = self.sealed = 0

    def __call__(self) -> str:
        self.number += 1
        return f"{self.number:08x}-0000-4000-8000-secretsecret"

    def rewind(self) -> None:
        self.number = self.sealed


async def build() -> tuple[World, Callable[[], None]]:
    """The world, sealed, and what is to be called before each request."""
    secrets, keys = Secrets(), SigningKeys.generate()
    database = Rewound([auth_tables.metadata, tables.metadata, audit_tables.metadata], lambda: NOW)
    ehr = SandboxEhr(
        name="spec", base=BASE, database=database, keys=keys, new_id=secrets, new_secret=secrets, clock=lambda: NOW
    )
    nowhere = PlainTextResponse("elsewhere", 404)
    face = Faces(app=nowhere, ehr=ehr_face.application([ehr]), operations=nowhere, control=nowhere, port=8700)
    world = World(database=database, ehr=ehr, app=face, keys=keys)
    database.run_now(lambda connection, now: _fill(connection, now, world))
    await _people(world)
    secrets.sealed = secrets.number
    database.seal()
    return world, secrets.rewind


def _fill(connection: Connection, now: float, world: World) -> None:
    loading.load(connection, now, records(), rules_of(world.ehr))
    keys = world.keys.jwks("RS384", "ES384")
    for name, method in METHODS.items():
        client = Client(
            id=name, name=f"The {name} app", method=method, redirect_uris=(BACK, "http://127.0.0.1:9999/back?kept=1"),
            launch_url="https://app.example/launch", grant_types=_grant_types(method),
            scope=f"{OFFLINE} online_access user/*.cruds system/*.cruds launch/encounter",
            jwks=keys if method == "private_key_jwt" else None,
        )  # fmt: skip
        save_client(connection, now, client=client, secret=SECRET, registration=f"registration-{name}")
        _authorize(connection, now, name)
    away = Client(
        id="away", method="private_key_jwt", redirect_uris=(BACK,), jwks_uri="https://127.0.0.1:1/jwks",
        grant_types=("client_credentials",),
    )  # fmt: skip
    save_client(connection, now, client=away)
    for name, (words, context) in TOKENS.items():
        grants.save_grant(
            connection, now, id=f"g-{name}", client_id="basic", scopes=scopes.parse(words), context=context
        )
        grants.save_access(connection, now, token=bearer(name), grant=f"g-{name}", scopes=words, life=1e9)


def _grant_types(method: Method) -> tuple[str, ...]:
    return ("authorization_code", "refresh_token", *(() if method == "none" else ("client_credentials",)))


def _authorize(connection: Connection, now: float, name: str) -> None:
    """A grant with a code and a refresh token, and launches of each kind, of one client."""
    context = Context(patient="p1", encounter="e1", user="Practitioner/d1")
    grants.save_grant(connection, now, id=f"c-{name}", client_id=name, scopes=scopes.parse(OFFLINE), context=context)
    grants.save_code(
        connection, now, code=f"code-{name}", grant=f"c-{name}", redirect_uri=BACK, challenge=pkce.challenge(VERIFIER),
        nonce="n",
    )  # fmt: skip
    grants.save_refresh(connection, now, token=f"refresh-{name}", grant=f"c-{name}")
    for automatic in (True, False):
        launch = launches.Launch(client_id=name, context=context, automatic=automatic)
        kind = "auto" if automatic else "hand"
        launches.save_launch(connection, now, launch=launch, secret=f"launch-{kind}-{name}")


def assertion(world: World, name: str, algorithm: str = "ES384", jti: str = "j") -> str:
    """A good client assertion."""
    return assertions.build(name, f"{BASE}/auth/token", world.keys.key(algorithm), now=NOW, jti=jti)  # type: ignore[arg-type]


def asked(**changed: str) -> dict[str, str]:
    """The parameters of an authorization request."""
    return {
        "response_type": "code", "client_id": "public", "redirect_uri": BACK, "scope": OFFLINE, "state": "st-1",
        "aud": FHIR, "code_challenge": pkce.challenge(VERIFIER), "code_challenge_method": "S256", **changed,
    }  # fmt: skip


FORM = (b"content-type", b"application/x-www-form-urlencoded")
_FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
_CONSENT = re.compile(r'name="(scope-\d+)" value="([^"]*)"')


NEEDLE = {"sign-in": 'name="user"', "patient": 'name="patient"', "consent": 'name="scope-0"', "manage": 'name="grant"'}
"""What tells a page's own form from the others on it."""


def _form(page: Got, needle: str) -> dict[str, str]:
    """The fields of the form that holds the needle, ticked boxes included."""
    text = next(part for part in page.body.decode().split("<form")[1:] if needle in part).partition("</form>")[0]
    return {**dict(_FIELD.findall(text)), **dict(_CONSENT.findall(text))}


async def _people(world: World) -> None:
    """Walks one request up to each step; the browser stays there."""
    posts = {"sign-in": {"user": "Practitioner/d1"}, "patient": {"patient": "p1"}, "consent": {"decision": "allow"}}
    for stop in posts:
        answer = await _send(world, "GET", f"{EHR}/auth/authorize", query=asked(scope=f"{OFFLINE} launch/patient"))
        key = dict(parse_qsl(urlsplit(answer.header(b"location")).query))["request"]
        cookie = ""
        for step, fields in posts.items():
            page = await _send(world, "GET", f"{EHR}/auth/sign-in", query={"request": key}, cookie=cookie)
            cookie = _cookie(page) or cookie
            form = {**_form(page, NEEDLE[step]), **fields}
            if step == stop:
                world.browsers[stop] = cookie, form
                break
            cookie = _cookie(await _send(world, "POST", f"{EHR}/auth/sign-in", form=form, cookie=cookie)) or cookie
    cookie = world.browsers["consent"][0]
    page = await _send(world, "GET", f"{EHR}/auth/manage", cookie=cookie)
    world.browsers["manage"] = cookie, _form(page, NEEDLE["manage"])
    world.browsers["sign-out"] = cookie, _form(page, "/auth/sign-out")


async def _send(
    world: World, method: str, path: str, *, query: dict[str, str] | None = None, form: dict[str, str] | None = None,
    cookie: str = "",
) -> Got:  # fmt: skip
    headers = ((b"cookie", cookie.encode()),) if cookie else ()
    if form is not None:
        headers = (*headers, FORM)
    sent = Sent(
        method=method, path=path, query=urlencode(query or {}).encode(), headers=headers,
        body=urlencode(form or {}).encode(),
    )  # fmt: skip
    answer = await pass_through(world.app, sent)
    assert answer.status < 400, answer.body
    return answer


def _cookie(answer: Got) -> str:
    return answer.header(b"set-cookie").partition(";")[0]
