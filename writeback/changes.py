"""What happened, for whoever counts it: counts and ids, no patient datum."""

from msgspec import Struct

from vocabulary.output import OutputState
from vocabulary.write import DeliveryState


class DeliveryChanged(Struct, frozen=True, kw_only=True, gc=False):
    """A delivery is in another state than before. ``cause`` is a short word (``http_503``, ``answer_lost``);
    ``losses`` counts the paths that the EHR did not keep; ``duplicates`` the further copies that were found."""

    delivery: str
    output: str | None
    ehr: str
    resource_type: str
    model: str
    version: str
    before: DeliveryState
    state: DeliveryState
    cause: str = ""
    attempt: int = 0
    losses: int = 0
    duplicates: int = 0


class OutputChanged(Struct, frozen=True, kw_only=True, gc=False):
    """An output is new (``before`` None) or in another state; ``reason`` is the word of a refusal."""

    output: str
    ehr: str
    model: str
    version: str
    kind: str
    before: OutputState | None
    state: OutputState
    reason: str | None = None


class CopiesFound(Struct, frozen=True, kw_only=True):
    """An EHR has a delivery more than once: ``copies`` of it."""

    delivery: str
    output: str | None
    ehr: str
    resource_type: str
    model: str
    version: str
    copies: int
    places: tuple[str, ...] = ()


class KeptLess(Struct, frozen=True, kw_only=True):
    """An EHR did not keep ``path`` (without places in lists) of a delivery, which it had kept of earlier ones."""

    delivery: str
    ehr: str
    resource_type: str
    model: str
    version: str
    path: str


class WorklistLeft(Struct, frozen=True, kw_only=True):
    """A recall is done but for what a person has to take back at this EHR: ``left`` resources."""

    ehr: str
    model: str
    version: str
    left: int


Change = DeliveryChanged | OutputChanged | CopiesFound | KeptLess | WorklistLeft
