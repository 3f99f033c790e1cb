"""An EHR that gives tokens and takes them back, in a process of its own: what a killed gateway did there stays done."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from signal import SIGKILL
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.flow.adversarial_ehr import Answer, Ehr, told

LIVES = 3600


class TokenEhr:
    """``rotating``: a refresh token works once, and one that comes again ends its grant (RFC 9700 §4.14)."""

    def __init__(self, url: str, *, rotating: bool) -> None:
        self._ehr, self._rotating = Ehr(url=url, elsewhere=""), rotating
        self._nonces: dict[str, str] = {}
        self._grants: dict[str, int] = {}
        self._ended: set[int] = set()
        self._current: dict[int, tuple[str, str]] = {}
        self._made = 0

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        plain, asked = path.partition("?")[0], dict(parse_qsl(path.partition("?")[2]))
        if plain == "/authorize":
            self._made += 1
            code = f"code-{self._made}"
            self._nonces[code] = asked["nonce"]
            back = urlencode({"code": code, "state": asked["state"], "iss": self._ehr.url})
            return Answer(302, {"location": f"{asked['redirect_uri']}?{back}"})
        if plain == "/token":
            return self._token(dict(parse_qsl(body.decode())))
        if plain == "/honours":
            return told(any(access == asked["token"] for access, _ in self._current.values()))
        return self._ehr.answer(method, path)

    def _token(self, form: dict[str, str]) -> Answer:
        if form["grant_type"] == "authorization_code":
            if form["code"] not in self._nonces:
                return told({"error": "invalid_grant"}, 400)
            self._made += 1
            self._ehr.nonce = self._nonces.pop(form["code"])
            return self._give(self._made)
        grant = self._grants.get(form["refresh_token"])
        if grant is None or grant in self._ended:
            return told({"error": "invalid_grant"}, 400)
        if self._rotating and self._current[grant][1] != form["refresh_token"]:
            self._ended.add(grant)
            self._current.pop(grant)
            return told({"error": "invalid_grant"}, 400)
        return self._give(grant)

    def _give(self, grant: int) -> Answer:
        self._made += 1
        refresh = f"refresh-{self._made if self._rotating else grant}"
        self._grants[refresh] = grant
        self._current[grant] = (f"access-{self._made}", refresh)
        self._ehr.tokens = {"access_token": f"access-{self._made}", "refresh_token": refresh, "expires_in": LIVES}
        return self._ehr.answer("POST", "/token")


class _Asked(BaseHTTPRequestHandler):
    """Answers for the EHR whose name the path begins with."""

    ehrs: dict[str, TokenEhr]

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        name, _, below = self.path[1:].partition("/")
        answer = self.ehrs[name].answer(self.command, f"/{below}", self.rfile.read(length))
        self.send_response(answer.status)
        for header, value in {**answer.headers, "content-length": str(len(answer.body))}.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None: ...


@contextmanager
def running(**kinds: bool) -> Iterator[str]:
    """The address below which there is an EHR of each name, rotating or not, while the block runs."""
    server = HTTPServer(("127.0.0.1", 0), _Asked)
    origin = f"http://127.0.0.1:{server.server_address[1]}"
    child = os.fork()
    if child == 0:
        _Asked.ehrs = {name: TokenEhr(f"{origin}/{name}", rotating=rotating) for name, rotating in kinds.items()}
        server.serve_forever()
    server.server_close()
    try:
        yield origin
    finally:
        os.kill(child, SIGKILL)
        os.waitpid(child, 0)
