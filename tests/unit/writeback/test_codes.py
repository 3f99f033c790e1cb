"""Every row of the registry of codes: well formed, cited, and what an independent copy of the table says."""

from typing import Any

import pytest

from fidelity.editions.forms import WELL_FORMED
from tests.unit.writeback.examples import NAMES, NOW, manifest, output
from vocabulary.manifest import Code
from writeback.adapters import canonical
from writeback.lexicon.codes import INTERPRETATIONS, LOINC, QUALITATIVE, SNOMED, Registered
from writeback.lexicon.meanings import REGISTRY, find_code, permitted
from writeback.site import NO_SITE, Mapped, Site, SiteInvalid, parse_site

ROW = {
    "from": {"system": "urn:chartgate:assessment", "code": "main-score"},
    "to": {"system": "urn:oid:1.2.840.114350", "code": "7074"},
}
WRONG = Code(system=LOINC, code="88330-6", display="NEWS")


@pytest.mark.parametrize("row", REGISTRY, ids=lambda row: f"{row.system.rpartition('/')[2]} {row.code}")
def test_a_row_has_a_citation_and_a_code_of_the_form_of_its_system(row: Registered) -> None:
    assert row.display.strip()
    assert len(row.source) > 15
    rule = WELL_FORMED.get(row.system)
    assert rule is None or rule(row.code)
    assert find_code(row.system, row.code) == row
    assert permitted(row.system, row.code, NO_SITE)


def test_no_code_stands_in_the_registry_twice() -> None:
    keys = [(row.system, row.code) for row in REGISTRY]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("system", "code"),
    [(LOINC, "88330-6"), (SNOMED, "73211009"), ("http://hl7.org/fhir/sid/icd-10-cm", "A41.9"), ("urn:oid:1.2.3", "x")],
)
def test_a_public_code_that_nobody_cited_is_not_permitted_and_a_local_one_is(system: str, code: str) -> None:
    assert not permitted(system, code, NO_SITE)
    assert permitted("urn:chartgate:assessment", code, NO_SITE)
    mapped = Site(codes={("urn:x", "y"): Mapped(code=Code(system=system, code=code))})
    assert permitted(system, code, mapped)


def primary(model: Any, site: Site = NO_SITE) -> Any:
    return next(part for part in canonical(output("score"), model, NAMES, NOW, site=site) if part.role == "primary")


def test_a_code_that_is_not_permitted_is_left_out_and_the_loss_is_said() -> None:
    declared = manifest("score")
    from dataclasses import replace

    part = primary(replace(declared, output=replace(declared.output, codes=(WRONG,))))
    assert part.body["code"] == {"text": "Main"}
    assert part.losses == ("Observation.code.coding",)
    assert primary(declared).losses == ()


def test_a_sites_code_stands_first_and_its_category_replaces_survey() -> None:
    site = parse_site({"codes": [{**ROW, "category": "vital-signs"}]})
    part = primary(manifest("score"), site)
    assert [coding["code"] for coding in part.body["code"]["coding"]] == ["7074", "main-score"]
    assert part.body["category"][0]["coding"][0]["code"] == "vital-signs"
    assert part.site_coded
    assert not primary(manifest("score")).site_coded


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"codes": [{**ROW, "category": "vitals"}]}, "writeback.codes[0].category"),
        ({"codes": [{"from": ROW["from"]}]}, "writeback.codes[0].to"),
        ({"codes": [ROW, ROW]}, "one code twice"),
        ({"must_keep": "Provenance"}, "writeback.must_keep"),
        ({"kodes": []}, "writeback.kodes"),
    ],
)
def test_a_site_table_with_a_fault_is_refused_by_member(table: dict[str, Any], named: str) -> None:
    with pytest.raises(SiteInvalid) as refused:
        parse_site(table)
    assert any(named in problem for problem in refused.value.problems)


def test_the_tables_of_tiers_are_of_hl7() -> None:
    assert {row.system.rpartition("/")[2] for row in INTERPRETATIONS.values()} == {"v3-ObservationInterpretation"}
    assert set(QUALITATIVE) == {"negligible", "low", "moderate", "high", "certain"}
