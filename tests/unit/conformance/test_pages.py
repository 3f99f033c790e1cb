"""The pages about requirements and profiles say what the tables say."""

import json
import re
from pathlib import Path

import pytest

from conformance import report
from tests.conformance_documents import FOLDER, PAGES


@pytest.mark.parametrize("file", PAGES)
def test_a_page_is_what_its_table_says(file: str) -> None:
    assert (FOLDER / file).read_text() == PAGES[file](), "python -m tests.conformance_documents writes it again"


def test_every_member_of_the_document_is_described_and_in_the_schema() -> None:
    page = (FOLDER / "conformance-report.md").read_text()
    schema = json.loads((Path(report.__file__).parent / "schema.json").read_text())
    members = {*schema["properties"], *schema["properties"]["checks"]["items"]["properties"]}
    assert members - set(re.findall(r"`([a-z_]+)`", page)) == set()
