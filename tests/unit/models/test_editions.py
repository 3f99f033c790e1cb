"""A model pins the editions that it was trained with; one that pins none is told so, and one that pins nonsense is refused."""

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from fidelity.editions.shipped import shipped
from gateway.model_folders import models
from vocabulary.manifest import ManifestError, parse

ROOT = Path(__file__).parents[3]
NEWS2 = tomllib.loads((ROOT / "models" / "news2" / "model.toml").read_text(), parse_float=Decimal)
WARNING = "editions is missing: nobody can tell which codes are newer or older than the model"


@pytest.mark.parametrize("name", ["news2", "prevent", "summary"])
def test_a_shipped_model_pins_editions_that_the_excerpts_are_of(name: str) -> None:
    manifest = models.read_manifest(ROOT / "models" / name)
    assert manifest.editions
    assert all(shipped().edition(system, version) for system, version in manifest.editions.items())


def test_a_model_without_pins_is_told_what_is_missed(tmp_path: Path) -> None:
    text = (ROOT / "models" / "news2" / "model.toml").read_text()
    (tmp_path / "model.py").write_text("def predict(features, chart):\n    return {}\n")
    for pinned in (True, False):
        kept = text if pinned else text.replace("[editions]", "[unpinned]")
        (tmp_path / "model.toml").write_text(kept)
        assert (WARNING in models.check(tmp_path)[1]) is not pinned


@pytest.mark.parametrize("pins", [{"http://loinc.org": 2.8}, {"http://loinc.org": ""}, ["2.80"], "2.80"])
def test_pins_that_are_no_versions_by_system_are_refused(pins: object) -> None:
    with pytest.raises(ManifestError, match="editions"):
        parse({**NEWS2, "editions": pins})
