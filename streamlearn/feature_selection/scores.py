"""Scores of features as functions of sums: which sums each needs, and the scores of the sums."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import sklearn.feature_selection as theirs
from scipy import special, stats

from streamlearn._arrays import to_numpy
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import class_counts, class_moments, moments, target_moments

Found = tuple[np.ndarray, np.ndarray | None]


class Score(NamedTuple):
    """A score of features.

    Attributes
    ----------
    kind : {"labels", "values"}
        What y holds.
    learner : callable
        ``(n_classes) -> Learner`` of the sums.
    of : callable
        ``(state) -> (scores, p-values or None)``.
    again : callable or None
        ``(n_classes, state) -> (learner, of) or None``: the learner of a second read, and the
        scores of what it finds. None if the first read is enough.
    keywords : frozenset of str
        The keywords that the function of scores takes.
    given : callable or None
        ``(**keywords) -> Score``.
    """

    kind: str
    learner: Callable[[int], Learner]
    of: Callable[..., Found]
    again: Callable[[int, Any], tuple[Learner, Callable[[Any], Found]] | None] | None = None
    keywords: frozenset[str] = frozenset()
    given: Callable[..., Score] | None = None


def of_class_moments(state: class_moments.ClassMoments) -> Found:
    """Return F and its p-value: the variance between classes over that within classes."""
    n = to_numpy(class_moments.weights(state))
    each, variances = state.each, to_numpy(class_moments.variance(state.each))
    rounded = to_numpy(each.mean * each.unit)
    rest = to_numpy(each.first / moments.or_one(each.weight) * each.unit)
    # A mean far from zero has few digits after the point, and its rest has the others.
    centre = np.argmax(n)
    about = (rounded - rounded[centre]) + (rest - rest[centre])
    share = n[:, None] / n.sum()
    between = (n[:, None] * (about - (share * about).sum(axis=0)) ** 2).sum(axis=0)
    within = (n[:, None] * variances).sum(axis=0)
    degrees = len(n) - 1, n.sum() - len(n)
    msb, msw = (x / d for x, d in zip((between, within), degrees, strict=True))
    constant = np.flatnonzero(msw == 0.0)
    if not msb.all() and len(constant):
        warnings.warn(f"Features {constant} are constant.", UserWarning, stacklevel=3)
    with np.errstate(divide="ignore", invalid="ignore"):
        f = msb / msw
    return f, special.fdtrc(*degrees, f)


def of_class_counts(state: class_counts.ClassCounts) -> Found:
    """Return the chi-squared statistic of counts by class, and its p-value."""
    if (to_numpy(state.least) < 0).any():
        raise ValueError("Input X must be non-negative.")
    observed, n = (to_numpy(f(state)) for f in (class_counts.counts, class_counts.weights))
    expected = np.outer(n / n.sum(), observed.sum(axis=0))
    with np.errstate(invalid="ignore"):
        chi2 = ((observed - expected) ** 2 / expected).sum(axis=0)
    return chi2, special.chdtrc(len(n) - 1, chi2)


def of_correlation(
    state: target_moments.TargetMoments, center: bool = True, force_finite: bool = True
) -> Found:
    """Return Pearson's correlation with the target."""
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.array(to_numpy(target_moments.correlation(state, centred=bool(center))))
    if force_finite:
        r[np.isnan(r)] = 0.0
    return r, None


def of_regression(
    state: target_moments.TargetMoments, center: bool = True, force_finite: bool = True
) -> Found:
    """Return F of a regression on each feature alone, and its p-value."""
    r, _ = of_correlation(state, center, force_finite)
    degrees = float(to_numpy(target_moments.rows(state))[0]) - (2 if center else 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        f = r**2 / (1 - r**2) * degrees
        # Rounding can make a correlation larger than 1.
        f = np.where(r**2 >= 1, np.inf, f) if degrees > 0 else f
        p = stats.f.sf(f, 1, degrees)
    if force_finite:
        f[np.isinf(f)] = np.finfo(f.dtype).max
        nan = np.isnan(f)
        f[nan], p[nan] = 0.0, 1.0
    return f, p


def _values(n_classes: int) -> Learner:
    return target_moments.learner()


def _of_values(of: Callable[..., Found], **given: Any) -> Score:
    return Score(
        "values",
        _values,
        partial(of, **given),
        keywords=frozenset({"center", "force_finite"}),
        given=partial(_of_values, of),
    )


CLASSIF = Score("labels", class_moments.learner, of_class_moments)
CHI2 = Score("labels", class_counts.learner, of_class_counts)
REGRESSION = _of_values(of_regression)
CORRELATION = _of_values(of_correlation)

KNOWN: dict[Any, Score] = {
    theirs.f_classif: CLASSIF,
    theirs.chi2: CHI2,
    theirs.f_regression: REGRESSION,
    theirs.r_regression: CORRELATION,
}
"""The scores of functions. The module of this package's functions adds their scores."""


def score_of(function: Any) -> Score | None:
    """Return the score of a function of (X, y), or None if it is not a function of sums.

    A ``functools.partial`` may give keywords of the function.
    """
    inner, given = function, {}
    if isinstance(function, partial) and not function.args:
        inner, given = function.func, function.keywords
    try:
        score = KNOWN.get(inner)
    except TypeError:  # it has no hash
        return None
    if score is None or not given:
        return score
    if score.given is None or not given.keys() <= score.keywords:
        return None
    return score.given(**given)
