"""A text → DocumentReference draft (R4 §2.42). The words that say what it is stand in the text itself, for an EHR may
drop every label around it. Plain text only: nothing a model says is ever mark-up."""

from typing import Any

from vocabulary.instant import format_instant
from writeback.attachment import attachment
from writeback.codes import CLINICAL_NOTE
from writeback.labels import Occasion, author, concept, filled, head, references, status_words

PLAIN_TEXT = "text/plain; charset=utf-8"


def adapt(occasion: Occasion) -> dict[str, Any]:
    """One DocumentReference: ``preliminary`` until a clinician accepts it, then ``final`` with the clinician as its
    authenticator."""
    output, manifest, confirmed = occasion.output, occasion.manifest, occasion.confirmed
    title = manifest.output.title or manifest.title
    return filled(
        {
            **head("DocumentReference", occasion),
            "status": "current",
            "docStatus": occasion.status,
            "type": concept(manifest.output.codes, title),
            "category": [CLINICAL_NOTE.concept],
            "subject": {"reference": output.patient},
            "date": format_instant(occasion.now),
            "author": [author(occasion)],
            "authenticator": {"reference": confirmed.by} if confirmed else None,
            "description": f"{status_words(occasion)}.",
            "content": [{"attachment": attachment(words(occasion), content_type=PLAIN_TEXT, title=title)}],
            "context": _context(occasion),
        }
    )


def words(occasion: Occasion) -> str:
    """The text as it is written: what it is, the caveats of the chart, then what the model says."""
    caveats = [f"Caveat: {caveat}" for caveat in occasion.admitted.caveats]
    return "\n\n".join([f"{status_words(occasion)}.", *caveats, (occasion.output.text or "").strip()])


def _context(occasion: Occasion) -> dict[str, Any]:
    output = occasion.output
    return filled(
        {
            "encounter": [{"reference": output.encounter}] if output.encounter else [],
            "period": {"start": occasion.as_of, "end": occasion.as_of},
            "related": references(output.inputs),
        }
    )
