"""What must hold of an input of the adapters, whatever it is: one pass of it through the product, and what was wrong."""

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from gateway.bodies import bodies
from r4 import codec
from r4.outcome import Issue
from tests.fuzz.adapter_bytes import DIGITS, MARK
from tests.fuzz.adapter_inputs import Case, evidence, make
from tests.fuzz.adapter_written import wrong
from vocabulary.instant import format_instant, parse_instant
from vocabulary.output import Output
from vocabulary.write import NotWritable, Write
from writeback import gate, planning
from writeback.errors import PlanInvalid
from writeback.gate import Admitted, Refused
from writeback.ledger import formats

SECONDS, SECONDS_EACH = 0.25, 3e-6
"""What an input may take of the processor's time: at most this, and this for each byte (instrumented code is several
times slower)."""
UNSAID = frozenset({"house-unit"})
"""Rules that an admitted output may break: `models check` tells of such a unit, and each output is answered with 422."""
Planned = Write | NotWritable | PlanInvalid | None


@dataclass(frozen=True, kw_only=True)
class Product:
    """What is judged. A twin of the test has a fault in one of them."""

    read: Callable[[Any], Output | list[Issue]] = bodies.read_output
    admit: Callable[..., Admitted | Refused] = gate.admit
    plan: Callable[..., Write | NotWritable | None] = planning.plan
    plan_bytes: Callable[..., Write | NotWritable | None] = planning.plan_bytes


@dataclass(kw_only=True)
class Pass:
    """``outcome`` is how far the input came; ``faults`` are (rule, what it says)."""

    outcome: str = ""
    faults: list[tuple[str, str]] = field(default_factory=list)


def judge(data: bytes, product: Product) -> Pass:
    """Sends the input of these bytes through the product."""
    it, case = Pass(), make(data)
    if case is None:
        it.outcome = "no manifest"
        return it
    limit = SECONDS + SECONDS_EACH * len(case.raw or b"")
    if (
        _spent(it, case, product) > limit and _spent(Pass(), case, product) > limit
    ):  # the first may pay for what is kept
        it.faults.append(("time", f"{it.outcome}: more than {limit:.2f} s"))
    return it


def _spent(it: Pass, case: Case, product: Product) -> float:
    """One pass, and the processor's seconds that it took."""
    began = time.thread_time()
    try:
        for fault in _whole(it, case, product):
            it.faults.append(fault)
    except Exception as failure:
        it.faults.append(("unhandled", _where(failure)))
    return time.thread_time() - began


def _where(failure: Exception) -> str:
    """The kind of an exception, and the innermost lines of the product it came through."""
    frames = [frame for frame in traceback.extract_tb(failure.__traceback__) if "/tests/" not in frame.filename]
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-2:]]
    return f"{type(failure).__name__} at {', '.join(places)}"


def _whole(it: Pass, case: Case, product: Product) -> Iterator[tuple[str, str]]:
    document = case.document
    if case.raw is not None:
        try:
            document = codec.parse(case.raw)
        except codec.CodecError as refused:
            it.outcome = "not JSON"
            yield from _echo("codec", f"{refused} {refused.issue}")
            return
    output = product.read(document)
    if isinstance(output, list):
        it.outcome = "malformed"
        yield from _issues(output)
        return
    if case.raw is not None and formats.parse_output(formats.format_output(output)) != _rounded(output):
        yield "kept", "the record of the output says something else"
    read = evidence(case, output)
    judged = product.admit(output, case.manifest, read, case.now)
    if isinstance(judged, Refused):
        it.outcome = f"refused: {judged.reason}"
        yield from _echo("refusal", f"{judged.reason} {judged.element} {judged.text}")
        return
    yield from _plans(it, case, product, output, judged)


def _rounded(output: Output) -> Output:
    """Its time as it is kept: in milliseconds."""
    return replace(output, as_of=parse_instant(format_instant(output.as_of)))


def _issues(issues: list[Issue]) -> Iterator[tuple[str, str]]:
    if not issues or not all(issue.element and issue.text for issue in issues):
        yield "element", "an issue names no element"
    for issue in issues:
        yield from _echo("issue", f"{issue.code} {issue.text} {issue.element} {issue.rule}")


def _echo(what: str, text: str) -> Iterator[tuple[str, str]]:
    if MARK in text or DIGITS in text:
        yield "echo", f"a {what} repeats what was sent"


def _plans(it: Pass, case: Case, product: Product, output: Output, admitted: Admitted) -> Iterator[tuple[str, str]]:
    """As it is planned for a person's decision, and as it is planned at once, by both ways."""
    confirmed = case.confirmed
    given = {
        "admitted": admitted, "names": case.names(output), "capabilities": case.offered, "now": case.now, "rules": case.rules,
        "site": case.site, "granted": case.granted,
    }  # fmt: skip
    quick = _planned(product.plan_bytes, output, case, given)
    it.outcome = _called(quick)
    if case.twice:
        slow = _planned(product.plan, output, case, given)
        if _bare(slow) != _bare(quick):
            yield "agreement", f"plan says {_called(slow)}, plan_bytes {_called(quick)}"
    yield from _judged(quick, case, output, admitted, confirmed=False)
    if confirmed is not None:
        accepted = _planned(product.plan, output, case, given | {"confirmed_by": confirmed})
        yield from _judged(accepted, case, output, admitted, confirmed=True)


def _planned(plan: Callable[..., Any], output: Output, case: Case, given: dict[str, Any]) -> Planned:
    try:
        made: Planned = plan(output, case.manifest, **given)
    except PlanInvalid as failure:
        return failure
    return made


def _called(made: Planned) -> str:
    if isinstance(made, PlanInvalid):
        return f"is not valid: {made.element.partition('[')[0]} {made.rule}"
    return {Write: "written", NotWritable: "not writable"}.get(type(made), "nothing to write")


def _bare(made: Planned) -> Any:
    """What both ways have in common: all but the body, which the bytes say."""
    if isinstance(made, Write):
        return made.ehr, tuple(structs.replace(part, body={}) for part in made.own), made.shared, made.losses
    return str(made)


def _judged(
    made: Planned, case: Case, output: Output, admitted: Admitted, *, confirmed: bool
) -> Iterator[tuple[str, str]]:
    if isinstance(made, PlanInvalid):
        if not made.element or not made.rule:
            yield "element", "a plan that is not valid names no element"
        if made.rule not in UNSAID:
            yield "unsaid", f"what was let in {_called(made)}"
        yield from _echo("plan", str(made))
    elif isinstance(made, NotWritable):
        yield from _echo("reason", made.reason)
        if not made.reason:
            yield "element", "nobody is told why nothing is written"
    elif isinstance(made, Write):
        yield from wrong(made, case, output, admitted, confirmed=confirmed)
