"""Edge: a terminology server that is asked what a code is, by ``$validate-code``, once a code and edition.

https://hl7.org/fhir/R4/codesystem-operation-validate-code.html. It fails closed: a server that does not answer, or answers
something else, leaves the code not judged, and after a few failures in a row it is left alone for the rest of the scan.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fidelity.editions.edition import NOT_JUDGED, Standing, Terminology
from fidelity.elements import rows, text
from r4 import codec

PATIENCE = 3
"""Failures in a row after which nothing more is asked."""
REMEMBERED = 100_000


@dataclass(slots=True)
class Server:
    """``ask``: a path below the server's base → status and body; raises OSError or TimeoutError when nothing came back.
    ``before`` decides what it can without the network; only what it leaves not judged is asked for."""

    ask: Callable[[str], tuple[int, bytes]]
    before: Terminology
    failures: int = 0
    _known: dict[tuple[str, str, str | None], Standing] = field(default_factory=dict)

    def standing(self, system: str, code: str, version: str | None) -> Standing:
        """What is known of the code here, else what the server says."""
        found = self.before.standing(system, code, version)
        if found.known is not None:
            return found
        key = (system, code, version)
        if key not in self._known:
            answer = self._asked(system, code, version)
            if answer is None:
                return NOT_JUDGED
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = answer
        return self._known[key]

    def _asked(self, system: str, code: str, version: str | None) -> Standing | None:
        if self.failures >= PATIENCE:
            return None
        query = {"url": system, "code": code, **({"version": version} if version else {})}
        try:
            status, body = self.ask(f"CodeSystem/$validate-code?{urlencode(query)}")
            standing = parse_answer(codec.parse(body), version) if status == 200 else None
        except (OSError, TimeoutError, codec.CodecError):
            standing = None
        self.failures = self.failures + 1 if standing is None else 0
        return standing


def parse_answer(document: Any, version: str | None) -> Standing | None:
    """A Parameters resource → Standing; None for anything else. A server that does not have the system says ``result`` false
    too, and names it in an issue: that is not judged, for the code may well be right."""
    if not isinstance(document, Mapping) or document.get("resourceType") != "Parameters":
        return None
    said: dict[str, Any] = {}
    for each in rows(document.get("parameter")):
        name = text(each.get("name"))
        value = next((content for member, content in each.items() if member.startswith("value")), None)
        if name is not None:
            said[name] = value if value is not None else each.get("resource")
    result = said.get("result")
    if not isinstance(result, bool):
        return None
    if not result and _without_system(said):
        return NOT_JUDGED
    active = None if not result else said.get("inactive") is not True
    return Standing(result, active, None, str(said.get("version") or version or ""), text(said.get("display")))


def _without_system(said: Mapping[str, Any]) -> bool:
    if "x-caused-by-unknown-system" in said or "x-unknown-system" in said:
        return True
    issues = said.get("issues")
    details = (
        [code for issue in rows(issues.get("issue")) for code in _codes(issue)] if isinstance(issues, Mapping) else []
    )
    return "not-found" in details


def _codes(issue: Mapping[str, Any]) -> list[str | None]:
    details = issue.get("details")
    coded = [text(each.get("code")) for each in rows(details.get("coding"))] if isinstance(details, Mapping) else []
    return [code for code in (*coded, text(issue.get("code"))) if code == "not-found"]
