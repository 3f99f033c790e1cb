"""The Python API for model teams: outputs as ``fhir.resources.R4B`` models, and such models as outputs.

``fhir.resources`` changes decimals and times on its way (1.50 → 1.5, .000Z → Z), so that nothing which an EHR sent ever
goes through here. It is imported when it is first needed.
"""

from typing import TYPE_CHECKING, Any

from r4 import codec, house_rules
from r4.outcome import Issue
from r4.validate import validate
from vocabulary.manifest import Manifest
from vocabulary.output import Output
from writeback.adapters import canonical
from writeback.adapters.reading import ModelUnreadable, read_output
from writeback.labels import Confirmation, Names
from writeback.site import NO_SITE, Site

if TYPE_CHECKING:
    from fhir.resources.R4B.fhirresourcemodel import FHIRResourceModel as Model

__all__ = ["ModelInvalid", "ModelUnreadable", "from_model", "to_model", "to_models", "to_output"]


class ModelInvalid(ValueError):
    """A resource or a model is not what R4 4.0.1, or this house, takes; ``issues`` says where and by which rule."""

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__("; ".join(f"{issue.element}: {issue.text}" for issue in issues))
        self.issues = issues


def to_model(resource: dict[str, Any]) -> "Model":
    """A resource of ours as an R4B model. Raises ModelInvalid for what is not valid R4 4.0.1."""
    from fhir.resources.R4B import get_fhir_model_class

    _check(resource)
    made: Any = get_fhir_model_class(resource["resourceType"])
    model: Model = made.model_validate_json(codec.format(resource))
    return model


def from_model(model: "Model") -> dict[str, Any]:
    """An R4B model as a resource, checked by R4 4.0.1 (the library lets 47 of 74 known faults pass). Raises
    ModelInvalid."""
    resource: dict[str, Any] = codec.parse(model.model_dump_json().encode())
    _check(resource)
    return resource


def _check(resource: dict[str, Any]) -> None:
    issues = [issue for issue in validate(resource) if issue.severity in ("error", "fatal")]
    issues = issues or house_rules.check(resource)
    if issues:
        raise ModelInvalid(issues)


def to_models(
    output: Output, manifest: Manifest, *, namespace: str, now: float, confirmed_by: Confirmation | None = None,
    site: Site = NO_SITE,
) -> "tuple[Model, ...]":  # fmt: skip
    """What the gateway would write of an output at an EHR that takes everything: model card, Device, the output's own
    resources, Provenance. ``namespace`` is the installation's URI, ``now`` Unix seconds. References among them are
    ``urn:chartgate:delivery:…``; the gateway puts locations in their place. Empty for an abstention that is not
    written."""
    names = Names(ehr=output.ehr, namespace=namespace)
    planned = canonical(output, manifest, names, now, confirmed_by=confirmed_by, site=site)
    return tuple(to_model(part.body) for part in planned)


def to_output(model: "Model", manifest: Manifest, *, ehr: str, inference_id: str) -> Output:
    """A RiskAssessment, Observation, DocumentReference or DetectedIssue that a team has built itself, as the output to
    submit. Raises ModelInvalid, and ModelUnreadable for what the manifest's kind does not say."""
    return read_output(from_model(model), manifest, ehr=ehr, inference_id=inference_id)
