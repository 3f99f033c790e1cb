"""What must be seen before a model leaves its shadow at a site: a table of gates, each judged from facts. Pure.

Sources: product.md §1 (metrics and thresholds defined and signed outside the model team; readiness before go-live);
45 CFR 170.315(b)(11) for the model card; the ages are the product's own and stand in the table to be argued with.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Colour = Literal["green", "amber", "red"]
DAY = 86400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Something that was seen and recorded: ``facts`` are numbers and words, ``at`` Unix seconds."""

    gate: str
    at: float
    by: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """All that is known of one model version at one EHR of one site. ``evidence`` has the newest of each gate; ``outputs``
    counts of outputs by state; ``shadow_since`` when the first shadow output was recorded; ``confirmed`` and ``declined`` count
    what people decided about, since ``decided_since``."""

    now: float
    issuer: str
    kind: str
    policy: str
    card_missing: tuple[str, ...] = ()
    outputs: Mapping[str, int] = field(default_factory=dict)
    shadow_since: float | None = None
    confirmed: int = 0
    declined: int = 0
    decided_since: float | None = None
    routes: Mapping[str, bool] = field(default_factory=dict)
    thresholds: str | None = None
    """Who signed the document in force; None where there is none that holds."""
    people: bool = False
    evidence: Mapping[str, Evidence] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """``text`` says what was seen, ``next`` what to do about it; ``age`` seconds since it was seen, None where it is now."""

    colour: Colour
    text: str
    next: str = ""
    age: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """``id`` is stable; ``ages`` days after which recorded evidence turns amber and red."""

    id: str
    title: str
    judge: Callable[[Facts], Judged]
    ages: tuple[int, int] | None = None


def judged(gate: Gate, facts: Facts) -> Judged:
    """The gate's colour; evidence that has aged takes it down."""
    if gate.ages is None:
        return gate.judge(facts)
    seen = facts.evidence.get(gate.id)
    if seen is None:
        return Judged(colour="red", text="never shown", next=gate.judge(facts).next)
    found, age = gate.judge(facts), facts.now - seen.at
    amber, red = gate.ages
    colour: Colour = "red" if age > red * DAY else "amber" if age > amber * DAY else "green"
    worse = max(found.colour, colour, key=("green", "amber", "red").index)
    stale = "" if colour == "green" else f"; {int(age // DAY)} days old"
    next = found.next if worse != "green" else ""
    return Judged(colour=worse, text=f"{found.text}{stale}", next=next, age=age)


def _conformance(facts: Facts) -> Judged:
    seen = facts.evidence.get("conformance")
    next = "chartgate conform URL --writes --report DIR, then chartgate site evidence SITE conformance --file conformance.json"
    if seen is None:
        return Judged(colour="red", text="never run", next=next)
    said = seen.facts
    if said.get("target") != facts.issuer.rstrip("/"):
        return Judged(colour="red", text="was run against another server than this EHR", next=next)
    counts = ", ".join(f"{said.get(word, 0)} {word}" for word in ("pass", "fail", "skip", "error"))
    if said.get("fail") or said.get("error"):
        return Judged(colour="red", text=counts, next=f"mend or accept each failure; {next}")
    colour: Colour = "amber" if said.get("skip") else "green"
    return Judged(colour=colour, text=counts, next="run what was skipped: --writes, --slow" if said.get("skip") else "")


def _fidelity(facts: Facts) -> Judged:
    seen = facts.evidence.get("fidelity")
    next = (
        "chartgate fidelity scan FEED --model DIR --json, then chartgate site evidence SITE fidelity --file scan.json"
    )
    if seen is None:
        return Judged(colour="red", text="never measured", next=next)
    failing = seen.facts.get("critical", 0)
    text = f"{seen.facts.get('resources', 0)} resources, {seen.facts.get('failing', 0)} checks with findings, {failing} critical"
    if not seen.facts.get("resources"):
        return Judged(colour="red", text="nothing was in the feed", next=next)
    return Judged(
        colour="red" if failing else "green", text=text, next="settle the critical findings" if failing else ""
    )


def _projection(facts: Facts) -> Judged:
    counts = facts.outputs
    planned = sum(number for state, number in counts.items() if state not in ("refused", "abstained"))
    refused = counts.get("not_writable", 0)
    if not planned:
        next = "let the model run in shadow at this EHR: what would be sent is planned each time"
        return Judged(colour="red", text="no output was planned yet", next=next)
    text = f"{planned - refused} of {planned} planned outputs fit this EHR"
    if refused == planned:
        next = "chartgate outputs list --state not_writable says why; map codes or change the policy in site.toml"
        return Judged(colour="red", text=text, next=next)
    colour: Colour = "amber" if refused > 0.05 * planned else "green"
    return Judged(colour=colour, text=text, next="look at those that do not fit" if refused else "")


SHADOW_DAYS, SHADOW_OUTPUTS = 14, 100


def _shadow(facts: Facts) -> Judged:
    number = facts.outputs.get("shadow", 0)
    days = 0.0 if facts.shadow_since is None else (facts.now - facts.shadow_since) / DAY
    text = f"{number} outputs over {days:.0f} days (wanted: {SHADOW_OUTPUTS} over {SHADOW_DAYS})"
    if number >= SHADOW_OUTPUTS and days >= SHADOW_DAYS:
        return Judged(colour="green", text=text)
    colour: Colour = "amber" if number and days >= SHADOW_DAYS / 2 else "red"
    return Judged(colour=colour, text=text, next='policy = "shadow" in site.toml until both are reached')


def _thresholds(facts: Facts) -> Judged:
    if facts.thresholds is None:
        next = "have the metrics and thresholds signed by somebody who does not own the model: docs/how-to/declare-a-site.md"
        return Judged(colour="red", text="no signed document of metrics and thresholds", next=next)
    return Judged(colour="green", text=f"signed by {facts.thresholds}")


def _routes(facts: Facts) -> Judged:
    wanted = ("engineering", "clinical_informatics")
    missing = [owner for owner in wanted if owner not in facts.routes]
    silent = [owner for owner in wanted if facts.routes.get(owner) is False]
    if missing:
        return Judged(colour="red", text=f"no route for {' and '.join(missing)}", next="add [[route]] to site.toml")
    if silent:
        next = "send a test alert and have them acknowledge it; then chartgate site evidence SITE routes --note …"
        return Judged(colour="red", text=f"no test alert was acknowledged by {' and '.join(silent)}", next=next)
    return Judged(colour="green", text="a test alert was acknowledged by both teams")


def _recorded(gate: str, next: str) -> Callable[[Facts], Judged]:
    """A gate whose recorded evidence says ``ok`` itself."""

    def judge(facts: Facts) -> Judged:
        seen = facts.evidence.get(gate)
        if seen is None:
            return Judged(colour="red", text="never shown", next=next)
        ok = seen.facts.get("ok") is True
        return Judged(colour="green" if ok else "red", text=str(seen.facts.get("text", "recorded")), next=next)

    return judge


def _card(facts: Facts) -> Judged:
    if facts.card_missing:
        some = ", ".join(facts.card_missing[:3]) + (" …" if len(facts.card_missing) > 3 else "")
        next = "fill [card] of model.toml: chartgate models check DIR names what is missing"
        return Judged(colour="red", text=f"{len(facts.card_missing)} of 31 attributes are missing: {some}", next=next)
    return Judged(colour="green", text="31 of 31 source attributes")


def _people(facts: Facts) -> Judged:
    if facts.people:
        return Judged(colour="green", text="launches from this EHR say who the clinician is")
    colour: Colour = "red" if facts.policy == "confirm" else "amber"
    next = "launch from the EHR once as a clinician: without openid and fhirUser nobody can confirm"
    return Judged(colour=colour, text="no launch has named a clinician yet", next=next)


GATES: tuple[Gate, ...] = (
    Gate(id="conformance", title="Conformance run against this EHR", judge=_conformance, ages=(90, 180)),
    Gate(id="fidelity", title="This feed against what the model was trained on", judge=_fidelity, ages=(30, 90)),
    Gate(id="projection", title="What this EHR takes of the outputs", judge=_projection),
    Gate(id="shadow", title="Shadow period", judge=_shadow),
    Gate(id="thresholds", title="Metrics and thresholds, signed outside the model's team", judge=_thresholds),
    Gate(id="routes", title="Alerts reach both teams", judge=_routes),
    Gate(
        id="recall", title="Recall rehearsed", ages=(180, 365),
        judge=_recorded("recall", "recall a version in a sandbox, then chartgate site evidence SITE recall --note …"),
    ),
    Gate(
        id="backup", title="Backup restored", ages=(90, 180),
        judge=_recorded("backup", "restore a backup elsewhere, then chartgate site evidence SITE backup --note …"),
    ),
    Gate(id="card", title="Model card complete", judge=_card),
    Gate(id="people", title="Identity and roles", judge=_people),
)  # fmt: skip
CONFIRM_DAYS, DECISIONS, DECLINED = 14, 50, (0.05, 0.1)
"""How long people decide about each output, about how many at least, and which share that they declined is amber and red."""


def _confirmed(facts: Facts) -> Judged:
    decided = facts.confirmed + facts.declined
    days = 0.0 if facts.decided_since is None else (facts.now - facts.decided_since) / DAY
    text = (
        f"{decided} decisions over {days:.0f} days, {facts.declined} declined (wanted: {DECISIONS} over {CONFIRM_DAYS})"
    )
    if decided < DECISIONS or days < CONFIRM_DAYS:
        return Judged(colour="red", text=text, next='policy = "confirm" in site.toml until both are reached')
    share, (amber, red) = facts.declined / decided, DECLINED
    colour: Colour = "red" if share > red else "amber" if share > amber else "green"
    next = "read why people declined: chartgate outputs list --state declined" if colour != "green" else ""
    return Judged(colour=colour, text=text, next=next)


CONFIRMED = Gate(id="confirmed", title="Confirm period: people decided about each output", judge=_confirmed)
STEPS: Mapping[str, tuple[Gate, ...]] = {"confirm": GATES, "automatic": (*GATES, CONFIRMED)}
"""The gates before a version is promoted to a policy. The last is for the step to automatic alone: nothing else of a site waits
for it, and a version that wrote by itself before there was this gate goes on."""
BY_ID = {gate.id: gate for gate in STEPS["automatic"]}
