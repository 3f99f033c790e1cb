"""What went live at a site is kept, on both databases, also when replicas start at once."""

from functools import partial
from typing import Any

from gateway.sites.live import find_live, keep_live, live
from tests.contract.test_purging import World
from tests.contract.test_purging import world as world

PLACE = {"model": "news2", "version": "1.0.0", "ehr": "north-epic"}


def rows(*policies: str) -> list[dict[str, Any]]:
    return [
        {**PLACE, "version": f"{n}.0.0", "policy": each, "live": each != "shadow"} for n, each in enumerate(policies)
    ]


def kept(world: World, *policies: str, site: str = "north") -> dict[Any, str]:
    world.database.run_now(partial(keep_live, site=site, rows=rows(*policies)))
    return {
        version: policy for (_, version, _), policy in world.database.run_now(partial(find_live, site=site)).items()
    }


def test_what_is_live_is_kept_until_it_is_not(world: World) -> None:
    assert kept(world, "confirm", "shadow") == {"0.0.0": "confirm"}
    first = world.database.run_now(lambda c, now: c.execute(live.select()).mappings().one())
    assert kept(world, "confirm", "automatic") == {"0.0.0": "confirm", "1.0.0": "automatic"}
    assert (
        world.database.run_now(lambda c, now: c.execute(live.select().order_by("version")).mappings().first()) == first
    )
    assert kept(world, "automatic", "automatic") == {"0.0.0": "automatic", "1.0.0": "automatic"}
    assert kept(world, "shadow", site="south") == {}
    assert kept(world, "shadow", "automatic") == {"1.0.0": "automatic"}
    assert kept(world) == {}
