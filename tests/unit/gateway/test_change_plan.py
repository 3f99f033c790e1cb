"""What a predetermined change control plan is given of a site."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.sites.change_plan import change_plan
from gateway.sites.declaration import Site
from gateway.sites.folder import Declared, read_site
from gateway.sites.metrics import MetricsRefused
from gateway.sites.signing_keys import sign_file
from tests.unit.gateway.test_site_gates import EXAMPLES, MANIFESTS, resign


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES / "lakeside", tmp_path / "lakeside"))


def again(folder: Path, change: Any) -> None:
    """The document changed, and signed as the next version."""
    path = folder / "metrics.json"
    document = json.loads(path.read_text())
    change(document["metrics"][0])
    path.write_text(json.dumps(document))
    sign_file(path, folder.parent / "key.pem", by="Quality board", role="quality")


def test_every_signed_version_is_told_with_who_signed_it_and_what_it_changed(folder: Path) -> None:
    resign(folder, "Quality board")
    first = json.loads((folder / "metrics.json").read_text())["version"]
    again(folder, lambda metric: metric.update(owner="Ward council", thresholds={"warn_high": 1.5}))
    found = change_plan(read_site(folder, MANIFESTS))
    one, two = found["versions"]
    assert (one["version"], two["version"]) == (first, first + 1)
    assert [each["signature"]["by"] for each in (one, two)] == ["Quality board"] * 2
    assert "value" not in two["signature"]
    assert one["problem"] is two["problem"] is None
    told = {row["member"]: row["after"] for row in two["changes"]}
    assert told["owner"] == "Ward council"
    assert told["thresholds.warn_high"] == 1.5
    assert {row["metric"] for row in two["changes"]} == {found["metrics"][0]["id"]}
    assert {row["before"] for row in one["changes"]} == {None}
    assert {"id", "version", "policy", "owners"} == set(found["models"][0])


def test_a_kept_version_that_was_changed_afterwards_is_shown_as_what_it_is(folder: Path) -> None:
    resign(folder, "Quality board")
    again(folder, lambda metric: metric.update(owner="Ward council"))
    kept = min(folder.glob("metrics-v*.json"))
    document = json.loads(kept.read_text())
    document["metrics"][0]["owner"] = "Somebody else"
    kept.write_text(json.dumps(document))
    one, two = change_plan(read_site(folder, MANIFESTS))["versions"]
    assert "does not match its signature" in one["problem"]
    assert two["problem"] is None


def test_a_site_without_metrics_has_no_plan(folder: Path) -> None:
    declared = read_site(folder, MANIFESTS)
    bare: Site = declared.site.model_copy(update={"thresholds": None})
    with pytest.raises(MetricsRefused, match="is not declared"):
        change_plan(Declared(folder=folder, site=bare, ehrs=declared.ehrs))
