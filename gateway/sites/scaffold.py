"""The text of a new site's file: it passes ``site check`` but for what only the customer knows."""

from collections.abc import Iterable
from dataclasses import dataclass

from vocabulary.manifest import Manifest

HEAD = """# One customer (docs/how-to/declare-a-site.md). chartgate site check DIR says what is wrong; the schema is in
# docs/reference/site.schema.json. Nothing here is a secret: secrets are named by file.

[site]
id = "{id}"
title = "{title}"
timezone = "UTC"
regulation = "hti-1"

[[ehr]]
name = "{ehr}"
issuer = "{issuer}"    # the FHIR base exactly as the EHR sends it as iss
client_id = "{client_id}"
vendor = "{vendor}"
networks = [{networks}]    # where its address may be (CIDR); none: any public address
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Ehr:
    """What is known of the customer's EHR; what is not is said to be missing. No ``name``: the site's, with ``-ehr``."""

    vendor: str
    name: str | None = None
    issuer: str = "https://ehr.example.org/fhir/r4"
    client_id: str = "to-be-given-by-the-EHR"
    networks: tuple[str, ...] = ()


def text(*, id: str, title: str, ehr: Ehr, manifests: Iterable[Manifest]) -> str:
    """``site.toml`` for these models, every one in shadow."""
    networks = ", ".join(f'"{_plain(each)}"' for each in ehr.networks)
    head = HEAD.format(
        id=id, title=_plain(title), ehr=_plain(ehr.name or f"{id}-ehr"), issuer=_plain(ehr.issuer),
        client_id=_plain(ehr.client_id), vendor=ehr.vendor, networks=networks,
    )  # fmt: skip
    models = "".join(MODEL.format(id=each.id, version=each.version) for each in manifests)
    return head + models + TAIL


def _plain(text: str) -> str:
    """Nothing that ends a quoted TOML string, or begins an escape in one."""
    return text.replace("\\", "/").replace('"', "'")
