"""Two versions side by side: each number by hand on a few pairs; nothing said where there is nothing to say."""

import json
from typing import Any

import pytest

from monitoring.comparing import Answer, Pair, Said, Scale, compare

SCALE = Scale(limits=(("high", 7.0),), range=(0.0, 20.0))


def pair(one: float | None, other: float | None, *, event: bool | None = None, words: Any = (None, None)) -> Pair:
    def said(value: float | None, word: str | None) -> Said:
        answer: Answer = "said" if value is not None or word is not None else "abstained"
        return Said(answer=answer, value=value, word=word)

    return Pair(one=said(one, words[0]), other=said(other, words[1]), event=event)


PAIRS = [
    pair(2, 3, words=("low", "low")), pair(6, 8, words=("low", "high")), pair(8, 8, words=("high", "high")),
    pair(9, 6, words=("high", "low")), pair(7, 9, words=("high", "high")), pair(None, 5),
    Pair(one=Said(answer="refused"), other=Said(answer="refused")),
]  # fmt: skip


def test_the_values_are_compared_pair_by_pair() -> None:
    found = compare(PAIRS, SCALE)
    values = found["values"]
    assert (found["pairs"], values["n"], found["few"]) == (7, 5, True)
    assert values["difference"]["value"] == pytest.approx(0.4)
    assert (values["one"]["mean"], values["other"]["mean"]) == (pytest.approx(6.4), pytest.approx(6.8))
    assert sum(each["one"] for each in values["bins"]) == sum(each["other"] for each in values["bins"]) == 5


def test_crossings_are_counted_on_either_side() -> None:
    (limit,) = compare(PAIRS, SCALE)["limits"]
    assert (limit["both"], limit["only_one"], limit["only_other"], limit["neither"]) == (2, 1, 1, 1)
    assert limit["agreement"]["value"] == pytest.approx(0.6)
    assert limit["chance"] == 1.0


def test_tiers_and_answers_are_cross_tables() -> None:
    found = compare(PAIRS, SCALE)
    assert {(each["one"], each["other"]): each["n"] for each in found["words"]["table"]} == {
        ("high", "high"): 2, ("high", "low"): 1, ("low", "high"): 1, ("low", "low"): 1,
    }  # fmt: skip
    answers = {(each["one"], each["other"]): each["n"] for each in found["answers"]}
    assert (answers["said", "said"], answers["abstained", "said"], answers["refused", "refused"]) == (5, 1, 1)
    assert sum(answers.values()) == 7


def test_a_score_with_labels_says_nothing_about_chances() -> None:
    pairs = [pair(n % 20, n % 17, event=n % 20 > 12) for n in range(60)]
    labels = compare(pairs, SCALE)["labels"]
    assert labels["one"].keys() == {"auroc"}
    assert labels["one"]["auroc"]["value"] == 1.0
    assert labels["other"]["auroc"]["value"] < 1.0
    assert compare(pairs[:20], SCALE)["labels"]["one"] == {"auroc": None}


@pytest.mark.parametrize("pairs", [[], PAIRS[5:], [pair(3, 3)], [pair(3, 3)] * 2, [pair(0, 0, event=False)] * 3])
def test_what_cannot_be_said_is_null_and_the_document_is_json(pairs: list[Pair]) -> None:
    found = compare(pairs, Scale(limits=(("high", 7.0),), chance=True))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
