"""What a profile asks is shown by checks that passed, attested by somebody, or missing; and an earlier run is a baseline."""

import json
from pathlib import Path

import pytest

from conformance import CannotRun
from conformance.baseline import compare, load_baseline
from conformance.check import Outcome, Result
from conformance.readiness import HERE, faults, load_attestations, load_profile, load_table, names, readiness
from conformance.run import Report
from conformance.suites import SUITES
from gateway.model_folders.source_attributes import NAMES as ATTRIBUTES

CHECKS = {item.id for suite in SUITES.values() for item in suite.checks}


def outcome(id: str, result: Result) -> Outcome:
    return Outcome(id=id, suite="s", title="t", requirements=(), result=result, why="slow" if result == "skip" else "")


def table(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["id,paragraph,source,text,how,checks,card", *rows]))
    return path


def test_the_shipped_tables_name_checks_that_are_there() -> None:
    assert list(faults(sorted(HERE.glob("*.csv")), CHECKS)) == []


def test_a_row_that_is_neither_shown_nor_attested_is_noticed(tmp_path: Path) -> None:
    bad = table(
        tmp_path / "t.csv", "a,(a),s,t,check,,", "b,(b),s,t,attest,x,", "c,(c),s,t,check,no_such,", "d,(d),s,t,hope,,"
    )
    found = list(faults([bad], {"x"}))
    assert [each.split(":")[0] for each in found] == ["a", "b", "c", "d"]


def test_the_thirty_one_source_attributes_are_rows_in_the_order_of_the_manifest() -> None:
    assert tuple(row.card for row in load_table(HERE / "b11.csv") if row.card) == ATTRIBUTES


def test_the_proposed_rule_asks_for_what_is_in_force_but_for_what_it_removes() -> None:
    assert names() == ["hti-1", "hti-5"]
    now, later = (load_profile(name) for name in names())
    left = {row.paragraph for row in now.criteria} - {row.paragraph for row in later.criteria}
    assert left == {"(b)(11)(iv)(A)", "(b)(11)(iv)(B)", "(b)(11)(v)(A)", "(b)(11)(v)(B)", "(b)(11)(vi)", "(b)(11)(vi)(A)",
                    "(b)(11)(vi)(B)", "(b)(11)(vi)(C)"}  # fmt: skip
    assert {row.id for row in later.criteria} < {row.id for row in now.criteria}
    with pytest.raises(CannotRun, match="hti-1, hti-5"):
        load_profile("hti-9")


def test_a_criterion_is_shown_by_passing_checks_alone(tmp_path: Path) -> None:
    rows = load_table(
        table(tmp_path / "t.csv", "a,(a),s,t,check,one two,", "b,(b),s,t,attest,,funding", "c,(c),s,t,attest,,")
    )
    profile = load_profile("hti-1").__class__(name="p", title="t", status="s", source="x", criteria=tuple(rows))
    said = {
        "attest": {"a": {"says": "yes"}, "c": {"says": "We do", "by": "QA", "on": "2026-01-01"}},
        "card": {"funding": "grant"},
    }
    good = readiness(profile, [outcome("one", "pass"), outcome("two", "pass")], said)
    assert [each.state for each in good.standings] == ["shown", "attested", "attested"]
    for result in ("fail", "error", "skip"):
        bad = readiness(profile, [outcome("one", "pass"), outcome("two", result)], {})
        assert [each.state for each in bad.standings] == ["missing"] * 3
        assert "two" in bad.standings[0].why
    assert "one was not run" in readiness(profile, [], said).standings[0].why
    assert dict(good.counts) == {"shown": 1, "attested": 2, "missing": 0}


def test_attestations_name_criteria_and_who_says_so(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('[attest.g10-tls]\nsays = "Our balancer ends TLS 1.2"\nby = "QA"\non = 2026-01-01\n')
    assert load_attestations(file)["attest"]["g10-tls"]["by"] == "QA"
    assert load_attestations(None) == {}
    for text, says in (
        ("[attest.x]\nsays='a'\nby='b'\non='c'", "no criterion"),
        ("[attest.g10-tls]\nsays='a'", "says, by and on"),
        ("[", "TOML"),
        ("attest = 'yes'", "TOML file with"),
        ("card = [1]", "TOML file with"),
    ):
        file.write_text(text)
        with pytest.raises(CannotRun, match=says):
            load_attestations(file)


def test_a_baseline_tells_worse_from_known(tmp_path: Path) -> None:
    before = {
        "checks": [
            {"id": id, "result": result} for id, result in (("a", "pass"), ("b", "fail"), ("c", "fail"), ("d", "pass"))
        ]
    }
    (tmp_path / "b.json").write_text(json.dumps(before))
    now = [
        outcome("a", "fail"),
        outcome("b", "fail"),
        outcome("c", "pass"),
        outcome("d", "skip"),
        outcome("e", "error"),
        outcome("f", "skip"),
    ]
    report = Report(target="t", started="s", seconds=0, checks=tuple(now))
    found = compare(load_baseline(tmp_path / "b.json"), report)
    assert (found.worse, found.better, found.known) == (("a", "d", "e"), ("c",), ("b",))
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(CannotRun, match="baseline"):
        load_baseline(tmp_path / "b.json")
