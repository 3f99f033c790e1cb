"""A browser without scripts at the pages of an EHR: keeps cookies, reads forms, sends them back, follows redirects within."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from tests.abuse.sign_in import NARROW, launch, request, verifier
from tests.abuse.target import Headers, Reply, Target

HERE = "http://127.0.0.1:8700"
OWN = (("origin", HERE), ("sec-fetch-site", "same-origin"))
FOREIGN = (("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"))


class Forms(HTMLParser):
    """The forms of a page: the fields as they would be sent untouched, and every name that could be."""

    def __init__(self, page: Reply) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str], set[str], str]] = []
        self.select = ""
        self.feed(page.body.decode("utf-8", "replace"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.found.append(({}, set(), said.get("method", "get")))
        if tag == "select":
            self.select = said.get("name", "")
        if not self.found or ("name" not in said and tag != "option"):
            return
        fields, names, _ = self.found[-1]
        names.add(said.get("name", self.select))
        kept = tag == "input" and (said.get("type") in ("hidden", "text") or "checked" in said)
        if kept or (tag == "option" and "selected" in said):
            fields[said.get("name", self.select)] = said.get("value", "")

    def holding(self, name: str) -> dict[str, str]:
        """The fields of the posting form in which ``name`` can be sent; empty when the page has none."""
        return next((dict(fields) for fields, names, method in self.found if name in names and method == "post"), {})


@dataclass
class Browser:
    target: Target
    cookies: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, *, headers: Headers = (), **options: Any) -> Reply:
        """One request with this browser's cookies; the patients' names that pages list are no leak."""
        jar = [("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))] if self.cookies else []
        reply = self.target.ask(method, path, headers=[*headers, *jar], never=(), **options)
        for name, value in reply.headers:
            if name == "set-cookie":
                key, _, rest = value.partition(";")[0].partition("=")
                self.cookies[key] = rest
        return reply

    def follow(self, reply: Reply) -> Reply:
        """To the next page of this EHR; a redirect to the app stays as it is."""
        for _ in range(6):
            place = reply.header("location")
            if reply.status not in (302, 303) or not place.startswith(f"{self.target.ehr.base}/"):
                break
            parts = urlsplit(place.removeprefix(self.target.ehr.base))
            reply = self.send("GET", f"{parts.path}?{parts.query}")
        return reply

    def submit(self, page: Reply, holds: str, headers: Headers = OWN, **fill: str | None) -> Reply:
        """Sends the page's form that holds this field; a field filled with None is left out."""
        said = {name: value for name, value in {**Forms(page).holding(holds), **fill}.items() if value is not None}
        return self.follow(self.send("POST", "/auth/sign-in", form=said, headers=headers))

    def start(
        self, *, scope: str = f"launch {NARROW}", method: str = "GET", headers: Headers = (), **members: Any
    ) -> tuple[Reply, str]:
        """An authorization request that no automatic launch answers: its first page, and the verifier."""
        secret, challenge = verifier()
        prepared = launch(self.target, "public", automatic=False, **members)
        asked = request(self.target, "public", scope, challenge, launch=prepared)
        sent = {"query": asked} if method == "GET" else {"form": asked}
        return self.follow(self.send(method, "/auth/authorize", headers=headers, **sent)), secret

    def sign_in(self, page: Reply, name: str = "Practitioner/dr") -> Reply:
        return self.submit(page, "user", user=self.target.chart.ref(name))
