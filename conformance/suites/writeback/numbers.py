"""Edge: evidence of what becomes of digits on every way that a number takes; and its checks (FHIR R4 §2.24.0.1, decimal)."""

from decimal import Decimal, InvalidOperation
from typing import Any

from conformance import capability, ground
from conformance.check import Check, Problems, check, marked
from conformance.evidence import Evidence, Exchange
from conformance.ground import new_mark
from conformance.reading import id_of, resources
from conformance.samples import by_mark, exact
from conformance.session import Session

NUMBERS = ("1.00", "0.10", "0.000001", "3.14159265358979", "99999999999999.5", "-7.0")
"""As a JSON library of binary numbers would not write them again; none has more digits than R4 asks a server to keep (18)."""
EXPONENT = "1e2"
WAYS = ("create", "update", "search", "history", "vread")


async def numbers(session: Session, evidence: Evidence) -> None:
    """Each number written, read, updated, found, and looked back at. Raises Missing."""
    pen = await ground.pen(session, evidence)
    seen: dict[str, dict[str, Exchange]] = {way: {} for way in WAYS}
    for number in (*NUMBERS, EXPONENT):
        mark = new_mark()
        given = pen.body(mark)
        id = id_of(await pen.send("POST", "Observation", content=exact(number, given)))
        if id is None:
            continue
        here = f"Observation/{id}"
        seen["create"][number] = await pen.send("GET", here)
        seen["search"][number] = await pen.send("GET", f"Observation?{by_mark(mark)}")
        if capability.offers(evidence, "Observation", "update"):
            changed = exact(number, {**given, "id": id, "status": "amended"})
            await pen.send("PUT", here, content=changed)
            seen["update"][number] = await pen.send("GET", here)
        if capability.offers(evidence, "Observation", "history-instance"):
            seen["history"][number] = await pen.send("GET", f"{here}/_history")
        if capability.offers(evidence, "Observation", "vread"):
            version = (seen["create"][number].table.get("meta") or {}).get("versionId")
            seen["vread"][number] = await pen.send("GET", f"{here}/_history/{version}")
    for way, answers in seen.items():
        if answers:
            evidence[f"numbers by {way}"] = answers


def same(written: str, found: Any) -> bool:
    """Whether value and precision are the same: ``1e2`` and ``1E+2`` are, ``1.00`` and ``1.0`` are not."""
    try:
        return Decimal(written).as_tuple() == Decimal(str(found)).as_tuple()
    except InvalidOperation:
        return False


CODES = {
    "update": "update",
    "history": "history-instance",
    "vread": "vread",
    "search": "search-type",
    "create": "create",
}


def _kept(way: str, title: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        capability.require(evidence, "Observation", "create", CODES[way])
        answers = evidence[f"numbers by {way}"]
        for number in NUMBERS:
            if not _as_written(number, answers.get(number)):
                yield f"{number} came back otherwise"

    find.__doc__, find.__name__ = title, f"digits_survive_{way}"
    return check("fhir-r4#decimal-precision")(find)


def _as_written(number: str, answer: Exchange | None) -> bool:
    """Whether every Observation of the answer has the number, and there is one."""
    found = [] if answer is None else resources(answer) or [answer.table]
    said = [(each.get("valueQuantity") or {}).get("value") for each in found]
    return bool(said) and all(same(number, each) for each in said)


@check("fhir-r4#decimal-exponent")
def an_exponent_keeps_its_precision(evidence: Evidence) -> Problems:
    """1e2, which has one digit, does not come back as 100, which has three."""
    capability.require(evidence, "Observation", "create")
    if not _as_written(EXPONENT, evidence["numbers by create"].get(EXPONENT)):
        yield "1e2 came back otherwise"


CHECKS: tuple[Check, ...] = marked(
    (
        _kept("create", "Numbers are read with value and precision as they were created."),
        _kept("update", "Numbers are read with value and precision as they were updated."),
        _kept("search", "Numbers are found with value and precision as they were written."),
        _kept("history", "The history has numbers with value and precision as they were written."),
        _kept("vread", "An old version has numbers with value and precision as they were written."),
        an_exponent_keeps_its_precision,
    ),
    writes=True,
)
