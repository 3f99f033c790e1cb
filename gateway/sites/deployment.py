"""What runs where: a model as one site has it, at one of its EHRs. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.model_folders.models import Model
from gateway.sites.declaration import Coding, Deployed, Site
from monitoring.alerting.acting import Taken
from vocabulary.manifest import Code, Feature, Manifest
from writeback.site import NO_SITE, Mapped
from writeback.site import Site as Written

Key = tuple[str, str]
NOWHERE = (Code(system="urn:chartgate:quarantine", code="nowhere"),)
"""What a feature in quarantine is looked for by: no chart has it."""


@dataclass(kw_only=True)
class Deployments:
    """``models`` by id and version; ``sites`` by the EHR's name. An EHR of no site has every model as its manifest has it."""

    models: Mapping[Key, Model]
    sites: Mapping[str, Site] = field(default_factory=dict)
    taken: tuple[Taken, ...] = ()
    """What people, or the monitors, decided about models: see ``act``."""
    _at: dict[str, Mapping[Key, Model]] = field(default_factory=dict, repr=False, compare=False)
    _writing: dict[str, Written] = field(default_factory=dict, repr=False, compare=False)

    def at(self, ehr: str) -> Mapping[Key, Model]:
        """The models of an EHR, its site's policies, owners and local codes in their manifests."""
        site = self.sites.get(ehr)
        if site is None:  # not kept: whoever may ask for any name must not fill the memory with them
            return acted(self.models, self.taken, ehr) if self.taken else self.models
        if ehr not in self._at:
            self._at[ehr] = acted(_deployed(self.models, site, ehr), self.taken, ehr)
        return self._at[ehr]

    def act(self, taken: Sequence[Taken]) -> None:
        """What was decided is in force from the next output on."""
        if tuple(taken) != self.taken:
            self.taken = tuple(taken)
            self._at.clear()

    def writing(self, ehr: str) -> Written:
        """Which codes an output's own become there, and what may not be lost."""
        site = self.sites.get(ehr)
        if site is None:
            return NO_SITE
        if ehr not in self._writing:
            self._writing[ehr] = writing(site)
        return self._writing[ehr]


def acted(models: Mapping[Key, Model], taken: Sequence[Taken], ehr: str) -> dict[Key, Model]:
    """The models of an EHR after what was decided: a pulled one is gone, one in shadow or blocked is recorded and never
    sent, a feature in quarantine is looked for nowhere."""
    found = dict(models)
    for each in taken:
        for key in list(found):
            if each.model == key[0] and each.version in ("", key[1]) and each.ehr in ("", ehr):
                changed = _acted(found[key], each)
                if changed is None:
                    del found[key]
                else:
                    found[key] = changed
    return found


def _acted(model: Model, taken: Taken) -> Model | None:
    manifest = model.manifest
    if taken.action == "pull_model":
        return None
    if taken.action in ("shadow", "block_write_back"):
        return replace(model, manifest=replace(manifest, policy="shadow"))
    if taken.action == "quarantine_feature":
        features = tuple(
            replace(each, codes=NOWHERE) if each.name == taken.feature else each for each in manifest.features
        )
        return replace(model, manifest=replace(manifest, features=features))
    return model


def _deployed(models: Mapping[Key, Model], site: Site, ehr: str) -> dict[Key, Model]:
    found = {}
    for each in site.model:
        model = models.get((each.id, each.version))
        if model is not None and ehr in (each.ehrs or site.ehrs):
            found[model.key] = replace(model, manifest=specialised(model.manifest, site, each, ehr))
    return found


def specialised(manifest: Manifest, site: Site, deployed: Deployed, ehr: str) -> Manifest:
    """The manifest as the site has it: what its feed calls a feature is looked for beside the model's own codes."""
    local: dict[Key, list[Coding]] = {}
    for each in site.reading:
        if ehr in (each.ehrs or site.ehrs):
            local.setdefault((each.means.system, each.means.code), []).append(each.local)
    return replace(
        manifest, policy=deployed.policy, features=tuple(_feature(each, local) for each in manifest.features),
        monitoring={**manifest.monitoring, "owners": deployed.owners.model_dump()},
    )  # fmt: skip


def _feature(feature: Feature, local: Mapping[Key, list[Coding]]) -> Feature:
    further = [
        replace(code, system=each.system, code=each.code, display=each.display)
        for code in feature.codes
        for each in local.get((code.system, code.code), ())
    ]
    return replace(feature, codes=(*feature.codes, *further)) if further else feature


def writing(site: Site) -> Written:
    """The site's write-back rules as the adapters and the projection take them."""
    return Written(
        codes={(each.code.system, each.code.code): _mapped(each.becomes, each.category) for each in site.writing},
        must_keep=frozenset(site.keep.must_keep),
    )


def _mapped(becomes: Coding, category: str | None) -> Mapped:
    return Mapped(code=Code(system=becomes.system, code=becomes.code, display=becomes.display), category=category)


def played(site: Site, *, ehr: str, persona: str) -> Site:
    """The site with a sandbox EHR, called after its persona, in the place of one of its own and without the others: what a
    rehearsal runs."""

    def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
        return (persona,) if ehr in names else ()

    here = [each for each in site.model if ehr in (each.ehrs or site.ehrs)]
    read = [each for each in site.reading if ehr in (each.ehrs or site.ehrs)]
    return site.model_copy(
        update={
            "ehr": tuple({**each, "name": persona} for each in site.ehr if each.get("name") == ehr),
            "model": tuple(each.model_copy(update={"ehrs": renamed(each.ehrs)}) for each in here),
            "reading": tuple(each.model_copy(update={"ehrs": renamed(each.ehrs)}) for each in read),
            "schedule": (),
        }
    )
