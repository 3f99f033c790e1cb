"""A text → DocumentReference draft (R4 §2.42). The words that say what it is stand in the text itself, for an EHR may
drop every label around it. Plain text only: nothing a model says is ever mark-up.

What is no text is said as one where an EHR takes nothing better (``writeback.adapters.wording``).
"""

from typing import Any

from vocabulary.instant import format_instant
from writeback.adapters.wording import worded
from writeback.labels import Occasion, author, code_of, filled, head, references, status_words
from writeback.lexicon.attachment import attachment
from writeback.lexicon.codes import CLINICAL_NOTE

PLAIN_TEXT = "text/plain; charset=utf-8"


def adapt(occasion: Occasion) -> dict[str, Any]:
    """One DocumentReference: ``preliminary`` until a clinician accepts it, then ``final`` with the clinician as its
    authenticator."""
    confirmed = occasion.confirmed
    return filled(
        {
            **head("DocumentReference", occasion),
            "status": "current",
            "docStatus": occasion.status,
            "type": code_of(occasion),
            "category": [CLINICAL_NOTE.concept],
            "subject": {"reference": occasion.output.patient},
            "date": format_instant(occasion.now),
            "author": [author(occasion)],
            "authenticator": {"reference": confirmed.by} if confirmed else None,
            "description": f"{status_words(occasion)}.",
            "content": [{"attachment": _attachment(occasion)}],
            "context": _context(occasion),
        }
    )


def _attachment(occasion: Occasion) -> dict[str, Any]:
    return attachment(words(occasion), content_type=PLAIN_TEXT, title=occasion.title)


def words(occasion: Occasion) -> str:
    """The text as it is written: what it is, the caveats of the chart, then what the model says."""
    caveats = [f"Caveat: {caveat}" for caveat in occasion.admitted.caveats]
    return "\n\n".join([f"{status_words(occasion)}.", *caveats, worded(occasion)])


def _context(occasion: Occasion) -> dict[str, Any]:
    output = occasion.output
    return filled(
        {
            "encounter": [{"reference": output.encounter}] if output.encounter else [],
            "period": {"start": occasion.as_of, "end": occasion.as_of},
            "related": references(output.inputs),
        }
    )
