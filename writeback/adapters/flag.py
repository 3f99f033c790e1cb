"""A risk that a clinician confirmed and that is still ahead → Flag (R4 §8.10), where the manifest asks for one."""

from typing import Any

from vocabulary.instant import format_instant, shift
from writeback.labels import Occasion, author, filled, part_head, subject
from writeback.lexicon.codes import RISK_FLAG


def raised(occasion: Occasion) -> bool:
    """Whether this output raises a flag: confirmed, in a tier that is flagged, and its period is not over."""
    output, manifest, confirmed = occasion.output, occasion.manifest, occasion.confirmed
    if not manifest.flag or confirmed is None or output.value is None:
        return False
    wanted = not manifest.flag_tiers or output.tier in manifest.flag_tiers
    return wanted and (manifest.horizon is None or shift(output.as_of, manifest.horizon) > confirmed.at)


def adapt(occasion: Occasion, key: str) -> dict[str, Any]:
    """One active Flag from the confirmation to the horizon; ``key`` is its delivery key. A Flag has no note: its code
    says in words that a machine raised it."""
    output, manifest, confirmed = occasion.output, occasion.manifest, occasion.confirmed
    assert confirmed is not None
    period = {"start": format_instant(confirmed.at)}
    if manifest.horizon is not None:
        period["end"] = format_instant(shift(output.as_of, manifest.horizon))
    tier = f", {output.tier}" if output.tier else ""
    words = f"AI-generated, accepted by a clinician: {occasion.title}{tier}"
    return filled(
        {
            **part_head("Flag", occasion, key),
            "status": "active",
            "category": [RISK_FLAG.concept],
            "code": {"text": words},
            **subject(occasion),
            "period": period,
            "author": author(occasion),
        }
    )
