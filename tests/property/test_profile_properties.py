"""A profile is a value: any order, any split, either lane, the same bytes."""

import random
import tempfile
from pathlib import Path

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fidelity import bulk, profiling
from fidelity.counts import Counts, Distinct
from fidelity.document import document
from fidelity.histograms import Histograms
from fidelity.profile import Profile, merged, settings_of
from r4 import codec
from sandbox.seed import load, messy

FEED = [
    orjson.loads(codec.format(each))
    for each in messy.degrade(list(load.resources())[::9], messy.Messiness(rate=0.6), arrived=1.78e9)
]
VISITS = dict(found for each in FEED if (found := settings_of(each)))

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["code", "coding", "system", "value", "unit", "reference", "start", "text", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
MEMBERS = (
    "id",
    "meta",
    "status",
    "category",
    "interpretation",
    "code",
    "subject",
    "encounter",
    "issued",
    "effectiveDateTime",
    "effectivePeriod",
    "valueQuantity",
    "valueString",
    "valueCodeableConcept",
    "component",
    "dataAbsentReason",
    "dosageInstruction",
    "valueInteger",
)
hostile = st.dictionaries(st.sampled_from(MEMBERS), anything, max_size=7).flatmap(
    lambda members: st.sampled_from(["Observation", "Condition", "MedicationRequest", "Encounter"]).map(
        lambda kind: {"resourceType": kind, **members}
    )
)
quantity = st.fixed_dictionaries(
    {
        "value": st.one_of(
            st.floats(allow_nan=False, allow_infinity=False),
            st.integers(-(10**15), 10**15),
            st.text("0123456789.-e", max_size=4),
        )
    },
    optional={
        "unit": st.sampled_from(["mg/dL", "", "x"]),
        "system": st.sampled_from(["http://unitsofmeasure.org", "x"]),
        "code": st.sampled_from(["mg/dL", ""]),
        "comparator": st.just("<"),
    },
)
times = st.one_of(
    st.from_regex(
        r"\A(19|20|18)[0-9]{2}(-[01][0-9](-[0-3][0-9](T[0-2][0-9]:[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?(Z|[+-][01][0-9]:[0-5][0-9])?)?)?)?\Z"
    ),
    st.text(max_size=8),
)
plausible = st.fixed_dictionaries(
    {"resourceType": st.just("Observation")},
    optional={
        "effectiveDateTime": times, "issued": times, "valueQuantity": quantity, "status": st.sampled_from(["final", "preliminary", ""]),
        "valueString": st.one_of(st.sampled_from(["7.2 mg/dL", ">5", "120/80", "SEE COMMENT", " 4"]), st.text(max_size=5)),
        "code": st.fixed_dictionaries({}, optional={"coding": st.lists(st.fixed_dictionaries({}, optional={"system": st.sampled_from(["http://loinc.org", "urn:x"]), "code": st.sampled_from(["8867-4", "x"]), "version": st.just("1")}), max_size=3), "text": st.text(max_size=3)}),
        "encounter": st.fixed_dictionaries({"reference": st.sampled_from(["Encounter/a", "http://x/Encounter/b/_history/1", "urn:uuid:1", ""])}),
        "component": st.lists(st.fixed_dictionaries({"valueQuantity": quantity}), max_size=2),
        "meta": st.fixed_dictionaries({}, optional={"source": st.sampled_from(["a", "a#b", "#b"]), "lastUpdated": times}),
    },
)  # fmt: skip


def dump(profile):
    return orjson.dumps(document(profile))


WHOLE = dump(Profile().add(FEED, VISITS))


@given(st.randoms(use_true_random=False), st.integers(1, 9))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_order_and_any_split_give_the_same_bytes(chance, parts):
    shuffled = FEED[:]
    chance.shuffle(shuffled)
    split = [shuffled[place::parts] for place in range(parts)]
    assert dump(merged(Profile().add(part, VISITS) for part in split)) == WHOLE


def test_one_resource_more_or_changed_gives_other_bytes():
    assert dump(Profile().add([*FEED, FEED[-1]], VISITS)) != WHOLE
    assert dump(Profile().add([each for each in FEED if each["resourceType"] != "Observation"], VISITS)) != WHOLE


@given(st.lists(hostile, max_size=12), st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_no_json_breaks_the_count_and_it_still_merges(resources, cut):
    resources = orjson.loads(orjson.dumps(resources, default=str)) if _writable(resources) else []
    whole = Profile().add(resources, {})
    assert dump(whole) == dump(Profile().add(resources[cut:], {}).merge(Profile().add(resources[:cut], {})))
    assert sum(whole.tables["rows"].rows.values()) == len(resources)


def _writable(value):
    try:
        orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError):
        return False
    return True


keys = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc")), max_size=120)


@given(keys, st.integers(1, 5), st.randoms(use_true_random=False))
def test_beyond_a_cap_the_same_values_are_told_apart_whatever_came_first(found, cap, chance):
    def counted(parts):
        whole = Counts(caps={(0,): cap}, room=4)
        for part in parts:
            made = Counts(caps={(0,): cap}, room=4)
            for key in part:
                made.put(key, 1)
            whole.merge(made)
        whole.fold()
        return whole.rows

    shuffled = found[:]
    chance.shuffle(shuffled)
    first = counted([found])
    assert first == counted([shuffled[:7], shuffled[7:20], shuffled[20:]])
    assert sum(first.values()) == len(found)
    assert len({key[0] for key in first} - {"(more)"}) <= cap


@given(
    st.lists(
        st.floats(allow_nan=False, allow_infinity=False).map(lambda number: "%.2e" % (number + 0.0)), max_size=400
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40)
def test_histograms_merge_and_lose_no_number(bins, chance):
    def counted(parts):
        whole = Histograms()
        for part in parts:
            made = Histograms()
            made.add(("s", "c", "u", "coded", bin) for bin in part)
            whole.merge(made)
        return {key: (each.bins, each.digits) for key, each in whole.groups.items()}

    shuffled = bins[:]
    chance.shuffle(shuffled)
    assert counted([bins]) == counted([shuffled[::2], shuffled[1::2]])
    assert sum(sum(each[0].values()) for each in counted([bins]).values()) == len(bins)


def test_a_measure_with_too_many_bins_keeps_a_digit_less_and_still_merges():
    fine = [
        ("s", "c", "u", "coded", f"{mantissa / 100:.2f}e+{place:02d}")
        for place in range(3)
        for mantissa in range(100, 1_000)
    ]
    one, other = Histograms(), Histograms()
    one.add(fine)
    for part in (fine[::3], fine[1::3], fine[2::3]):
        made = Histograms()
        made.add(part)
        other.merge(made)
    (first,), (second,) = one.groups.values(), other.groups.values()
    assert first.digits == second.digits == 2
    assert first.bins == second.bins
    assert len(first.bins) == 270


def test_distinct_texts_are_exact_when_few_and_close_when_many():
    few, many = Distinct(), Distinct()
    few.add(str(number) for number in range(900))
    for start in range(0, 60_000, 1_500):
        many.add(str(number % 30_000) for number in range(start, start + 1_500))
    assert few.estimate == 900
    assert abs(many.estimate - 30_000) < 3_000


@given(st.lists(plausible, min_size=1, max_size=30))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_bulk_lane_counts_what_plain_python_counts(resources):
    visits = {"a": "AMB", "b": "IMP"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.ndjson"
        path.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in resources))
        fast = bulk.count_file(path, visits)
    if fast is not None:  # what the declared schema does not take goes to the plain lane as a whole
        assert dump(fast) == dump(Profile().add(resources, visits))


def test_the_hour_is_that_in_utc_in_both_lanes(tmp_path):
    zones = ("Z", "-05:00", "+05:30", "-09:45", "+14:00", "+00:00", "-00:00", "")
    made = [
        {"resourceType": "Observation", "status": "final", "effectiveDateTime": f"2026-01-01T{hour:02d}:{minute}:00{zone}"}
        for zone in zones for hour in range(24) for minute in (10, 50)
    ]  # fmt: skip
    path = tmp_path / "x.ndjson"
    path.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in made))
    fast = bulk.count_file(path, {})
    assert fast is not None
    assert dump(fast) == dump(Profile().add(made, {}))
    assert {key[-1]: n for key, n in fast.tables["hours"].rows.items()} == {f"{hour:02d}": 14 for hour in range(24)}


def test_the_bulk_lane_takes_a_real_feed_type_by_type(tmp_path):
    taken = 0
    for kind in ("Observation", "Condition", "MedicationRequest", "Procedure", "Encounter", "Patient"):
        resources = [each for each in FEED if each["resourceType"] == kind]
        path = tmp_path / f"{kind}.ndjson"
        path.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in resources))
        fast = bulk.count_file(path, VISITS)
        assert fast is not None, kind
        assert dump(fast) == dump(Profile().add(resources, VISITS)), kind
        taken += len(resources)
    assert taken > 300


def test_what_the_bulk_lane_would_read_more_kindly_goes_to_the_plain_one(tmp_path):
    for number, line in enumerate(
        (
            b'{"resourceType":"Observation",}',
            b'{"resourceType":"Observation", }',
            b'{"resourceType":"Observation","note":[{"id":"x"},\t]}',
            b'{"resourceType":"Observation","x":NaN}',
            b'{"resourceType":"Observation","x":-inf}',
            b'{"resourceType":"Observation","valueQuantity":{"value":1e999}}',
            b'{"resourceType":"Nothing"}',
            b'{"resourceType":"Bundle","type":"collection"}',
            b'{"resourceType":"Observation","code":5}',
            b'{"resourceType":"Obs',
            b"\xff",
        )
    ):
        path = tmp_path / f"{number}.ndjson"
        path.write_bytes(b'{"resourceType":"Observation"}\n' + line + b"\n")
        assert bulk.count_file(path, {}) is None, line


def test_processes_count_what_one_process_counts(tmp_path):
    random.Random(1).shuffle(shuffled := FEED[:])
    (tmp_path / "a.ndjson").write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in shuffled))
    parts = list(profiling.split([tmp_path / "a.ndjson"], size=60_000))
    task = profiling.partial(profiling.count_part, settings=VISITS)
    assert len(parts) > 3
    assert dump(profiling.gather(task, parts, processes=2).profile) == WHOLE
