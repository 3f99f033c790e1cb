"""Edge: the same models at two customers, before the first patient: what would be lost or refused where, found by rehearsal.

Case: Beede et al., CHI 2020, eleven clinics in Thailand; Duke Sepsis Watch as the counter-example.
"""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from gateway import demo
from gateway.cases import Case, Told
from gateway.processes.process import Options
from gateway.sites.checking import load_models
from gateway.sites.deployment import played
from gateway.sites.differing import differences
from gateway.sites.folder import Declared, read_site

EXAMPLES = Path(__file__).resolve().parent.parent / "sites" / "examples"


def run() -> Told:
    """Both example sites rehearsed against a sandbox EHR of their vendor."""
    models = {key: model.manifest for key, model in load_models().items()}
    one, other = (read_site(EXAMPLES / name, models) for name in ("lakeside", "riverside"))
    states = {declared.id: _rehearsed(declared) for declared in (one, other)}
    unlike = len(differences(one.site, other.site))
    refused = {name: found["states"]["not_writable"] for name, found in states.items()}
    return Told(
        case="eleven-clinics",
        without=(
            f"One pilot at one customer: the second differs in {unlike} lines of its declaration, and nobody has seen them.",
            "What its EHR will not take is found with patients in the waiting room.",
        ),
        with_=tuple(
            f"{name}: {_words(found['states'])}; {found['reason'] or 'everything planned fits'}" for name, found in states.items()
        ),
        signal="site readiness: projection", caught=any(refused.values()) or any(found["losses"] for found in states.values()),
        numbers={"differences": unlike, **{name: dict(found["states"]) for name, found in states.items()}},
    )  # fmt: skip


def _rehearsed(declared: Declared) -> dict[str, Any]:
    chosen = declared.ehrs[0]
    site = played(declared.site, ehr=chosen.name, persona=chosen.vendor)
    with tempfile.TemporaryDirectory(prefix="chartgate-") as temporary:
        options = Options(port=0, persona=chosen.vendor, site=site)
        patients = asyncio.run(demo.patients_of(Path(temporary), options))
    said = [output for patient in patients for output in patient["outputs"]]
    reasons = Counter(str(each["reason"]) for each in said if each["state"] == "not_writable")
    losses = {loss for each in said for part in each["deliveries"] for loss in part["losses"]}
    return {
        "states": Counter(each["state"] for each in said), "losses": losses,
        "reason": reasons.most_common(1)[0][0] if reasons else "",
    }  # fmt: skip


def _words(states: Counter[str]) -> str:
    return ", ".join(f"{number} {state.replace('_', ' ')}" for state, number in sorted(states.items()))


CASE = Case(id="eleven-clinics", title="Good in one place", page="docs/failure-modes/infrastructure-last.md", run=run)
