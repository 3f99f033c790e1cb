"""How long the monitors remember: the journal's retention of each site, and how late a label of a model may come. Pure."""

from collections.abc import Mapping, Sequence

from gateway.model_folders.models import Model
from gateway.sites.declaration import Retention, spans
from gateway.sites.folder import Declared
from monitoring.pruning import Limits
from vocabulary.instant import shift
from vocabulary.outcome import parse_outcome


def limits(models: Mapping[tuple[str, str], Model], declared: Sequence[Declared]) -> Limits:
    """Entries are kept for ``journal`` of ``[retention]`` of their EHR's site. A label may come as long after its output is
    mature as that, by what the model's manifest declares (at once where it declares nothing)."""
    retentions = {ehr: each.site.retention for each in declared for ehr in each.site.ehrs}
    journals = {ehr: spans(each)["journal"] for ehr, each in retentions.items()}
    usual = spans(Retention())["journal"]
    outcomes = {key: parse_outcome(model.manifest.monitoring)[0] for key, model in models.items()}

    def kept(model: str, version: str, ehr: str, now: float) -> float:
        return shift(now, journals.get(ehr, usual), sign=-1)

    def labelled(model: str, version: str, ehr: str, now: float) -> float:
        outcome = outcomes.get((model, version))
        before = now if outcome is None else shift(now, outcome.mature_after, sign=-1)
        return kept(model, version, ehr, before)

    def newest(now: float) -> float:
        return max(shift(now, each, sign=-1) for each in (usual, *journals.values()))

    return Limits(kept=kept, labelled=labelled, newest=newest)
