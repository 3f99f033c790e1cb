"""The packed charts, and the script that packs them."""

import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from r4 import codec
from sandbox.seed import load, pack

SEED = list(load.packed())

ORGANIZATION = {
    "resourceType": "Organization", "id": "o1", "name": "Ward",
    "identifier": [{"system": "urn:s", "value": "o1"}],
}  # fmt: skip
PATIENT = {
    "resourceType": "Patient", "id": "p1",
    "managingOrganization": {"reference": "Organization?identifier=urn:s|o1", "display": "Ward"},
}  # fmt: skip


def observation(subject: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": "v1", "subject": {"reference": subject}, **more}


def archive(directory: Path, *resources: dict[str, Any]) -> Path:
    """An archive of one bundle; the fullUrl of each resource is ``urn:uuid:`` and its id."""
    entries = [{"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in resources]
    body = codec.format({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    path = directory / "charts.tar.xz"
    with tarfile.open(path, "w:xz") as tar:
        member = tarfile.TarInfo("one.json")
        member.size = len(body)
        tar.addfile(member, io.BytesIO(body))
    return path


def targets(resource: dict[str, Any]) -> set[str]:
    return set(pack.targets(resource))


def dangling(lines: list[bytes]) -> set[str]:
    """References to nothing that stands on an earlier line."""
    seen: set[str] = set()
    lost: set[str] = set()
    for line in lines:
        resource = codec.parse(line)
        seen.add(f"{resource['resourceType']}/{resource['id']}")
        lost |= targets(resource) - seen
    return lost


def test_thirteen_patients_and_no_bills() -> None:
    types = [item.type for item in SEED]
    assert types.count("Patient") == 13
    assert not {"Claim", "ExplanationOfBenefit", "Provenance"} & set(types)


def test_type_and_id_read_from_the_line_are_those_of_the_resource() -> None:
    for item in SEED[:: len(SEED) // 50]:
        resource = codec.parse(item.body)
        assert (resource["resourceType"], resource["id"]) == (item.type, item.id)


def test_no_two_resources_share_a_name() -> None:
    assert len({(item.type, item.id) for item in SEED}) == len(SEED)


def test_every_reference_leads_to_an_earlier_resource() -> None:
    assert dangling([item.body for item in SEED]) == set()


def test_a_reference_to_a_later_resource_is_noticed() -> None:
    assert dangling([item.body for item in reversed(SEED[:40])]) != set()


def test_the_types_come_in_the_promised_order() -> None:
    places = [load.ORDER.index(item.type) for item in SEED]
    assert places == sorted(places)


def test_the_pack_is_small() -> None:
    assert load.PACK.stat().st_size < 600_000


def test_parsing_and_formatting_a_packed_resource_changes_nothing() -> None:
    for item in SEED[::25]:
        assert codec.format(codec.parse(item.body)) == item.body


def test_a_conditional_reference_becomes_the_resource_that_carries_the_identifier(tmp_path: Path) -> None:
    lines = pack.lines(archive(tmp_path, PATIENT, ORGANIZATION))
    assert [codec.parse(line)["id"] for line in lines] == ["o1", "p1"]
    assert codec.parse(lines[1])["managingOrganization"] == {"reference": "Organization/o1", "display": "Ward"}


def test_a_bundle_reference_becomes_type_and_id(tmp_path: Path) -> None:
    lines = pack.lines(archive(tmp_path, observation("urn:uuid:p1"), PATIENT, ORGANIZATION))
    assert codec.parse(lines[-1])["subject"] == {"reference": "Patient/p1"}


def test_a_reference_that_leads_nowhere_stops_the_packing(tmp_path: Path) -> None:
    with pytest.raises(pack.PackError, match="Observation/v1"):
        pack.lines(archive(tmp_path, observation("urn:uuid:nobody"), PATIENT, ORGANIZATION))


def test_decimals_keep_their_digits(tmp_path: Path) -> None:
    value = codec.parse(b'{"value":1.500}')
    path = archive(tmp_path, observation("urn:uuid:p1", valueQuantity=value), PATIENT, ORGANIZATION)
    assert b'"value":1.500' in pack.lines(path)[-1]


def test_an_organisation_that_no_chart_names_is_left_out(tmp_path: Path) -> None:
    idle = ORGANIZATION | {"id": "o2", "identifier": [{"system": "urn:s", "value": "o2"}]}
    lines = pack.lines(archive(tmp_path, PATIENT, ORGANIZATION, idle))
    assert [codec.parse(line)["id"] for line in lines] == ["o1", "p1"]


def test_a_claim_is_left_out(tmp_path: Path) -> None:
    claim = {"resourceType": "Claim", "id": "c1", "patient": {"reference": "urn:uuid:p1"}}
    assert len(pack.lines(archive(tmp_path, PATIENT, ORGANIZATION, claim))) == 2


if source := os.environ.get("CHARTGATE_SYNTHEA"):
    # The archive is no part of the repository; who has it can see that the pack comes from it and nothing else.
    def test_the_archive_gives_the_packed_lines() -> None:
        assert pack.lines(Path(source)) == [item.body for item in SEED]
