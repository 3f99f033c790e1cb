"""Pages of docs/reference that are made of the suite's own tables: ``python -m tests.conformance_documents`` writes them again."""

from collections import Counter
from pathlib import Path

from conformance.ledger import HERE as LEDGERS
from conformance.ledger import Requirement, rows_of
from conformance.readiness import Profile, load_profile, names
from conformance.suites import NOT_YET, SUITES

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"


def requirements() -> str:
    """What is asked of servers and clients, how much of it a check shows, and why the rest has none."""
    files = {path.stem: list(rows_of(path)) for path in sorted(LEDGERS.glob("*.csv"))}
    rows = [_line(name, found) for name, found in files.items()]
    every = [row for found in files.values() for row in found]
    without = [row for row in every if not row.checks]
    return "\n".join([
        "# Requirements of the conformance suite", "",
        "Each normative sentence has a row in `conformance/requirements/*.csv`: its id, where it stands, how strong it is, whose duty, in our",
        "own words, and the checks that show it, or why none does. A test fails when a row has neither. Ids of SMART App Launch are those of",
        "Inferno's own list (`hl7.fhir.uv.smart-app-launch_2.2.0@N`), so that reports can be laid side by side.", "",
        "This page is made by `python -m tests.conformance_documents`.", "",
        "| table | requirements | SHALL with a check | SHALL without | others with a check | others without |",
        "|---|---|---|---|---|---|", *rows, _line("**all**", every), "",
        "## Checks by suite", "", "| suite | checks | of these with --writes | with --slow |", "|---|---|---|---|",
        *(f"| `{name}` | {len(suite.checks)} | {sum(c.writes for c in suite.checks)} | {sum(c.slow for c in suite.checks)} |"
          for name, suite in SUITES.items()),
        *(f"| `{name}` | comes later | | |" for name in NOT_YET), "",
        "## Requirements without a check, and why", "", "| id | level | who | requirement | why |", "|---|---|---|---|---|",
        *(f"| {row.id} | {row.level} | {row.actor} | {_cell(row.text)} | {_cell(row.reason)} |" for row in without), "",
    ])  # fmt: skip


def _line(name: str, rows: list[Requirement]) -> str:
    counts = Counter((row.binding, bool(row.checks)) for row in rows)
    cells = [counts[True, True], counts[True, False], counts[False, True], counts[False, False]]
    return f"| {name} | {len(rows)} | {' | '.join(map(str, cells))} |"


def profiles() -> str:
    """The criteria of the regulation profiles, and how each is shown."""
    loaded = [load_profile(name) for name in names()]
    every = list(dict.fromkeys(row for profile in loaded for row in profile.criteria))
    return "\n".join([
        "# Regulation profiles", "",
        "`chartgate conform URL --profile NAME [--attest FILE]` says how far a server is ready. A criterion is shown by checks that passed in this",
        "very run, or attested by somebody in a file; an attestation never makes up for a check. The texts are our own words: the law is at the source.", "",
        "This page is made by `python -m tests.conformance_documents`.", "",
        "| profile | is | status | criteria | by checks | by attestation |", "|---|---|---|---|---|---|", *map(_profile, loaded), "",
        "| id | paragraph | criterion | shown by | of |", "|---|---|---|---|---|",
        *(f"| `{row.id}` | {row.paragraph} | {_cell(row.text)} | {_shown(row.checks, row.card)} | "
          f"{', '.join(profile.name for profile in loaded if row in profile.criteria)} |" for row in every), "",
    ])  # fmt: skip


def _profile(profile: Profile) -> str:
    checked = sum(row.how == "check" for row in profile.criteria)
    total = len(profile.criteria)
    return f"| `{profile.name}` | [{profile.title}]({profile.source}) | {profile.status} | {total} | {checked} | {total - checked} |"


def _shown(checks: tuple[str, ...], card: str) -> str:
    if checks:
        return ", ".join(f"`{name}`" for name in checks)
    return f"attestation, or `card.{card}`" if card else "attestation"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


PAGES = {"conformance-requirements.md": requirements, "conformance-profiles.md": profiles}

if __name__ == "__main__":
    for file, made in PAGES.items():
        (FOLDER / file).write_text(made())
