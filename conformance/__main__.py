"""Edge: ``python -m conformance URL``: the suite without the rest of the product. Exit 1 when a SHALL is not met."""

import argparse
import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

from conformance import CannotRun, report, run


def main() -> int:
    """Runs the suite and prints its JSON."""
    parser = argparse.ArgumentParser(prog="conformance")
    parser.add_argument("url")
    parser.add_argument("--suite")
    parser.add_argument("--writes", action="store_true")
    parser.add_argument("--strict", action="store_true", help="a SHOULD counts as a SHALL")
    parser.add_argument("--client", type=Path)
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    suites = given.suite.split(",") if given.suite else None
    try:
        found = asyncio.run(run(given.url, suites=suites, writes=given.writes, client=given.client))
    except CannotRun as failure:
        print(failure, file=sys.stderr)
        return 3
    if given.report:
        report.write(found, given.report, ("json", "junit", "html"))
    print(json.dumps(report.as_json(found), indent=1))
    return 1 if replace(report.shown(found), strict=given.strict).failed else 0


if __name__ == "__main__":
    sys.exit(main())
