"""Edge: what a run is told: the suites, what it may do, how the server is reached and who signs in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.client import Door
from conformance.probe import CannotRun, Wire


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """``suites`` None: all that judge a FHIR server. Without ``writes`` nothing is written, without ``slow`` nothing is waited
    for. ``client`` is a registered client, a file or its content; ``patients`` two test patients, the one that is signed in
    first; ``deadline`` the seconds of the whole run; ``listen`` and ``public_url`` where a suite plays the EHR."""

    suites: tuple[str, ...] | None = None
    writes: bool = False
    slow: bool = False
    client: Path | Mapping[str, Any] | None = None
    patients: tuple[str, ...] = ()
    deadline: float = 300.0
    wire: Wire = field(default_factory=Wire)
    door: Door | None = None
    listen: str | None = None
    public_url: str | None = None

    def load_client(self) -> Mapping[str, Any] | None:
        """The registered client. Raises CannotRun."""
        if not isinstance(self.client, Path):
            return self.client
        try:
            document = json.loads(self.client.read_text())
        except (OSError, ValueError) as failure:
            raise CannotRun("--client must name a JSON file with client_id and redirect_uri") from failure
        if not isinstance(document, dict) or not isinstance(document.get("client_id"), str):
            raise CannotRun("--client must hold an object with client_id")
        return document
