"""Whether shaped data came out like the feed they are shaped after: each marginal within a point, the joint pattern of each
stratum within 0.05 of total variation, wherever a thousand records can show it (reference/fidelity-monitoring.md §1.6)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from fidelity.patterns import DIMENSIONS, Pattern, Stratum, joint
from fidelity.profile import Profile
from fidelity.shape import Shape, Spread, spreads

POINT, VARIATION, RECORDS = 0.01, 0.05, 1_000


class Gap(NamedTuple):
    """One stratum of the shaped data beside the live one it was drawn from. ``marginal`` is the largest difference of a share,
    of the form ``dimension=form``; ``variation`` the total variation distance of the joint pattern."""

    stratum: Stratum
    records: int
    marginal: float
    worst: str
    variation: float

    @property
    def holds(self) -> bool:
        """Whether both are within bounds."""
        return self.marginal <= POINT and self.variation <= VARIATION


def gaps(shaped: Profile, live: Shape) -> list[Gap]:
    """Every stratum of the shaped data in which a thousand records stand beside a thousand of the feed."""
    found = spreads(joint(shaped.settled().tables["rows"].rows))
    made = []
    for stratum, spread in sorted(found.items()):
        beside = live.spread(stratum)
        if "*" in stratum or beside is None or min(spread.weight, beside[1].weight) < 1_000 * RECORDS:
            continue
        worst, marginal = _marginal(spread, beside[1])
        made.append(Gap(stratum, round(spread.weight / 1_000), marginal, worst, _variation(spread, beside[1])))
    return made


def _marginal(one: Spread, other: Spread) -> tuple[str, float]:
    differences: dict[str, float] = {}
    for sign, spread in ((1, one), (-1, other)):
        for pattern, share in spread.shares().items():
            for name, form in zip(DIMENSIONS, pattern, strict=True):
                differences[f"{name}={form}"] = differences.get(f"{name}={form}", 0.0) + sign * share
    worst = max(sorted(differences), key=lambda each: abs(differences[each]))
    return worst, abs(differences[worst])


def _variation(one: Spread, other: Spread) -> float:
    first, second = one.shares(), other.shares()
    patterns: set[Pattern] = first.keys() | second.keys()
    return sum(abs(first.get(pattern, 0.0) - second.get(pattern, 0.0)) for pattern in patterns) / 2


def told(found: list[Gap]) -> dict[str, Any]:
    """For the manifest: whether it holds, and by stratum how far off. Silence is no pass: with no stratum to judge, ``holds`` is
    None."""
    strata: list[Mapping[str, Any]] = [
        {
            **gap.stratum._asdict(), "records": gap.records, "largest_marginal": round(gap.marginal, 5), "of": gap.worst,
            "total_variation": round(gap.variation, 5), "holds": gap.holds,
        }
        for gap in found
    ]  # fmt: skip
    return {
        "bounds": {"marginal": POINT, "total_variation": VARIATION, "records": RECORDS},
        "holds": all(gap.holds for gap in found) if found else None,
        "strata": strata,
    }
