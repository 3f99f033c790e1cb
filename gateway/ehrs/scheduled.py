"""Edge: whether the backend client may do what a site's schedules ask of it. Pure; in this room because it composes models,
scopes and write-back."""

from collections.abc import Iterable, Iterator, Sequence

from auth import scopes
from auth.client.ehr import RegisteredEhr
from auth.scopes import FhirScope
from fidelity import chart
from gateway.ehrs.facts import Asked, Facts, Line
from gateway.ehrs.writing import FORMS, Row
from vocabulary.manifest import Manifest

ADVICE = "Have the backend client registered for it and name it in the EHR's backend_scopes, or take the schedule out."


def schedules(facts: Facts) -> Iterator[Line]:
    """A line for each schedule: by what the backend client was granted or, where it was not asked, by what is declared."""
    granted = facts.backend if isinstance(facts.backend, str) else declared(facts.ehr)
    return (Line(*row) for row in judged(facts.schedules, granted))


def declared(ehr: RegisteredEhr) -> str:
    """The scopes of the backend client that is registered; none where it cannot prove who it is."""
    return "" if ehr.method == "none" else " ".join(ehr.backend_scopes)


def judged(asked: Sequence[Asked], held: str) -> Iterator[Row]:
    """A line for each schedule, against the scopes that the backend client holds: its own, or what was granted. What a schedule
    cannot do without, it fails without; what only makes outputs less is a warning."""
    granted = [each for each in scopes.parse(held) if isinstance(each, FhirScope) and each.context == "system"]
    for each in asked:
        vital, lesser = _missing(granted, _vital(each)), _missing(granted, _lesser(each))
        unwritten = [model.id for model in each.writing if not _writes(granted, model)]
        check = f"schedule-{each.id}"
        if vital:
            yield check, "fail", f"the backend client lacks {', '.join(vital)}", ADVICE
        elif unwritten:
            text = (
                f"the backend client may create nothing that outputs of {', '.join(sorted(unwritten))} are written as"
            )
            yield check, "fail", text, ADVICE
        elif lesser:
            text = f"the backend client lacks {', '.join(lesser)}: outputs are made without"
            yield check, "warn", text, ADVICE
        else:
            yield check, "pass", "the backend client may read whom it is about, and what its models need", None


def _vital(asked: Asked) -> list[tuple[str, str]]:
    """Type and letter: the list of patients, each patient, and what a model requires."""
    required = [feature for model in asked.models for feature in model.features if feature.required]
    whom = (asked.type, "r" if asked.type == "Group" else "s")
    return [whom, ("Patient", "r"), *((search.type, "s") for search in chart.plan(required))]


def _lesser(asked: Asked) -> list[tuple[str, str]]:
    """What a model can do without."""
    others = [feature for model in asked.models for feature in model.features if not feature.required]
    return [(search.type, "s") for search in chart.plan(others)]


def _missing(granted: Sequence[FhirScope], wanted: Iterable[tuple[str, str]]) -> list[str]:
    """Scopes that are wanted and not held, each once."""
    lost = [f"system/{type}.{letter}" for type, letter in wanted if not _holds(granted, type, letter)]
    return list(dict.fromkeys(lost))


def _writes(granted: Sequence[FhirScope], model: Manifest) -> bool:
    """Whether a form of its outputs may be created, by POST or by PUT."""
    return any(_holds(granted, type, letter) for type in FORMS[model.kind] for letter in "cu")


def _holds(granted: Sequence[FhirScope], type: str, letter: str) -> bool:
    return any(each.type in ("*", type) and letter in each.actions for each in granted)
