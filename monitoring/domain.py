"""Whether two sets of rows can be told apart (M-IN-04): the two-sample test of a classifier (Lopez-Paz and Oquab, ICLR 2017).

The classifier is ridge regression on values, squares and missingness, each row told from a fit without it (the closed form of
leave-one-out), so that a permutation costs one product of matrices.
"""

from typing import Any

import numpy as np

from monitoring.ranking import ranks

Array = np.ndarray[Any, Any]
RIDGE = 10.0
CLIP = 4.0
PERMUTATIONS = 200


def tell_apart(earlier: Array, later: Array, *, seed: int) -> tuple[float, float]:
    """Rows × features, NaN or infinite where there is no number → the AUROC of the classifier, and how often a permutation of
    the labels does as well (at least 1 in 201)."""
    design = _design(np.vstack([earlier, later]).astype(float))
    label = np.concatenate([-np.ones(len(earlier)), np.ones(len(later))])
    penalty = RIDGE * np.eye(design.shape[1])
    penalty[0, 0] = 0.0
    hat = design @ np.linalg.solve(design.T @ design + penalty, design.T)
    leverage = np.clip(np.diag(hat), 0.0, 0.999)[:, None]
    random = np.random.default_rng(seed)
    shuffled = np.column_stack([label, *(random.permutation(label) for _ in range(PERMUTATIONS))])
    told = (hat @ shuffled - leverage * shuffled) / (1 - leverage)
    areas = [_area(told[:, each], shuffled[:, each]) for each in range(shuffled.shape[1])]
    better = sum(area >= areas[0] for area in areas[1:])
    return areas[0], (1 + better) / (1 + PERMUTATIONS)


def _design(rows: Array) -> Array:
    """Ones, standardised values (the mean where there is none), their squares, and what is missing, as far as it varies."""
    told = np.isfinite(rows)
    count = np.maximum(told.sum(axis=0), 1)
    mean = np.where(told, rows, 0.0).sum(axis=0) / count
    off = np.where(told, rows - mean, 0.0)
    spread = np.sqrt((off**2).sum(axis=0) / count)
    values = np.clip(off / np.where(spread > 0, spread, 1.0), -CLIP, CLIP)
    parts = np.hstack([values, values**2, (~told).astype(float)])
    varies = parts.std(axis=0) > 1e-9
    parts = parts[:, varies]
    parts = (parts - parts.mean(axis=0)) / parts.std(axis=0)
    return np.hstack([np.ones((len(rows), 1)), parts])


def _area(scores: Array, labels: Array) -> float:
    true = labels > 0
    m, n = int(true.sum()), int((~true).sum())
    return float((ranks(scores)[true].sum() - m * (m + 1) / 2) / (m * n))
