"""The table of bad input for functions and searches: what is given, to what, and what must be said.

The lines are printed into docs/bad_input.md, after those of `tests.bad_input_cases`, as
tests/test_bad_input.py says. Each error comes from one call.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import loguniform
from sklearn import linear_model as theirs
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import PowerTransformer

from streamlearn import metrics
from streamlearn import model_selection as ours
from streamlearn.blocks import from_blocks
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.bad_input_cases import ARRAY, DASK, last, other_chunks, table
from tests.containers import N_ROWS, dask_array

Wrap = Callable[[Any], Any]
"""It puts an array of NumPy in the container of a line."""


class Call(NamedTuple):
    """One line of the table.

    Attributes
    ----------
    given : str
        What is given, as the page has it.
    to : str
        The functions, as the page has them.
    call : callable
        ``(wrap) -> object`` makes the call.
    says : str
        A pattern in the error, its notes included: what was given, and what to do.
    where : tuple of str
        The containers.
    error : type
    """

    given: str
    to: str
    call: Callable[[Wrap], Any]
    says: str
    where: tuple[str, ...] = (ARRAY, DASK)
    error: type[Exception] = ValueError


X, LABELS, _ = table(labels=True)
Y = (LABELS > 0).astype(int)
THREE = np.eye(3)[LABELS] * 0.8 + 0.2 / 3
P = 0.2 + 0.6 * Y
VALUES = np.linspace(1.0, 2.0, N_ROWS)
ONES = np.ones(N_ROWS)
BALANCED = np.where(np.arange(N_ROWS) % 2, 1.0, -1.0)
MIXED = last(Y.astype(object), "late")
MODEL = SGDClassifier(classes=[0, 1], random_state=0)
GRID = {"alpha": [1e-4, 1e-2]}


def metric(function: Any, y: np.ndarray, p: np.ndarray, **how: Any) -> Callable[[Wrap], Any]:
    """Return a call of a metric. Arrays among its parameters are in the container, too."""
    return lambda wrap: function(wrap(y), wrap(p), **{k: wrap(v) for k, v in how.items()})


def data(wrap: Wrap) -> tuple[Any, Any]:
    return wrap(X), wrap(Y)


def crossed(function: Any = ours.cross_validate, model: Any = MODEL, **how: Any) -> Any:
    how = {"cv": ours.KFold(2), **how}
    return lambda wrap: function(model, *data(wrap), **how)


def search(grid: Any = GRID, model: Any = MODEL, cls: Any = ours.StreamSearchCV, **how: Any) -> Any:
    return lambda wrap: cls(model, grid, **{"random_state": 0, **how}).fit(*data(wrap))


def split(splitter: Any, *parts: np.ndarray) -> Any:
    return lambda wrap: [*splitter.split_collections(*map(wrap, parts))]


def streamed() -> Any:
    """Return a source of blocks that does not say how many there are."""
    return from_blocks([(X[i : i + 50], Y[i : i + 50]) for i in range(0, N_ROWS, 50)])


ONLY = (DASK,)
EVERY_METRIC = "every metric"
OF_LABELS = "metrics of labels, such as `accuracy_score`"
OF_SCORES = "metrics of scores, such as `roc_auc_score`"
OF_VALUES = "metrics of values, such as `r2_score`"
OF_PROBABILITIES = "`log_loss`, `brier_score_loss` and their D2"
ACROSS = "`cross_validate` and the functions like it"
SEARCHES = "every search"

CALLS = {
    "Metrics": [
        Call(
            "fewer predictions than targets",
            EVERY_METRIC,
            metric(metrics.accuracy_score, Y, Y[:-1]),
            "y_pred has 199 rows, y_true has 200. Give both the same rows",
        ),
        Call(
            "predictions in other chunks than the targets",
            EVERY_METRIC,
            lambda wrap: metrics.accuracy_score(wrap(Y), other_chunks(Y)),
            r"Rechunk one of them: y_true\.rechunk",
            ONLY,
        ),
        Call(
            "no rows",
            EVERY_METRIC,
            metric(metrics.r2_score, VALUES[:0], VALUES[:0]),
            "at least one",
        ),
        Call(
            "None as predictions",
            EVERY_METRIC,
            metric(metrics.f1_score, Y, None),
            "y_pred is None. Give the predictions",
        ),
        Call(
            "weights that are all 0",
            "every metric with `sample_weight`",
            metric(metrics.accuracy_score, Y, Y, sample_weight=0 * ONES),
            "Leave sample_weight out, or give some rows a weight",
        ),
        Call(
            "weights whose sum is 0",
            "every metric with `sample_weight`",
            metric(metrics.mean_squared_error, VALUES, VALUES, sample_weight=BALANCED),
            "The sum of sample_weight is 0.*Give weights that are not negative",
        ),
        Call(
            "negative weights",
            "`median_absolute_error`, `d2_pinball_score`",
            metric(metrics.median_absolute_error, VALUES, VALUES, sample_weight=BALANCED),
            "a median has no meaning then. Drop such rows",
        ),
        Call(
            "NaN among the weights",
            "every metric with `sample_weight`",
            metric(metrics.accuracy_score, Y, Y, sample_weight=last(ONES, np.nan)),
            "sample_weight contains NaN.*Drop such rows",
        ),
        Call(
            "NaN among labels",
            OF_LABELS,
            metric(metrics.accuracy_score, last(1.0 * Y, np.nan), Y),
            "y_true contains NaN.*Drop such rows",
        ),
        Call(
            "NaN among scores",
            OF_SCORES,
            metric(metrics.roc_auc_score, Y, last(P, np.nan)),
            "y_score contains NaN.*Drop such rows",
        ),
        Call(
            "NaN among values",
            OF_VALUES,
            metric(metrics.r2_score, VALUES, last(VALUES, np.nan)),
            "y_pred contains NaN.*Drop such rows",
        ),
        Call(
            "scores or probabilities as predicted labels",
            OF_LABELS,
            metric(metrics.f1_score, Y, P),
            "continuous.*Give labels that are whole numbers or text",
        ),
        Call(
            "text and numbers",
            OF_LABELS,
            metric(metrics.accuracy_score, Y, Y.astype(str)),
            "Give both as text, or both as numbers",
        ),
        Call(
            "text and numbers in one array",
            OF_LABELS,
            metric(metrics.confusion_matrix, MIXED, MIXED),
            "mixes labels.*Labels must be all numbers or all strings",
            error=TypeError,
        ),
        Call(
            "probabilities below 0 or above 1",
            OF_PROBABILITIES,
            metric(metrics.log_loss, Y, 2 * P),
            "Give what predict_proba returns",
        ),
        Call(
            "probabilities below 0 or above 1",
            "`calibration_curve`",
            metric(metrics.calibration_curve, Y, 2 * P),
            "Give what predict_proba returns",
        ),
        Call(
            "a label that is not among `labels`",
            OF_PROBABILITIES,
            metric(partial(metrics.log_loss, labels=[0, 1]), LABELS, THREE),
            "not in labels.*Give all labels of the data in labels, or None",
        ),
        Call(
            "fewer columns than classes",
            "metrics with a column for each class",
            metric(metrics.log_loss, LABELS, THREE[:, :2]),
            "Give one column for each class",
        ),
        Call(
            "a positive label that is not in y",
            "`brier_score_loss`, `d2_brier_score`",
            metric(partial(metrics.brier_score_loss, pos_label=4), Y, P),
            "pos_label=4 is not a valid label.*Give the label whose prob",
        ),
        Call(
            "several classes without `average`",
            "`precision_score`, `recall_score`, `f1_score` and the like",
            metric(metrics.f1_score, LABELS, LABELS),
            "Please choose another average setting",
        ),
        Call(
            "several classes without `multi_class`",
            "`roc_auc_score`",
            metric(metrics.roc_auc_score, LABELS, THREE),
            "multi_class must be in",
        ),
        Call(
            "scores of three dimensions",
            OF_SCORES,
            metric(metrics.hinge_loss, Y, THREE[:, :, None]),
            "has shape .* Give one number a row, or a column for each class",
        ),
        Call(
            "targets of 0 or less",
            "`mean_gamma_deviance`",
            metric(metrics.mean_gamma_deviance, VALUES - 1, VALUES),
            "Drop such rows, or use",
        ),
        Call(
            "metrics without names",
            "`compute`",
            lambda wrap: metrics.compute(wrap(Y), wrap(Y), [metrics.accuracy_score]),
            "Give a dict of names and metrics",
            error=TypeError,
        ),
        Call(
            "a metric of scikit-learn",
            "`compute`",
            lambda wrap: metrics.compute(wrap(Y), wrap(Y), {"accuracy": "accuracy"}),
            "Give one of those",
            error=TypeError,
        ),
    ],
    "Splits, and scores over splits": [
        Call(
            "y with fewer rows than X",
            ACROSS,
            lambda wrap: ours.cross_val_score(MODEL, wrap(X), wrap(Y[:-1])),
            "Give both the same rows",
            ONLY,
        ),
        Call(
            "y in other chunks than X",
            ACROSS,
            lambda wrap: ours.cross_val_score(MODEL, wrap(X), other_chunks(Y)),
            "Rechunk one of them",
            ONLY,
        ),
        Call(
            "X in memory and y a dask array",
            ACROSS,
            lambda wrap: ours.cross_val_score(MODEL, X, wrap(Y)),
            "Give both as dask collections",
            ONLY,
            TypeError,
        ),
        Call(
            "a splitter that needs rows in memory",
            ACROSS,
            crossed(cv=GroupKFold(2)),
            "Give a number of folds, or KFold",
            ONLY,
            TypeError,
        ),
        Call(
            "a list of indices as `cv`",
            ACROSS,
            crossed(cv=[(np.arange(100), np.arange(100, 200))]),
            "Give a number of folds, or KFold",
            ONLY,
            TypeError,
        ),
        Call(
            "groups", ACROSS, crossed(groups=Y), "groups needs rows in memory.* Leave it out", ONLY
        ),
        Call("`n_jobs=2`", ACROSS, crossed(n_jobs=2), "Leave n_jobs out", ONLY),
        Call("`pre_dispatch=4`", ACROSS, crossed(pre_dispatch=4), "Leave it out", ONLY),
        Call(
            "the name of no scorer",
            ACROSS,
            crossed(scoring="acuracy"),
            "Did you mean 'accuracy'",
            ONLY,
        ),
        Call(
            "a number as `scoring`",
            ACROSS,
            crossed(scoring=3),
            "Give the name of one, a function",
            ONLY,
            TypeError,
        ),
        Call(
            "a metric as `scoring`",
            ACROSS,
            crossed(scoring=metrics.accuracy_score),
            "Give the name of a scorer, or make one",
            ONLY,
        ),
        Call(
            "a score of probabilities, which a model does not have",
            ACROSS,
            crossed(scoring="neg_log_loss"),
            "Give another score, or an estimator that has the method",
            ONLY,
            AttributeError,
        ),
        Call(
            "a scorer that returns text",
            ACROSS,
            crossed(scoring=lambda model, X, y: "good"),
            "scoring must return a number, got 'good'.*Return a float",
            ONLY,
        ),
        Call(
            "a class as the estimator",
            ACROSS,
            crossed(model=SGDClassifier),
            r"Give one, such as SGDClassifier\(\)",
            ONLY,
            TypeError,
        ),
        Call(
            "an estimator without a score",
            ACROSS,
            crossed(model=StandardScaler()),
            "should have a 'score' method.*Give scoring",
            ONLY,
            TypeError,
        ),
        Call(
            "a parameter of the estimator out of range",
            ACROSS,
            crossed(model=SGDClassifier(alpha=-1.0, classes=[0, 1])),
            "All the 2 fits failed.*'alpha' parameter",
            ONLY,
        ),
        Call(
            "a list as `params`",
            ACROSS,
            crossed(params=[ONES]),
            "Give the further arguments of fit by name",
            ONLY,
            TypeError,
        ),
        Call(
            "the name of no method",
            "`cross_val_predict`",
            crossed(ours.cross_val_predict, method="predict_prob"),
            "Give one of predict, decision_function",
            ONLY,
            AttributeError,
        ),
        Call(
            "numbers of rows as `train_sizes`",
            "`learning_curve`",
            crossed(ours.learning_curve, train_sizes=[10, 100]),
            "Divide numbers of rows by the length",
            ONLY,
        ),
        Call(
            "no `train_sizes`",
            "`learning_curve`",
            crossed(ours.learning_curve, train_sizes=[]),
            "Give at least one share",
            ONLY,
        ),
        Call(
            "no values of a parameter",
            "`validation_curve`",
            crossed(partial(ours.validation_curve, param_name="alpha", param_range=[])),
            "Give at least one",
            ONLY,
        ),
        Call(
            "a misspelled parameter",
            "`validation_curve`",
            crossed(partial(ours.validation_curve, param_name="alhpa", param_range=[1.0])),
            "Invalid parameter 'alhpa'.*Valid parameters are",
            ONLY,
        ),
        Call(
            "y in memory and X a dask array",
            "`train_test_split`, `split_collections`",
            lambda wrap: ours.train_test_split(wrap(X), Y),
            "Give both as dask collections",
            ONLY,
            TypeError,
        ),
        Call(
            "a share above 1",
            "`train_test_split`, `ShuffleSplit`",
            lambda wrap: ours.train_test_split(wrap(X), test_size=1.5),
            "in the .0, 1. range",
            ONLY,
        ),
        Call(
            "more folds than rows",
            "`KFold`, `StratifiedKFold`",
            split(ours.KFold(201), X),
            "n_splits=201 greater than the number of samples",
            ONLY,
        ),
        Call(
            "no labels",
            "`StratifiedKFold`",
            split(ours.StratifiedKFold(2), X),
            "deals rows by their labels y, which are None. Give them, or use KFold",
            ONLY,
        ),
    ],
    "Searches": [
        Call(
            "a misspelled parameter in the grid",
            SEARCHES,
            search({"alhpa": [1e-4, 1e-2]}),
            "Invalid parameter 'alhpa'.*Valid parameters are",
        ),
        Call(
            "a grid that is an empty list",
            SEARCHES,
            search([]),
            "has no candidates. Give a dict of names and lists",
        ),
        Call(
            "a number instead of a list of values",
            SEARCHES,
            search({"alpha": 0.1}),
            "need to be wrapped in a list",
            error=TypeError,
        ),
        Call(
            "a distribution without `n_iter`",
            "`StreamSearchCV`, `SuccessiveHalvingSearchCV`",
            search({"alpha": loguniform(1e-4, 1.0)}),
            "Give n_iter, the number of candidates",
        ),
        Call(
            "the name of no scorer",
            SEARCHES,
            search(scoring="acuracy"),
            "Did you mean 'accuracy'",
        ),
        Call(
            "several scores, of which none chooses",
            SEARCHES,
            search(scoring=["accuracy", "f1"]),
            "Give the name of the one that chooses the best candidate",
        ),
        Call(
            "the name of another score as `refit`",
            SEARCHES,
            search(refit="f1"),
            "Give refit=True, scoring='f1', or a list of several scores",
        ),
        Call(
            "a function as `refit` that returns no candidate",
            SEARCHES,
            search(refit=lambda table: 7),
            "Return an int from 0 to 1",
        ),
        Call(
            "a score of probabilities, which no candidate has",
            SEARCHES,
            search(scoring="neg_log_loss"),
            "All 2 candidates ended.*Give another score, or an estimator that has the method",
        ),
        Call(
            "no y for a score that needs it",
            SEARCHES,
            lambda wrap: ours.StreamSearchCV(
                MiniBatchKMeans(), {"n_clusters": [2, 3]}, scoring="rand_score", random_state=0
            ).fit(wrap(X)),
            "Give y, or scoring=None",
        ),
        Call(
            "a parameter out of range in all candidates",
            SEARCHES,
            search({"alpha": [-1.0, -2.0]}),
            "All 2 candidates ended with an error.*'alpha' parameter",
        ),
        Call(
            "NaN in X, which ends all candidates",
            SEARCHES,
            lambda wrap: ours.SuccessiveHalvingSearchCV(MODEL, GRID, random_state=0).fit(
                wrap(last(X, np.nan)), wrap(Y)
            ),
            "ended with an error.*Input X contains NaN.*In block",
        ),
        Call(
            "an estimator without `partial_fit`",
            SEARCHES,
            search({"fit_intercept": [True, False]}, theirs.LinearRegression()),
            "must be an object implementing 'partial_fit'",
        ),
        Call(
            "a pipeline whose last step has no `partial_fit`",
            SEARCHES,
            search(
                {"logisticregression__C": [0.1, 1.0]},
                make_pipeline(StandardScaler(), theirs.LogisticRegression()),
            ),
            "For the last step use an estimator that has it. Or use validation_curve with",
            error=TypeError,
        ),
        Call(
            "a pipeline with a transformer that has no `partial_fit`",
            SEARCHES,
            search({"sgdclassifier__alpha": [1e-4]}, make_pipeline(PowerTransformer(), MODEL)),
            "streamlearn.preprocessing has PowerTransformer that can",
            error=TypeError,
        ),
        Call(
            "groups",
            SEARCHES,
            lambda wrap: ours.StreamSearchCV(MODEL, GRID, random_state=0).fit(
                *data(wrap), groups=Y
            ),
            "no search has folds by groups. Leave it out",
            error=TypeError,
        ),
        Call(
            "a splitter that needs rows in memory",
            "`StreamSearchCV`",
            search(cv=GroupKFold(2)),
            "The 'cv' parameter of StreamSearchCV must be",
        ),
        Call(
            "more folds than blocks",
            "`StreamSearchCV`",
            search(cv=30),
            "Give data in more blocks, fewer folds, or cv='progressive'",
        ),
        Call(
            "X in one block",
            SEARCHES,
            lambda wrap: ours.StreamSearchCV(MODEL, GRID, random_state=0).fit(
                dask_array(X, [N_ROWS]), dask_array(Y, [N_ROWS])
            ),
            "Give X and y in more blocks",
            ONLY,
        ),
        Call(
            "weights that are all 0",
            SEARCHES,
            lambda wrap: ours.StreamSearchCV(MODEL, GRID, random_state=0).fit(
                *data(wrap), sample_weight=wrap(0 * ONES)
            ),
            "Leave sample_weight out, or give some rows a weight",
        ),
        Call(
            "a first cut after the last block",
            "`SuccessiveHalvingSearchCV`",
            search(cls=ours.SuccessiveHalvingSearchCV, min_resources=30),
            "Give data in more blocks, or min_resources",
        ),
        Call(
            "a source that does not say how many blocks it has",
            "`SuccessiveHalvingSearchCV`",
            lambda wrap: ours.SuccessiveHalvingSearchCV(MODEL, GRID, random_state=0).fit(
                *streamed()
            ),
            "Give min_resources",
            ONLY,
        ),
        Call(
            "a source that does not say how many blocks it has",
            "`HyperbandSearchCV`",
            lambda wrap: ours.HyperbandSearchCV(MODEL, GRID, random_state=0).fit(*streamed()),
            "Give n_blocks",
            ONLY,
        ),
        Call(
            "another number of blocks than the data have",
            "`HyperbandSearchCV`",
            search(cls=ours.HyperbandSearchCV, n_blocks=100),
            "Leave n_blocks out",
        ),
        Call(
            "a call of `predict` after `refit=False`",
            SEARCHES,
            lambda wrap: search(refit=False)(wrap).predict(wrap(X)),
            "Fit it with refit=True",
            error=NotFittedError,
        ),
    ],
}
