"""The routes in force: those of each site, as the monitoring room takes them. Pure."""

from collections.abc import Iterable

from gateway.sites.declaration import Route as Declared
from gateway.sites.folder import Declared as DeclaredSite
from monitoring.alerting.routing import Route, Table
from vocabulary.instant import parse_span


def table_of(sites: Iterable[DeclaredSite]) -> Table:
    """By EHR, with the people behind the owners. Secret files are named by their place in the site's folder."""
    by_ehr, people = {}, {}
    for declared in sites:
        routes = tuple(_route(each, declared) for each in declared.site.route)
        for name in declared.site.ehrs:
            by_ehr[name] = routes
            for model in declared.site.model:
                if name in (model.ehrs or declared.site.ehrs):
                    people[name, model.id] = model.owners.model_dump()
    return Table(by_ehr=by_ehr, people=people)


def _route(each: Declared, declared: DeclaredSite) -> Route:
    secret = None if each.secret_file is None else str(declared.folder / each.secret_file)
    span = None if each.acknowledge is None else parse_span(each.acknowledge)
    return Route(
        owner=each.owner, severities=each.severity, sink=each.sink, to=each.to, model=each.model, secret=secret,
        networks=each.networks or (), acknowledge=None if span is None else span.months * 30 * 86400.0 + span.seconds,
    )  # fmt: skip
