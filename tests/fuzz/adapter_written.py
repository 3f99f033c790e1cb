"""What every planned write has to be: valid R4, marked, of this patient and this time, and as large as what was said."""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from r4 import codec, house_rules
from r4.validate import validate
from tests.fuzz.adapter_inputs import Case
from vocabulary.instant import format_instant, shift
from vocabulary.output import Output
from vocabulary.write import PLACEHOLDER, Planned, Write
from writeback import keys
from writeback.adapters import reading
from writeback.fitting import found
from writeback.gate import Admitted
from writeback.lexicon.attachment import attachment
from writeback.lexicon.codes import AI_ASSERTED
from writeback.projection import covers, unmarked
from writeback.speaking.rendering import Need, render

Fault = tuple[str, str]
_PLACES = re.compile(f'"{PLACEHOLDER}([0-9a-f]{{64}})(?:#version)?"'.encode())
HALF = Decimal("0.005")
"""Half of the last place of a percentage."""
TINY = Decimal("0.0000005")
ABOUT = ("primary", "result", "report", "flag")


def wrong(write: Write, case: Case, output: Output, admitted: Admitted, *, confirmed: bool) -> Iterator[Fault]:
    """Everything that is not as it has to be."""
    keys_there = {part.key for part in (*write.own, *write.shared)}
    if len(keys_there) < len(write.own) + len(write.shared) or not keys_there:
        yield "keys", "two resources have one delivery key"
    for part in (*write.own, *write.shared):
        body = codec.parse(part.encoded or b"")
        yield from _of_itself(part.encoded or b"", part.type, part.id if part.strategy == "put" else None, part.needs)
        if not set(part.needs) <= keys_there:
            yield "needs", f"a {part.type} waits for a delivery that is not of its write"
        if case.rules.creates is not None and part.type not in case.rules.creates:
            yield "rules", f"a {part.type} is written where none is taken"
        if not set(part.losses) <= set(write.losses):
            yield "losses", f"a loss of a {part.type} is not said"
        if part.role in ABOUT:
            yield from _about(part, body, case, output, confirmed)
    wanted = case.manifest.must_keep | case.site.must_keep
    if any(covers(path, loss) for path in wanted for loss in write.losses):
        yield "losses", "what may not be lost is lost"
    yield from _said(write, case, output, admitted)


@lru_cache(256)
def _of_itself(encoded: bytes, type: str, id: str | None, needs: tuple[str, ...]) -> tuple[Fault, ...]:
    """What is wrong with one resource's bytes; what outputs of a model share is looked at once. ``id`` is that of a PUT."""
    body = codec.parse(encoded)
    issues = (*validate(body, type=type), *house_rules.check(body))
    found = [("R4", f"{re.sub('[0-9]+', '0', issue.element)}: {issue.rule}") for issue in issues]
    if codec.format(body) != encoded:
        found.append(("R4", "the bytes are not as the codec writes them"))
    if id is not None and body.get("id") != id:
        found.append(("keys", "a PUT to another id than the resource has"))
    if not {name.decode() for name in _PLACES.findall(encoded)} <= set(needs):
        found.append(("needs", f"a {type} refers to a delivery that it does not wait for"))
    sent = render(encoded, {key: Need(state="delivered", location="Device/d1", version="1") for key in needs}).body
    if PLACEHOLDER.encode() in sent or (sent != encoded and codec.format(codec.parse(sent)) != sent):
        found.append(("needs", f"a {type} is not sent with the places of what it refers to"))
    return tuple(found)


def _about(part: Planned, body: dict[str, Any], case: Case, output: Output, confirmed: bool) -> Iterator[Fault]:
    """A resource of the patient's chart."""
    if unmarked(body, part.role):
        yield "label", f"a {part.type} does not say that a machine made it"
    losing = {f"{part.type}.meta", f"{part.type}.meta.security"} & set(part.losses)
    if not losing and AI_ASSERTED.code not in found(body, "meta.security.code"):
        yield "label", f"a {part.type} has lost its label and does not say so"
    if body.get("subject", body.get("patient")) != {"reference": output.patient}:
        yield "patient", f"a {part.type} is of another patient"
    status = body.get("docStatus", body.get("status"))
    if part.type != "Flag" and status != ("final" if confirmed else "preliminary"):
        yield "status", f"a {part.type} is {status}"
    if not keys.carries(body, part.key) and not any(loss.endswith("identifier") for loss in part.losses):
        yield "keys", f"a {part.type} does not carry its key"


def _said(write: Write, case: Case, output: Output, admitted: Admitted) -> Iterator[Fault]:
    primary = next((part for part in write.own if part.role == "primary"), None)
    if primary is None:
        yield "keys", "the output itself is not written"
        return
    body = codec.parse(primary.encoded or b"")
    yield from SAYS[primary.type](body, primary, case, output)
    yield from _read_back(body, case, output)
    for part in write.own:
        if part.role == "provenance":
            yield from _origin(codec.parse(part.encoded or b""), output, admitted, primary.key)


def _read_back(body: dict[str, Any], case: Case, output: Output) -> Iterator[Fault]:
    """The adapters the other way round say the same number, or that they cannot."""
    try:
        again = reading.read_output(body, case.manifest, ehr=output.ehr, inference_id=output.inference_id)
    except reading.ModelUnreadable:
        return
    if again.patient != output.patient or again.encounter not in (None, output.encounter):
        yield "back", "what is read back is of another patient"
    if again.value is not None and output.value is not None and abs(again.value - output.value) > HALF:
        yield "back", "the number that is read back is another"


def _risk(body: dict[str, Any], part: Planned, case: Case, output: Output) -> Iterator[Fault]:
    start, horizon = format_instant(output.as_of), case.manifest.horizon
    period = {"start": start} | ({"end": format_instant(shift(output.as_of, horizon))} if horizon else {})
    if body.get("occurrenceDateTime") != start:
        yield "time", "a RiskAssessment is of another time"
    for prediction in body["prediction"]:
        if prediction.get("whenPeriod") != period:
            yield "whenPeriod", "a prediction has not the period that the model declares"
        chance = prediction.get("probabilityDecimal", 0)
        if not 0 <= chance <= 100:
            yield "range", "a probability is beyond 0 to 100"
    yield from _within(output, case)
    first = body["prediction"][0]
    if output.interval is None:
        yield from _near(first["probabilityDecimal"], output.value, output.unit)
    else:
        yield from _near(first["probabilityRange"]["low"]["value"], output.interval[0], output.unit)
        yield from _near(first["probabilityRange"]["high"]["value"], output.interval[1], output.unit)


def _within(output: Output, case: Case) -> Iterator[Fault]:
    """What is written is what was said, to its last place: what was said has to be of the declared range."""
    limits = case.manifest.output.range
    said = (output.value, *(output.interval or ()))
    if limits is not None and any(each is not None and not limits[0] <= each <= limits[1] for each in said):
        yield "range", "a number beyond the range that the model declares is written"


def _near(written: Any, said: Decimal | None, unit: str | None) -> Iterator[Fault]:
    """A percentage is what was said, to its last place."""
    assert said is not None
    if abs(Decimal(str(written)) - said * (100 if unit == "fraction" else 1)) > HALF:
        yield "range", "a percentage is not what was said"


def _observation(body: dict[str, Any], part: Planned, case: Case, output: Output) -> Iterator[Fault]:
    if body.get("effectiveDateTime") != format_instant(output.as_of):
        yield "time", "an Observation is of another time"
    if output.value is None or output.kind not in ("risk", "score"):
        if "valueQuantity" in body:
            yield "range", "a value that nobody said"
        return
    yield from _within(output, case)
    if case.manifest.kind == "risk":
        yield from _near(body["valueQuantity"]["value"], output.value, output.unit)
        return
    if abs(Decimal(str(body["valueQuantity"]["value"])) - output.value) > TINY:
        yield "range", "a score is not what was said"


def _document(body: dict[str, Any], part: Planned, case: Case, output: Output) -> Iterator[Fault]:
    said = body["content"][0]["attachment"]
    text = b64decode(said["data"], validate=True).decode()
    again = attachment(text, content_type=said["contentType"], title=said.get("title", ""))
    if any(said[name] != again[name] for name in ("size", "hash", "data") if name in said):
        yield "text", "an attachment is not of the size or the sum that it says"
    if "AI-generated draft, not reviewed" not in text:
        yield "label", "a text does not say what it is"


def _issue(body: dict[str, Any], part: Planned, case: Case, output: Output) -> Iterator[Fault]:
    if body.get("identifiedDateTime") != format_instant(output.as_of):
        yield "time", "a DetectedIssue is of another time"
    if len(body.get("implicated", ())) > len(output.implicated):
        yield "text", "a DetectedIssue accuses more than was said"


SAYS: Mapping[str, Callable[[dict[str, Any], Planned, Case, Output], Iterator[Fault]]] = {
    "RiskAssessment": _risk, "Observation": _observation, "DocumentReference": _document, "DetectedIssue": _issue,
}  # fmt: skip


def _origin(body: dict[str, Any], output: Output, admitted: Admitted, primary: str) -> Iterator[Fault]:
    """The Provenance: of this output first, from all that went into it."""
    if body["target"][0].get("reference") != f"{PLACEHOLDER}{primary}#version":
        yield "provenance", "a Provenance is not of the output first"
    sources = [each["what"]["reference"] for each in body["entity"] if each["role"] == "source"]
    if sources != list(admitted.inputs):
        yield "provenance", "a Provenance does not name what went in"
    if AI_ASSERTED.code not in found(body, "reason.coding.code"):
        yield "provenance", "a Provenance does not say that an AI made it"
