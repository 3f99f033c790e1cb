"""An app outside: registers, is launched, signs in and gets its tokens, over HTTP and by the contract only."""

import base64
import secrets
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.abuse.target import Reply, Target

CALLBACK = "https://app.example/callback"
EVERYTHING = (
    "openid fhirUser launch launch/patient launch/encounter offline_access online_access patient/*.cruds user/*.cruds "
    "system/*.cruds"
)
CLIENTS: dict[str, dict[str, Any]] = {
    "public": {"token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"]},
    "other": {"token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"]},
    "secret": {
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    },
    "rival": {
        "token_endpoint_auth_method": "client_secret_basic", "grant_types": ["authorization_code", "client_credentials"],
    },
    "posting": {
        "token_endpoint_auth_method": "client_secret_post", "grant_types": ["authorization_code", "client_credentials"],
    },
}  # fmt: skip
NARROW = "patient/Observation.rs patient/Patient.r"
FULL = "patient/*.cruds"


def register(target: Target, **metadata: Any) -> Reply:
    document = {"redirect_uris": [CALLBACK], "initiate_login_uri": "https://app.example/launch", "scope": EVERYTHING}
    return target.ask("POST", "/auth/register", document={**document, **metadata}, type="application/json")


def client(target: Target, name: str) -> dict[str, Any]:
    """The registration of one of CLIENTS, made when it is first wanted."""
    if name not in target.registered:
        target.registered[name] = register(target, client_name=name, **CLIENTS[name]).json
    return target.registered[name]


def basic(registration: dict[str, Any]) -> tuple[str, str]:
    """The header by which a client with a secret shows who it is."""
    pair = f"{registration['client_id']}:{registration['client_secret']}"
    return "authorization", "Basic " + base64.b64encode(pair.encode()).decode()


def launch(target: Target, name: str, **members: Any) -> str:
    """The ``launch`` of an automatic EHR launch for this client."""
    document = {"client_id": client(target, name)["client_id"], "automatic": True, **members}
    return str(target.ask("POST", "/launch", document=document, type="application/json").json["launch"])


def verifier() -> tuple[str, str]:
    """A PKCE verifier and its challenge."""
    made = secrets.token_urlsafe(48)
    return made, base64.urlsafe_b64encode(sha256(made.encode()).digest()).decode().rstrip("=")


def request(target: Target, name: str, scope: str, challenge: str, /, **changes: Any) -> dict[str, str]:
    """The parameters of an authorization request; a change to None leaves one out."""
    said = {
        "response_type": "code", "client_id": client(target, name)["client_id"], "redirect_uri": CALLBACK,
        "scope": scope, "state": "s" * 32, "aud": target.ehr.fhir, "code_challenge": challenge,
        "code_challenge_method": "S256", **changes,
    }  # fmt: skip
    return {key: value for key, value in said.items() if value is not None}


def answered(reply: Reply) -> dict[str, str]:
    """What the redirect to the app says."""
    return dict(parse_qsl(urlsplit(reply.header("location")).query))


def code(
    target: Target, scope: str, *, name: str = "public", patient: str | None = "p1", **members: Any
) -> dict[str, str]:
    """A code with the rest of its token request, client authentication left out for a client with a secret."""
    whom = {"patient": target.chart.id(patient)} if patient else {}
    secret, challenge = verifier()
    prepared = launch(target, name, **whom, **members)
    asked = request(target, name, f"launch {scope}", challenge, launch=prepared)
    said = answered(target.ask("GET", "/auth/authorize", query=asked))
    form = {"grant_type": "authorization_code", "code": said.get("code", ""), "redirect_uri": CALLBACK}
    return {**form, "code_verifier": secret, "client_id": client(target, name)["client_id"]}


def redeem(target: Target, form: dict[str, str], *, name: str = "public") -> Reply:
    headers = [basic(client(target, name))] if name in ("secret", "rival") else []
    return target.ask("POST", "/auth/token", form=form, headers=headers)


def tokens(
    target: Target, scope: str, *, name: str = "public", patient: str | None = "p1", **members: Any
) -> dict[str, Any]:
    """The token response of a whole launch; without ``access_token`` when the EHR refused it."""
    return dict(redeem(target, code(target, scope, name=name, patient=patient, **members), name=name).json)


def token(target: Target, scope: str, **options: Any) -> str:
    """An access token for these scopes, the same one each time; one that opens nothing where none was given."""
    key = (scope, *sorted(options.items()))
    if key not in target.tokens:
        target.tokens[key] = str(tokens(target, scope, **options).get("access_token", "none-was-given"))
    return target.tokens[key]


def practitioner(target: Target) -> str:
    return target.chart.ref("Practitioner/dr")


def backend(target: Target, scope: str) -> str:
    """An access token of a backend service."""
    key = ("backend", scope)
    if key not in target.tokens:
        form = {"grant_type": "client_credentials", "scope": scope}
        said = target.ask("POST", "/auth/token", form=form, headers=[basic(client(target, "secret"))])
        target.tokens[key] = str(said.json.get("access_token", "none-was-given"))
    return target.tokens[key]
