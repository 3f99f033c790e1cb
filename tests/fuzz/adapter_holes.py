"""Adapters with a fault planted in them: the judge has to see each (tests/fuzz/test_adapters.py)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from msgspec import structs

from gateway.bodies import bodies
from r4 import codec
from r4.outcome import Issue
from tests.fuzz.adapter_judge import Product
from vocabulary.output import Output
from vocabulary.write import NotWritable, Planned, Write
from writeback import gate, planning
from writeback.gate import Admitted, Refused

Body = dict[str, Any]


def _raises(output: Output, *given: Any, **more: Any) -> Any:
    """A KeyError for a tier that it does not know."""
    if output.tier is not None and output.interval is not None:
        raise KeyError(output.tier)
    return planning.plan_bytes(output, *given, **more)


def _reads(document: Any) -> Output | list[Issue]:
    """Says what was wrong with it by saying it."""
    found = bodies.read_output(document)
    if not isinstance(found, list) or not isinstance(document, dict):
        return found
    return [replace(issue, text=f"{issue.text}, not {document.get('inference_id')}") for issue in found]


def _admits(*given: Any) -> Admitted | Refused:
    """Says which reference it does not know."""
    judged = gate.admit(*given)
    if isinstance(judged, Refused) and given[0].inputs:
        return replace(judged, text=f"{judged.text} ({given[0].inputs[0]})")
    return judged


def _lets_all_in(output: Output, *given: Any) -> Admitted | Refused:
    """No range is looked at."""
    judged = gate.admit(output, *given)
    return Admitted() if isinstance(judged, Refused) and judged.reason == "out_of_range" else judged


def _hole(change: Callable[[Body], object], role: str = "primary") -> Product:
    """What is planned, changed after it was checked."""

    def plan(*given: Any, **more: Any) -> Write | NotWritable | None:
        made = planning.plan_bytes(*given, **more)
        return replace(made, own=tuple(map(changed, made.own))) if isinstance(made, Write) else made

    def changed(part: Planned) -> Planned:
        body = codec.parse(part.encoded or b"")
        if part.role == role:
            change(body)
        return structs.replace(part, encoded=codec.format(body))

    return Product(plan_bytes=plan)


def _doubles(body: Body) -> None:
    if "valueQuantity" in body:
        body["valueQuantity"]["value"] += Decimal("0.5")
    for each in body.get("prediction", ()):
        each["probabilityDecimal"] = Decimal(101)


def _one_way(*given: Any, **more: Any) -> Write | NotWritable | None:
    """Says of every write that it loses something."""
    made = planning.plan(*given, **more)
    return replace(made, losses=("Observation", *made.losses)) if isinstance(made, Write) else made


def _slowly(document: Any) -> Output | list[Issue]:
    """Takes as long as comparing every reference and every component with every other would, up to a second."""
    lists = document.values() if isinstance(document, dict) else ()
    many = max((len(each) for each in lists if isinstance(each, list)), default=0)
    until = time.thread_time() + min(1e-6 * many * many, 1.0)
    while time.thread_time() < until:
        pass
    return bodies.read_output(document)


HOLES: Mapping[str, Product] = {
    "unhandled": Product(plan_bytes=_raises),
    "echo of a body": Product(read=_reads),
    "echo of a refusal": Product(admit=_admits),
    "range": Product(admit=_lets_all_in),
    "a value that was not said": _hole(_doubles),
    "label": _hole(lambda body: [body.pop(name, None) for name in ("meta", "note", "conclusion", "detail", "content")]),
    "whenPeriod": _hole(lambda body: [each.pop("whenPeriod") for each in body.get("prediction", ())]),
    "patient": _hole(lambda body: body.update(subject={"reference": "Patient/another"})),
    "status": _hole(lambda body: body.update({"docStatus" if "docStatus" in body else "status": "final"})),
    "R4": _hole(lambda body: body.update(guess="")),
    "provenance": _hole(lambda body: body["entity"].clear(), "provenance"),
    "agreement": Product(plan=_one_way),
    "time": Product(read=_slowly),
}  # fmt: skip
"""By what they break."""
