"""Edge: the contract of a model behind a URL, asked of the service itself: what its author runs before a gateway does.

docs/how-to/add-a-model.md, "A model behind a URL". Every question is one that the gateway may ask; none is tried again, so that
a service that needs its second chance is seen to.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from fidelity import demographics
from fidelity.chart import assemble
from gateway.feeds import bundles
from gateway.model_folders import models, remote_models
from gateway.model_folders.models import Model, ModelError
from vocabulary.chart import Chart, FeatureValue
from vocabulary.manifest import Feature, Manifest

AT_ONCE = 8
SLOW = 2.0
"""Seconds beyond which an answer is in time and yet told: a launch waits for it."""
Answer = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Remote:
    """``model`` asks it once and does not try again; ``chart`` is one that it should have something to say about."""

    model: Model
    chart: Chart

    @property
    def manifest(self) -> Manifest:
        return self.model.manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """``result`` is pass, fail or skip; ``text`` what was seen, ``next`` what to do about it."""

    check: str
    result: str
    text: str
    next: str = ""


def service(folder: Path, *, now: float, bundle: bytes | None = None, url: str | None = None) -> Remote:
    """The service that the manifest names, or another at ``url`` with the same manifest; the chart is that of ``bundle``, else of
    the folder's ``example.json``, else one in the middle of every feature's limits. Raises ModelError, ManifestError."""
    manifest = models.read_manifest(folder)
    if url is not None:
        manifest = replace(manifest, url=url, entry=None)
    if manifest.url is None:
        raise ModelError(f"{folder.name}: model.url is missing, and --url was not given: there is no service to ask")
    example = folder / "example.json"
    if bundle is None and example.is_file():
        bundle = example.read_bytes()
    chart = _middle(manifest, now) if bundle is None else _read(manifest, bundle, now)
    model = Model(manifest=manifest, predict=remote_models.caller(manifest, pauses=()), directory=folder)
    return Remote(model=model, chart=chart)


def _read(manifest: Manifest, bundle: bytes, now: float) -> Chart:
    try:
        resources = bundles.read_bundle(bundle)
        patient = bundles.patient_of(resources)
    except bundles.BundleError as wrong:
        raise ModelError(str(wrong)) from wrong
    reads = bundles.reads_of(resources, manifest.features)
    chart = assemble(patient=patient, reads=reads, features=manifest.features, as_of=now)
    missing = [each.name for each in manifest.features if each.required and each.name in chart.absent]
    if missing:  # the gateway would not ask
        why = f"{missing[0]} ({chart.absent[missing[0]]})"
        raise ModelError(f"the chart lacks what the model requires, {why}: give another with --bundle")
    return chart


def _middle(manifest: Manifest, now: float) -> Chart:
    found = {each.name: FeatureValue(value=_value(each), unit=each.unit) for each in manifest.features}
    return Chart(patient="Patient/example", as_of=now, features=found)


def _value(feature: Feature) -> Any:
    if feature.kind == "presence":
        return False
    if feature.answers:
        return feature.answers[0].value or feature.answers[0].code
    if feature.name in demographics.SEXES:
        return "female"
    return float(sum(feature.limits) / 2) if feature.limits else 50.0 if feature.name in demographics.AGES else 1.0


def check(service: Remote) -> list[Checked]:
    """Every check, in the order of the table. A service that does not answer at all is asked no further."""
    found: list[Checked] = []
    for ask in CHECKS:
        found.append(ask(service))
        if ask is answers and found[0].result == "fail":
            rest = [each.__name__ for each in CHECKS[1:]]
            return [*found, *(Checked(check=name, result="skip", text="it did not answer") for name in rest)]
    return found


def _asked(service: Remote, chart: Chart) -> Answer | str:
    """What it says of a chart; a text is why that is no answer."""
    try:
        said = models.answer(service.model, chart)
    except ModelError as wrong:
        return str(wrong.__cause__ or wrong)
    if "abstained" in said:
        return said
    return "; ".join(models.faults(service.manifest, said)) or said


def _told(check: str, problems: Sequence[str], good: str, next: str) -> Checked:
    if problems:
        return Checked(check=check, result="fail", text="; ".join(dict.fromkeys(problems)), next=next)
    return Checked(check=check, result="pass", text=good)


def answers(service: Remote) -> Checked:
    """It answers a good question in time, with what the manifest says."""
    began = time.monotonic()
    said = _asked(service, service.chart)
    took = time.monotonic() - began
    if isinstance(said, str):
        next = "answer 200 with a JSON object whose value has the manifest's unit and range"
        return Checked(check="answers", result="fail", text=said, next=next)
    slow = f": a launch waits for it, {remote_models.SECONDS:g} s at most" if took > SLOW else ""
    what = f"it abstained ({said['abstained']})" if "abstained" in said else "an answer as declared"
    return Checked(check="answers", result="pass", text=f"{what} after {took * 1000:.0f} ms{slow}")


def known_members(service: Remote) -> Checked:
    """It says nothing that would be left out."""
    values = {name: each.value for name, each in service.chart.features.items()}
    try:
        said = service.model.predict({**dict.fromkeys(_names(service)), **values}, service.chart)
    except remote_models.RemoteModelError as wrong:
        return Checked(check="known_members", result="fail", text=str(wrong), next="answer every question alike")
    extra = sorted(str(name) for name in said if name not in models.MEMBERS)
    problems = [f"{len(extra)} members are none of an output and are left out"] if extra else []
    return _told("known_members", problems, "every member is used", f"use {', '.join(models.MEMBERS)}")


def same_again(service: Remote) -> Checked:
    """The same question has the same answer: it may be asked twice."""
    first, second = (_asked(service, service.chart) for _ in range(2))
    problems = [each for each in (first, second) if isinstance(each, str)]
    if not problems and first != second:
        problems = ["the same question was answered otherwise the second time"]
    return _told(
        "same_again", problems, "the same twice", "keep no memory: what was not answered is asked again, and repeated"
    )


def many_at_once(service: Remote) -> Checked:
    """It answers several at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda _: _asked(service, service.chart), range(AT_ONCE)))
    problems = [each for each in found if isinstance(each, str)]
    good = f"{AT_ONCE} questions at once were answered"
    return _told("many_at_once", problems, good, "several launches ask at the same time: serve them side by side")


def without_the_optional(service: Remote) -> Checked:
    """It takes null for each feature that need not be there."""
    optional = [each.name for each in service.manifest.features if not each.required and each.kind != "presence"]
    if not optional:
        return Checked(check="without_the_optional", result="skip", text="every feature is required")
    problems = [
        f"{name} null: {said}" for name in optional if isinstance(said := _asked(service, _without(service, name)), str)
    ]
    good = f"{len(optional)} features may be null"
    return _told(
        "without_the_optional", problems, good, "a feature that is not required may be null: answer or abstain"
    )


def _without(service: Remote, name: str) -> Chart:
    """A patient feature may be unknown too, as a value of a chart."""
    left = {each: value for each, value in service.chart.features.items() if each != name}
    return replace(service.chart, features=left, absent={**service.chart.absent, name: "not in the chart"})


def at_the_limits(service: Remote) -> Checked:
    """At either end of a feature's plausible values it answers within the declared range, or abstains."""
    ends = [(each, end) for each in service.manifest.features if each.limits for end in each.limits]
    if not ends:
        return Checked(check="at_the_limits", result="skip", text="no feature has limits")
    problems = [
        f"{feature.name} = {end}: {said}"
        for feature, end in ends
        if isinstance(said := _asked(service, _with(service, feature, end)), str)
    ]
    good = f"{len(ends)} ends of {len(ends) // 2} features"
    return _told(
        "at_the_limits", problems, good, "abstain where the model is not valid: a value out of range is refused"
    )


def _with(service: Remote, feature: Feature, value: Decimal) -> Chart:
    made = FeatureValue(value=float(value), unit=feature.unit)
    absent = {name: why for name, why in service.chart.absent.items() if name != feature.name}
    return replace(service.chart, features={**service.chart.features, feature.name: made}, absent=absent)


def _names(service: Remote) -> list[str]:
    return [each.name for each in service.manifest.features]


CHECKS: tuple[Callable[[Remote], Checked], ...] = (
    answers, known_members, same_again, many_at_once, without_the_optional, at_the_limits,
)  # fmt: skip
