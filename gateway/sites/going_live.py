"""Edge: whether what a site declares may run in production: a model that leaves its shadow needs every gate, or two people."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.sites.readiness import examine, known, placed

if TYPE_CHECKING:
    from gateway.app import Gateway


class NotReady(RuntimeError):
    """A model would write while a gate is red; the text names model, EHR and gates, and says what to do."""


def refuse_unready(examined: Mapping[str, Any]) -> None:
    """Raises NotReady for a site, as ``readiness.examine`` sees it, that is live somewhere with a red gate."""
    for row in examined["models"]:
        red = [gate["id"] for gate in row["gates"] if gate["colour"] == "red" and not gate["overridden"]]
        if row["live"] and red:
            raise NotReady(
                f'site {examined["site"]}: {row["model"]} at {row["ehr"]} is to be "{row["policy"]}" while {", ".join(red)} '
                f'is red: chartgate site readiness says what to do; or write policy = "shadow"; or two people take it on '
                f"themselves with chartgate site override"
            )


async def check_sites(gateway: "Gateway") -> None:
    """Every site of a gateway that is about to serve. Raises NotReady."""
    for declared in gateway.declared:
        places = placed(declared)
        found = await gateway.run(partial(known, site=declared.id, places=places))
        refuse_unready(examine(declared, gateway.models, found, gateway.clock()))
