"""How often what is left out (M-HAL-05) and what people say (source ``people``) cry wolf, and how soon they see more of it.

``python -m tests.simulation.texts`` prints the figures of docs/reference/monitors.md: a minute or two.
"""

from statistics import median

import numpy as np

from monitoring.entries import TextChecked
from monitoring.texts import Texts, read
from monitoring.thresholds import DEFAULTS

WARN = DEFAULTS["M-HAL-05"]["warn"]
ABOUT = {"output": "o", "model": "m", "version": "1", "ehr": "e", "supported": 1, "must": 2}


def people(random: np.random.Generator, rate: float, sentences: int) -> list[int]:
    """The sentences at which the level left quiet, of one random sample."""
    texts, before, found = Texts.begin(DEFAULTS), 0, []
    for number, bad in enumerate(random.random(sentences) < rate):
        level = read(texts, "unsupported" if bad else "supported", DEFAULTS)[0].level or 0
        if level and not before:
            found.append(number + 1)
        before = level
    return found


def omissions(random: np.random.Generator, rate: float, count: int, *, first: bool = False) -> list[int]:
    """The texts, each with two things to mention, at which the evidence came over the limit; the first one alone."""
    texts, before, found = Texts.begin(DEFAULTS), False, []
    for number, left in enumerate(random.binomial(2, rate, count)):
        over = texts.update(TextChecked(**ABOUT, omitted=int(left))).omitted >= WARN  # type: ignore[arg-type]
        if over and not before:
            found.append(number + 1)
            if first:
                break
        before = over
    return found


if __name__ == "__main__":
    random = np.random.default_rng(1)
    print("people, 1.5 %:", sum(len(people(random, 0.015, 5000)) for _ in range(40)), "alarms in 200,000 sentences")
    print("people, 6 %: found after", median(people(random, 0.06, 5000)[0] for _ in range(40)))
    print(
        "left out, 3.5 %:", sum(len(omissions(random, 0.035, 10_000)) for _ in range(100)), "alarms in 1,000,000 texts"
    )
    for rate in (0.07, 0.14):
        found = [omissions(random, rate, 20_000, first=True) for _ in range(100)]
        print(
            f"left out, {rate:.0%}: found in", sum(map(len, found)), "after", median(each[0] for each in found if each)
        )
