"""A site's file: what it may say, what stops the start by name, what it makes of the models, and what differs."""

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway.model_folders.models import load_all
from gateway.sites import contradictions, scaffold, schema
from gateway.sites.declaration import Site
from gateway.sites.deployment import Deployments, played
from gateway.sites.differing import differences
from gateway.sites.folder import FILE, SITES, SiteRefused, parse_site, read_document, read_site, read_sites
from writeback.site import NO_SITE

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "gateway" / "sites" / "examples"
MODELS = {model.key: model for model in load_all()}
MANIFESTS = {key: model.manifest for key, model in MODELS.items()}


def document(name: str = "lakeside") -> dict[str, Any]:
    return tomllib.loads((EXAMPLES / name / FILE).read_text())


def changed(path: str, value: Any) -> dict[str, Any]:
    """The example with one member another, or without it (None)."""
    found = document()
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = found
    for part in parents:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return found


def problems(found: dict[str, Any]) -> list[str]:
    try:
        site = read_document(Path("here"), found)
    except SiteRefused as refused:
        return list(refused.problems)
    return contradictions.find(site, MANIFESTS)


@pytest.mark.parametrize("name", ["lakeside", "riverside"])
def test_the_shipped_sites_can_be_used(name: str) -> None:
    declared = read_site(EXAMPLES / name, MANIFESTS)
    assert declared.id == name
    assert [each.name for each in declared.ehrs] == list(declared.site.ehrs)


@pytest.mark.parametrize(("path", "value", "told"), [
    ("extra", {}, "extra is not known: take it out"),
    ("site.extra", "x", "site.extra is not known"),
    ("site.id", None, "site.id is missing"),
    ("site.id", "Lake Side", "site.id does not have the right form"),
    ("site.timezone", "America/Atlantis", "site.timezone must be a zone"),
    ("site.regulation", "hti-9", "site.regulation must be one of 'hti-1' or 'hti-5'"),
    ("ehr", [], "ehr must have at least one entry"),
    ("model.0.policy", "sometimes", "model[0].policy must be one of"),
    ("model.0.owners", "me", "model[0].owners must be a table"),
    ("retention.audit", "seven years", "retention.audit must be an ISO 8601 duration"),
    ("planned.0.on", "soon", "planned[0].on"),
    ("model.0.version", "9.9.9", "model[0] is no model and version of this installation: there is 1.0.0"),
    ("model.0.id", "none", "model[0] is no model and version of this installation: add its folder"),
    ("model.0.ehrs", ["elsewhere"], "model.ehrs names an EHR that the site does not have"),
    ("model.2.policy", "automatic", 'lets a text reach the chart unread: write "confirm"'),
    ("reading.0.means.code", "2093-4", "reading[0].means.code does not have the form of its system"),
    ("reading.0.means.code", "30313-1", "reading[0].means is read by no model of the site"),
    ("writing.0.code.code", "704778", "writing[0].code is said by no model of the site"),
    ("route.1.to", "elsewhere", "route[1].to must name an EHR of the site"),
    ("route.0.sink", "webhook", "route[0].secret_file is missing"),
    ("route.0.networks", ["10.0.0.1/8"], "route[0].networks[0] must be a network as CIDR"),
    ("route.0.networks", ["10.0.0.0/8"], "route[0].networks goes with a webhook: take it out"),
    ("route.0.model", "none", "route[0].model is no model of the site"),
    ("model.0.owners.model", "Patient safety committee", "somebody else must sign its metrics"),
])  # fmt: skip
def test_what_is_wrong_is_told_by_its_member_with_the_fix_and_no_more(path: str, value: Any, told: str) -> None:
    found = problems(changed(path, value))
    assert any(told in problem for problem in found), found
    assert "9.9.9" not in " ".join(found)
    assert "seven years" not in " ".join(found)


def test_what_is_said_twice_is_told() -> None:
    found = document()
    found["reading"].append(found["reading"][0])
    found["writing"].append(found["writing"][0])
    found["model"].append({**found["model"][0], "policy": "shadow"})
    found["ehr"].append(found["ehr"][0])
    told = " ".join(problems(found))
    for words in ("reading maps", "writing maps", "is deployed twice", "ehr lakeside-epic is declared twice"):
        assert words in told


def test_two_versions_of_a_model_may_run_side_by_side_when_one_is_in_shadow() -> None:
    found = document()
    newer = {**MANIFESTS, ("news2", "2.0.0"): MANIFESTS["news2", "1.0.0"]}
    found["model"].append({**found["model"][0], "version": "2.0.0", "policy": "shadow"})
    site = read_document(Path("here"), found)
    assert contradictions.find(site, newer) == []
    found["model"][-1]["policy"] = "confirm"
    assert "all but one must be shadow" in " ".join(contradictions.find(read_document(Path("here"), found), newer))


def copied(folder: Path, *names: str) -> Path:
    for name in names:
        shutil.copytree(EXAMPLES / name, folder / SITES / name)
    return folder


def test_sites_of_one_installation_share_no_name(tmp_path: Path) -> None:
    assert [each.id for each in read_sites(copied(tmp_path, "lakeside", "riverside"), MANIFESTS)] == [
        "lakeside",
        "riverside",
    ]
    file = tmp_path / SITES / "riverside" / FILE
    file.write_text(file.read_text().replace('name = "riverside-millennium"', 'name = "lakeside-epic"'))
    with pytest.raises(SiteRefused, match="ehr lakeside-epic belongs to the site in lakeside"):
        read_sites(tmp_path, MANIFESTS)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[site", b""])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(SiteRefused):
        parse_site(tmp_path)
    with pytest.raises(SiteRefused, match="is missing"):
        parse_site(tmp_path / "nowhere")


def test_a_site_changes_the_models_of_its_own_ehrs_and_of_no_other() -> None:
    site = read_site(EXAMPLES / "lakeside", MANIFESTS).site
    deployments = Deployments(models=MODELS, sites={"lakeside-epic": site})
    here, elsewhere = (
        deployments.at("lakeside-epic")["news2", "1.0.0"].manifest,
        deployments.at("other")["news2", "1.0.0"].manifest,
    )
    assert (here.policy, elsewhere.policy) == ("confirm", "automatic")
    codes = {(code.system, code.code) for feature in here.features for code in feature.codes}
    assert ("https://lab.example/codes", "L9279-1") in codes
    assert elsewhere == MANIFESTS["news2", "1.0.0"]
    assert here.monitoring["owners"]["clinical_informatics"] == "Chief nursing informatics officer"
    assert deployments.writing("other") is NO_SITE
    assert ("http://snomed.info/sct", "1104051000000101") in deployments.writing("lakeside-epic").codes


def test_a_local_answer_means_what_the_model_takes_from_its_own_code() -> None:
    site = read_site(EXAMPLES / "lakeside", MANIFESTS).site
    deployed = Deployments(models=MODELS, sites={"e": played(site, ehr="lakeside-epic", persona="e")}).at("e")
    feature = next(each for each in deployed["prevent-cvd", "1.0.0"].manifest.features if each.name == "egfr")
    own = next(code for code in feature.codes if code.code == "33914-3")
    local = next(code for code in feature.codes if code.code == "L33914-3")
    assert local.caveat == own.caveat is not None


def test_a_rehearsal_is_the_site_at_one_ehr_of_its_own() -> None:
    site = read_site(EXAMPLES / "riverside", MANIFESTS).site
    rehearsed = played(site, ehr="riverside-millennium", persona="oracle")
    assert rehearsed.ehrs == ("oracle",)
    assert {each.id for each in rehearsed.model} == {each.id for each in site.model}


def test_two_customers_differ_in_what_their_files_say() -> None:
    one, other = (read_site(EXAMPLES / name, MANIFESTS).site for name in ("lakeside", "riverside"))
    found = {each.path: (each.left, each.right) for each in differences(one, other)}
    assert found["ehr[1].vendor"] == ("epic", "oracle")
    assert found["ehr[1].client_id"] == ("(its own)", "(its own)")
    assert found["model[summary].policy"] == ("confirm", "shadow")
    assert found["reading[2093-3]"][1] is None
    assert differences(one, one) == []


def test_the_published_schema_is_of_this_declaration_and_takes_the_examples() -> None:
    published = ROOT / "docs" / "reference" / "site.schema.json"
    assert published.read_text() == schema.text(), "write gateway.sites.schema.text() to it"
    members = json.loads(published.read_text())["properties"]
    assert set(document()) <= set(members)


def test_a_new_site_can_be_used_but_for_what_only_the_customer_knows(tmp_path: Path) -> None:
    text = scaffold.text(
        id="north", title='A "north" hospital', ehr=scaffold.Ehr(vendor="epic"), manifests=MANIFESTS.values()
    )
    site = Site.model_validate(tomllib.loads(text))
    assert {each.policy for each in site.model} == {"shadow"}
    (tmp_path / FILE).write_text(text)
    assert read_site(tmp_path, MANIFESTS).id == "north"
