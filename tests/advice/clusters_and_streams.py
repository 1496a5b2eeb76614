"""What errors of metrics of several labels, of clusters and of streams advise, and of pictures."""

from __future__ import annotations

from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
from sklearn.metrics import pairwise_distances
from sklearn.preprocessing import MultiLabelBinarizer

from streamlearn import metrics
from streamlearn._validation import messages
from streamlearn.cluster import KMeans, MiniBatchKMeans
from streamlearn.mixture import GaussianMixture
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.advice.table import DX, DY, SEED, THREE, X, Y, advice, sgd

SEVERAL = (X > 2).astype(int)
LISTS = np.array([[1], [0, 1]], dtype=object)


def kmeans() -> Any:
    return MiniBatchKMeans(3, **SEED)


def without_matplotlib(draw: Any, *given: Any) -> Any:
    with patch.object(messages, "find_spec", lambda _: None):
        return draw(*given)


def iterations(schedule: str) -> Any:
    return make_pipeline(StandardScaler(), KMeans(3, **SEED), schedule=schedule).fit(DX)


def warm(*, warm_start: bool) -> Any:
    model = GaussianMixture(2, tol=1.0, init_params="random", **SEED).fit(X)
    return model.set_params(n_components=3, warm_start=warm_start).fit(X)


CLUSTERS_AND_STREAMS = [
    advice(
        lambda: KMeans(8).fit(X[:5]),
        "Ask for fewer clusters",
        lambda: KMeans(5, **SEED).fit(X[:5]),
    ),
    advice(
        lambda: StandardScaler().fit(lambda: [(X, Y), X]),
        "Give all blocks the same parts",
        lambda: StandardScaler().fit(lambda: [(X, Y), (X, Y)]),
    ),
    advice(
        lambda: iterations("one-pass"),
        'Use schedule="per-step" or "auto", and fit',
        lambda: iterations("per-step"),
        lambda: iterations("auto"),
    ),
    advice(
        lambda: warm(warm_start=True),
        "Set warm_start=False",
        lambda: warm(warm_start=False),
    ),
    advice(
        lambda: metrics.f1_score(LISTS, LISTS),
        "Give a column of 0 and 1 for each label, which sklearn.preprocessing.MultiLabelBinarizer",
        lambda: metrics.f1_score(
            *2 * [MultiLabelBinarizer().fit_transform(LISTS)], average="micro"
        ),
    ),
    advice(
        lambda: metrics.roc_auc_score(SEVERAL, X[:, 0]),
        "Give a column of scores for each label",
        lambda: metrics.roc_auc_score(SEVERAL, X),
    ),
    advice(
        lambda: metrics.roc_auc_score(SEVERAL, X, average="samples"),
        "Give 'micro', 'macro', 'weighted' or None",
        lambda: metrics.roc_auc_score(SEVERAL, X, average="micro"),
    ),
    advice(
        lambda: metrics.average_precision_score(SEVERAL, X, pos_label=0),
        "pos_label is fixed to 1 for several classes or labels. Leave it out",
        lambda: metrics.average_precision_score(SEVERAL, X),
    ),
    advice(
        lambda: metrics.davies_bouldin_score(X[:, 0], Y),
        "Give one row for each sample and one column for each feature",
        lambda: metrics.davies_bouldin_score(X[:, :1], Y),
    ),
    advice(
        lambda: (
            metrics.Progressive(metrics.calinski_harabasz_score).update(X, Y).update(X[:, :2], Y)
        ),
        "Give all blocks the same columns",
        lambda: metrics.Progressive(metrics.calinski_harabasz_score).update(X, Y).update(X, Y),
    ),
    advice(
        lambda: metrics.silhouette_score(DX, DY, metric="precomputed"),
        "Give the rows and the name of a distance, or give all distances in memory",
        lambda: metrics.silhouette_score(DX, DY, metric="cityblock"),
        lambda: metrics.silhouette_score(
            pairwise_distances(X, metric="cityblock"), Y, metric="precomputed"
        ),
    ),
    advice(
        lambda: metrics.simplified_silhouette_score(X, Y, centers=X[:1]),
        "Give a row for each of at least two clusters, as cluster_centers_ of k-means has",
        lambda: metrics.simplified_silhouette_score(
            X, kmeans().fit(X).labels_, centers=kmeans().fit(X).cluster_centers_
        ),
    ),
    advice(
        lambda: metrics.simplified_silhouette_score(X, Y, centers=X[:2, :2]),
        "Give the centres of these rows",
        lambda: metrics.simplified_silhouette_score(X, Y, centers=X[:2]),
    ),
    advice(
        lambda: metrics.RocCurveDisplay.from_estimator(sgd().fit(X, THREE), X, THREE),
        "Give the scores of one class to from_predictions",
        lambda: metrics.RocCurveDisplay.from_predictions(
            THREE == 1, sgd().fit(X, THREE).decision_function(X)[:, 1]
        ),
    ),
    advice(
        lambda: metrics.RocCurveDisplay.from_predictions(THREE, X[:, 0]),
        "Give y == label, and the scores of that label",
        lambda: metrics.RocCurveDisplay.from_predictions(THREE == 1, X[:, 0]),
    ),
    advice(
        lambda: metrics.Progressive({}),
        "Give at least one, as in {'accuracy': 'accuracy'}",
        lambda: metrics.Progressive({"accuracy": "accuracy"}),
    ),
    advice(
        lambda: metrics.Progressive("f3"),
        "Give one of accuracy, .*, or a function of streamlearn.metrics",
        lambda: metrics.Progressive("accuracy"),
        lambda: metrics.Progressive(metrics.f1_score),
    ),
    advice(
        lambda: metrics.Progressive("accuracy").update(None, Y),
        "compares predictions with y_true, which is None. Give it",
        lambda: metrics.Progressive("accuracy").update(Y, Y),
    ),
    advice(
        lambda: metrics.Progressive("accuracy").update(DY, DY),
        "Give one block in memory, or use streamlearn.metrics.compute",
        lambda: metrics.Progressive("accuracy").update(DY.blocks[0].compute(), Y[:40]),
        lambda: metrics.compute(DY, DY, {"accuracy": metrics.accuracy_score}),
    ),
    advice(
        lambda: metrics.Progressive("accuracy").update(Y, Y).update(Y, {"predict": Y}),
        "Give the same ones for each block",
        lambda: metrics.Progressive("accuracy").update(Y, Y).update(Y, Y),
    ),
    advice(
        lambda: metrics.Progressive("accuracy").update(Y, Y).window_score(),
        "Give a number of rows, for example window=1_000",
        lambda: metrics.Progressive("accuracy", window=1_000).update(Y, Y).window_score(),
    ),
    advice(
        lambda: metrics.Progressive("accuracy").update(Y, Y).faded_score(),
        "Give a number below 1, for example 0.999",
        lambda: metrics.Progressive("accuracy", fading_factor=0.999).update(Y, Y).faded_score(),
    ),
    advice(
        lambda: metrics.Progressive("accuracy", fading_factor=1.0),
        "Leave it out if rows must not fade",
        lambda: metrics.Progressive("accuracy"),
    ),
    advice(
        lambda: metrics.Progressive("rand_score", fading_factor=0.9),
        "Leave fading_factor out, and give window",
        lambda: metrics.Progressive("rand_score", window=9),
    ),
    advice(
        lambda: metrics.Progressive(metrics.confusion_matrix, fading_factor=0.9).update(Y, Y),
        "such as normalize='all' of confusion_matrix, or leave fading_factor out",
        lambda: metrics.Progressive(
            partial(metrics.confusion_matrix, normalize="all"), fading_factor=0.9
        ).update(Y, Y),
        lambda: metrics.Progressive(metrics.confusion_matrix).update(Y, Y),
    ),
    advice(
        lambda: metrics.Progressive(metrics.davies_bouldin_score).update(X, Y).score(),
        "Use streamlearn.metrics.compute for it",
        lambda: metrics.compute(DX, DY, {"Davies-Bouldin": metrics.davies_bouldin_score}),
    ),
    advice(
        lambda: metrics.Progressive("accuracy").score(),
        "Call update first",
        lambda: metrics.Progressive("accuracy").update(Y, Y).score(),
    ),
    advice(
        lambda: without_matplotlib(metrics.RocCurveDisplay.from_predictions, Y, X[:, 0]),
        r"Install it: pip install \"dask-streamlearn\[plot\]\"",
        lambda: metrics.RocCurveDisplay.from_predictions(Y, X[:, 0]),
    ),
]
