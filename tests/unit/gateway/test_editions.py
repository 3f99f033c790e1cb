"""The folder of editions of a site: told apart by name, in the place of the excerpts; a file that is none stops the start."""

import shutil
from pathlib import Path

import pytest

from fidelity.editions.shipped import EXCERPTS, shipped
from fidelity.systems import ICD10CM, LOINC, RXNORM
from gateway.feeds.editions import EditionsError, load_editions, of_installation

CONSO = "314076|ENG||||||1||||RXNORM|SCD|314076|lisinopril||N|4096|\n"


def test_without_a_folder_the_excerpts_are_read(tmp_path: Path) -> None:
    assert of_installation(tmp_path) == load_editions(None) == shipped()


def test_a_systems_own_files_take_the_place_of_its_excerpts_and_other_systems_keep_theirs(tmp_path: Path) -> None:
    folder = tmp_path / "editions"
    folder.mkdir()
    shutil.copy(EXCERPTS / "icd10cm_order_2026.txt", folder)
    (folder / "RXNCONSO_2026-01-05_prescribe.RRF").write_text(CONSO)
    (folder / "RXNCONSO_2026-02-02.RRF").write_text(CONSO)
    (folder / "notes.md").write_text("not an edition")
    found = of_installation(tmp_path)
    assert [each.version for each in found.editions[ICD10CM]] == ["2026"]
    assert found.standing(ICD10CM, "Q99.9").known is False
    assert found.editions[LOINC] == shipped().editions[LOINC]
    assert [(each.version, each.complete) for each in found.editions[RXNORM]] == [
        ("2026-01-05", False),
        ("2026-02-02", True),
    ]


def test_the_loinc_table_carries_its_version_and_release_in_its_name(tmp_path: Path) -> None:
    shutil.copy(EXCERPTS / "Loinc.csv", tmp_path / "Loinc_2.80_2025-02-26.csv")
    found = load_editions(tmp_path)
    assert [each.version for each in found.editions[LOINC]] == ["2.80"]
    assert found.standing(LOINC, "1-8").known is False


@pytest.mark.parametrize(
    "name",
    ["icd10cm_order_2026.txt", "RXNCONSO_2026-01-05.RRF", "Loinc_2.80_2025-02-26.csv", "Loinc_2.80_2025-99-99.csv"],
)
def test_a_file_that_is_no_edition_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("secret, and nothing that an edition has\n")
    with pytest.raises(EditionsError, match=name) as refused:
        load_editions(tmp_path)
    assert "secret" not in str(refused.value)
