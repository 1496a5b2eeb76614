"""``cv_results_``: what a search publishes about its candidates, as scikit-learn's searches do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from streamlearn.model_selection.candidates import Candidate, SearchSettings


def table_of(
    parameters: Sequence[dict[str, Any]],
    candidates: Sequence[Candidate],
    settings: SearchSettings,
    of_folds: Sequence[Sequence[dict[str, float]]],
    error_score: float,
) -> dict[str, Any]:
    """Return ``cv_results_``.

    Parameters
    ----------
    parameters : sequence of dict
        The parameters of each candidate.
    candidates : sequence of Candidate
    settings : SearchSettings
    of_folds : sequence of sequence of dict
        The scores of each candidate on each fold. It is empty if blocks were scored before they
        were learned from.
    error_score : float
        The score of a candidate that was ended by an error.

    Returns
    -------
    dict of str to array or list
    """
    table: dict[str, Any] = {
        "mean_fit_time": np.array([c.fit_time / max(1, settings.n_folds) for c in candidates]),
        "mean_score_time": np.array([c.score_time for c in candidates]),
        "n_blocks": np.array([c.n_blocks for c in candidates]),
        **masked(parameters),
        "params": list(parameters),
    }
    for name in settings.scores:
        if of_folds:
            values = np.array([[fold[name] for fold in folds] for folds in of_folds])
            mean, std = values.mean(axis=1), values.std(axis=1)
        else:
            mean, std = np.array([_before(c, settings, name) for c in candidates]).T
            values = mean[:, None]
        for row in (mean, std, values):
            row[[bool(c.error) for c in candidates]] = error_score
        for fold in range(values.shape[1]):
            table[f"split{fold}_test_{name}"] = values[:, fold]
        table[f"mean_test_{name}"], table[f"std_test_{name}"] = mean, std
        table[f"rank_test_{name}"] = ranks(mean, table["n_blocks"])
    return table


def _before(candidate: Candidate, settings: SearchSettings, name: str) -> tuple[float, float]:
    """Return the score of all blocks before they were learned from, and its standard deviation."""
    if not candidate.by_block:
        return np.nan, np.nan
    values = [each.values[name] for each in candidate.by_block]
    rows = np.array([each.rows for each in candidate.by_block], dtype=float)
    spread = np.sqrt(np.average((values - np.average(values, weights=rows)) ** 2, weights=rows))
    return settings.scores[name].result(candidate.sums[name]), float(spread)


def ranks(mean: np.ndarray, n_blocks: np.ndarray) -> np.ndarray:
    """Return the ranks of mean scores; 1 is the best.

    A candidate that has learned from more blocks comes before those that dropped out. NaN is last.
    """
    order = np.lexsort((-np.nan_to_num(mean, nan=-np.inf), -n_blocks))
    place = np.empty(len(mean))
    keys = [(n_blocks[k], np.nan_to_num(mean[k], nan=-np.inf)) for k in order]
    place[order] = np.cumsum([k == 0 or keys[k] != keys[k - 1] for k in range(len(keys))])
    return rankdata(place, method="min").astype(np.int32)


def masked(parameters: Sequence[dict[str, Any]]) -> dict[str, np.ma.MaskedArray]:
    """Return an array of the values of each parameter. It is masked where a candidate has none."""
    out: dict[str, np.ma.MaskedArray] = {}
    for name in dict.fromkeys(name for given in parameters for name in given):
        values = [given[name] for given in parameters if name in given]
        numbers = all(
            isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in values
        )
        dtype = np.result_type(*map(np.asarray, values)) if numbers else object
        column = np.ma.MaskedArray(np.empty(len(parameters), dtype=dtype), mask=True)
        for k, given in enumerate(parameters):
            if name in given:
                column[k] = given[name]
        out[f"param_{name}"] = column
    return out
