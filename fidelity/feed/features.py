"""Whether a model would have had what it needs, patient by patient (STR-05), and fresh enough (TIM-07).

A scan has no moment of prediction, so a patient's newest record stands for it: had the model been asked then.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fidelity import coding
from fidelity.derive import DERIVATIONS
from fidelity.elements import rows, table
from fidelity.periods import parse_point
from vocabulary.instant import shift
from vocabulary.manifest import Code, Feature

Resource = Mapping[str, Any]


class Availability(NamedTuple):
    """One required feature of one patient: there at all, and within the look-back (None where there is none to judge)."""

    patient: str
    feature: str
    there: bool
    fresh: bool | None


class Needs:
    """What the required features of a model are looked for by, and when each was last seen of whom."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = {each.name: each for each in features if each.required}
        self._by_code: dict[tuple[str, str], list[str]] = {}
        for each in self._observed(features):
            for code in (*each.codes, *_sources(each)):
                self._by_code.setdefault((code.system, code.code), []).append(each.name)
        self._newest: dict[tuple[str, str], float] = {}
        self._last: dict[str, float] = {}
        self._particulars: dict[str, tuple[bool, bool]] = {}

    @staticmethod
    def _observed(features: Sequence[Feature]) -> Iterator[Feature]:
        return (each for each in features if each.kind == "observation")

    def patient(self, patient: str, resource: Resource) -> None:
        """Takes note of a Patient: whether age and sex can be told."""
        sex = resource.get("gender") in ("female", "male", "other")
        self._particulars[patient] = (parse_point(resource.get("birthDate")) is not None, sex)

    def record(self, patient: str, resource: Resource, at: float | None) -> None:
        """Takes note of a record: what it speaks of and when."""
        if at is None:
            return
        if at > self._last.get(patient, float("-inf")):
            self._last[patient] = at
        if not self._by_code or resource.get("resourceType") != "Observation":
            return
        for element in (resource, *rows(resource.get("component"))):
            if (
                "valueQuantity" not in element
                and "valueCodeableConcept" not in element
                and "valueBoolean" not in element
            ):
                continue
            for each in rows(table(element.get("code")).get("coding")):
                for name in self._by_code.get((coding.system_of(each) or "", str(each.get("code"))), ()):
                    key = (patient, name)
                    if at > self._newest.get(key, float("-inf")):
                        self._newest[key] = at

    def results(self) -> Iterator[Availability]:
        """Every patient and required feature, patients in order of their ids."""
        for patient in sorted(self._particulars.keys() | self._last.keys()):
            for feature in self.features.values():
                found = self._result(patient, feature)
                if found is not None:
                    yield found

    def _result(self, patient: str, feature: Feature) -> Availability | None:
        if feature.kind == "presence":
            return None  # absence is an answer where the type was read to its end
        if feature.kind == "patient":
            known = self._particulars.get(patient)
            if known is None:
                return None
            return Availability(patient, feature.name, known[0] if feature.name == "age" else known[1], None)
        names = (feature.name, *((feature.alternative,) if feature.alternative else ()))
        seen = [at for name in names if (at := self._newest.get((patient, name))) is not None]
        if not seen:
            return Availability(patient, feature.name, False, None)
        if feature.lookback is None:
            return Availability(patient, feature.name, True, None)
        oldest = shift(self._last[patient], feature.lookback, sign=-1)
        return Availability(patient, feature.name, True, max(seen) >= oldest)


def _sources(feature: Feature) -> Sequence[Code]:
    """What the feature may be derived from."""
    derivation = DERIVATIONS.get(feature.derive or "")
    return derivation.source.codes if derivation else ()
