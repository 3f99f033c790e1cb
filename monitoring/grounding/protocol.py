"""What a claim checker is asked and what it answers, in process or as JSON over HTTP: the same members (catalogue §3.2).

A checker of somebody else's is loaded from the entry point group ``gateway.claim_checkers`` or called at a configured
address, so that weights live in its process and not in this one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from monitoring.grounding.values import ClaimVerdict

GROUP = "gateway.claim_checkers"
Kind = Literal["deterministic", "nli", "llm_judge", "human"]
KINDS: tuple[Kind, ...] = ("deterministic", "nli", "llm_judge", "human")


class SnapshotRef(msgspec.Struct, frozen=True, kw_only=True):
    """Which chart: a digest over the versioned references, and those."""

    hash: str
    as_of: str
    resources: tuple[str, ...] = ()


class CheckRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``sentences`` are spans of ``text``. ``chart`` holds the resources themselves for a checker that may have them: one in
    this process, or at an address whose configuration says ``send_chart``."""

    text: str
    sentences: tuple[tuple[int, int], ...]
    chart_snapshot_ref: SnapshotRef
    locale: str = "en"
    budget_ms: int = 2000
    chart: tuple[Mapping[str, Any], ...] = ()


class CheckAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an address answers."""

    name: str
    version: str
    claims: tuple[ClaimVerdict, ...] = ()


class ClaimChecker(Protocol):
    """What an entry point gives: an object like this, or a class of such."""

    name: str
    version: str
    kind: Kind

    def check(self, req: CheckRequest) -> list[ClaimVerdict]:
        """The verdicts on the claims of a text; ``budget_ms`` is how long anybody waits for them."""
        ...


class AnswerInvalid(ValueError):
    """What a checker answered is not what the protocol says; the text names the fault and echoes nothing."""


def format_request(request: CheckRequest) -> bytes:
    """A request as JSON."""
    return msgspec.json.encode(request)


def parse_answer(body: bytes, request: CheckRequest) -> CheckAnswer:
    """An answer, its spans within the text. Raises AnswerInvalid."""
    try:
        answer = msgspec.json.decode(body, type=CheckAnswer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        raise AnswerInvalid("the answer is not {name, version, claims} with claims of the protocol") from wrong
    check_spans(answer.claims, request)
    return answer


def check_spans(claims: Sequence[ClaimVerdict], request: CheckRequest) -> None:
    """Raises AnswerInvalid for a span that is none of the text, or a score that is no share."""
    for claim in claims:
        if not 0 <= claim.span[0] < claim.span[1] <= len(request.text):
            raise AnswerInvalid("a claim's span is not within the text")
        if not 0 <= claim.score <= 1:
            raise AnswerInvalid("a claim's score is not from 0 to 1")
