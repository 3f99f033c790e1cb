"""Edge: who the patient of a launch is, for the banner that its page shows when the EHR shows none (SMART App Launch 2.2
scopes §launch-context-data, ``need_patient_banner``). Kept sealed: it is read with the chart, not at every view."""

import json
from collections.abc import Iterator, Mapping
from os import urandom
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from auth.client.encryption import NONCE_BYTES, Cipher, Place
from auth.client.resealing import PART, anew
from auth.client.tables import launches
from fidelity import demographics
from fidelity.elements import rows, table, text, versioned
from gateway.tables import banners
from vocabulary.chart import FeatureValue, Resource

RECORD_NUMBER = "MR"
"""Of http://terminology.hl7.org/CodeSystem/v2-0203: medical record number."""
USES = ("official", "usual", None)
"""Which of several names is shown, the best first."""
LONGEST = 200


def describe(patient: Resource, *, now: float) -> dict[str, Any]:
    """``{"name", "born", "age", "sex", "number", "deceased", "source"}`` of a Patient as it was read, whatever is in it;
    None for what it does not say."""
    age, sex = demographics.age(patient, now), text(patient.get("gender"))
    return {
        "name": next(_names(patient), None),
        "born": text(patient.get("birthDate")),
        "age": age.value if isinstance(age, FeatureValue) else None,
        "sex": sex and sex[:LONGEST],
        "number": next(_numbers(patient), None),
        "deceased": demographics.deceased(patient, now),
        "source": versioned(patient),
    }


def _names(patient: Resource) -> Iterator[str]:
    names = rows(patient.get("name"))
    for use in USES:
        for name in names:
            given = name.get("given")
            parts = [*(given if isinstance(given, list) else ()), name.get("family")]
            shown = text(name.get("text")) or " ".join(part for each in parts if (part := text(each)))
            if shown and use in (name.get("use"), None):
                yield shown[:LONGEST]


def _numbers(patient: Resource) -> Iterator[str]:
    """The record numbers."""
    for identifier in rows(patient.get("identifier")):
        codes = [coding.get("code") for coding in rows(table(identifier.get("type")).get("coding"))]
        value = text(identifier.get("value"))
        if value and RECORD_NUMBER in codes:
            yield value[:LONGEST]


def save_banner(
    connection: Connection, now: float, *, launch: str, ehr: str, banner: Mapping[str, Any], cipher: Cipher
) -> None:
    """Keeps who the patient of a launch is, in place of what was kept before."""
    body = cipher.seal(json.dumps(banner).encode(), _place(ehr, launch), nonce=urandom(NONCE_BYTES))  # not FHIR
    connection.execute(delete(banners).where(banners.c.launch == launch))
    connection.execute(insert(banners).values(launch=launch, body=body))


def find_banner(
    connection: Connection, now: float, *, launch: str, ehr: str, cipher: Cipher
) -> dict[str, Any] | None:  # fmt: skip
    """Who the patient of a launch is; None while its chart was not read."""
    body = connection.scalar(select(banners.c.body).where(banners.c.launch == launch))
    return None if body is None else dict(json.loads(cipher.open(body, _place(ehr, launch))))  # not FHIR


def reseal_banners(connection: Connection, now: float, *, cipher: Cipher, after: str) -> str | None:
    """Seals what another key than the current one sealed, of the launches whose ids come after ``after``, a part of them.
    The last id that was looked at, None when there was none. Raises SealBroken."""
    rows = connection.execute(
        select(banners.c.launch, banners.c.body, launches.c.ehr)
        .join(launches, launches.c.id == banners.c.launch)
        .where(banners.c.launch > after).order_by(banners.c.launch).limit(PART)
    ).all()  # fmt: skip
    for row in rows:
        if cipher.key_id(row.body) != cipher.current:
            body = anew(row.body, _place(row.ehr, row.launch), cipher)
            connection.execute(update(banners).where(banners.c.launch == row.launch).values(body=body))
    return rows[-1].launch if rows else None


def _place(ehr: str, launch: str) -> Place:
    return Place(ehr=ehr, table=banners.name, row=launch, column="body")
