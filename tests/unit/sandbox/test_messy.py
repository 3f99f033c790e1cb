"""The seed as a live feed would send it: valid, deterministic, as messy as asked, and labelled."""

from collections import Counter
from pathlib import Path

import pytest

from gateway.feeds import offline
from gateway.model_folders import models
from gateway.sandbox_ehrs import filling
from r4 import codec
from r4.validate import validate
from sandbox.seed import messy
from sandbox.seed.messy import DEGRADATIONS, Label, Messiness, degrade

ROOT = Path(__file__).parents[3]
ANCHOR = 1_789_998_000.0
CLEAN = list(filling.clean(ANCHOR))
BY_NAME = {f"{each['resourceType']}/{each['id']}": each for each in CLEAN}


def spoiled(rate: float, draw: int = 1) -> tuple[list, list[Label]]:
    told: list[Label] = []
    return list(degrade(CLEAN, Messiness(rate, draw), arrived=ANCHOR, tell=told.append)), told


ALL, ALL_LABELS = spoiled(1.0)
SOME, LABELS = spoiled(0.3)


def test_a_rate_of_nothing_is_the_clean_seed_byte_for_byte() -> None:
    assert [codec.format(each) for each in spoiled(0.0)[0]] == [codec.format(each) for each in CLEAN]
    assert messy.lines(CLEAN, Messiness(0.0), arrived=ANCHOR) == b""


def test_the_same_draw_is_the_same_feed_and_another_draw_another() -> None:
    again, labels = spoiled(0.3)
    assert [codec.format(each) for each in again] == [codec.format(each) for each in SOME]
    assert labels == LABELS
    assert {each.resource for each in spoiled(0.3, draw=2)[1]} != {each.resource for each in LABELS}


def test_the_seed_itself_is_left_as_it_is() -> None:
    before = [codec.format(each) for each in CLEAN[:800]]
    list(degrade(CLEAN[:800], Messiness(1.0), arrived=ANCHOR))
    assert [codec.format(each) for each in CLEAN[:800]] == before


@pytest.mark.parametrize("rate", [0.05, 0.3, 1.0])
def test_the_rate_is_met(rate: float) -> None:
    possible = sum(each["resourceType"] in messy.TYPES for each in CLEAN)
    assert abs(len(spoiled(rate)[1]) / possible - rate) <= 0.02


def test_a_record_that_is_messy_at_a_low_rate_is_so_at_a_higher_one() -> None:
    assert set(spoiled(0.05)[1]) <= set(LABELS)


@pytest.mark.parametrize("row", DEGRADATIONS, ids=lambda row: row.name)
def test_each_degradation_occurs_and_changes_what_its_label_names(row: messy.Degradation) -> None:
    told = [label for label in ALL_LABELS if label.degradation == row.name]
    made = {f"{each['resourceType']}/{each['id']}": each for each in ALL}
    assert told
    for label in told:
        original = BY_NAME.get(label.resource) or BY_NAME[label.before]
        assert made[label.resource] != original
        assert label.element.startswith(original["resourceType"])


def test_everything_is_valid_r4_and_no_two_resources_share_a_name() -> None:
    faults = [(each["resourceType"], issue) for each in ALL for issue in validate(codec.parse(codec.format(each)))]
    assert faults == []
    assert len({(each["resourceType"], each["id"]) for each in ALL}) == len(ALL)


def test_what_has_no_label_is_untouched() -> None:
    touched = {label.resource for label in LABELS}
    for each in SOME:
        name = f"{each['resourceType']}/{each['id']}"
        assert name in touched or each == BY_NAME[name]


def test_late_records_come_after_all_others_with_an_old_time_and_a_new_release() -> None:
    late = [label for label in ALL_LABELS if label.degradation == "late-arrival"]
    last = ALL[-len(late) :]
    assert {f"Observation/{each['id']}" for each in last} == {label.resource for label in late}
    assert all(each["issued"].startswith("2026-09-21") for each in last)
    assert any(each["effectiveDateTime"] < "2025" for each in last)


def test_the_label_file_has_a_line_for_each_record() -> None:
    lines = [codec.parse(line) for line in messy.lines(CLEAN, Messiness(0.3), arrived=ANCHOR).splitlines()]
    assert [tuple(line.values()) for line in lines] == LABELS
    assert set(lines[0]) == {"resource", "degradation", "check", "element", "before"}


def test_every_degradation_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "messy.md").read_text()
    assert [row.name for row in DEGRADATIONS if f"| `{row.name}` | {row.check} |" not in page] == []


def verdicts(model: models.Model, resources: list) -> Counter:
    charts: dict[str, list] = {}
    for each in resources:
        if each["resourceType"] in ("Patient", "Condition", "Observation", "MedicationRequest"):
            whose = each.get("subject", {}).get("reference") or f"{each['resourceType']}/{each['id']}"
            charts.setdefault(whose, []).append(each)
    ours = {name: chart for name, chart in charts.items() if any(each["resourceType"] == "Patient" for each in chart)}
    return Counter(
        offline.score_bundle(model, chart, as_of=ANCHOR)["verdict"]["fitness"] for chart in ours.values()
    )  # fmt: skip


def test_charts_that_were_fit_are_fit_no_more_and_more_of_them_the_messier_it_is() -> None:
    news2 = models.load(ROOT / "models" / "news2")
    clean, some, all = (verdicts(news2, feed) for feed in (CLEAN, SOME, ALL))
    assert clean["fit"] >= 9
    assert clean["fit"] > some["fit"] > all["fit"] == 0
    assert some["caveats"] > 0
    assert some["unfit"] > clean["unfit"]
