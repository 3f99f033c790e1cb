"""Edge: evidence of reads and searches, type by type, with values that the records themselves have."""

from typing import Any
from urllib.parse import urlencode

from conformance import capability
from conformance.evidence import Evidence, Exchange, Missing
from conformance.reading import references, resources
from conformance.session import Session
from conformance.suites.api.matching import MADE_UP, Pairs, Record, asked, matches, variations
from conformance.suites.api.uscore import PROFILES

COUNT, FIRST = 50, 150
"""Records of one search, and of the first, in which every element is looked for."""
WORDED = frozenset({"_has", "_filter", "_query", "_list"})
"""Parameters that no single word is a value of."""
LEAD = 8
"""References of a type that are followed."""
SAMPLES = {"category": MADE_UP, "code": MADE_UP, "type": MADE_UP, "status": "active", "intent": "order", "date": "2020-01-01",
           "authored": "2020-01-01"}  # fmt: skip
"""What is asked for where no record has a value to ask for."""


async def reads(session: Session, evidence: Evidence) -> None:
    """Every type of the table that the server says it searches. Raises Missing."""
    own = evidence["patients"][0]
    token = await session.access("patient/*.rs", patient=own)
    evidence["with provenance"] = included = {}
    for type in PROFILES:
        if capability.offers(evidence, type, "search-type"):
            await _type(session, evidence, token, type, own)
            if await _revincluded(evidence, type):
                path = f"{_base(type, own)}&_revinclude=Provenance:target&_count=5"
                included[type] = await session.probe.send("GET", path, token=token)


def _base(type: str, patient: str) -> str:
    """The search for whatever there is of the type."""
    if type == "Patient":
        return f"Patient?_id={patient}"
    return f"{type}?patient={patient}" if PROFILES[type].patient else f"{type}?_count={COUNT}"


async def _type(session: Session, evidence: Evidence, token: str | None, type: str, patient: str) -> None:
    base = _base(type, patient)
    path = base if "_count" in base else f"{base}&_count={FIRST}"
    answer = evidence[f"all {type}"] = await session.probe.send("GET", path, token=token)
    found = [each for each in resources(answer) if each.get("resourceType") == type]
    evidence[f"searches of {type}"] = [
        {"answer": await session.probe.send("GET", f"{type}?{urlencode(dict(pairs))}&_count={COUNT}", token=token),
         "pairs": pairs, "wanted": wanted}
        for pairs, wanted in _searches(type, found, patient)
    ]  # fmt: skip
    query = dict([part.split("=", 1) for part in path.partition("?")[2].split("&")])
    evidence[f"{type} by GET"] = answer
    evidence[f"{type} by POST"] = await session.probe.send(
        "POST", f"{type}/_search", token=token, form=query, headers={"accept": "application/fhir+json"}
    )
    if found and capability.offers(evidence, type, "read"):
        evidence[f"read {type}"] = await session.probe.send("GET", f"{type}/{found[0].get('id')}", token=token)
    evidence[f"references of {type}"] = await _lead(session, evidence, token, found)


def _searches(type: str, found: list[Record], patient: str) -> list[tuple[Pairs, str]]:
    """Each combination with the values of a record that has them all, said in every way; and whose values they are."""
    rows: list[tuple[Pairs, str]] = []
    for combination in PROFILES[type].searches:
        chosen = next(((each, pairs) for each in found if (pairs := asked(each, combination))), None)
        if chosen is not None:
            said = [(pairs, matches(chosen[0], pairs)) for pairs in variations(chosen[1])]
            rows += [(pairs, str(chosen[0].get("id")) if found_by else "") for pairs, found_by in said]
        elif not found and PROFILES[type].patient:
            names = combination.split("+")
            rows.append(([[name, patient if name == "patient" else SAMPLES.get(name, MADE_UP)] for name in names], ""))
    return rows


async def _lead(session: Session, evidence: Evidence, token: str | None, found: list[Record]) -> list[dict[str, Any]]:
    """What the first records refer to, read: types that the server says it reads."""
    named = dict.fromkeys(name.partition("/_history")[0] for each in found[:10] for name in references(each))
    local = [name.removeprefix(f"{session.probe.base}/") for name in named]
    plain = [name for name in local if name.count("/") == 1 and "?" not in name and ":" not in name]
    read = [name for name in plain if capability.offers(evidence, name.partition("/")[0], "read")][:LEAD]
    return [
        {"type": name.partition("/")[0], "answer": await session.probe.send("GET", name, token=token)} for name in read
    ]  # fmt: skip


async def _revincluded(evidence: Evidence, type: str) -> bool:
    said = capability.row(evidence, type).get("searchRevInclude")
    return PROFILES[type].patient and isinstance(said, list) and bool({"Provenance:target", "*"} & set(map(str, said)))


async def honesty(session: Session, evidence: Evidence) -> None:
    """What the server says it can, tried: every type, every search parameter, every format. Raises Missing."""
    token = await _broad(session, evidence)
    kinds = {
        "date": "2020-01-01",
        "number": "1",
        "quantity": "1",
        "uri": "urn:x",
        "reference": "x",
        "token": "x",
        "string": "x",
    }
    evidence["types searched"], evidence["parameters searched"] = tried, parameters = {}, {}
    for type in capability.types(evidence):
        if not capability.offers(evidence, type, "search-type"):
            continue
        about = _about(evidence, type)
        tried[type] = await session.probe.send("GET", f"{type}?{about}_count=1", token=token)
        if type in PROFILES:
            said = {
                name: kinds[kind]
                for name, kind in capability.parameters(evidence, type).items()
                if kind in kinds and name not in WORDED
            }
            parameters[type] = await _taken(session, token, type, said, about)
    formats = evidence.seen("metadata").table.get("format")
    evidence["formats"] = {
        str(each): await session.probe.send("GET", "metadata", headers={"accept": str(each)})
        for each in (formats if isinstance(formats, list) else []) if "/" in str(each)
    }  # fmt: skip


def _about(evidence: Evidence, type: str) -> str:
    """The patient, where the type is searched by one: many servers refuse a search that names nobody."""
    patient = evidence["patients"][0]
    if type == "Patient":
        return f"_id={patient}&"
    return f"patient={patient}&" if "patient" in capability.parameters(evidence, type) else ""


async def _taken(
    session: Session, token: str | None, type: str, said: dict[str, str], about: str
) -> dict[str, Exchange]:  # fmt: skip
    """All parameters in one search; where that is refused, each alone, so that it can be said which."""
    together = await session.probe.send("GET", f"{type}?{urlencode(said)}", token=token)
    if together.status == 200:
        return {"all": together}
    return {
        name: await session.probe.send(
            "GET", f"{type}?{'' if about.startswith(f'{name}=') else about}{urlencode({name: value})}", token=token
        )
        for name, value in said.items()
    }  # fmt: skip


async def _broad(session: Session, evidence: Evidence) -> str | None:
    try:
        return await session.system_access("system/*.rs")
    except Missing:
        return await session.access("patient/*.rs", patient=evidence["patients"][0])


async def results(session: Session, evidence: Evidence) -> None:
    """How results are shaped: pages, order, summaries, and what is not understood. Raises Missing."""
    own = evidence["patients"][0]
    token = await session.access("patient/*.rs", patient=own)
    base = f"Observation?patient={own}"
    evidence["some observations"] = await session.probe.send("GET", f"{base}&_count=20", token=token)
    paths = {
        "two a page": f"{base}&_count=2", "newest first": f"{base}&_sort=-date&_count=20",
        "oldest first": f"{base}&_sort=date&_count=20", "counted": f"{base}&_summary=count",
        "some elements": f"{base}&_elements=status&_count=3", "changed since ever": f"{base}&_lastUpdated=ge2000-01-01&_count=3",
        "changed after all": f"{base}&_lastUpdated=gt2100-01-01",
        "known and unknown": f"{base}&no-such-parameter=1", "bad date": f"{base}&date=no-date",
        "json by parameter": "metadata?_format=json",
    }  # fmt: skip
    for name, path in paths.items():
        evidence[name] = await session.probe.send("GET", path, token=token)
    evidence["strict"] = await session.probe.send(
        "GET", paths["known and unknown"], token=token, headers={"prefer": "handling=strict"}
    )
    evidence["head"] = await session.probe.send("HEAD", "metadata")
    evidence["plain json"] = await session.probe.send("GET", "metadata", headers={"accept": "application/json"})
    evidence["strange format"] = await session.probe.send("GET", "metadata", headers={"accept": "text/no-such-format"})
