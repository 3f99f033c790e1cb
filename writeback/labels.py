"""What every resource from here carries: the AI label, identifiers, who made it, and the words that say so.

Shapes: reference/AI Transparency on FHIR; R4 4.0.1 reference targets (``Observation.performer`` takes no Device).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from vocabulary.instant import format_instant
from vocabulary.manifest import Code, Manifest
from vocabulary.output import Output
from vocabulary.write import PLACEHOLDER
from writeback.gate import Admitted
from writeback.lexicon import reviewed
from writeback.lexicon.codes import AI_ASSERTED
from writeback.lexicon.meanings import permitted
from writeback.ownership import unversioned
from writeback.site import NO_SITE, Mapped, Site

_CODE = re.compile(r"\S+( \S+)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """Who writes, and where to: the EHR's name, the installation's namespace (a URI), the gateway's own name and the
    organization in whose name it writes, when it has one."""

    ehr: str
    namespace: str
    software: str = "Chartgate"
    organization: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmation:
    """A clinician's acceptance: a reference to a Practitioner or PractitionerRole, and when (Unix seconds)."""

    by: str
    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Occasion:
    """All that an adapter needs. ``device`` is the delivery key of the model's Device."""

    output: Output
    manifest: Manifest
    names: Names
    device: str
    key: str
    now: float
    admitted: Admitted = field(default_factory=Admitted)
    confirmed: Confirmation | None = None
    site: Site = NO_SITE

    @property
    def title(self) -> str:
        """What the output is called."""
        return self.manifest.output.title or self.manifest.title

    @property
    def as_of(self) -> str:
        """The time that the inputs describe."""
        return format_instant(self.output.as_of)

    @property
    def status(self) -> str:
        """``final`` needs a person."""
        return "final" if self.confirmed else "preliminary"


def to(key: str, display: str, *, versioned: bool = False) -> dict[str, str]:
    """A reference to another delivery; the location is put in when the EHR has given it one. The display stays when
    the EHR does not take the resource at all."""
    return {"reference": f"{PLACEHOLDER}{key}{'#version' if versioned else ''}", "display": display}


def author(occasion: Occasion) -> dict[str, str]:
    """The model's Device."""
    return to(occasion.device, model_name(occasion.manifest))


def model_name(manifest: Manifest) -> str:
    """For people: title and version."""
    return f"{manifest.title}, version {manifest.version}"


def head(type: str, occasion: Occasion) -> dict[str, Any]:
    """The members that every output's own resource begins with."""
    return part_head(type, occasion, occasion.key)


def part_head(type: str, occasion: Occasion, key: str) -> dict[str, Any]:
    """The same for a further resource of the output, with the delivery key of its own."""
    return {
        "resourceType": type,
        "meta": {"security": [AI_ASSERTED.coding]},
        "identifier": identifiers(occasion.names, key, inference=occasion.output.inference_id),
    }


def identifiers(names: Names, key: str, *, inference: str | None = None) -> list[dict[str, str]]:
    """The delivery's identifier, by which it is found again, and the inference's."""
    found = [{"use": "official", "system": f"{names.namespace}/delivery", "value": key}]
    if inference is not None:
        found.append({"use": "secondary", "system": f"{names.namespace}/inference", "value": inference})
    return found


def method(occasion: Occasion) -> dict[str, Any]:
    """The model as the method, in the installation's own code system."""
    manifest = occasion.manifest
    coding = {"system": f"{occasion.names.namespace}/model", "version": manifest.version, "code": manifest.id}
    return {"coding": [coding], "text": model_name(manifest)}


def concept(occasion: Occasion, codes: tuple[Code, ...], text: str | None) -> dict[str, Any]:
    """A CodeableConcept of declared codes: the site's own first, then those that the registry or a local system has;
    any other is left out, and ``unregistered`` says so."""
    site = occasion.site
    mapped = site.mapped(codes)
    own = (mapped.code,) if mapped is not None else ()
    codings = [coding(code) for code in (*own, *codes) if permitted(code.system, code.code, site)]
    return {**({"coding": codings} if codings else {}), **({"text": text} if text else {})}


def coding(code: Code) -> dict[str, str]:
    """One code as R4's Coding."""
    return {"system": code.system, "code": code.code, **({"display": code.display} if code.display else {})}


def code_of(occasion: Occasion) -> dict[str, Any]:
    """What the output is, as a CodeableConcept."""
    return concept(occasion, occasion.manifest.output.codes, occasion.title)


def unregistered(occasion: Occasion, codes: tuple[Code, ...]) -> bool:
    """Whether ``concept`` leaves one of these codes out."""
    return not all(permitted(code.system, code.code, occasion.site) for code in codes)


def mapped(occasion: Occasion) -> Mapped | None:
    """What the site makes of the output's code."""
    return occasion.site.mapped(occasion.manifest.output.codes)


def local_concept(names: Names, kind: str, word: str) -> dict[str, Any]:
    """A word of the model itself, in a code system of the installation: it claims no meaning beyond the model's."""
    coding = [{"system": f"{names.namespace}/{kind}", "code": word}] if _CODE.fullmatch(word) else []
    return {**({"coding": coding} if coding else {}), "text": word}


def references(names: Iterable[str]) -> list[dict[str, str]]:
    """Unversioned references, each once, in order."""
    return [{"reference": name} for name in dict.fromkeys(unversioned(name) for name in names)]


def status_words(occasion: Occasion) -> str:
    """What it is, in the words of its text."""
    return reviewed.draft(_accepted_on(occasion))


def _accepted_on(occasion: Occasion) -> str | None:
    return None if occasion.confirmed is None else format_instant(occasion.confirmed.at)[:10]


MARKS = ("Machine-generated", "AI-generated")
"""A resource that loses its label must still say one of these where people read it."""


def made_by_a_machine(occasion: Occasion) -> str:
    """The sentence that stands in for the label where that is lost."""
    return reviewed.machine_made(_accepted_on(occasion))


def notes(occasion: Occasion) -> list[dict[str, str]]:
    """Annotations: that a machine made it, and each caveat of the chart it was made from."""
    caveats = ({"text": f"Caveat: {caveat}"} for caveat in occasion.admitted.caveats)
    return [{"text": made_by_a_machine(occasion)}, *caveats]


def subject(occasion: Occasion, element: str = "subject") -> dict[str, Any]:
    """Patient and, where there is one, encounter."""
    found: dict[str, Any] = {element: {"reference": occasion.output.patient}}
    if occasion.output.encounter is not None:
        found["encounter"] = {"reference": occasion.output.encounter}
    return found


def filled(resource: dict[str, Any]) -> dict[str, Any]:
    """Without members that say nothing: R4 has no empty object, array or string (ele-1)."""
    return {name: value for name, value in resource.items() if value or value == 0}
