"""What is generated says where it comes from, and comes out the same again where the definitions are at hand."""

import os
from pathlib import Path

import pytest

from r4 import generate

ROOT = Path(__file__).parents[3]
SOURCE = Path(os.environ.get("CHARTGATE_R4_DEFINITIONS", ROOT.parent / "shared/data/fhir-r4/definitions.tar.gz"))
GENERATED = ROOT / "r4" / "generated"


def test_every_generated_file_names_its_source() -> None:
    assert all("hl7.fhir.r4.core 4.0.1" in file.read_text()[:200] for file in GENERATED.glob("*.*"))


def regenerated(tmp_path: Path) -> None:
    generate.main(SOURCE, tmp_path)
    for file in tmp_path.iterdir():
        assert file.read_bytes() == (GENERATED / file.name).read_bytes(), file.name


if SOURCE.is_file():

    def test_the_definitions_give_the_same_files_again(tmp_path: Path) -> None:
        regenerated(tmp_path)


def test_an_archive_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        generate.main(tmp_path / "nothing.tar.gz", tmp_path)
