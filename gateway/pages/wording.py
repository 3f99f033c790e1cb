"""Why what stands at an EHR was not changed there, in words for people (docs/how-to/recall-a-model.md)."""

from collections.abc import Mapping

CAUSES: Mapping[str, str] = {
    "no_update": "this EHR takes no updates of this type", "no_such_status": "this type has no such status",
    "status_not_taken": "this EHR does not take this status", "no_version": "this EHR names no version: nothing is overwritten",
    "not_ours": "what stands there carries another identifier: look before you touch it",
    "status_moved": "it stands in a status from which this step is not taken",
    "not_kept": "the EHR said that it took the change, and shows the former status",
    "in_doubt": "nobody knows whether it is there: send its dead letter again, which only looks it up",
    "ehr_unknown": "the gateway is not registered with this EHR any more", "keeps_changing": "somebody else kept changing it",
    "gone": "the EHR has deleted it", "target_missing": "what it would tell of did not happen",
}  # fmt: skip


def why(cause: str | None) -> str:
    """A cause in words; of an EHR's refusal the status; empty where there is none."""
    if cause is not None and cause.startswith("http_"):
        return f"the EHR answered {cause[5:]}"
    return CAUSES.get(cause or "", (cause or "").replace("_", " "))
