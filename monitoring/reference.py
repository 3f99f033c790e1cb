"""The monitoring part of a model's ``reference.json``: the frozen profile that live data is held against.

::

    {"model": "news2", "version": "1.0.0",
     "features": {"pulse": {"bins": [0, 41, …, 350], "shares": [0.01, …, 0.0, 0.0], "n": 10000, "mean": 82.1, "sd": 17.0},
                  "sex": {"categories": ["female", "male"]}},
     "output": {"bins": […], "shares": […], "n": …, "mean": …, "sd": …, "alert_at": 7, "alert_rate": 0.06, "gap_p99": 900},
     "performance": {"auroc": 0.82, "prevalence": 0.07},
     "learn": 2000}

``bins`` are the edges, lowest and highest included: what lies beyond counts to the outermost bin. ``shares`` has one entry a
bin, then that of missing and that of unseen or unusable cells. Where ``shares`` is not given they are learnt from the first
``learn`` encounters, with mean and deviation; until then nothing is said about the feature.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

LEARN = 2000
MOST_BINS = 60


class ReferenceInvalid(ValueError):
    """The text names the member and what it must be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One feature, or the output. ``edges`` are the inner ones; ``shares`` None where they are to be learnt."""

    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    shares: tuple[float, ...] | None = None
    n: int = 0
    mean: float = 0.0
    sd: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """``features`` by name; ``alert_at`` is the output from which it is an alert, ``alert_rate`` how often that is;
    ``gap_p99`` seconds between two outputs; ``auroc`` and ``prevalence`` as measured before go-live."""

    features: Mapping[str, Column] = field(default_factory=dict)
    output: Column = Column()
    alert_at: float | None = None
    alert_rate: float | None = None
    gap_p99: float | None = None
    auroc: float | None = None
    prevalence: float | None = None
    learn: int = LEARN


def parse(document: Any) -> Reference:
    """A parsed ``reference.json`` → Reference. Raises ReferenceInvalid."""
    root = _table(document, "reference")
    features = _table(root.get("features", {}), "features")
    output = _table(root.get("output", {}), "output")
    performance = _table(root.get("performance", {}), "performance")
    learn = root.get("learn", LEARN)
    if not isinstance(learn, int) or isinstance(learn, bool) or not 200 <= learn <= 1_000_000:
        raise ReferenceInvalid("learn must be a whole number of 200 to 1000000")
    return Reference(
        features={str(name): _column(_table(each, f"features.{name}"), f"features.{name}") for name, each in features.items()},
        output=_column(output, "output"),
        alert_at=_number(output, "output", "alert_at"), alert_rate=_share(output, "output", "alert_rate"),
        gap_p99=_number(output, "output", "gap_p99"), learn=learn,
        auroc=_share(performance, "performance", "auroc"),
        prevalence=_share(performance, "performance", "prevalence"),
    )  # fmt: skip


def _column(table: Mapping[str, Any], path: str) -> Column:
    categories = table.get("categories", [])
    if not isinstance(categories, list) or not all(isinstance(each, str) for each in categories):
        raise ReferenceInvalid(f"{path}.categories must be a list of strings")
    if categories:
        edges = tuple(number - 0.5 for number in range(1, len(categories)))
    else:
        edges = _edges(table.get("bins", []), path)
    if len(edges) > MOST_BINS:
        raise ReferenceInvalid(f"{path} must have at most {MOST_BINS} bins")
    if "shares" not in table:
        return Column(edges=edges, categories=tuple(categories))
    shares = _shares(table["shares"], len(edges) + 3, path)
    n = table.get("n")
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ReferenceInvalid(f"{path}.n must be the number of encounters that the shares were measured on")
    mean, sd = _number(table, path, "mean"), _number(table, path, "sd")
    return Column(
        edges=edges, categories=tuple(categories), shares=shares, n=n, mean=mean or 0.0, sd=max(sd or 0.0, 0.0)
    )


def _edges(bins: Any, path: str) -> tuple[float, ...]:
    if not isinstance(bins, list) or not all(_is_number(each) for each in bins) or bins != sorted(set(bins)):
        raise ReferenceInvalid(f"{path}.bins must be rising numbers")
    return tuple(float(each) for each in bins[1:-1])


def _shares(given: Any, count: int, path: str) -> tuple[float, ...]:
    if not isinstance(given, list) or len(given) != count or not all(_is_number(each) and each >= 0 for each in given):
        raise ReferenceInvalid(f"{path}.shares must be {count} shares: one a bin, then missing, then unseen")
    if abs(sum(given) - 1) > 0.01:
        raise ReferenceInvalid(f"{path}.shares must add up to one")
    return tuple(float(each) for each in given)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _table(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ReferenceInvalid(f"{path} must be an object")
    return value


def _number(table: Mapping[str, Any], path: str, name: str) -> float | None:
    value = table.get(name)
    if value is None:
        return None
    if not _is_number(value):
        raise ReferenceInvalid(f"{path}.{name} must be a number")
    return float(value)


def _share(table: Mapping[str, Any], path: str, name: str) -> float | None:
    value = _number(table, path, name)
    if value is not None and not 0 < value < 1:
        raise ReferenceInvalid(f"{path}.{name} must lie between 0 and 1")
    return value
