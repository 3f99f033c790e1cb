"""Edge: the code-set editions of a folder: what a site downloaded, beside the excerpts that are shipped.

Files are told apart by their names: ``icd10cm_order_2025.txt`` (and ``…_2025-04.txt``) as CMS publishes them;
``Loinc_2.78_2024-08-06.csv`` (LOINC's ``Loinc.csv`` with its version and date of release); ``RXNCONSO_2026-01-05.RRF`` and
``RXNCONSO_2026-01-05_prescribe.RRF``.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from fidelity.editions import icd10cm, loinc, rxnorm
from fidelity.editions.edition import Edition, Library, library
from fidelity.editions.shipped import shipped
from vocabulary.instant import parse_instant


class EditionsError(Exception):
    """A file of editions cannot be read; the text names the file and what to do."""


def _icd10cm(lines: list[str], found: re.Match[str]) -> Edition:
    return icd10cm.parse_order_file(lines, version=found[1])


def _loinc(lines: list[str], found: re.Match[str]) -> Edition:
    return loinc.parse_table(lines, version=found[1], since=parse_instant(f"{found[2]}T00:00:00Z"))


def _rxnorm(lines: list[str], found: re.Match[str]) -> Edition:
    since = parse_instant(f"{found[1]}T00:00:00Z")
    return rxnorm.parse_conso(lines, version=found[1], since=since, full=found[2] is None)


READERS: tuple[tuple[re.Pattern[str], Callable[[list[str], re.Match[str]], Edition]], ...] = (
    (re.compile(r"icd10cm_order_([0-9]{4}(?:-(?:01|04))?)\.txt"), _icd10cm),
    (re.compile(r"Loinc_([0-9.]+)_([0-9]{4}-[0-9]{2}-[0-9]{2})\.csv"), _loinc),
    (re.compile(r"RXNCONSO_([0-9]{4}-[0-9]{2}-[0-9]{2})(_prescribe)?\.RRF"), _rxnorm),
)


def load_editions(folder: Path | None, pins: Mapping[str, str] | None = None) -> Library:
    """The library of a folder; the shipped excerpts where there is no folder, and for the systems that it has nothing of.
    Raises EditionsError."""
    loaded = [_load(path) for path in sorted(folder.iterdir()) if path.is_file()] if folder is not None else []
    editions = [each for each in loaded if each is not None]
    own = {each.system for each in editions}
    kept = [each for system, here in shipped().editions.items() if system not in own for each in here]
    return library([*editions, *kept], pins)


def _load(path: Path) -> Edition | None:
    for pattern, reader in READERS:
        if (found := pattern.fullmatch(path.name)) is not None:
            try:
                return reader(path.read_text(encoding="utf-8-sig").splitlines(), found)
            except (OSError, ValueError) as wrong:
                raise EditionsError(f"{path.name} cannot be read as an edition: {wrong}") from wrong
    return None


def of_installation(directory: Path) -> Library:
    """The editions that charts are judged by: those in ``editions`` of the installation, else the excerpts. Raises
    EditionsError."""
    folder = directory / "editions"
    return load_editions(folder if folder.is_dir() else None)
