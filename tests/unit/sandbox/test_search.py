"""Every kind of search parameter with its modifiers and prefixes, each finding beside a value that does not (R4 §3.1.1)."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest

from r4.served import SERVED
from sandbox import loading
from sandbox.comparing import Known
from sandbox.finding import INCLUDES_LIMIT
from sandbox.indexing import DATES, TOGETHER, key
from sandbox.planning import FEW
from sandbox.search import compile
from tests.unit.sandbox.stores import BASE, RULES, Store, quantity

LOINC = "http://loinc.org"


def coded(code: str, system: str = LOINC) -> dict[str, Any]:
    return {"coding": [{**({"system": system} if system else {}), "code": code}]}


def observed(store: Store, id: str, **members: Any) -> None:
    store.put(
        "Observation",
        id,
        **{"status": "final", "code": coded("1-1"), "subject": {"reference": "Patient/p1"}, **members},
    )


@pytest.fixture(scope="module", params=[FEW, 0], ids=["sorted", "walked"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    made = Store(few=request.param)
    name = [{"family": "Müller", "given": ["Ana", "Bob, jr."]}]
    mrn = [{"system": "urn:mrn", "value": "7|8"}]
    made.put("Patient", "p1", active=True, gender="female", birthDate="1980-05", name=name, identifier=mrn)
    made.put("Patient", "p2", gender="male", birthDate="1990-01-02", name=[{"family": "Mullen"}], deceasedBoolean=False)
    made.put(
        "Patient",
        "p3",
        deceasedDateTime="2020-01-01",
        meta={"tag": [{"system": "urn:t", "code": "x"}], "profile": ["urn:p"]},
    )
    observed(made, "kg", valueQuantity=quantity(72.5, "kg"), effectiveDateTime="2024-03-01T10:00:00Z")
    observed(
        made, "g", valueQuantity=quantity(72400, "g"), effectivePeriod={"start": "2024-02-28", "end": "2024-03-02"}
    )
    observed(made, "none", code=coded("2-2", ""), status="amended", subject={"reference": f"{BASE}/Patient/p2"})
    blood = [{"code": coded("8480-6"), "valueQuantity": quantity(120, "mm[Hg]")},
             {"code": coded("8462-4"), "valueQuantity": quantity(80, "mm[Hg]")}]  # fmt: skip
    observed(made, "bp", code=coded("85354-9"), component=blood, effectiveDateTime="2024", meta={"source": "urn:here"})
    logical = {"type": "Practitioner", "identifier": {"system": "urn:npi", "value": "9"}}
    observed(made, "by", performer=[logical], valueCodeableConcept=coded("yes"), effectiveDateTime="2025-06-01")
    observed(made, "two", code={"coding": [coded("1-1")["coding"][0], coded("1-1", "urn:own")["coding"][0]]})
    made.put(
        "RiskAssessment",
        "r1",
        status="final",
        subject={"reference": "Patient/p1"},
        prediction=[{"probabilityDecimal": 0.25}],
    )
    made.put(
        "Encounter",
        "e1",
        status="finished",
        subject={"reference": "Patient/p2"},
        **{"class": coded("AMB")["coding"][0]},
    )
    yield made
    made.database.close()


FINDS = [
    # token
    ("Patient?gender=female", "p1"), ("Patient?gender=female,male", "p1 p2"), ("Patient?gender:not=female", "p2 p3"),
    ("Patient?identifier=urn:mrn%7C7%5C%7C8", "p1"), ("Patient?identifier=7%5C%7C8", "p1"), ("Patient?identifier=urn:mrn%7C", "p1"),
    ("Patient?identifier=%7C7%5C%7C8", ""), ("Patient?identifier=urn:x%7C7%5C%7C8", ""), ("Patient?active=true", "p1"),
    ("Patient?active=false", ""), ("Patient?deceased=true", "p3"), ("Patient?deceased=false", "p1 p2"),
    (f"Observation?code={LOINC}%7C1-1", "kg g by two"), ("Observation?code=%7C2-2", "none"), (f"Observation?code={LOINC}%7C2-2", ""),
    ("Observation?code=1-1&code=urn:own%7C1-1", "two"), ("Observation?code:not=1-1", "none bp"), ("Observation?combo-code=8480-6", "bp"),
    # a code, whose system is implied
    ("Patient?gender=http://hl7.org/fhir/administrative-gender%7Cfemale", "p1"), ("Patient?gender=urn:x%7Cfemale", ""),
    ("Patient?gender=http://hl7.org/fhir/administrative-gender%7C", "p1 p2"), ("Patient?gender:not=http://hl7.org/fhir/administrative-gender%7Cfemale", "p2 p3"),
    ("Observation?status=http://hl7.org/fhir/observation-status%7Camended", "none"), ("Observation?status=http://hl7.org/fhir/encounter-status%7Camended", ""),
    ("Patient?_has:Observation:patient:status=http://hl7.org/fhir/observation-status%7Camended", "p2"),
    # a backslash that is escaped escapes nothing
    ("Patient?family:exact=Mullen%5C%5C,M%C3%BCller", "p1"), ("Patient?given=bob%5C%5C,ana", "p1"),
    # reference
    ("Observation?subject=Patient/p2", "none"), ("Observation?subject=p2", "none"), ("Observation?patient=p2", "none"),
    (f"Observation?patient={BASE}/Patient/p2", "none"), ("Observation?subject:Patient=p2", "none"), ("Observation?subject:Group=p2", ""),
    ("Observation?subject:Group=Patient/p2", ""), ("Observation?performer:identifier=urn:npi%7C9", "by"), ("Observation?performer:identifier=urn:x%7C9", ""),
    # chains
    ("Observation?subject:Patient.name=mullen", "none"), ("Observation?patient.birthdate=1990", "none"), ("Observation?patient.gender=none", ""),
    ("Patient?_has:Observation:patient:status=amended", "p2"), ("Patient?_has:Observation:subject:code=85354-9", "p1"), ("Patient?_has:Encounter:patient:class=EMER", ""),
    # chains and _has that end at a parameter with a modifier: what is not so of the other resource, never what has none
    ("Observation?subject:Patient.family:exact=M%C3%BCller", "kg g by two bp"), ("Observation?subject:Patient.family:exact=muller", ""), ("Observation?patient.name:contains=LLE", "kg g by two bp none"),
    ("Observation?patient.name=lle", ""), ("Observation?patient.gender:not=female", "none"), ("Observation?patient.gender:not=female,male", ""), ("Observation?patient.gender:not=none", "kg g by two bp none"),
    ("Encounter?patient.birthdate:missing=true", ""), ("Encounter?patient.birthdate:missing=false", "e1"), ("Encounter?patient.deceased:missing=true", ""), ("Observation?patient.active:missing=true", "none"),
    ("Observation?subject.gender:not=female", "none"), ("Observation?subject:Group.code:not=x", ""), ("Patient?_has:Observation:patient:code:not=1-1", "p1 p2"), ("Patient?_has:Observation:patient:code:not=2-2", "p1"),
    ("Patient?_has:Observation:patient:date:missing=true", "p1 p2"), ("Patient?_has:Observation:patient:date:missing=false", "p1"), ("Patient?_has:Observation:patient:performer:identifier=urn:npi%7C9", "p1"),
    ("Patient?_has:Observation:patient:subject:Patient=p2", "p2"), ("Patient?_has:Observation:patient:subject:Group=p2", ""), ("Patient?_has:Encounter:patient:status:not=finished", ""),
    ("Patient?_has:Observation:patient:code:not=1-1&_has:Observation:patient:code:not=2-2", "p1"), ("Observation?patient.gender:not=female&status=amended", "none"), ("Observation?patient.gender:not=female&status=final", ""),
    # date: the prefixes against an instant, a period, a year, and none
    ("Observation?date=2024", "kg g bp"), ("Observation?date=2024-03-01", "kg"), ("Observation?date=ne2024-03-01", "g bp by"),
    ("Observation?date=gt2024-03-01", "g bp by"), ("Observation?date=lt2024-03-01", "g bp"), ("Observation?date=ge2024-03-01", "kg g bp by"),
    ("Observation?date=le2024-03-01", "kg g bp"), ("Observation?date=sa2024-03-01", "by"), ("Observation?date=eb2024-03-01", ""),
    ("Observation?date=eb2025", "kg g bp"), ("Observation?date=ge2024-02&date=lt2024-04", "kg g bp"), ("Observation?date:missing=true", "none two"),
    ("Patient?birthdate=1980", "p1"), ("Patient?birthdate=1980-05-07", ""), ("Patient?birthdate=ge1980-05-07", "p1 p2"), ("Patient?birthdate=ap1980-06", "p1"),
    # string
    ("Patient?name=mul", "p1 p2"), ("Patient?family=M%C3%BCLLER", "p1"), ("Patient?family:exact=M%C3%BCller", "p1"), ("Patient?family:exact=muller", ""),
    ("Patient?name:contains=lle", "p1 p2"), ("Patient?given=bob%5C,%20jr", "p1"), ("Patient?given=bob,ana", "p1"), ("Patient?name=100%25", ""),
    # quantity, by implicit precision and in other units
    ("Observation?value-quantity=72.5", "kg"), ("Observation?value-quantity=73", "kg"), ("Observation?value-quantity=72.50", "kg"), ("Observation?value-quantity=72.51", ""),
    ("Observation?value-quantity=72.4%7Chttp://unitsofmeasure.org%7Ckg", "g"), ("Observation?value-quantity=gt72.3%7Chttp://unitsofmeasure.org%7Ckg", "kg g"),
    ("Observation?value-quantity=lt73000%7Chttp://unitsofmeasure.org%7Cg", "kg g"), ("Observation?value-quantity=gt1%7Chttp://unitsofmeasure.org%7Cs", ""),
    ("Observation?value-quantity=72.5%7C%7Ckg", "kg"), ("Observation?value-quantity=72.5%7Curn:x%7Ckg", ""), ("Observation?value-quantity=ap70%7C%7Ckg", "kg"),
    ("Observation?value-quantity=ne72.5%7C%7Ckg", ""), ("Observation?component-value-quantity=ge120", "bp"), ("Observation?value-quantity=ge120", "g"),
    # number, uri, composite
    ("RiskAssessment?probability=0.25", "r1"), ("RiskAssessment?probability=gt0.25", ""), ("RiskAssessment?probability=ge0.25", "r1"), ("RiskAssessment?probability=0.3", "r1"),
    ("Patient?_profile=urn:p", "p3"), ("Patient?_profile=urn:q", ""), ("Patient?_tag=urn:t%7Cx", "p3"), ("Observation?_source=urn:here", "bp"),
    (f"Observation?component-code-value-quantity={LOINC}%7C8480-6$120", "bp"), ("Observation?component-code-value-quantity=8480-6$80", ""),
    ("Observation?combo-code-value-quantity=8462-4$lt90", "bp"), ("Observation?code-value-quantity=1-1$72.5%7C%7Ckg", "kg"), ("Observation?code-value-quantity=2-2$72.5", ""),
    ("Observation?code-value-concept=1-1$yes", "by"), ("Observation?combo-code-value-quantity=8480-6$gt130,8462-4$80", "bp"),
    # what looks where others look
    ("Observation?combo-code=85354-9,8480-6", "bp"), ("Observation?combo-code=1-1,8480-6", "kg g by two bp"), ("Observation?combo-code:not=8480-6", "kg g none by two"),
    ("Observation?combo-value-quantity=ge120", "g bp"), ("Observation?combo-value-quantity=gt72.3%7Chttp://unitsofmeasure.org%7Ckg", "kg g"),
    ("Observation?combo-value-quantity:missing=true", "none by two"), ("Observation?combo-code=8480-6&combo-value-quantity=lt90&date=2024", "bp"),
    ("Patient?_has:Observation:patient:combo-code=8480-6", "p1"),
    # one patient and one code
    ("Observation?patient=p1&code=1-1", "kg g by two"), (f"Observation?patient=Patient/p1&code={LOINC}%7C1-1", "kg g by two"), ("Observation?patient=p1&code=urn:own%7C1-1", "two"),
    ("Observation?patient=p1&code=%7C1-1", ""), ("Observation?patient=p2&code=1-1", ""), ("Observation?patient=p2&code=2-2", "none"), ("Observation?patient=Group/p1&code=1-1", ""),
    ("Observation?patient=p1&code=1-1,85354-9", "kg g by two bp"), ("Observation?patient=p1,p2&code=2-2", "none"), ("Observation?patient=p1&code=1-1&code=urn:own%7C1-1", "two"),
    # presence, ids, alternatives and all together
    ("Observation?value-quantity:missing=false", "kg g"), ("Patient?gender:missing=true", "p3"), ("Patient?_id=p1,p3", "p1 p3"), ("Patient?_id=nobody", ""),
    ("Patient?_lastUpdated=gt2000-01-01&gender=male", "p2"), ("Patient?_lastUpdated=lt2000-01-01", ""), ("Observation?patient=p1&code=1-1&date=2024-03-01&status=final", "kg"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), FINDS, ids=[query for query, _ in FINDS])
def test_a_search_finds_what_fits_and_nothing_else(store: Store, query: str, expected: str) -> None:
    assert sorted(store.ids(query)) == sorted(expected.split())


ORDERS = [
    ("Observation?date:missing=false&_sort=date", "bp g kg by"), ("Observation?date:missing=false&_sort=-date", "by kg g bp"),
    ("Patient?_sort=birthdate", "p1 p2 p3"), ("Patient?_sort=-birthdate", "p2 p1 p3"), ("Patient?_sort=-_id", "p3 p2 p1"),
    ("Patient?_sort=family", "p2 p1 p3"), ("Patient?_sort=gender,-birthdate", "p1 p2 p3"), ("Patient?_sort=_lastUpdated", "p1 p2 p3"),
    ("Patient?_sort=-_lastUpdated", "p3 p2 p1"), ("Observation?value-quantity:missing=false&_sort=-value-quantity", "g kg"),
    ("Observation?code=1-1&_sort=-date&_count=2", "by kg"), ("Observation?patient=p1&code=1-1&_sort=date&_count=3", "g kg by"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), ORDERS, ids=[query for query, _ in ORDERS])
def test_what_is_found_comes_in_the_order_asked_for_and_what_has_no_value_last(
    store: Store, query: str, expected: str
) -> None:
    assert store.ids(query) == expected.split()


REFUSED = ["code:text=x", "code:in=x", "code:above=x", "value-quantity=1%7C2", "value-quantity=much", "date=yesterday", "date=xx2020", "code=a%7Cb%7Cc",
           "code-value-quantity=1-1", "code-value-quantity=1-1$2$3", "combo-code-value-quantity:missing=true", "_sort=code-value-quantity", "_sort=nothing",
           "_include=Observation:code", "_include=Observation:nothing", "_include=Nothing:subject", "_include=Observation:subject:Nothing", "_include=Observation",
           "_include=Observation:subject:Patient:x", "nothing.name=1", "code.name=1", "_total=much", "_count=1&_count=2", "_count=1234567890", "_count=%C2%B2", "subject.nothing=1", "_has:Observation:nothing:code=1", "subject:Patient.name:text=x", "patient.gender:in=x", "patient.gender:exact=x", "patient.birthdate:not=1990", "patient.name:=x",
           "patient._id:not=p1", "patient.general-practitioner:Practitioner.name=x", "patient.organization.name:exact=x", "_has:Provenance:target:recorded:not=2020",
           "_has:Provenance:target:patient:Patient.name=x", "_has:Provenance:target:agent:", "_has:Provenance:target:_id:not=x", "_has:Provenance:target:_has:AuditEvent:entity:date=2020", "date:not=2020", "status:missing=perhaps", "_count=-1", "code=", "_summary=maybe"]  # fmt: skip


@pytest.mark.parametrize("query", REFUSED)
def test_what_is_not_understood_is_refused_by_name(store: Store, query: str) -> None:
    assert store.ask("GET", f"Observation?{query}").status == 400


@pytest.mark.parametrize(
    ("query", "found"),
    [("_include=Observation:subject", "none Patient/p2"), ("_include=Observation:subject:Patient", "none Patient/p2"), ("_include=Observation:subject:Group", "none"),
     ("_include=Observation:performer", "none"), ("_include=Encounter:subject", "none")],
)  # fmt: skip
def test_an_include_brings_what_is_named_of_the_type_that_is_asked_for(store: Store, query: str, found: str) -> None:
    entries = (store.ask("GET", f"Observation?subject=Patient/p2&{query}").resource or {})["entry"]
    names = [each["fullUrl"].removeprefix(f"{BASE}/").removeprefix("Observation/") for each in entries]
    assert names == found.split()
    assert [each["search"]["mode"] for each in entries] == ["match", "include"][: len(entries)]


def test_what_refers_to_a_match_comes_along_once(store: Store) -> None:
    answer = store.ask(
        "GET",
        "Patient?_id=p2&_revinclude=Observation:subject&_revinclude=Encounter:patient&_revinclude=Observation:patient",
    )
    entries = (answer.resource or {})["entry"]
    assert sorted(each["fullUrl"].removeprefix(f"{BASE}/") for each in entries) == [
        "Encounter/e1",
        "Observation/none",
        "Patient/p2",
    ]


def test_includes_that_are_cut_off_say_so() -> None:
    made = Store()
    made.put("Patient", "p")
    for count, told in ((INCLUDES_LIMIT, False), (1, True)):
        bodies = [
            {"resourceType": "Provenance", "id": f"v{count}-{number}", "target": [{"reference": "Patient/p"}]}
            for number in range(count)
        ]
        made.database.run_now(lambda c, now, some=bodies: loading.load(c, now, some, RULES))
        entries = (made.ask("GET", "Patient?_revinclude=Provenance:target").resource or {})["entry"]
        modes = [each["search"]["mode"] for each in entries]
        assert modes == ["match", *["include"] * INCLUDES_LIMIT, *(["outcome"] if told else [])]
    assert entries[-1]["resource"]["issue"][0]["code"] == "incomplete"
    made.database.close()


SORTED = [("Observation", "date"), ("Patient", "family"), ("RiskAssessment", "probability"), ("Observation", "status"), ("Observation", "value-quantity"),
          ("Observation", "_source"), ("Observation", "subject")]  # fmt: skip


@pytest.mark.parametrize(("type", "name"), SORTED)
def test_every_kind_of_parameter_but_a_composite_is_sorted_by(type: str, name: str) -> None:
    for word, descending in ((name, False), (f"-{name}", True)):
        assert compile(type, (("_sort", word),), Known(base=BASE)).order == ((name, descending),)


@pytest.mark.parametrize(
    ("query", "at_once"),
    [("patient=p1&code=a", True), ("patient=Patient/p1&code=urn:a%7Ca", True), ("patient=p1&code=a&status=final", True), ("patient=p1&code=a,b", False),
     ("patient=p1,p2&code=a", False), ("patient=Group/p1&code=a", False), ("patient=p1&code=%7Ca", False), ("patient=p1&code=a%7C", False),
     ("patient=p1&code:not=a", False), ("patient=p1&status=final", False), ("code=a&status=final", False), ("patient=p1&code=a&code=b", False)],
)  # fmt: skip
def test_a_patient_and_a_code_are_looked_for_at_once(query: str, at_once: bool) -> None:
    """What is asked for most costs one step of the index (docs/reference/embedded-store.md)."""
    found = compile("Observation", tuple(parse_qsl(query)), Known(base=BASE))
    assert any(each.values[0] == key("Observation", TOGETHER) for each in found.filters) is at_once
    assert at_once is (len(found.filters) < len(parse_qsl(query)))


@pytest.mark.parametrize(
    ("type", "name", "value"),
    [("Observation", "subject:Patient.name", "a"), ("Observation", "patient.birthdate", "1990"), ("Patient", "_has:Observation:patient:code", "a")],
)  # fmt: skip
def test_a_chain_begins_with_what_the_index_finds(type: str, name: str, value: str) -> None:
    found = compile(type, ((name, value),), Known(base=BASE)).filters[0]
    assert "number IN (SELECT t.number FROM fhir_terms t" in found.sql


@pytest.mark.parametrize(
    ("said", "late"),
    [("2024", False), ("eq2024", False), ("ne2024", False), ("gt2024", True), ("lt2024", False), ("ge2024", True), ("le2024", False), ("sa2024", False),
     ("eb2024", False), ("ap2024", True)],
)  # fmt: skip
def test_what_ends_late_is_looked_for_from_the_end(said: str, late: bool) -> None:
    found = compile("Observation", (("date", said),), Known(base=BASE)).filters[0]
    assert found.numbers.endswith(" ORDER BY t.low DESC") is late


MANY = ",".join(f"i{number}" for number in range(190))


@pytest.mark.parametrize(
    ("query", "status"),
    [(f"focus={MANY}", 400), (f"performer={MANY}", 200), (f"code={MANY}", 200), (f"code={MANY},{MANY}", 400), (f"value-string:contains={'%25' * 3000}", 400),
     (f"subject:Patient.name={MANY}", 200), ("value-quantity=" + ",".join(["1%7Chttp://unitsofmeasure.org%7Ckg"] * 190), 200), ("value-quantity=0e999999999", 400),
     (f"_sort={','.join(['status'] * 10)}", 200), (f"_sort={','.join(['status'] * 11)}", 400), (f"_sort={','.join(['date'] * 3000)}", 400)],
)  # fmt: skip
def test_a_search_for_very_much_is_answered_or_refused_and_never_breaks(store: Store, query: str, status: int) -> None:
    assert store.ask("GET", f"Observation?{query}").status == status


def test_no_two_parameters_share_their_number_in_the_terms() -> None:
    from r4.definitions import parameters

    every = [key(type, name) for type in SERVED for name in (*parameters(type), TOGETHER)]
    assert len(set(every)) == len(every)


def test_the_leading_date_of_a_type_is_one_of_its_parameters() -> None:
    from r4.definitions import parameters

    assert all(parameters(type)[name].kind == "date" for type, name in DATES.items())


def test_every_type_that_has_a_date_of_its_own_stands_in_that_order_but_these() -> None:
    from r4.definitions import parameters

    dated = {
        type
        for type in SERVED
        if any(each.kind == "date" and name != "_lastUpdated" for name, each in parameters(type).items())
    }
    assert dated - set(DATES) == {"Basic", "Medication", "PractitionerRole"}, "none of these is read by its date"
