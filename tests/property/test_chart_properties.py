"""Whatever an EHR sends, a chart is assembled and judged: no exception, nothing of the future, no order, no leak."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from fidelity.chart import assemble, plan
from fidelity.verdict import judge
from gateway.model_folders import models
from vocabulary.chart import Read
from vocabulary.instant import parse_instant
from vocabulary.manifest import Code, Feature

NOW = parse_instant("2026-06-01T12:00:00Z")
LOINC = "http://loinc.org"
MANIFEST = models.read_manifest(models.SHIPPED / "prevent")
MASS = Feature(name="mass", kind="observation", codes=(Code(system=LOINC, code="2093-3"),), unit="mg/dL", required=True)
PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1976-06-01", "gender": "female"}

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    "id",
    "meta",
    "status",
    "code",
    "subject",
    "focus",
    "effectiveDateTime",
    "effectivePeriod",
    "issued",
    "valueQuantity",
    "valueString",
    "valueCodeableConcept",
    "component",
    "dataAbsentReason",
    "medicationReference",
    "contained",
    "intent",
    "medicationCodeableConcept",
    "clinicalStatus",
    "verificationStatus",
    "onsetDateTime",
    "extension",
    "birthDate",
    "gender",
)
CODED = {"coding": [{"system": LOINC, "code": "2093-3"}]}
broken = st.builds(
    lambda name, base, changes: {"resourceType": name} | (base | changes),
    st.sampled_from(["Observation", "Condition", "MedicationRequest", "Patient"]),
    st.just({"id": "1", "status": "final", "code": CODED, "subject": {"reference": "Patient/p"}}),
    st.dictionaries(st.sampled_from(NAMES), junk, max_size=5),
)


@given(st.lists(broken, max_size=5), broken)
@settings(max_examples=150, deadline=None)
def test_no_resource_whatever_makes_a_chart_or_its_verdict_fail(resources, patient):
    reads = {search: Read(resources=tuple(resources)) for search in plan(MANIFEST.features)}
    chart = assemble(patient=patient, reads=reads, features=MANIFEST.features, as_of=NOW)
    assert set(chart.features) | set(chart.absent) == {feature.name for feature in MANIFEST.features}
    assert not set(chart.features) & set(chart.absent)
    assert judge(chart, MANIFEST, patient_resource=patient, salt=b"s").fitness in ("fit", "caveats", "unfit")


records = st.builds(
    lambda number, days, value, status: {
        "resourceType": "Observation",
        "id": str(number),
        "status": status,
        "subject": {"reference": "Patient/p"},
        "code": CODED,
        "effectiveDateTime": f"2026-{1 + days % 12:02}-{1 + days % 28:02}",
        "valueQuantity": {"value": Decimal(value), "system": "http://unitsofmeasure.org", "code": "mg/dL"},
    },
    st.integers(0, 10**6),
    st.integers(0, 400),
    st.integers(1, 500),
    st.sampled_from(["final", "amended", "preliminary", "entered-in-error"]),
)


def made(resources):
    reads = {search: Read(resources=tuple(resources)) for search in plan([MASS])}
    return assemble(patient=PATIENT, reads=reads, features=[MASS], as_of=NOW)


@given(st.lists(records, max_size=8, unique_by=lambda item: item["id"]), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_an_answer_decides_nothing_and_nothing_of_the_future_is_used(resources, random):
    shuffled = list(resources)
    random.shuffle(shuffled)
    first = made(resources)
    assert first.features == made(shuffled).features
    assert all(value.at is not None and value.at <= NOW for value in first.features.values())


@given(st.lists(records, max_size=6, unique_by=lambda item: item["id"]))
@settings(max_examples=100, deadline=None)
def test_a_required_feature_is_there_or_the_chart_is_unfit_and_names_it(resources):
    manifest = models.read_manifest(models.SHIPPED / "prevent")
    chart = made(resources)
    only = type(manifest)(
        **{name: getattr(manifest, name) for name in manifest.__slots__ if name != "features"} | {"features": (MASS,)}
    )
    verdict = judge(chart, only, patient_resource=PATIENT)
    assert ("mass" in chart.features) == (verdict.fitness != "unfit")
    assert verdict.fitness != "unfit" or verdict.reasons[0].startswith("mass")
