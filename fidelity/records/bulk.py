"""The bulk lane of the instruments: many records, counts only. Read-only: numbers are read as floats, nothing is written back
(house.md §2, codec)."""

from collections.abc import Iterable

import orjson

from fidelity.records.judging import Judge, Seen


def count(lines: Iterable[bytes], judge: Judge) -> dict[Seen, int]:
    """Lines of NDJSON → how many records were seen as what. Lines that are no JSON object are counted under the type ``""``;
    where they stand is for ``fidelity.lines`` to tell."""
    counts: dict[Seen, int] = {}
    loads = orjson.loads  # not FHIR written back: a lane that counts
    for line in lines:
        try:
            resource = loads(line)
            seen = judge(resource) if type(resource) is dict else UNREADABLE
        except orjson.JSONDecodeError:
            seen = UNREADABLE
        counts[seen] = counts.get(seen, 0) + 1
    return counts


UNREADABLE = Seen("", "", "", "", 0, 0)
