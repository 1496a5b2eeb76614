"""scikit-learn's scorers by name, and our metrics for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from sklearn import metrics as theirs

from streamlearn._sklearn import ScorerArguments, scorer_arguments
from streamlearn.metrics.agreement import negative_likelihood_ratio, positive_likelihood_ratio

RATIOS = {ratio.__name__: ratio for ratio in (negative_likelihood_ratio, positive_likelihood_ratio)}
"""Metrics of scorers that are not public functions, neither there nor here."""


def our_function(name: str) -> Callable[..., Any]:
    """Return our metric that has the name of scikit-learn's, or raise an AttributeError."""
    from streamlearn import metrics  # which imports this module

    return RATIOS[name] if name in RATIOS else getattr(metrics, name)


@cache
def named_metrics() -> dict[str, Callable[..., Any]]:
    """Return scikit-learn's metric of each of its scorers for which we have one, by name."""
    from streamlearn import metrics  # which imports this module

    found = {
        name: scorer_arguments(theirs.get_scorer(name)).metric for name in theirs.get_scorer_names()
    }
    known = {*metrics.__all__, *RATIOS}
    return {
        name: metric
        for name, metric in found.items()
        if metric is not None and metric.__name__ in known
    }


def made_by_name(name: str) -> ScorerArguments:
    """Return the arguments of make_scorer for a scorer, with our metric.

    Raises
    ------
    ValueError
        If there is no such scorer.

    Examples
    --------
    >>> made_by_name("neg_log_loss").sign
    -1
    """
    if name not in named_metrics():
        raise ValueError(
            f"{name!r} is not one of scikit-learn's scorers that work over blocks. Give one of "
            f"{', '.join(named_metrics())}, or a function of streamlearn.metrics."
        )
    made = scorer_arguments(theirs.get_scorer(name))
    return made._replace(metric=our_function(made.metric.__name__))
