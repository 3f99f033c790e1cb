"""What a sentence says, as the reader leaves it for the rules."""

from msgspec import Struct

TRENDS = frozenset(("up", "down", "better", "worse", "stable"))


class Number(Struct):
    """A number as written; ``upper`` makes it a range, ``compare`` one of ``above atleast below atmost decade`` (the 140s) or,
    of a range, ``bracketed``; ``fellow`` the second of a pair such as 120/80; ``date`` is ISO 8601, as precise as it was written
    (``--11-22``: of no year); ``turn`` is ``from`` where a change began here, ``to`` where it led here from the number before."""

    value: float
    decimals: int
    unit: str | None = None
    upper: float | None = None
    compare: str = ""
    fellow: float | None = None
    date: str = ""
    denied: bool = False
    turn: str = ""


class Mention(Struct):
    """What a sentence names, and what it says of it. ``when`` is ``latest`` or ``first``, said before number
    ``when_at``; ``begun``: its dates are those of its beginning; ``status`` ``ended``: nothing of that name goes on."""

    kind: str
    key: str
    negated: bool = False
    history: bool = False
    family: bool = False
    anyone: bool = False
    uncertain: bool = False
    allergy: bool = False
    when: str = ""
    when_at: int = 0
    trend: str = ""
    against: bool = False
    status: str = ""
    numbers: list[Number] = []
    dates: list[str] = []
    window: bool = False
    begun: bool = False
    routes: list[str] = []
    frequencies: list[str] = []


class Reading(Struct):
    """A sentence as read. ``general`` are statements about the whole chart (``noallergies`` …); ``loose`` counts numbers
    with a unit, dates and trends that belong to nothing that is known."""

    mentions: list[Mention] = []
    citations: list[tuple[str, str | None]] = []
    ages: list[int] = []
    sexes: list[str] = []
    general: list[str] = []
    as_of: list[str] = []
    loose: int = 0
    family: bool = False


def tell(mention: Mention, kind: str, key: str, *, denied: bool) -> None:
    """One thing said of one mention; ``denied`` where a negation reaches it."""
    if kind in TRENDS:
        mention.trend, mention.against = kind, denied
    elif kind in ("latest", "first"):
        mention.when, mention.when_at = kind, len(mention.numbers)
    elif kind in ("active", "stopped"):
        turned = denied and not mention.negated
        mention.status = (
            ("stopped" if kind == "active" else "active") if turned else kind if key == "ill" else key or kind
        )
    elif kind == "route":
        mention.routes.append(key)
    elif kind == "frequency":
        mention.frequencies.append(key)
    elif kind == "date":
        mention.dates.append(key)
    elif kind == "begun":
        mention.begun = True
    else:
        mention.window = True
