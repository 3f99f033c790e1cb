"""Edge: outputs as their cards show them: what was said, from what, on what chart, and what became of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from fidelity.catalogue import BY_ID
from gateway.outputs import readings
from gateway.pages import wording
from monitoring.grounding.values import RULES
from vocabulary.manifest import Manifest
from writeback import recall
from writeback.ledger import outputs

if TYPE_CHECKING:
    from gateway.app import Gateway

NOTHING: Mapping[str, Any] = {"read": None, "values": (), "absent": ()}
UNTAKEN = ("rejected", "dead", "expired")
"""States of a change that the chart did not take."""
SAID = {
    "supported": "supported by the chart", "contradicted": "contradicted by the chart", "unsupported": "not found in the chart",
    "uncheckable": "not checked",
}  # fmt: skip
"""What the checker says of a sentence, in words for people."""
FITNESS = {
    "fit": "Nothing was found against using this chart for this model.",
    "caveats": "The chart can be used; the answer carries these caveats:",
    "unfit": "The chart cannot be used for this model, so the model was not run:",
}


async def cards(gateway: "Gateway", found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Outputs as ``outputs.show_output`` gives them → as the templates take them."""
    ids = [shown["id"] for shown in found]

    versions = {(shown["model"], shown["version"]) for shown in found}

    edits = [edit["delivery"] for shown in found for edit in shown["edits"] if edit["state"] in UNTAKEN]

    def work(connection: Connection, now: float) -> tuple[dict[Any, Any], ...]:
        return (
            outputs.find_bodies(connection, now, ids), readings.find_readings(connection, now, ids),
            recall.withdrawn(connection, now, versions), outputs.find_causes(connection, now, edits),
        )  # fmt: skip

    bodies, given, recalled, causes = await gateway.run(work)
    return [
        {
            **card(manifest_of(gateway, shown), shown, bodies.get(shown["id"], {}), given.get(shown["id"], NOTHING)),
            "recalled": recalled.get((shown["model"], shown["version"])),
            "edits": [{**edit, "why": wording.why(causes.get(edit["delivery"]))} for edit in shown["edits"]],
        }
        for shown in found
    ]


def manifest_of(gateway: "Gateway", shown: Mapping[str, Any]) -> Manifest | None:
    """The manifest of an output's model version, None where it is not installed any more."""
    model = gateway.deployments.at(shown["ehr"]).get((shown["model"], shown["version"]))
    return None if model is None else model.manifest


def card(
    manifest: Manifest | None, shown: Mapping[str, Any], body: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:  # fmt: skip
    """One output. ``body`` is what was submitted, ``given`` what its model was given."""
    verdict = shown["verdict"]
    return {
        **shown,
        "title": manifest.title if manifest else shown["model"],
        "card": manifest is not None,
        "says": body.get("label") or number(body.get("value"), body.get("unit"), body.get("tier")),
        "between": _interval(body),
        "parts": _parts(manifest, body.get("components") or ()),
        "explanation": body.get("explanation"),
        "text": body.get("text"),
        **grounded(body.get("text"), given.get("grounding")),
        "of": moment(shown["as_of"]),
        "fitness": verdict and FITNESS[verdict["fitness"]],
        "findings": _findings(verdict["findings"] if verdict else ()),
        "read": moment(given["read"]),
        "inputs": [
            {**value, "name": words(value["name"]), "value": plain(value["value"]), "at": moment(value["at"])}
            for value in given["values"]
        ],
        "absent": [{**each, "name": words(each["name"])} for each in given["absent"]],
    }


def grounded(text: str | None, found: Mapping[str, Any] | None) -> dict[str, Any]:
    """``pieces`` of a text, each with what the chart says of it in words (empty between sentences), and ``checked``, how many
    sentences got which verdict; both empty for a text that was not checked."""
    pieces, at, counts = [], 0, dict.fromkeys(SAID, 0)
    for start, end, verdict, rules in found["sentences"] if text and found else ():
        pieces += [{"text": text[at:start], "verdict": ""}] if text and start > at else []
        pieces.append(
            {"text": (text or "")[start:end], "verdict": verdict, "words": SAID[verdict],
             "why": "; ".join(RULES[rule] for rule in rules if rule in RULES and verdict != "supported")}
        )  # fmt: skip
        counts[verdict] += 1
        at = end
    if not pieces or not text:
        return {"pieces": [], "checked": ""}
    said = ", ".join(f"{number} {SAID[verdict]}" for verdict, number in counts.items() if number)
    return {"pieces": [*pieces, {"text": text[at:], "verdict": ""}], "checked": said}


def number(value: Any, unit: str | None, tier: str | None = None) -> str | None:
    """A value as people read it; fractions as per cent."""
    if value is None:
        return None
    said = f"{round(float(value) * 100, 1)} %" if unit == "fraction" else f"{value} {_unit(unit)}".strip()
    return f"{said} ({tier})" if tier else said


def _unit(unit: str | None) -> str:
    """A UCUM unit; one that is nothing but an annotation (``{score}``) counts and measures nothing."""
    return "" if unit is None or (unit.startswith("{") and unit.endswith("}")) else unit


def _interval(body: Mapping[str, Any]) -> str | None:
    interval = body.get("interval")
    if not interval:
        return None
    low, high = (number(each, body.get("unit")) for each in interval)
    return f"{low} to {high}"


def _parts(manifest: Manifest | None, components: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    titles = {each.name: each.title for each in manifest.components} if manifest else {}
    return [
        {
            "title": titles.get(part["code"]) or words(part["code"]),
            "says": part.get("label") or number(part.get("value"), part.get("unit")),
        }
        for part in components
    ]


def _findings(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Checks that did not pass, the gravest first."""
    gravity = ("critical", "warning", "info")
    return [
        {
            "title": BY_ID[each["check"]].title if each["check"] in BY_ID else each["check"],
            "feature": words(each["feature"] or "the whole chart"), "detail": each["detail"],
            "severity": each["severity"], "owner": words(each["owner"]),
        }
        for each in sorted(found, key=lambda each: gravity.index(each["severity"]))
    ]  # fmt: skip


def plain(value: Any) -> str:
    """A feature's value in few words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def words(name: str) -> str:
    """A name of a manifest as words."""
    return name.replace("_", " ")


def moment(instant: str | None) -> str | None:
    """A FHIR instant to the minute."""
    return None if instant is None else f"{instant[:16].replace('T', ' ')} UTC"
