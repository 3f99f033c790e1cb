"""What the checker makes of the labelled sentences, by kind."""

from collections import defaultdict
from dataclasses import dataclass, replace

from monitoring.grounding.checker import check
from monitoring.grounding.index import build
from tests.grounding.charts import charts, snapshot
from tests.grounding.generate import GONE, OTHER, Sentence, sentences

SEED = 20261124


@dataclass(frozen=True, kw_only=True)
class Row:
    """Sentences of a kind: how many, how many with a claim flagged (contradicted or unsupported), contradicted, and with no
    claim that could be checked."""

    kind: str
    label: str
    sentences: int = 0
    flagged: int = 0
    contradicted: int = 0
    unchecked: int = 0

    @property
    def share(self) -> float:
        return self.flagged / self.sentences


def judged(seed: int = SEED) -> list[tuple[Sentence, set[str]]]:
    """Every sentence with the verdicts of its claims."""
    found = []
    for number, (patient, resources) in enumerate(charts().items()):
        index = build(snapshot(patient, resources, elsewhere={OTHER: "other_patient", GONE: "absent"}))
        for sentence in sentences(resources, seed + number):
            found.append((sentence, {each.verdict for each in check(sentence.text, index)}))
    return found


def rows(seed: int = SEED) -> list[Row]:
    """By kind, perturbations first."""
    found: dict[tuple[str, str], Row] = {}
    for sentence, verdicts in judged(seed):
        row = found.get((sentence.label, sentence.kind), Row(kind=sentence.kind, label=sentence.label))
        found[sentence.label, sentence.kind] = replace(
            row, sentences=row.sentences + 1, flagged=row.flagged + bool(verdicts & {"contradicted", "unsupported"}),
            contradicted=row.contradicted + ("contradicted" in verdicts), unchecked=row.unchecked + (verdicts <= {"uncheckable"}),
        )  # fmt: skip
    order = {"contradicted": 0, "unsupported": 1, "clean": 2, "uncheckable": 3}
    return sorted(found.values(), key=lambda row: (order[row.label], row.kind))


def markdown(all: list[Row]) -> str:
    """The table of ``docs/reference/groundedness.md``."""
    lines = [
        "| kind | true label | sentences | flagged | contradicted | nothing checkable |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.kind} | {row.label} | {row.sentences} | {row.share:.1%} | {row.contradicted / row.sentences:.1%} "
        f"| {row.unchecked / row.sentences:.1%} |"
        for row in all
    ]
    return "\n".join(lines)


def totals(all: list[Row]) -> dict[str, tuple[int, int]]:
    """``(flagged, sentences)`` of the perturbed and of the clean."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in all:
        into = found["clean" if row.label == "clean" else "prose" if row.label == "uncheckable" else "perturbed"]
        into[0] += row.flagged
        into[1] += row.sentences
    return {name: (flagged, of) for name, (flagged, of) in found.items()}
