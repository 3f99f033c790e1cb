"""Edge: whether what a site declares may run in production: a version that leaves its shadow needs every gate, or two people.

Going live is a step, and it is kept. A gate that turns red later (evidence ages, old rows are purged) is told and shown; it does
not keep a server that writes already from starting again.
"""

import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.sites.live import Place, find_live, keep_live, place_of
from gateway.sites.promoting import POLICIES
from gateway.sites.readiness import examine, known, placed

if TYPE_CHECKING:
    from gateway.app import Gateway

logger = logging.getLogger("chartgate.sites")


class NotReady(RuntimeError):
    """A model would write while a gate is red; the text names model, EHR and gates, and says what to do."""


def refuse_unready(examined: Mapping[str, Any], before: Mapping[Place, str] = {}) -> None:
    """Raises NotReady for a site, as ``readiness.examine`` sees it, where a version goes further than ``before`` with a red
    gate; ``before`` has the policy of each place that went live."""
    for row in examined["models"]:
        red = [gate["id"] for gate in row["gates"] if gate["colour"] == "red" and not gate["overridden"]]
        if not row["live"] or not red:
            continue
        if _further(row["policy"], before.get(place_of(row), "shadow")):
            raise NotReady(
                f'site {examined["site"]}: {row["model"]} at {row["ehr"]} is to be "{row["policy"]}" while {", ".join(red)} '
                f'is red: chartgate site readiness says what to do; or write policy = "shadow"; or two people take it on '
                f"themselves with chartgate site override"
            )
        logger.warning("%s at %s went live before; since then red: %s", row["model"], row["ehr"], ", ".join(red))


def _further(policy: str, than: str) -> bool:
    return POLICIES.index(policy) > POLICIES.index(than)


async def check_sites(gateway: "Gateway") -> None:
    """Every site of a gateway that is about to serve. Raises NotReady."""
    for declared in gateway.declared:
        places = placed(declared)
        found = await gateway.run(partial(known, site=declared.id, places=places))
        examined = examine(declared, gateway.models, found, gateway.clock())
        refuse_unready(examined, await gateway.run(partial(find_live, site=declared.id)))
        await gateway.run(partial(keep_live, site=declared.id, rows=examined["models"]))
