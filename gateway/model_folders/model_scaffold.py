"""Edge: ``models new``: a folder that runs at once: a manifest, a few lines of code, and one chart to run them on."""

import json
import re
import time
from pathlib import Path
from typing import Any

from vocabulary.instant import format_instant

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
DAY = 86400.0


class ScaffoldRefused(ValueError):
    """The folder cannot be made; the text says what to change."""


def make(folder: Path, name: str, *, now: float | None = None) -> list[str]:
    """The files of a new model in ``folder``, which must not be there yet; their names. ``now`` is when the example chart was
    measured (the day before it). Raises ScaffoldRefused."""
    if NAME.fullmatch(name) is None or len(name) > 64:
        raise ScaffoldRefused("NAME is small letters, digits and single hyphens, at most 64: it is the model's id")
    at = time.time() if now is None else now
    files = {
        "model.toml": MANIFEST.replace("NAME", name).replace("TITLE", name.replace("-", " ").capitalize()),
        "model.py": CODE,
        "example.json": json.dumps(chart(at - DAY), indent=2) + "\n",
    }
    try:
        folder.mkdir(parents=True)
    except FileExistsError as failure:
        raise ScaffoldRefused(f"{folder.name} is there already: take another name, or another --into") from failure
    except OSError as failure:
        raise ScaffoldRefused(f"{folder.name} cannot be made: {failure.strerror}") from failure
    for file, text in files.items():
        (folder / file).write_text(text)
    return list(files)


def chart(measured: float) -> dict[str, Any]:
    """One invented patient with what the model reads."""
    patient = {"resourceType": "Patient", "id": "example", "gender": "female", "birthDate": "1961-04-12"}
    systolic = {
        "resourceType": "Observation", "id": "systolic", "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6", "display": "Systolic blood pressure"}]},
        "subject": {"reference": "Patient/example"}, "effectiveDateTime": format_instant(measured),
        "valueQuantity": {"value": 148, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
    }  # fmt: skip
    entries = [{"resource": each} for each in (patient, systolic)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


CODE = '''"""What the model computes. ``features`` are by the names of model.toml, None where one is absent."""

from math import exp


def predict(features):
    """An invented risk, to be replaced: it rises with age and systolic pressure."""
    if not 18 <= features["age"] <= 110:
        return {"abstained": "the model is for adults"}
    score = -7.0 + 0.05 * features["age"] + 0.015 * features["systolic"]
    return {"value": round(1 / (1 + exp(-score)), 4), "explanation": "Age and systolic blood pressure."}
'''

MANIFEST = """# What each member means: docs/how-to/add-a-model.md. `chartgate models check` says what a deployment still misses.

[model]
id = "NAME"
version = "0.1.0"
title = "TITLE"
intended_use = "An example to start from. It is for no patient."
entry = "model:predict"

[[feature]]
name = "age"
kind = "patient"
unit = "a"
required = true
limits = [0, 125]

[[feature]]
name = "systolic"
kind = "observation"
codes = [{ system = "http://loinc.org", code = "8480-6", display = "Systolic blood pressure" }]
unit = "mm[Hg]"
lookback = "P2Y"
required = true
limits = [30, 350]

[output]
kind = "risk"
title = "TITLE"
codes = [{ system = "urn:chartgate:assessment", code = "NAME", display = "TITLE" }]
range = [0.0, 1.0]
unit = "fraction"
horizon = "P10Y"

# shadow: outputs are recorded and never sent. Then confirm, then automatic, site by site (docs/how-to/declare-a-site.md).
[writeback]
policy = "shadow"
valid_for = "P1D"

# The 31 source attributes of 45 CFR 170.315(b)(11)(iv)(B): `chartgate models card .` lists them with their titles.
[card]
"""
