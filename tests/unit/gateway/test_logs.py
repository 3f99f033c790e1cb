"""A line of the log, as text and as JSON: never what a failure says of itself."""

import json
import logging

import pytest

from gateway.processes.logs import JsonLines, Lines


def record(**extra: object) -> logging.LogRecord:
    try:
        raise ValueError("Jane Doe, born 1950")
    except ValueError as failure:
        made = logging.LogRecord(
            "chartgate.x", logging.WARNING, "f", 1, "it took %d", (3,), (ValueError, failure, None)
        )
    made.__dict__.update(extra)
    return made


def test_a_line_of_json_has_its_members_and_what_was_given_besides() -> None:
    line = json.loads(JsonLines().format(record(ehr="hospital")))
    assert (line["level"], line["logger"], line["message"], line["error"]) == (
        "warning",
        "chartgate.x",
        "it took 3",
        "ValueError",
    )
    assert line["ehr"] == "hospital"
    assert line["time"].endswith("Z")


@pytest.mark.parametrize("form", [JsonLines(), Lines()])
def test_the_text_of_a_failure_is_in_no_line(form: logging.Formatter) -> None:
    line = form.format(record())
    assert "Jane" not in line
    assert "ValueError" in line
    assert "\n" not in line
