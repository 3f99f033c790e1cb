"""Boundary models: the bodies that cross HTTP, read strictly, with errors that name the element and echo nothing."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from gateway.bodies.body_issues import issues_of
from r4.outcome import Issue
from vocabulary.instant import parse_instant
from vocabulary.output import Component, Kind, Output, OutputState

_REFERENCE = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}(/_history/[A-Za-z0-9\-.]{1,64})?")


def _number(value: Any) -> Any:
    """A JSON number as Decimal with its digits; a truth value is no number."""
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _reference(value: str) -> str:
    if _REFERENCE.fullmatch(value) is None or {".", ".."} & set(value.split("/")):
        raise ValueError("must be a relative reference, Type/id")
    return value


def _patient(value: str) -> str:
    if not value.startswith("Patient/") or "/_history/" in value:
        raise ValueError("must be Patient/id")
    return value


def _encounter(value: str) -> str:
    if not value.startswith("Encounter/") or "/_history/" in value:
        raise ValueError("must be Encounter/id")
    return value


def _instant(value: str) -> str:
    try:
        parse_instant(value)
    except ValueError:
        raise ValueError("must be a FHIR instant: date, time, seconds and zone") from None
    if not "1900" <= value[:4] < "3000":  # every span before it and behind it is within the calendar
        raise ValueError("must be of a year from 1900 to 2999")
    return value


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def is_printable(value: str) -> bool:
    """Whether a text holds no control character but tabs and line ends; PostgreSQL takes no NUL at all."""
    return _CONTROL.search(value) is None


def _printable(value: str) -> str:
    if not is_printable(value):
        raise ValueError("must not hold control characters")
    return value


def _worded(value: str) -> str:
    if not value.strip():
        raise ValueError("must say something")
    return value


def _said(pattern: str) -> Any:
    """What a caller is told of a check that is made in code: the same as a pattern of the schema."""
    return Field(json_schema_extra={"pattern": pattern})


_WORDED = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
POINT = (
    r"^(19|2[0-9])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])$"
)
"""Days to the 28th: the pattern promises nothing that the calendar does not keep."""
Number = Annotated[Decimal, BeforeValidator(_number)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_printable), _said(_PRINTABLE)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_printable), _said(_PRINTABLE)]
"""What versions and EHRs are called, as long as it is stored."""
Sentence = Annotated[
    str, StringConstraints(min_length=1, max_length=4000), AfterValidator(_printable), _said(_PRINTABLE)
]
Reason = Annotated[
    str, StringConstraints(min_length=1, max_length=4000), AfterValidator(_printable), AfterValidator(_worded), _said(_WORDED)
]  # fmt: skip
"""Why a person does something that stands in a chart or a log for good: more than blanks."""
LongText = Annotated[
    str, StringConstraints(min_length=1, max_length=1_000_000), AfterValidator(_printable), _said(_PRINTABLE)
]
Reference = Annotated[
    str, StringConstraints(max_length=256), AfterValidator(_reference),
    _said(r"^[A-Z][A-Za-z]{1,63}/[A-Za-z0-9-]{1,64}(/_history/[A-Za-z0-9-]{1,64})?$"),
]  # fmt: skip
MOST_LISTED = 1000
"""References in one list: each is a request to the EHR before the output is let through."""
References = Annotated[list[Reference], Field(max_length=MOST_LISTED)]
Instant = Annotated[str, StringConstraints(max_length=64), AfterValidator(_instant), _said(POINT)]


PatientReference = Annotated[Reference, AfterValidator(_patient), _said(r"^Patient/[A-Za-z0-9-]{1,64}$")]
EncounterReference = Annotated[Reference, AfterValidator(_encounter), _said(r"^Encounter/[A-Za-z0-9-]{1,64}$")]


def _label(value: Any) -> Any:
    """True or false, 1 or 0 for it, or a word."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise ValueError("must be true or false, or the true label of a classification")


class ComponentBody(BaseModel):
    """One further prediction or sub-score."""

    model_config = ConfigDict(strict=True, extra="forbid")

    code: Word
    value: Number | None = None
    unit: Word | None = None
    label: Sentence | None = None


class OutputBody(BaseModel):
    """The body of ``POST /api/outputs`` (product.md §6)."""

    model_config = ConfigDict(strict=True, extra="forbid")

    model: Word
    version: Short
    ehr: Short
    patient: PatientReference
    kind: Literal["risk", "score", "classification", "text", "issue"]
    as_of: Instant
    inference_id: Word
    encounter: EncounterReference | None = None
    value: Number | None = None
    unit: Word | None = None
    inputs: References | None = None
    components: list[ComponentBody] | None = None
    interval: tuple[Number, Number] | None = None
    label: Sentence | None = None
    confidence: Number | None = None
    tier: Word | None = None
    abstained: Sentence | None = None
    implicated: References | None = None
    explanation: Sentence | None = None
    text: LongText | None = None


OWN_MEMBERS: Mapping[Kind, tuple[str, ...]] = {
    "risk": ("value",),
    "score": ("value",),
    "classification": ("label",),
    "text": ("text",),
    "issue": ("label", "text"),
}
"""One of these must be present unless the output abstains."""


class NoteBody(BaseModel):
    """The body of an alert's acknowledge and resolve."""

    model_config = ConfigDict(strict=True, extra="forbid")

    note: Sentence | None = None


class SilenceBody(BaseModel):
    """The body of ``POST /api/silences``: until when, why, and which alerts (at least one member names them)."""

    model_config = ConfigDict(strict=True, extra="forbid")

    until: Instant
    why: Reason
    monitor: Annotated[Short, StringConstraints(max_length=32)] | None = None
    model: Word | None = None
    ehr: Short | None = None
    source: Word | None = None


class ActionBody(BaseModel):
    """The body of ``POST /api/actions``: what is decided about a model; ``feature`` for a quarantine."""

    model_config = ConfigDict(strict=True, extra="forbid")

    model: Word
    action: Literal["observe", "quarantine_feature", "shadow", "block_write_back", "pull_model"]
    why: Reason
    version: Short | None = None
    ehr: Short | None = None
    feature: Word | None = None


class ReasonBody(BaseModel):
    """The body of confirm and reject."""

    model_config = ConfigDict(strict=True, extra="forbid")

    reason: Reason


Plain = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[ -~]+$")]
Cursor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,200}$")]
Limit = Annotated[int, Field(ge=1, le=500)]


class SearchBody(BaseModel):
    """The body of ``POST /api/outputs/search``: the filters of the list, and the patient, who stands in no address."""

    model_config = ConfigDict(strict=True, extra="forbid")

    patient: PatientReference | None = None
    ehr: Plain | None = None
    model: Plain | None = None
    version: Plain | None = None
    state: OutputState | list[OutputState] | None = None
    since: Instant | None = None
    until: Instant | None = None
    limit: Limit | None = None
    cursor: Cursor | None = None


class RecallBody(BaseModel):
    """The body of ``POST /api/recalls``."""

    model_config = ConfigDict(strict=True, extra="forbid")

    model: Word
    version: Short
    reason: Reason


class LabelBody(BaseModel):
    """The body of ``POST /api/labels``: an output by its id, or by its inference id (with model, version and EHR where that
    is not enough); what came true, or the true label of a classification; and when that was seen."""

    model_config = ConfigDict(strict=True, extra="forbid")

    output: Word | None = None
    inference_id: Word | None = None
    model: Word | None = None
    version: Word | None = None
    ehr: Word | None = None
    label: Annotated[bool | Sentence, BeforeValidator(_label)]
    observed_at: Instant


class AmendBody(BaseModel):
    """The body of ``POST /api/outputs/{id}/amend``: the FHIR status that the EHR's copy is to have, and why."""

    model_config = ConfigDict(strict=True, extra="forbid")

    status: Literal["final", "amended", "corrected", "cancelled", "entered-in-error"]
    reason: Reason


def read_output(document: Any) -> Output | list[Issue]:
    """A parsed JSON body → Output, or every issue with its element. Nothing of the body stands in an issue."""
    if isinstance(document, dict) and isinstance(document.get("interval"), list):
        document = {**document, "interval": tuple(document["interval"])}
    try:
        body = OutputBody.model_validate(document)
    except ValidationError as failure:
        return issues_of(failure)
    own = OWN_MEMBERS[body.kind]
    if body.abstained is None and all(getattr(body, name) is None for name in own):
        return [Issue("required", f"is required for kind {body.kind}", own[0], "output")]
    return Output(
        model=body.model, version=body.version, ehr=body.ehr, patient=body.patient, kind=body.kind,
        as_of=parse_instant(body.as_of), inference_id=body.inference_id, encounter=body.encounter, value=body.value,
        unit=body.unit, inputs=tuple(body.inputs or ()), components=tuple(map(_component, body.components or ())),
        interval=body.interval, label=body.label, confidence=body.confidence, tier=body.tier,
        abstained=body.abstained, implicated=tuple(body.implicated or ()), explanation=body.explanation,
        text=body.text,
    )  # fmt: skip


def _component(body: ComponentBody) -> Component:
    return Component(code=body.code, value=body.value, unit=body.unit, label=body.label)


def plain(value: Any) -> Any:
    """Numbers of a model as JSON says them: what is like a float becomes one, so that its digits are its shortest."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(value)
    return value.item() if hasattr(value, "item") else value
