"""The text of a new site's file: it passes ``site check`` but for what only the customer knows."""

from collections.abc import Iterable

from vocabulary.manifest import Manifest

HEAD = """# One customer (docs/how-to/declare-a-site.md). chartgate site check DIR says what is wrong; the schema is in
# docs/reference/site.schema.json. Nothing here is a secret: secrets are named by file.

[site]
id = "{id}"
title = "{title}"
timezone = "UTC"
regulation = "hti-1"

[[ehr]]
name = "{id}-ehr"
issuer = "https://ehr.example.org/fhir/r4"    # the FHIR base exactly as the EHR sends it as iss
client_id = "to-be-given-by-the-EHR"
vendor = "{vendor}"
"""
MODEL = """
[[model]]
id = "{id}"
version = "{version}"
policy = "shadow"    # recorded as it would have been sent, until chartgate site readiness is green
owners = {{ model = "name of the model's owner", engineering = "who is paged", clinical_informatics = "who reads the findings" }}
"""
TAIL = """
# What this feed calls things, where it does not use the model's own codes:
# [[reading]]
# local = { system = "urn:oid:1.2.840.114350.1.13.0.1.7.2.768282", code = "1520001" }
# means = { system = "http://loinc.org", code = "2093-3" }
# source = "laboratory dictionary, who confirmed it and when"

# Scoring by the clock, beside launches (docs/how-to/score-on-a-schedule.md):
# [[schedule]]
# id = "ward"
# ehr = "the name of an EHR above"
# models = ["news2"]
# cron = "*/15 * * * *"
# patients = "Encounter?status=in-progress"

[[route]]
owner = "engineering"
severity = ["warning", "critical"]
sink = "page"
to = "engineering"

[[route]]
owner = "clinical_informatics"
severity = ["warning", "critical"]
sink = "page"
to = "clinical_informatics"
"""


def text(*, id: str, title: str, vendor: str, manifests: Iterable[Manifest]) -> str:
    """``site.toml`` for these models, every one in shadow."""
    models = "".join(MODEL.format(id=each.id, version=each.version) for each in manifests)
    return HEAD.format(id=id, title=title.replace('"', "'"), vendor=vendor) + models + TAIL
