"""The EHR that the suite plays: a patient, an author, a record of what was asked; honest, but for one case's deviations."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from conformance.evidence import Exchange
from conformance.listener import Reply, Request

PATIENT, USER = "conformance-p1", "Practitioner/conformance-d1"
TYPES = ("Patient", "Practitioner", "Observation", "RiskAssessment", "Device", "DocumentReference", "Provenance", "Condition",
         "Encounter", "MedicationRequest", "AllergyIntolerance", "DetectedIssue")  # fmt: skip
SMART, TOKEN, KEYS, OPENID = (
    "/fhir/.well-known/smart-configuration", "/fhir/auth/token", "/fhir/auth/jwks", "/.well-known/openid-configuration",
)  # fmt: skip
LIFE = 300
MakeIdToken = Callable[[dict[str, Any]], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One launch, and how the EHR departs from what it should do. ``callback``, ``configuration``, ``tokens`` and ``claims``
    replace members, None leaves one out; ``replies`` are whole answers by the path that they begin with; ``identity`` says
    how it is signed. ``{elsewhere}`` in a value is an address of nobody that the app should ask."""

    name: str
    callback: Mapping[str, str | None] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    tokens: Mapping[str, Any] = field(default_factory=dict)
    renewal: Reply | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    replies: Mapping[str, Reply] = field(default_factory=dict)
    bundle: Mapping[str, Any] = field(default_factory=dict)
    identity: str = "signed"
    standalone: bool = False
    stranger: bool = False
    again: bool = False
    wait: float = 0.0


@dataclass(kw_only=True)
class Ehr:
    """``url`` is the issuer, ``url/fhir`` its FHIR base. ``sign`` makes an id_token of claims, by the case's way; ``keys`` are
    published. ``asked`` are the requests of the app, by the name of the case that they belong to."""

    url: str
    elsewhere: str
    keys: list[dict[str, Any]]
    sign: Callable[[str, dict[str, Any]], str]
    now: Callable[[], float]
    case: Case = field(default_factory=lambda: Case(name="none"))
    number: int = 0
    asked: dict[str, list[Exchange]] = field(default_factory=dict)
    cases: dict[int, Case] = field(default_factory=dict)
    launches: dict[str, Mapping[str, str]] = field(default_factory=dict)
    astray: list[Exchange] = field(default_factory=list)
    written: dict[str, Reply] = field(default_factory=dict)

    @property
    def fhir(self) -> str:
        """The FHIR base, which is ``iss`` of a launch and ``aud`` of an authorization."""
        return f"{self.url}/fhir"

    def begin(self, case: Case) -> None:
        """From here on what comes belongs to this case, unless its token says another."""
        self.number += 1
        self.case = self.cases[self.number] = case
        self.asked[case.name] = []

    def respond(self, request: Request) -> Reply:
        """The answer, with the request remembered."""
        case = self._case(request)
        reply = self._reply(case, request)
        self.asked[case.name].append(_exchange(self.url, request, reply, self.now()))
        return reply

    def respond_elsewhere(self, request: Request) -> Reply:
        """The address that nobody should ask answers as if all was well."""
        reply = told({"keys": [], "access_token": "elsewhere", "token_type": "Bearer"})
        self.astray.append(_exchange(self.elsewhere, request, reply, self.now()))
        return reply

    def _case(self, request: Request) -> Case:
        """A token, a code or a refresh token ends in the number of its case."""
        form = dict(parse_qsl(request.body.decode("latin-1"))) if request.path.startswith(TOKEN) else {}
        bearer = request.headers.get("authorization", "")
        for said in (bearer, form.get("code", ""), form.get("refresh_token", "")):
            number = said.rpartition("-case-")[2]
            if number.isdigit() and int(number) in self.cases:
                return self.cases[int(number)]
        return self.case

    def _reply(self, case: Case, request: Request) -> Reply:
        path = urlsplit(request.path).path
        if path.startswith(TOKEN):
            return self._whole(case, path) or self._token(case, request)
        replaced = self._whole(case, path)
        if replaced is not None:
            return replaced
        if path in (SMART, OPENID):
            return told(self.configuration(case))
        if path == KEYS:
            return told({"keys": self.keys}, **{"cache-control": "max-age=60"})
        return self._fhir(case, request, path.removeprefix("/fhir/"))

    def _whole(self, case: Case, path: str) -> Reply | None:
        found = next((reply for begin, reply in case.replies.items() if path.startswith(begin)), None)
        if found is None:
            return None
        headers = {name: value.replace("{elsewhere}", self.elsewhere) for name, value in found.headers.items()}
        return Reply(status=found.status, headers=headers, body=found.body, way=found.way)

    def configuration(self, case: Case) -> dict[str, Any]:
        """The SMART configuration, and that of OpenID Connect."""
        made = {
            "issuer": self.url, "jwks_uri": f"{self.url}{KEYS}", "token_endpoint": f"{self.url}{TOKEN}",
            "authorization_endpoint": f"{self.fhir}/auth/authorize", "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "code_challenge_methods_supported": ["S256"], "scopes_supported": ["openid", "fhirUser", "launch"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
            "capabilities": ["launch-ehr", "launch-standalone", "sso-openid-connect", "client-confidential-asymmetric"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
            "authorization_response_iss_parameter_supported": True,
        }  # fmt: skip
        return self._changed(made, case.configuration)

    def _changed(self, made: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
        said = {
            name: value.replace("{elsewhere}", self.elsewhere) if isinstance(value, str) else value
            for name, value in {**made, **changes}.items()
        }
        return {name: value for name, value in said.items() if value is not None}

    def authorized(self, number: int, asked: Mapping[str, str]) -> dict[str, str]:
        """The person allowed it: the parameters of the redirect, as the case has them."""
        code = f"secret-code-{len(self.launches)}-case-{number}"
        self.launches[code] = dict(asked)
        honest = {"code": code, "state": asked.get("state", ""), "iss": self.url}
        return self._changed(honest, self.cases[number].callback)

    def _token(self, case: Case, request: Request) -> Reply:
        form = dict(parse_qsl(request.body.decode("latin-1")))
        number = next((each for each, known in self.cases.items() if known is case), self.number)
        if form.get("grant_type") == "client_credentials":
            scope = form.get("scope", "system/*.cruds")
            given: dict[str, Any] = {"access_token": f"secret-backend-case-{number}", "scope": scope}
            return told({**given, "token_type": "bearer", "expires_in": LIFE}, **NO_STORE)
        renewing = form.get("grant_type") == "refresh_token"
        count = sum(each.url.endswith(TOKEN) for each in self.asked[case.name])
        honest = {
            "access_token": f"secret-access-{count}-case-{number}", "refresh_token": f"secret-refresh-{count}-case-{number}",
            "token_type": "Bearer", "expires_in": LIFE, "scope": SCOPE, "patient": PATIENT,
            "id_token": None if renewing else self._identity(case, form),
        }  # fmt: skip
        if renewing:
            return case.renewal or told(self._changed(honest, {}), **NO_STORE)
        return told(self._changed(honest, case.tokens), **NO_STORE)

    def _identity(self, case: Case, form: Mapping[str, str]) -> str | None:
        asked, now = self.launches.get(form.get("code", ""), {}), int(self.now())
        claims = {
            "iss": self.url, "sub": "secret-user", "aud": asked.get("client_id"), "exp": now + LIFE, "iat": now,
            "nonce": asked.get("nonce"), "fhirUser": f"{self.fhir}/{USER}",
        }  # fmt: skip
        return self.sign(case.identity, self._changed(claims, case.claims)) if case.identity != "none at all" else None

    def _fhir(self, case: Case, request: Request, path: str) -> Reply:
        if request.method in ("POST", "PUT") and not path.endswith("_search") and path.split("/")[0] in TYPES:
            return self._keep(request, path)
        if path in self.written:
            return self.written[path]
        if path == "metadata":
            return told(_metadata())
        type, _, id = path.partition("/")
        if (type, id) == ("Patient", PATIENT):
            return told({"resourceType": "Patient", "id": PATIENT, "birthDate": "1950-01-01", "gender": "female"})
        if path == USER:
            return told({"resourceType": "Practitioner", "id": id, "name": [{"family": "Conformance"}]})
        if type not in TYPES or (id and id != "_search" and (type, id) != ("Observation", "o1")):
            return Reply(status=404)
        pulse = _pulse(self.now())
        if id == "o1":
            return told(pulse)
        found = [{"fullUrl": f"{self.fhir}/Observation/o1", "resource": pulse}] if type == "Observation" else []
        return told(self._changed({"resourceType": "Bundle", "type": "searchset", "entry": found}, self._bundle(case)))

    def _keep(self, request: Request, path: str) -> Reply:
        """A write is taken, told back with its version, and read again."""
        body = json.loads(request.body or b"{}")
        id = path.partition("/")[2] or f"made-{len(self.written)}"
        address = f"{path.partition('/')[0]}/{id}"
        kept = {**body, "id": id, "meta": {**body.get("meta", {}), "versionId": "1"}}
        self.written[address] = told(kept, etag='W/"1"')
        headers = {**self.written[address].headers, "location": f"{self.fhir}/{address}/_history/1"}
        return Reply(status=201, headers=headers, body=self.written[address].body)

    def _bundle(self, case: Case) -> dict[str, Any]:
        text = json.dumps(dict(case.bundle)).replace("{elsewhere}", self.elsewhere).replace("{fhir}", self.fhir)
        changes: dict[str, Any] = json.loads(text)
        return changes


SCOPE = "launch openid fhirUser offline_access patient/*.cruds"
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


def told(document: Any, **headers: str) -> Reply:
    """A JSON answer."""
    return Reply(headers={"content-type": "application/fhir+json", **headers}, body=json.dumps(document).encode())


def _metadata() -> dict[str, Any]:
    offers = [{"code": code} for code in ("create", "update", "read", "search-type")]
    resources = [{"type": type, "interaction": offers, "updateCreate": True} for type in TYPES]
    return {
        "resourceType": "CapabilityStatement", "status": "active", "kind": "instance", "fhirVersion": "4.0.1",
        "date": "2026-01-01", "format": ["json"], "rest": [{"mode": "server", "resource": resources}],
    }  # fmt: skip


def _pulse(now: float) -> dict[str, Any]:
    stamp = datetime.fromtimestamp(now - 600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "resourceType": "Observation", "id": "o1", "status": "final", "subject": {"reference": f"Patient/{PATIENT}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}, "effectiveDateTime": stamp,
        "meta": {"versionId": "1"},
        "valueQuantity": {"value": 70, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
    }  # fmt: skip


def _exchange(base: str, request: Request, reply: Reply, at: float) -> Exchange:
    return Exchange(
        method=request.method, url=f"{base}{request.path}", status=reply.status, headers=dict(reply.headers),
        body=reply.body[:65536], sent=dict(request.headers), content=request.body, at=at, incoming=True,
    )  # fmt: skip


def returning(redirect_uri: str, parameters: Mapping[str, str]) -> str:
    """The address at which the app is called back."""
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(parameters)}"
