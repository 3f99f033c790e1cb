"""What a model wrote stays known as that (AI Transparency on FHIR; HL7 DS4P inline labels): through reads, through updates by
others, through a recall; and is found by model and version."""

from conformance import capability
from conformance.check import Check, Problems, check, marked
from conformance.evidence import Evidence, Exchange, NotOffered
from conformance.reading import labels, names, resources, statuses
from conformance.samples import INLINE_LABEL

IG = "hl7.fhir.uv.aitransparency"


def labelled(answer: Exchange) -> Problems:
    """The answer is a resource that says an AI asserted it."""
    if answer.status != 200:
        yield f"answered {answer.status}"
    elif "AIAST" not in labels(answer.table):
        yield "the label AIAST is lost"


@check(f"{IG}#label")
def the_label_is_kept_on_create(evidence: Evidence) -> Problems:
    """A resource that was created with the label AIAST in meta.security is read with it."""
    capability.require(evidence, "Observation", "create")
    yield from labelled(evidence.seen("labelled"))


@check(f"{IG}#label-survives")
def the_label_survives_an_update_by_another_client(evidence: Evidence) -> Problems:
    """Another client reads, changes the status and writes back: the label is still there.

    Keep meta.security of the body; and never take labels away because an update came from somebody else."""
    capability.require(evidence, "Observation", "create", "update")
    if evidence.seen("update by another").status != 200:
        yield f"the update was answered {evidence.seen('update by another').status}"
    yield from labelled(evidence.seen("labelled after update"))


@check(f"{IG}#label-survives")
def the_label_survives_a_patch(evidence: Evidence) -> Problems:
    """A patch of the status leaves the label."""
    capability.require(evidence, "Observation", "create", "patch")
    yield from labelled(evidence.seen("labelled after patch"))


@check(f"{IG}#label-found")
def the_label_is_searched(evidence: Evidence) -> Problems:
    """A search by _security finds what an AI asserted, and nothing without the label."""
    capability.require(evidence, "Observation", "create", "search-type")
    if "_security" not in capability.parameters(evidence, "Observation"):
        raise NotOffered("_security of Observation")
    found = resources(evidence.seen("found by label"))
    if evidence["labelled id"] not in {each.get("id") for each in found}:
        yield "what was labelled is not found"
    if any("AIAST" not in labels(each) for each in found):
        yield "something without the label is found"


@check(f"{IG}#element-label")
def a_label_on_an_element_is_kept(evidence: Evidence) -> Problems:
    """An inline label on an element, and PROCESSINLINELABEL on the resource, survive a create and an update by another client."""
    capability.require(evidence, "Observation", "create", "update")
    for name in ("labelled", "labelled after update"):
        body = evidence.seen(name).table
        said = (body.get("valueQuantity") or {}).get("extension") or []
        if INLINE_LABEL not in {each.get("url") for each in said}:
            yield f"{name}: the extension on the value is lost"
        if "PROCESSINLINELABEL" not in labels(body):
            yield f"{name}: PROCESSINLINELABEL is lost"


@check(f"{IG}#recall")
def a_recall_keeps_the_label(evidence: Evidence) -> Problems:
    """An output that is marked entered-in-error still says that an AI asserted it."""
    capability.require(evidence, "Observation", "create", "update")
    answer = evidence.seen("recalled")
    yield from labelled(answer)
    if answer.table.get("status") != "entered-in-error":
        yield "the status is not entered-in-error"


@check(f"{IG}#device")
def the_model_is_found_by_its_version(evidence: Evidence) -> Problems:
    """The Device of a model version is found by its identifier, and is one."""
    capability.require(evidence, "Device", "create")
    found = resources(evidence.seen("found devices"))
    if len(found) != 1 or not found[0].get("version"):
        yield f"found {len(found)} Devices, or one without version"


def _discovery(name: str, type: str, title: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        capability.require(evidence, "Device", "create")
        capability.require(evidence, type, "create")
        found = [each.get("id") for each in resources(evidence.seen(name))]
        if sorted(map(str, found)) != [evidence[f"{name}: id"]]:
            yield f"found {len(found)} instead of the one that the model wrote"

    find.__doc__, find.__name__ = title, name.replace(" ", "_")
    return check(f"{IG}#discovery")(find)


@check(f"{IG}#provenance")
def provenance_is_found_by_its_target(evidence: Evidence) -> Problems:
    """The Provenance of an output is found by its target, names the model's Device as agent and says AIAST as reason."""
    capability.require(evidence, "Device", "create")
    capability.require(evidence, "Provenance", "create")
    found = resources(evidence.seen("found provenance"))
    if len(found) != 1:
        yield f"found {len(found)} Provenances"
    for each in found:
        if not names(each.get("agent"), f"Device/{evidence['device id']}"):
            yield "the agent is not the model's Device"
        if "AIAST" not in str(each.get("reason")):
            yield "the reason is not AIAST"


@check(f"{IG}#provenance")
def provenance_comes_with_its_target(evidence: Evidence) -> Problems:
    """_revinclude=Provenance:target brings the Provenance with the output."""
    capability.require(evidence, "Device", "create")
    capability.require(evidence, "Provenance", "create")
    said = capability.row(evidence, "Observation").get("searchRevInclude") or []
    if "Provenance:target" not in said and "*" not in said:
        raise NotOffered("_revinclude=Provenance:target")
    kinds = [each.get("resourceType") for each in resources(evidence.seen("output with provenance"))]
    if sorted(map(str, kinds)) != ["Observation", "Provenance"]:
        yield f"found {len(kinds)} resources instead of the output and its Provenance"


@check(f"{IG}#together")
def the_set_is_written_whole(evidence: Evidence) -> Problems:
    """Output, model and Provenance are written by one transaction; the references between them lead to what was made."""
    _whole(evidence)
    answer, found = evidence.seen("set"), resources(evidence.seen("set found"))
    if answer.status != 200 or set(statuses(answer)) != {201}:
        yield f"answered {answer.status}, its entries {statuses(answer)}"
    kinds = sorted(str(each.get("resourceType")) for each in found)
    if kinds != ["Provenance", "RiskAssessment"]:
        yield "the output with its Provenance is not found"
    if any(each.get("resourceType") == "RiskAssessment" and "AIAST" not in labels(each) for each in found):
        yield "the output lacks its label"


@check(f"{IG}#together")
def a_set_without_provenance_is_not_written(evidence: Evidence) -> Problems:
    """When the Provenance is invalid, neither output nor model is there."""
    _whole(evidence)
    if not 400 <= evidence.seen("broken set").status < 500:
        yield f"answered {evidence.seen('broken set').status}"
    for name in ("broken set risks", "broken set devices"):
        if resources(evidence.seen(name)):
            yield f"{name.removeprefix('broken set ')} are there all the same"


def _whole(evidence: Evidence) -> None:
    capability.require_whole(evidence, "transaction")
    for type in ("RiskAssessment", "Device", "Provenance"):
        capability.require(evidence, type, "create")


CHECKS: tuple[Check, ...] = marked(
    (
        the_label_is_kept_on_create, the_label_survives_an_update_by_another_client, the_label_survives_a_patch,
        the_label_is_searched, a_label_on_an_element_is_kept, a_recall_keeps_the_label, the_model_is_found_by_its_version,
        _discovery("observations of a model are found", "Observation", "All Observations of a model version are found."),
        _discovery("risks of a model are found", "RiskAssessment", "All RiskAssessments of a model version are found."),
        _discovery("provenance of a model is found", "Provenance", "All Provenances of a model version are found."),
        provenance_is_found_by_its_target, provenance_comes_with_its_target, the_set_is_written_whole,
        a_set_without_provenance_is_not_written,
    ),
    writes=True,
)  # fmt: skip
