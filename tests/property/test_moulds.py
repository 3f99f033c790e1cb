"""What is poured from a mould is what would have been planned, to the byte, at every vendor; what is not plain is planned."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from gateway.vendors import VENDORS
from r4 import codec
from r4.house_rules import check as house_check
from r4.validate import validate
from tests.property.write_strategies import cases
from tests.unit.writeback.examples import NAMES, NOW, TYPES, capabilities, manifest, output
from vocabulary.output import Output
from vocabulary.write import NotWritable, Write
from writeback.errors import PlanInvalid
from writeback.gate import Admitted
from writeback.mould import pour
from writeback.planning import plan, plan_bytes

Planned = Write | NotWritable | None | str
RELAXED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
OFFERED = {strategy: capabilities(*TYPES, strategy=strategy) for strategy in ("post", "put")}
NOBODY = Admitted()
patients = st.sampled_from(("Patient/p1", "Patient/A.b-C", "Patient/" + "f" * 64, "Patient/-", "Patient/..x"))
inferences = st.sampled_from(("x-1", "a|b", "0", "9" * 128, "two words", 'a"b', "#a", "é", "50%", "%b", "\\u0020"))


def made(way: Any, output: Output, case: dict[str, Any], vendor: str, strategy: str) -> Planned:
    """What planning gives; of a plan that is refused, why."""
    try:
        return way(
            output, case["manifest"], admitted=replace(NOBODY, encounter_open=case["admitted"].encounter_open), names=NAMES,
            capabilities=OFFERED[strategy], now=NOW + 0.25, rules=VENDORS[vendor].write, site=case["site"],
        )  # fmt: skip
    except PlanInvalid as failure:
        return failure.element


def bare(planned: Planned) -> Planned:
    if not isinstance(planned, Write):
        return planned
    return replace(planned, own=tuple(structs.replace(part, body={}) for part in planned.own))


def plain(said: Output) -> Output:
    parts = tuple(replace(part, label=None) for part in said.components if part.value is not None)
    words = {"explanation": None, "text": None, "label": None, "confidence": None}
    return replace(said, inputs=(), implicated=(), interval=None, components=parts, **words)


@RELAXED
@given(
    st.sampled_from(("risk", "score")).flatmap(lambda kind: cases(kind=kind)), patients, inferences,
    st.just("spec") | st.sampled_from(sorted(VENDORS)),
)  # fmt: skip
def test_what_is_poured_is_what_would_have_been_planned(
    case: dict[str, Any], patient: str, inference: str, vendor: str
) -> None:
    first = plain(case["output"])
    another = replace(first, patient=patient, inference_id=inference, as_of=first.as_of - 86400.5)
    for said, strategy in ((first, "post"), (another, "post"), (another, "put"), (first, "put"), (another, "post")):
        planned, poured = (made(way, said, case, vendor, strategy) for way in (plan, plan_bytes))
        assert bare(poured) == bare(planned)
        for part in poured.own if isinstance(poured, Write) else ():
            assert part.encoded is not None
            body = codec.parse(part.encoded)
            assert validate(body, type=part.type) == []
            assert house_check(body) == []


@pytest.mark.parametrize("kind", ["risk", "score"])
@pytest.mark.parametrize("encounter", [None, "Encounter/e1"])
def test_a_plain_output_is_poured_and_holds_what_is_its_own(kind: Any, encounter: str | None) -> None:
    said = replace(plain(output(kind)), encounter=encounter)
    for number in (1, 2, 3):
        named = replace(said, inference_id=f"mine-{number}", patient=f"Patient/own-{number}")
        write = plan_bytes(
            named, MANIFESTS[kind], admitted=NOBODY, names=NAMES, capabilities=OFFERED["post"], now=NOW
        )  # fmt: skip
        assert isinstance(write, Write)
        assert [part.role for part in write.own] == ["primary", "provenance"]
        assert all((part.body == {}) is (number > 1) and part.encoded for part in write.own), "the first is planned"
        assert f"Patient/own-{number}".encode() in (write.own[0].encoded or b"")


MANIFESTS = {kind: manifest(kind) for kind in ("risk", "score")}


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": ("Observation/o1",)}, {"explanation": "Because."}, {"interval": (Decimal("0.1"), Decimal("0.2"))},
        {"inference_id": "two words"}, {"patient": "Patient/-"}, {"as_of": -1.0},
    ],
)  # fmt: skip
def test_what_is_not_plain_is_planned(changes: dict[str, Any]) -> None:
    said = replace(plain(output("risk")), **changes)
    write = plan_bytes(
        said, MANIFESTS["risk"], admitted=NOBODY, names=NAMES, capabilities=OFFERED["post"], now=NOW
    )  # fmt: skip
    assert isinstance(write, Write)
    assert all(part.body for part in write.own)


def test_a_number_that_is_no_probability_is_refused_by_the_plan_and_not_poured() -> None:
    wrong = replace(plain(output("risk")), value=Decimal("1.7"))
    with pytest.raises(PlanInvalid):
        plan_bytes(wrong, MANIFESTS["risk"], admitted=NOBODY, names=NAMES, capabilities=OFFERED["post"], now=NOW)


def test_a_plan_that_says_of_one_patient_what_it_does_not_of_another_is_never_moulded() -> None:
    """The failing twin: a mould would say the same of both."""

    def fickle(said: Output, now: float) -> Write | NotWritable | None:
        title = f"Model {sum(said.patient.encode())}"
        return plan(
            said, replace(MANIFESTS["risk"], title=title), admitted=NOBODY, names=NAMES, capabilities=OFFERED["post"], now=now
        )  # fmt: skip

    same = (OFFERED["post"], "fickle")
    given_to = {"admitted": NOBODY, "names": NAMES, "now": NOW, "same": same}
    for _ in range(3):
        assert pour(plain(output("risk")), MANIFESTS["risk"], plan=fickle, **given_to) is None  # type: ignore[arg-type]
