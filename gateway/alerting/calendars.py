"""The calendar in force: what each site has planned, in its own time zone, and which code systems a feature is read by. Pure."""

from collections.abc import Callable, Iterable
from zoneinfo import ZoneInfo

from gateway.sites.deployment import Deployments
from gateway.sites.folder import Declared
from monitoring.alerting.calendar import Calendar, Planned

Systems = Callable[[str, str, str, str], frozenset[str]]


def calendar_of(sites: Iterable[Declared], *, systems: Systems) -> Calendar:
    """By EHR, as the sites declare it."""
    planned, zones = {}, {}
    for declared in sites:
        own = tuple(Planned(on=each.on, what=each.what, systems=each.systems) for each in declared.site.planned)
        for name in declared.site.ehrs:
            planned[name], zones[name] = own, ZoneInfo(declared.site.site.timezone)
    return Calendar(planned=planned, zones=zones, systems=systems)


def systems_of(deployments: Deployments) -> Systems:
    """The code systems of a feature's codes, the site's local ones among them; of all features where the source is none (an
    output is made of all of them)."""

    def systems(model: str, version: str, ehr: str, source: str) -> frozenset[str]:
        known = deployments.at(ehr).get((model, version))
        if known is None:
            return frozenset()
        features = known.manifest.features
        own = [each for each in features if each.name == source] or features
        return frozenset(code.system for each in own for code in each.codes)

    return systems
