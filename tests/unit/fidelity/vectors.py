"""The vectors of the catalogue (tests/vectors/fidelity): feeds as JSON, and how a row that stands for many is spread out."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fidelity.baseline import Baseline, CodeUse
from fidelity.checks import CHECKS
from fidelity.editions import icd10cm
from fidelity.editions.edition import library, skew
from fidelity.editions.shipped import EXCERPTS, shipped
from fidelity.records.judging import compile_rules
from fidelity.scan import Scan, Settings
from vocabulary.instant import parse_instant, parse_span
from vocabulary.manifest import Code, Feature

FOLDER = Path(__file__).parents[2] / "vectors" / "fidelity"
NOW = parse_instant("2026-06-01T12:00:00Z")
VECTORS = {check.id: json.loads((FOLDER / f"{check.id}.json").read_text()) for check in CHECKS}


def rows(given: list) -> list:
    return [each for row in given for each in (_many(row) if "times" in row else [row])]


def _many(row: dict) -> list:
    """``times`` resources like ``of``: {i} is the number, {day} a day each (over ``span`` days), {hour} of ``hours``, {arrival}
    an hour after the one before, ten days after at number ``gap``; the value is one of ``values``, each a little
    more than the last with ``jitter``."""
    made, arrival = [], datetime(2026, 1, 1, tzinfo=UTC)
    for i in range(row["times"]):
        arrival += timedelta(days=10) if i == row.get("gap") else timedelta(hours=1)
        day = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=i % row.get("span", 100))
        hour = row.get("hours", [8])[i % len(row.get("hours", [8]))]
        text = json.dumps(row["of"]).replace("{i}", str(i)).replace("{day}", day.date().isoformat())
        text = text.replace("{hour}", f"{hour:02d}").replace("{arrival}", arrival.isoformat())
        resource = json.loads(text)
        resource["valueQuantity"]["value"] = row["values"][i % len(row["values"])] + i / 1000 * row.get("jitter", False)
        made.append(resource)
    return made


def settings(**given) -> Settings:
    editions = shipped()
    if given.get("editions") == "whole":
        lines = (EXCERPTS / "icd10cm_order_2026.txt").read_text().splitlines()
        editions = library([icd10cm.parse_order_file(lines, version="2026")])
    features = tuple(_feature(each) for each in given.get("features", ()))
    skews = [_skew(**given["skew"])] if "skew" in given else []
    judge = compile_rules(features=features, terminology=editions, as_of=NOW, pins=given.get("pins"))
    reference = _reference(given["reference"]) if "reference" in given else None
    return Settings(
        judge=judge,
        salt=b"salt",
        features=features,
        reference=reference,
        linkage=given.get("linkage", False),
        skews=skews,
    )


def _feature(each: dict) -> Feature:
    codes = tuple(Code(**code) for code in each["codes"])
    lookback = parse_span(each["lookback"]) if "lookback" in each else None
    return Feature(**{**each, "codes": codes, "lookback": lookback})


def _skew(system, trained, live, codes):
    return skew(shipped().edition(system, trained), shipped().edition(system, live), codes)


def _reference(given: dict) -> Baseline:
    codes = {
        (each["system"], each["code"]): CodeUse(
            **{name: value for name, value in each.items() if name not in ("system", "code")}
        )
        for each in given["codes"]
    }
    return Baseline(**{**given, "codes": codes})


def scanned(id: str, which: str):
    """The results of one vector."""
    vector = VECTORS[id]
    given = vector.get(f"{which}_with", vector.get("with", {}))
    scan = Scan(settings(**given))
    for resource in rows(vector[which]):
        scan.add(resource)
    for name, whole in given.get("searches", {}).items():
        scan.searched(name, whole)
    return scan.results()
