"""Whether two sets of rows can be told apart (M-IN-04): the two-sample test of a classifier (Lopez-Paz and Oquab, ICLR 2017).

The classifier is kernel ridge regression (Gaussian kernel, so that a changed correlation is seen as well as a changed mean), each
row told from a fit without it (the closed form of leave-one-out), so that a permutation costs one product of matrices.
"""

from typing import Any

import numpy as np

from monitoring.ranking import ranks

Array = np.ndarray[Any, Any]
RIDGE = 1.0
CLIP = 4.0
PERMUTATIONS = 200


def tell_apart(earlier: Array, later: Array, *, seed: int, above: float = 0.0) -> tuple[float, float]:
    """Rows × features, NaN or infinite where there is no number → the AUROC of the classifier, and how often a permutation of
    the labels does as well (at least 1 in 201; 1 without trying where the AUROC is not ``above``)."""
    kernel = _kernel(_values(np.vstack([earlier, later]).astype(float)))
    label = np.concatenate([-np.ones(len(earlier)), np.ones(len(later))])[:, None]
    hat = np.linalg.solve(kernel + RIDGE * np.eye(len(label)), kernel)
    area = _areas(hat, label)[0]
    if area <= above:
        return area, 1.0
    random = np.random.default_rng(seed)
    shuffled = np.column_stack([random.permutation(label) for _ in range(PERMUTATIONS)])
    better = sum(each >= area for each in _areas(hat, shuffled))
    return area, (1 + better) / (1 + PERMUTATIONS)


def _areas(hat: Array, labels: Array) -> list[float]:
    """The AUROC of each column of labels."""
    leverage = np.clip(np.diag(hat), 0.0, 0.999)[:, None]
    told = (hat @ labels - leverage * labels) / (1 - leverage)
    return [_area(told[:, each], labels[:, each]) for each in range(labels.shape[1])]


def _values(rows: Array) -> Array:
    """Standardised values (the mean where there is none) and what is missing, as far as it varies."""
    told = np.isfinite(rows)
    count = np.maximum(told.sum(axis=0), 1)
    mean = np.where(told, rows, 0.0).sum(axis=0) / count
    off = np.where(told, rows - mean, 0.0)
    spread = np.sqrt((off**2).sum(axis=0) / count)
    parts = np.hstack([np.clip(off / np.where(spread > 0, spread, 1.0), -CLIP, CLIP), (~told).astype(float)])
    varies = parts.std(axis=0) > 1e-9
    found: Array = (parts[:, varies] - parts[:, varies].mean(axis=0)) / parts[:, varies].std(axis=0)
    return found


def _kernel(values: Array) -> Array:
    """Gaussian, as wide as half the median squared distance, plus a linear part; both centred."""
    size = np.einsum("ij,ij->i", values, values)
    inner = values @ values.T
    apart = np.maximum(size[:, None] + size - 2 * inner, 0.0)
    kernel = np.exp(-apart / max(float(np.median(apart)), 1e-9)) + inner / max(1, values.shape[1]) / 4
    centred: Array = kernel - kernel.mean(axis=0) - kernel.mean(axis=1)[:, None] + kernel.mean()
    return centred


def _area(scores: Array, labels: Array) -> float:
    true = labels > 0
    m, n = int(true.sum()), int((~true).sum())
    return float((ranks(scores)[true].sum() - m * (m + 1) / 2) / (m * n))
