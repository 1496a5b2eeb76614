"""The same rows give the same bits, however they lie in memory."""

from __future__ import annotations

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import has_fit_parameter

from streamlearn.cluster import KMeans, MiniBatchKMeans
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.mixture import GaussianMixture
from streamlearn.neural_network import MLPClassifier
from streamlearn.preprocessing import StandardScaler

ROWS, COLUMNS, BLOCK = 1500, 7, 500
X = np.random.default_rng(0).normal(size=(ROWS, COLUMNS)) * [1, 2, 3, 4, 5, 6, 7] + 10
Y = (X[:, 0] + X[:, 1] > 20) * 1
VALUES = X @ np.arange(COLUMNS) / 3
WEIGHT = np.random.default_rng(1).uniform(0.5, 2, size=ROWS)


def within(x: np.ndarray) -> np.ndarray:
    """Return ``x`` as every other entry of a larger array, in each dimension."""
    larger = np.full([2 * n for n in x.shape], -1, dtype=x.dtype)
    out = larger[tuple(slice(1, None, 2) for _ in x.shape)]
    out[...] = x
    return out


def of_bytes(x: np.ndarray) -> np.ndarray:
    """Return ``x`` as a message from another worker may leave it: read-only, at an odd address."""
    return np.frombuffer(b"\0" + x.tobytes(), dtype=x.dtype, offset=1).reshape(x.shape)


ORDERS = {
    "Fortran": np.asfortranarray,
    "strided": within,
    "backwards": lambda x: np.array(x[::-1])[::-1],
    "of bytes": of_bytes,
}

LEARNERS = {
    "SGDClassifier": SGDClassifier(loss="log_loss", random_state=0),
    "SGDClassifier, hinge": SGDClassifier(random_state=0, max_iter=2),
    "SGDClassifier, optimal": SGDClassifier(learning_rate="optimal", max_iter=2, random_state=0),
    "SGDClassifier, row by row": SGDClassifier(
        learning_rate="constant", eta0=0.001, batch_size=1, max_iter=1, random_state=0
    ),
    "SGDRegressor": SGDRegressor(random_state=0),
    "StandardScaler": StandardScaler(),
    "MiniBatchKMeans": MiniBatchKMeans(n_clusters=4, random_state=0),
    "KMeans": KMeans(n_clusters=4, random_state=0),
    "GaussianMixture": GaussianMixture(2, random_state=0),
    "MLPClassifier": MLPClassifier(hidden_layer_sizes=(5,), max_iter=3, random_state=0),
    "a pipeline": make_pipeline(StandardScaler(), SGDClassifier(random_state=0)),
}


def learned(learner, X, y, weight) -> list[np.ndarray]:
    """Fit; return all that was learned."""
    model = learner.steps[-1][1] if hasattr(learner, "steps") else learner
    unweighted = model is not learner or not has_fit_parameter(learner, "sample_weight")
    weights = {} if unweighted or "MLP" in type(learner).__name__ else weight
    learner.fit(X, y, **weights)
    names = ("coef_", "intercept_", "mean_", "var_", "cluster_centers_", "coefs_", "intercepts_")
    names = (*names, "means_", "covariances_")
    found = [getattr(model, name) for name in names if hasattr(model, name)]
    return [np.asarray(x) for some in found for x in (some if isinstance(some, list) else [some])]


def blocks(x: np.ndarray, order) -> da.Array:
    """Return a dask array whose blocks lie in memory as ``order`` has them."""
    parts = [
        da.from_delayed(dask.delayed(order)(x[at : at + BLOCK]), (BLOCK, *x.shape[1:]), x.dtype)
        for at in range(0, len(x), BLOCK)
    ]
    return da.concatenate(parts)


@pytest.mark.parametrize("kind", ["in memory", "blocks"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_bits_do_not_depend_on_memory_order(name, order, kind):
    y = VALUES if name == "SGDRegressor" else Y
    dtype = "float32" if "MLP" in name else "float64"  # a net's float64 happens to round alike
    given = [X.astype(dtype), y, WEIGHT]

    def fit(order):
        wrapped = [order(x) if kind == "in memory" else blocks(x, order) for x in given]
        return learned(LEARNERS[name], *wrapped[:2], {"sample_weight": wrapped[2]})

    expected = fit(np.array)
    assert expected
    for found, want in zip(fit(ORDERS[order]), expected, strict=True):
        np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_partitions_that_were_copied_give_the_bits_of_slices(name):
    """A partition of from_pandas is a slice of the whole table; one that has travelled is not."""
    table = pd.DataFrame(X, columns=list("abcdefg")).assign(y=Y, value=VALUES, weight=WEIGHT)
    y = "value" if name == "SGDRegressor" else "y"

    def fit(df):
        weight = {"sample_weight": df["weight"]}
        return learned(LEARNERS[name], df[list("abcdefg")], df[y], weight)

    slices = dd.from_pandas(table, npartitions=3)
    copies = slices.map_partitions(
        lambda df: pd.DataFrame(df.to_dict("list"), index=df.index), meta=slices._meta
    )
    for found, want in zip(fit(copies), fit(slices), strict=True):
        np.testing.assert_array_equal(found, want)


@pytest.mark.backends
@pytest.mark.torch
def test_tensors_in_any_order_give_the_same_bits():
    torch = pytest.importorskip("torch")
    whole = torch.asarray(X)
    lying = torch.asarray(np.asfortranarray(X).T.copy()).T
    assert not lying.is_contiguous()
    found = [SGDClassifier(random_state=0).fit(x, torch.asarray(Y)).coef_ for x in (whole, lying)]
    assert torch.equal(*found)
