"""Signed thresholds of before do not come back: not at a start, not while it runs, whoever has them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

from gateway.keyring import KeyFileError
from gateway.model_folders.models import load_all
from gateway.monitors import signed
from gateway.sites import latest, metrics
from gateway.sites.folder import Declared, SiteRefused, read_site
from gateway.sites.signing_keys import next_version, sign_file
from gateway.tables import metadata
from monitoring.thresholds import Thresholds
from tests.unit.gateway.test_site_gates import EXAMPLES, resign

MANIFESTS = {model.key: model.manifest for model in load_all()}


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as made:
        metadata.create_all(made)
        yield made
    engine.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A site whose metrics were signed twice: the versions 2 and 3."""
    found = Path(shutil.copytree(EXAMPLES / "lakeside", tmp_path / "lakeside"))
    resign(found, "Quality board")
    sign_file(found / "metrics.json", found.parent / "key.pem", by="Quality board", role="quality")
    return found


def put_back(folder: Path, version: int) -> Declared:
    """What lies there is that version, as it was signed then."""
    shutil.copy(folder / f"metrics-v{version}.json", folder / "metrics.json")
    return read_site(folder, MANIFESTS)


def test_an_older_version_of_a_site_stops_the_start_by_name_and_a_later_one_goes_on(
    connection: Connection, folder: Path
) -> None:
    for version in (2, 3, 3):
        latest.hold(connection, 0.0, installed=Thresholds(), declared=[put_back(folder, version)])
    with pytest.raises(SiteRefused, match=r"metrics\.json is version 2, and version 3 was in force here"):
        latest.hold(connection, 0.0, installed=Thresholds(), declared=[put_back(folder, 2)])
    sign_file(folder / "metrics.json", folder.parent / "key.pem", by="Quality board", role="quality")
    latest.hold(connection, 0.0, installed=Thresholds(), declared=[read_site(folder, MANIFESTS)])
    assert latest.newest(connection, 0.0, of=["lakeside", "riverside"]) == {"lakeside": 4, "riverside": 0}


def test_an_older_version_of_the_installations_own_stops_the_start_by_name(connection: Connection) -> None:
    for version in (1, 5, 5, 0):  # the defaults, which nobody signed, are no version
        latest.hold(connection, 0.0, installed=Thresholds(version=version), declared=[])
    with pytest.raises(KeyFileError, match=r"thresholds\.json is version 4, and version 5 was in force here"):
        latest.hold(connection, 0.0, installed=Thresholds(version=4), declared=[])
    assert latest.newest(connection, 0.0, of=[""]) == {"": 5}


def test_a_version_that_is_refused_leaves_the_newest_as_it_was(connection: Connection, folder: Path) -> None:
    latest.keep(connection, 0.0, in_force={"lakeside": 9})
    with pytest.raises(SiteRefused):
        latest.hold(connection, 0.0, installed=Thresholds(version=7), declared=[put_back(folder, 3)])
    latest.keep(connection, 0.0, in_force={"lakeside": 3})
    assert latest.newest(connection, 0.0, of=["", "lakeside"]) == {"": 0, "lakeside": 9}


def test_what_is_put_back_while_it_runs_is_not_run_on(folder: Path) -> None:
    seen: dict[str, int] = {}
    ehr = "lakeside-epic"
    assert signed.at(Thresholds(), [put_back(folder, 2)], ehr, seen).version == 2
    assert signed.at(Thresholds(), [put_back(folder, 3)], ehr, seen).version == 3
    with pytest.raises(metrics.MetricsRefused, match="is version 2, and version 3 was in force here"):
        signed.at(Thresholds(), [put_back(folder, 2)], ehr, seen)
    assert seen == {"lakeside": 3}


@pytest.mark.parametrize(("document", "version"), [
    ({}, 1), ({"version": 1}, 1), ({"version": 6}, 6), ({"version": 6, "signature": {"key": "k"}}, 7), ({"version": "6"}, 1),
    ({"version": True, "signature": {"key": "k"}}, 1), ({"version": -3}, 1),
])  # fmt: skip
def test_the_next_version_is_later_than_the_document_and_than_all_that_are_kept(
    tmp_path: Path, document: dict[str, object], version: int
) -> None:
    assert next_version(document, tmp_path / "metrics.json") == version
    (tmp_path / "metrics-v9.json").write_text(json.dumps({}))
    assert next_version(document, tmp_path / "metrics.json") == 10
