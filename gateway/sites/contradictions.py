"""What a site's file says that cannot all be true, or that nothing here can do. Pure: the models are given."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fidelity.editions.forms import WELL_FORMED
from gateway.sites.declaration import Coding, Site
from vocabulary.manifest import Manifest

Manifests = Mapping[tuple[str, str], Manifest]
Rule = Callable[[Site, Manifests], Iterator[str]]


def find(site: Site, manifests: Manifests) -> list[str]:
    """Each contradiction as a sentence that names the member and says how to put it right."""
    return [problem for rule in RULES for problem in rule(site, manifests)]


def _twice(names: Iterable[str]) -> list[str]:
    return sorted(name for name, number in Counter(names).items() if number > 1)


def _ehrs_once(site: Site, manifests: Manifests) -> Iterator[str]:
    for name in _twice(site.ehrs):
        yield f"ehr {name} is declared twice: give each a name of its own"


def _ehrs_known(site: Site, manifests: Manifests) -> Iterator[str]:
    named = [("model", each.ehrs) for each in site.model] + [("reading", each.ehrs) for each in site.reading]
    for table, ehrs in named:
        for name in ehrs:
            if name not in site.ehrs:
                yield f"{table}.ehrs names an EHR that the site does not have: write one of {', '.join(site.ehrs)}"


def _models_known(site: Site, manifests: Manifests) -> Iterator[str]:
    for number, each in enumerate(site.model):
        if (each.id, each.version) not in manifests:
            versions = sorted(version for id, version in manifests if id == each.id)
            fix = f"there is {', '.join(versions)}" if versions else "add its folder with --models DIR"
            yield f"model[{number}] is no model and version of this installation: {fix}"


def _models_once(site: Site, manifests: Manifests) -> Iterator[str]:
    pairs = [f"{each.id}@{each.version} at {ehr}" for each in site.model for ehr in each.ehrs or site.ehrs]
    for pair in _twice(pairs):
        yield f"model {pair} is deployed twice: take one out"
    policies: dict[tuple[str, str], list[str]] = {}
    for each in site.model:
        for ehr in each.ehrs or site.ehrs:
            if each.policy != "shadow":
                policies.setdefault((each.id, ehr), []).append(each.version)
    for (id, ehr), versions in policies.items():
        if len(versions) > 1:
            yield f"model {id} writes at {ehr} in two versions ({', '.join(versions)}): all but one must be shadow"


def _texts_confirmed(site: Site, manifests: Manifests) -> Iterator[str]:
    for each in site.model:
        manifest = manifests.get((each.id, each.version))
        if manifest is not None and manifest.kind in ("text", "issue") and each.policy == "automatic":
            yield f'model {each.id}: policy "automatic" lets a {manifest.kind} reach the chart unread: write "confirm"'


def _policies_not_loosened(site: Site, manifests: Manifests) -> Iterator[str]:
    order = ("shadow", "confirm", "automatic")
    for each in site.model:
        manifest = manifests.get((each.id, each.version))
        if manifest is not None and order.index(each.policy) > order.index(manifest.policy):
            yield (
                f'model {each.id}: policy "{each.policy}" is looser than the model allows: '
                f'write "{manifest.policy}" or stricter'
            )


def _owners_apart(site: Site, manifests: Manifests) -> Iterator[str]:
    """Metrics are defined outside the model's team: docs/failure-modes/infrastructure-last.md."""
    signers = set(site.thresholds.signers) if site.thresholds else set()
    for each in site.model:
        if each.owners.model in signers:
            yield f"thresholds.signers has the owner of model {each.id}: somebody else must sign its metrics"


def _mappings_once(site: Site, manifests: Manifests) -> Iterator[str]:
    for ehr in site.ehrs:
        local = [_key(each.local) for each in site.reading if ehr in (each.ehrs or site.ehrs)]
        for key in _twice(local):
            yield f"reading maps {key} twice at {ehr}: one local code means one thing"
    for key in _twice(_key(each.code) for each in site.writing):
        yield f"writing maps {key} twice: take one out"


def _codes_formed(site: Site, manifests: Manifests) -> Iterator[str]:
    for number, each in enumerate(site.reading):
        rule = WELL_FORMED.get(each.means.system)
        if rule is not None and not rule(each.means.code):
            yield f"reading[{number}].means.code does not have the form of its system: check it for a typing error"


def _mappings_used(site: Site, manifests: Manifests) -> Iterator[str]:
    """A mapping that no deployed model reads is a sign of a mistyped code."""
    deployed = [manifests[key] for each in site.model if (key := (each.id, each.version)) in manifests]
    read = {(code.system, code.code) for each in deployed for feature in each.features for code in feature.codes}
    said = {
        (code.system, code.code)
        for each in deployed
        for prediction in (each.output, *each.components)
        for code in prediction.codes
    }
    for number, reading in enumerate(site.reading):
        if deployed and (reading.means.system, reading.means.code) not in read:
            yield f"reading[{number}].means is read by no model of the site: correct it or take it out"
    for number, writing in enumerate(site.writing):
        if deployed and (writing.code.system, writing.code.code) not in said:
            yield f"writing[{number}].code is said by no model of the site: correct it or take it out"


def _routes_armed(site: Site, manifests: Manifests) -> Iterator[str]:
    for number, route in enumerate(site.route):
        if route.sink == "webhook" and route.secret_file is None:
            yield f"route[{number}].secret_file is missing: a webhook is signed (Standard Webhooks)"
        if route.sink == "webhook" and not route.to.startswith("https://"):
            yield f"route[{number}].to must be an https address"
        if route.networks and route.sink != "webhook":
            yield f"route[{number}].networks goes with a webhook: take it out"
        if route.sink == "task" and route.to not in site.ehrs:
            yield f"route[{number}].to must name an EHR of the site: {', '.join(site.ehrs)}"
        if route.sink == "email" and "@" not in route.to:
            yield f"route[{number}].to must be an e-mail address"
        if route.model is not None and route.model not in {each.id for each in site.model}:
            yield f"route[{number}].model is no model of the site"


def _schedules(site: Site, manifests: Manifests) -> Iterator[str]:
    for name in _twice(each.id for each in site.schedule):
        yield f"schedule {name} is declared twice: give each an id of its own"
    for number, each in enumerate(site.schedule):
        if each.ehr not in site.ehrs:
            yield f"schedule[{number}].ehr names an EHR that the site does not have: write one of {', '.join(site.ehrs)}"
        here = {model.id for model in site.model if each.ehr in (model.ehrs or site.ehrs)}
        if each.ehr in site.ehrs and not set(each.models) <= here:
            yield f"schedule[{number}].models names a model that is not deployed there: there is {', '.join(sorted(here))}"
        if (each.catch_up == "all") != (each.most is not None):
            yield f'schedule[{number}].most goes with catch_up = "all", and that with it: write both, or neither'
        table: dict[str, Any] = next((table for table in site.ehr if table.get("name") == each.ehr), {})
        if table.get("method") == "none" or table.get("backend_scopes") == []:
            yield f"schedule[{number}].ehr gives no backend access: its tokens come from launches alone"


def _key(coding: Coding) -> str:
    return f"{coding.system}|{coding.code}"


RULES: tuple[Rule, ...] = (
    _ehrs_once, _ehrs_known, _models_known, _models_once, _texts_confirmed, _policies_not_loosened, _owners_apart,
    _mappings_once, _codes_formed, _mappings_used, _routes_armed,
    _schedules,
)  # fmt: skip
"""In the order in which they are told."""
