"""A SMART app of somebody else's on a site of its own: launched, it asks; called back, it shows what it was told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from auth.pkce import challenge
from tests import web

SCOPE = "openid fhirUser launch launch/patient launch/encounter offline_access patient/Patient.rs patient/Observation.rs patient/Condition.rs"


@dataclass
class App:
    """``ehr`` is the EHR's address; ``answers`` are the parameters that came back, the newest last."""

    ehr: str
    url: str = ""
    client_id: str = ""
    scope: str = SCOPE
    verifier: str = field(default_factory=lambda: token_urlsafe(48))
    answers: list[dict[str, str]] = field(default_factory=list)

    def register(self) -> None:
        body = {
            "client_name": "Growth chart", "redirect_uris": [f"{self.url}/callback"], "scope": SCOPE,
            "initiate_login_uri": f"{self.url}/launch", "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
        }  # fmt: skip
        answer = web.post(f"{self.ehr}/auth/register", json=body).raise_for_status().json()
        self.client_id = answer["client_id"]

    def authorize_url(self, launch: str | None = None) -> str:
        asked = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": f"{self.url}/callback",
            "scope": self.scope, "state": "s" * 24, "aud": f"{self.ehr}/fhir", "code_challenge_method": "S256",
            "code_challenge": challenge(self.verifier), **({"launch": launch} if launch else {}),
        }  # fmt: skip
        return f"{self.ehr}/auth/authorize?{urlencode(asked)}"

    def token(self) -> Any:
        """Tokens for the newest code."""
        form = {
            "grant_type": "authorization_code", "code": self.answers[-1]["code"], "client_id": self.client_id,
            "redirect_uri": f"{self.url}/callback", "code_verifier": self.verifier,
        }  # fmt: skip
        return web.post(f"{self.ehr}/auth/token", data=form).raise_for_status().json()

    def read(self, token: str, path: str) -> int:
        """The status of a read."""
        headers = {"authorization": f"Bearer {token}"}
        return web.get(f"{self.ehr}/fhir/{path}", headers=headers).status_code


@contextmanager
def running(ehr: str) -> Iterator[App]:
    """The app on ``localhost``, registered."""
    app = App(ehr=ehr)

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            said = dict(parse_qsl(parts.query))
            if parts.path == "/launch":
                self.send_response(303)
                self.send_header("location", app.authorize_url(said.get("launch")))
                self.end_headers()
                return
            if parts.path == "/callback":
                app.answers.append(said)
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Growth chart</title><h1>Back in the app</h1>")

        def log_message(self, format: str, *values: Any) -> None: ...

    serving = ThreadingHTTPServer(("localhost", 0), Pages)
    app.url = f"http://localhost:{serving.server_address[1]}"
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    try:
        app.register()
        yield app
    finally:
        serving.shutdown()
        serving.server_close()
