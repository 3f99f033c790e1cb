"""What each vendor takes of an output: in which form, with which losses, or why nothing fits."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.vendors import VENDORS, VendorUnknown, vendor_for, vendor_of
from gateway.vendors.declaration import Vendor
from tests.unit.writeback.examples import NAMES, NOW, TYPES, capabilities, manifest, output
from vocabulary.manifest import Code
from vocabulary.output import Kind
from vocabulary.write import NotWritable, Write
from writeback.capabilities import Capabilities
from writeback.fitting import found
from writeback.gate import Admitted
from writeback.labels import Confirmation
from writeback.lexicon.attachment import rich_text
from writeback.planning import plan
from writeback.rules import WriteRules
from writeback.site import NO_SITE, Mapped, Site, parse_site

BY = Confirmation(by="Practitioner/d1", at=NOW)
OPEN, CLOSED = Admitted(encounter_open=True), Admitted(encounter_open=False)
FLOWSHEET = parse_site(
    {
        "codes": [
            {
                "from": {"system": "urn:chartgate:assessment", "code": "main-score"},
                "to": {"system": "urn:oid:1.2.840.114350.1.13", "code": "7074"},
                "category": "vital-signs",
            }
        ]
    }
)


def at(
    vendor: str, kind: Kind = "score", *, confirmed: Confirmation | None = None, admitted: Admitted = OPEN,
    site: Site = NO_SITE, offered: Capabilities | None = None, **changes: Any,
) -> Write | NotWritable:  # fmt: skip
    made = plan(
        output(kind), manifest(kind, **changes), admitted=admitted, names=NAMES, now=NOW, site=site, confirmed_by=confirmed,
        capabilities=offered or capabilities(*TYPES, strategy="post"), rules=VENDORS[vendor].write,
    )  # fmt: skip
    assert made is not None
    return made


def own(write: Write | NotWritable) -> Any:
    assert isinstance(write, Write), write
    return next(part for part in write.own if part.role == "primary")


@pytest.mark.parametrize(
    ("vendor", "kind", "confirmed", "type"),
    [
        ("spec", "risk", None, "RiskAssessment"), ("hapi", "issue", None, "DetectedIssue"),
        ("epic", "risk", None, "DocumentReference"), ("epic", "score", BY, "DocumentReference"),
        ("oracle", "risk", BY, "DocumentReference"), ("oracle", "text", BY, "DocumentReference"),
        ("veradigm", "risk", None, "Observation"), ("veradigm", "issue", None, "DocumentReference"),
        ("athena", "score", None, "DocumentReference"), ("eclinicalworks", "risk", None, "DocumentReference"),
    ],
)  # fmt: skip
def test_an_output_lands_in_the_closest_form_that_the_vendor_takes(
    vendor: str, kind: Kind, confirmed: Confirmation | None, type: str
) -> None:
    assert own(at(vendor, kind, confirmed=confirmed)).type == type


@pytest.mark.parametrize(
    ("vendor", "kind", "why"),
    [
        ("meditech", "text", "does not take a DocumentReference"),
        ("oracle", "text", "only as amended, final"),
        ("oracle", "score", "takes an Observation only as"),
    ],
)
def test_where_nothing_fits_the_reason_is_said(vendor: str, kind: Kind, why: str) -> None:
    refused = at(vendor, kind)
    assert isinstance(refused, NotWritable)
    assert why in refused.reason


def test_a_score_gets_into_an_epic_flowsheet_when_the_site_maps_it_a_clinician_confirmed_it_and_the_encounter_is_open() -> (
    None
):
    part = own(at("epic", confirmed=BY, site=FLOWSHEET))
    assert (part.type, part.body["status"]) == ("Observation", "final")
    assert [coding["code"] for coding in part.body["code"]["coding"]] == ["7074"]
    assert all(len(note["text"]) <= 254 for note in part.body["note"])
    for other in (
        at("epic", confirmed=BY), at("epic", site=FLOWSHEET), at("epic", confirmed=BY, site=FLOWSHEET, admitted=CLOSED),
    ):  # fmt: skip
        assert own(other).type == "DocumentReference"


def test_a_score_gets_into_eclinicalworks_under_the_sites_code_and_is_a_note_without() -> None:
    """Until then it was sent, and refused there: UNSUPPORTED_CODING_SYSTEM."""
    assert own(at("eclinicalworks", site=FLOWSHEET)).type == "Observation"
    assert own(at("eclinicalworks")).type == "DocumentReference"


def test_oracle_gets_the_clinician_as_performer_and_the_marker_in_a_note_and_the_losses_are_listed() -> None:
    write = at("oracle", confirmed=BY, site=FLOWSHEET)
    part = own(write)
    assert part.body["performer"][0]["reference"] == "Practitioner/d1"
    assert "meta" not in part.body
    assert "Machine-generated" in part.body["note"][0]["text"]
    assert isinstance(write, Write)
    assert {"Observation.meta", "Observation.identifier", "Observation.device", "Device"} <= set(write.losses)
    assert "Provenance" in write.losses


def test_oracle_takes_one_code_of_a_notes_type_and_the_other_is_a_loss() -> None:
    note = Mapped(code=Code(system="https://fhir.cerner.com/codeSet/72", code="2820507"))
    site = replace(NO_SITE, codes={("urn:chartgate:assessment", "main-text"): note})
    write = at("oracle", "text", confirmed=BY, site=site)
    assert [coding["code"] for coding in own(write).body["type"]["coding"]] == ["2820507"]
    assert isinstance(write, Write)
    assert "DocumentReference.type.coding[1]" in write.losses


def test_a_label_that_is_lost_with_every_note_is_said_by_the_code_or_nothing_is_written() -> None:
    drops = ("meta", "note")
    for more, kept in (((), True), (("code",), False)):
        rules = WriteRules(creates=frozenset({"Observation"}), drops={"Observation": (*drops, *more)})
        made = plan(
            output("score"), manifest("score"), admitted=OPEN, names=NAMES, now=NOW, rules=rules,
            capabilities=capabilities(strategy="post"),
        )  # fmt: skip
        assert isinstance(made, Write) is kept
        if isinstance(made, Write):
            assert own(made).body["code"]["text"].endswith("(AI-generated)")


def test_what_must_be_kept_is_kept_or_nothing_is_written() -> None:
    assert isinstance(at("veradigm", must_keep=frozenset({"Provenance"})), NotWritable)
    assert isinstance(at("veradigm", must_keep=frozenset({"Observation.note"})), Write)
    site = replace(NO_SITE, must_keep=frozenset({"RiskAssessment"}))
    assert isinstance(at("veradigm", "risk", site=site), NotWritable)


def test_the_statement_comes_before_the_vendors_rules_save_where_it_is_known_to_be_silent() -> None:
    silent = Capabilities()
    assert isinstance(at("veradigm", offered=silent), NotWritable)
    assert own(at("eclinicalworks", offered=silent)).strategy == "post"
    assert own(at("spec", offered=capabilities(strategy="put"))).strategy == "put"


def test_athena_gets_rich_text_in_which_nothing_is_a_control_word() -> None:
    part = own(at("athena", "text"))
    assert found(part.body, "content.attachment.contentType").__next__() == "text/rtf"
    assert rich_text("a{b}\\c\né🙂") == "{\\rtf1\\ansi\\uc1 a\\{b\\}\\\\c\\par\n\\u233?\\u-10179?\\u-8638?}"


def test_a_confirmed_risk_raises_a_flag_and_an_unconfirmed_or_untiered_one_does_not() -> None:
    flagged: dict[str, Any] = {"flag": True, "policy": "confirm", "flag_tiers": ("intermediate",)}
    write = at("spec", "risk", confirmed=BY, **flagged)
    assert isinstance(write, Write)
    assert [part.role for part in write.own] == ["primary", "flag", "provenance"]
    assert len(write.own[-1].body["target"]) == 2
    for other in (
        at("spec", "risk", **flagged),
        at("spec", "risk", confirmed=BY, **{**flagged, "flag_tiers": ("low",)}),
    ):
        assert isinstance(other, Write)
        assert [part.role for part in other.own] == ["primary", "provenance"]


def test_a_vendor_without_a_source_for_a_rule_cannot_be_declared_and_an_unknown_one_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="creates"):
        Vendor(name="x", title="X", write=WriteRules(creates=frozenset()))
    with pytest.raises(ValueError, match="statuses of types"):
        WriteRules(creates=frozenset(), statuses={"Flag": frozenset({"active"})})
    with pytest.raises(VendorUnknown):
        vendor_of("mumps")
    assert (vendor_for("epic"), vendor_for("uscore9"), vendor_for("anything")) == ("epic", "spec", "spec")


def test_athena_gets_no_encounter_and_the_loss_is_said() -> None:
    for kind, path in (("score", "encounter"), ("text", "context.encounter")):
        write = at("athena", kind, site=FLOWSHEET)  # type: ignore[arg-type]
        part = own(write)
        assert not list(found(part.body, path))
        assert isinstance(write, Write)
        assert f"{part.type}.context.encounter" in write.losses or f"{part.type}.encounter" in write.losses


@pytest.mark.parametrize(("vendor", "strategy"), [("hapi", "put"), ("spec", "conditional"), ("epic", "post")])
def test_hapi_is_written_by_id_although_it_does_not_say_so(vendor: str, strategy: str) -> None:
    """It makes a resource of a PUT to a new id, and lists no ``updateCreate``; who is not known to do so is not asked to."""
    silent = capabilities(*TYPES, strategy="conditional")
    types = {type: replace(each, interactions=each.interactions | {"update"}) for type, each in silent.types.items()}
    write = at(vendor, "text", confirmed=BY, offered=Capabilities(types=types))
    assert own(write).strategy == strategy
