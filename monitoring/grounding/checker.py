"""The deterministic checker: every claim of a text against the chart that its model was given (catalogue §3.1)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from monitoring.grounding import coded, drugs, measured
from monitoring.grounding.citing import cites
from monitoring.grounding.index import Index
from monitoring.grounding.measured import Claim, Fact, falls
from monitoring.grounding.mention import Mention, Reading
from monitoring.grounding.reading import read
from monitoring.grounding.tokens import sentences
from monitoring.grounding.values import ClaimVerdict, Counts, Evidence, Snapshot, Verdict

NAME, VERSION = "rules", "2"
"""Of this checker: a change of ``VERSION`` is a change marker beside the rates."""
FOREIGN = "of another patient"
"""The path of an evidence that is somebody else's."""
NOTHING: frozenset[str] = frozenset()
NUMBERS = frozenset(("G-NUM-01", "G-UNI-01", "G-MED-02"))
"""Rules about numbers, units and doses: M-HAL-03."""
EVIDENCE = 3
"""Resources that a verdict names at most."""
WORDS = 3
"""A line of fewer words, or one that ends in a colon, is a heading: it claims nothing."""


def check(text: str, index: Index) -> list[ClaimVerdict]:
    """The claims of a text with their verdicts, in its order."""
    found = []
    for start, end in sentences(text):
        for kind, verdict, rule, facts in sentence_claims(text[start:end], index):
            found.append(
                ClaimVerdict(
                    span=(start, end),
                    claim_type=kind,
                    verdict=verdict,
                    rule=rule,
                    checker=NAME,
                    evidence=tuple(map(evidence_of, facts[:EVIDENCE])) if facts else (),
                )
            )
    return found


def evidence_of(fact: Fact) -> Evidence:
    """Where a fact stands in the chart."""
    return fact if isinstance(fact, Evidence) else fact.evidence


def sentence_claims(sentence: str, index: Index) -> list[Claim]:
    """The claims of one sentence. One without any that could be checked is itself an uncheckable claim."""
    reading = read(sentence, index.terms, index.units)
    if not index.known:
        return _unknown(reading, index) or _whole(sentence)
    cited = (
        frozenset(each[0] for each in reading.citations if each[0] in index.versions) if reading.citations else NOTHING
    )
    claims: list[Claim] = []
    _doubt_what_is_denied_too(reading)
    for mention in reading.mentions:
        claims += _of(mention, index, cited)
    for kind in reading.general:
        claims.append(coded.whole(kind, index))
    if reading.ages or reading.sexes:
        claims += _person(reading, index)
    for day in reading.as_of:
        claims.append(("date", "supported" if falls(day, (index.as_of_day,)) else "uncheckable", "", ()))
    if reading.loose:
        claims += [("loose", "uncheckable", "", ())] * reading.loose
    if reading.citations:
        claims += _citations(reading, index)
    return claims or _whole(sentence)


def _doubt_what_is_denied_too(reading: Reading) -> None:
    """``Treated for DVT, but DVT was ruled out``: the first is no assertion."""
    denied = {each.key for each in reading.mentions if each.negated}
    for mention in reading.mentions if denied else ():
        mention.uncertain |= not mention.negated and mention.key in denied


def _of(mention: Mention, index: Index, cited: frozenset[str]) -> Iterator[Claim]:
    if mention.kind == "analyte":
        return measured.claims(mention, index, cited)
    if mention.kind == "drug" and not mention.allergy:
        return drugs.claims(mention, index, cited)
    return coded.claims(mention, index, cited)


def _whole(sentence: str) -> list[Claim]:
    bare = sentence.rstrip()
    if bare.endswith(":") or len(bare.split()) < WORDS:
        return []
    return [("sentence", "uncheckable", "", ())]


def _person(reading: Reading, index: Index) -> Iterator[Claim]:
    """G-DEM-01: age on the day of the chart, sex as the chart has it."""
    patient = Evidence(reference=index.snapshot.patient, path="Patient")
    born, sex = str(index.patient.get("birthDate") or ""), index.patient.get("gender")
    ages = possible_ages(born, index.as_of_day)
    for age in reading.ages:
        yield "age", *(_agrees(age in ages) if ages else ("uncheckable", "")), (patient,)
    for said in reading.sexes:
        known = sex in ("male", "female")
        yield "sex", *(_agrees(said == sex) if known else ("uncheckable", "")), (patient,)


def _agrees(agrees: bool) -> tuple[Verdict, str]:
    return ("supported", "") if agrees else ("contradicted", "G-DEM-01")


def possible_ages(born: str, day: str) -> range:
    """The ages in years that someone born then may have on a day, a birth date being a year, a month or a day; an empty range
    where it cannot be read."""
    try:
        earliest = date.fromisoformat(f"{born[:10]}{'-01-01'[max(0, len(born[:10]) - 4) :]}")
        latest = (
            earliest if len(born) >= 10 else earliest.replace(month=12 if len(born) == 4 else earliest.month, day=28)
        )
        today = date.fromisoformat(day)
    except ValueError:
        return range(0)
    low, high = (
        today.year - each.year - ((today.month, today.day) < (each.month, each.day)) for each in (latest, earliest)
    )
    return range(low, high + 1)


def _citations(reading: Reading, index: Index) -> Iterator[Claim]:
    """G-CIT-01 and G-CIT-02."""
    keys = {mention.key for mention in reading.mentions}
    for reference, version in reading.citations:
        there = Evidence(reference=reference, version=version)
        if reference not in index.versions:
            yield _elsewhere(reference, there, index)
        elif version is not None and index.versions[reference] not in (None, version):
            yield "citation", "unsupported", "G-CIT-01", (there,)
        else:
            yield _about(reference, there, keys, index)


def _elsewhere(reference: str, there: Evidence, index: Index) -> Claim:
    """A citation of what the model was not given: of another patient's, of nothing, or of what it had not seen."""
    found = index.snapshot.elsewhere.get(reference, "unknown")
    if reference.startswith("Patient/") and reference != index.snapshot.patient:
        found = "other_patient"
    if found == "other_patient":
        return (
            "citation",
            "contradicted",
            "G-CIT-02",
            (Evidence(reference=reference, version=there.version, path=FOREIGN),),
        )
    if found == "absent":
        return "citation", "contradicted", "G-CIT-01", (there,)
    return "citation", "unsupported" if index.known else "uncheckable", "G-CIT-01", (there,)


def _about(reference: str, there: Evidence, keys: set[str], index: Index) -> Claim:
    """Whether a cited resource is about anything that its sentence names."""
    concepts = index.concepts.get(reference, NOTHING)
    if not concepts or not keys:
        return "citation", "uncheckable", "", (there,)
    if concepts & keys:
        return "citation", "supported", "", (there,)
    return "citation", "contradicted", "G-CIT-02", (there,)


def _unknown(reading: Reading, index: Index) -> list[Claim]:
    """Nobody knows what the model was given: its citations can still lead to nobody, or to somebody else."""
    claims: list[Claim] = [(each.kind, "uncheckable", "", ()) for each in reading.mentions]
    return claims + [
        _elsewhere(name, Evidence(reference=name, version=version), index) for name, version in reading.citations
    ]


def citations(text: str) -> list[str]:
    """``Type/id`` of everything that a text cites, in its order, each once."""
    return list(dict.fromkeys(f"{each[1]}/{each[2]}" for each in cites(text)))


def unseen(text: str, snapshot: Snapshot) -> list[str]:
    """Citations of what the snapshot does not hold: whoever can ask the EHR says in ``elsewhere`` what they are."""
    held = {f"{each.get('resourceType')}/{each.get('id')}" for each in snapshot.resources or ()}
    return [name for name in citations(text) if name not in held]


def omitted(text: str, index: Index) -> tuple[int, int]:
    """G-OMI-01: ``(left out, had to be mentioned)``: allergies in force and critical results, by name or by citation."""
    if not index.must:
        return 0, 0
    keys: set[str] = set()
    cited = set(citations(text))
    for start, end in sentences(text):
        for mention in read(text[start:end], index.terms, index.units).mentions:
            keys.update((mention.key, *mention.key.split("+")))
    left = sum(reference not in cited and not concepts & keys for reference, concepts in index.must.items())
    return left, len(index.must)


def count(verdicts: Sequence[ClaimVerdict], *, index: Index | None = None, text: str = "") -> Counts:
    """Verdicts as numbers; with the index and the text also what was left out."""
    by: dict[str, int] = {}
    for each in verdicts:
        by[each.verdict] = by.get(each.verdict, 0) + 1
    cited = [each for each in verdicts if each.claim_type == "citation"]
    counts = Counts(
        claims=len(verdicts), citations=len(cited), missing=sum(each.rule == "G-CIT-01" for each in cited),
        foreign=sum(foreign(each) for each in cited),
        numbers=sum(each.verdict == "contradicted" and each.rule in NUMBERS for each in verdicts), **by,
    )  # fmt: skip
    left, must = omitted(text, index) if index is not None else (0, 0)
    return replace(counts, must=must, omitted=left)


def foreign(verdict: ClaimVerdict) -> bool:
    """Whether a claim cites another patient's resource."""
    return verdict.rule == "G-CIT-02" and bool(verdict.evidence) and verdict.evidence[0].path == FOREIGN
