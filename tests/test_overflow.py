"""Which block an error names if a model overflows."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
from scipy import sparse

from streamlearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from streamlearn.linear_model import RidgeCV, SGDClassifier, SGDRegressor

N, CHUNK = 1200, 120
X = np.random.default_rng(0).normal(size=(N, 4))
Y = (X[:, 0] > 0).astype(int)
MODELS = {
    "log loss": SGDClassifier("log_loss", classes=[0, 1], random_state=0),
    "hinge": SGDClassifier("hinge", classes=[0, 1], random_state=0),
    "huber": SGDRegressor("huber", random_state=0),
    "two epochs": SGDClassifier("log_loss", max_iter=2, tol=None, random_state=0),
}


@pytest.mark.parametrize("bad", [6, 0])
@pytest.mark.parametrize("name", MODELS)
def test_an_overflow_names_the_block_of_the_number(name, bad):
    rows = X.copy()
    rows[bad * CHUNK + 7, 1] = 1e200
    with pytest.raises(ValueError, match="Floating-point under-/overflow") as caught:
        MODELS[name].fit(da.from_array(rows, (CHUNK, 4)), da.from_array(Y, CHUNK))
    assert f"Block {bad} of X contains 1e+200." in caught.value.__notes__


def test_an_overflow_names_a_block_of_sparse_rows():
    rows = X.copy()
    rows[6 * CHUNK + 7, 1] = 1e200
    parts = [sparse.csr_array(rows[i : i + CHUNK]) for i in range(0, N, CHUNK)]
    blocks = da.concatenate(
        [da.from_delayed(dask.delayed(part), (CHUNK, 4), meta=parts[0][:0]) for part in parts]
    )
    with pytest.raises(ValueError, match="Floating-point") as caught:
        MODELS["log loss"].fit(blocks, da.from_array(Y, CHUNK))
    assert "Block 6 of X contains 1e+200." in caught.value.__notes__


def test_a_target_that_cannot_be_squared_is_in_the_block_that_is_named():
    y = np.where(np.arange(N) == 6 * CHUNK + 7, 1e200, X[:, 0])
    with pytest.raises(ValueError, match="in block 6") as caught:
        SGDRegressor(random_state=0).fit(da.from_array(X, (CHUNK, 4)), da.from_array(y, CHUNK))
    assert not any("contains" in note for note in caught.value.__notes__)


def test_a_generator_that_cannot_be_read_again_has_the_same_error():
    rows = np.where(np.arange(N)[:, None] == 500, 1e200, X)
    parts = ((rows[i : i + CHUNK], Y[i : i + CHUNK]) for i in range(0, N, CHUNK))
    with pytest.raises(ValueError, match="Floating-point"):
        MODELS["log loss"].fit(parts)


@pytest.mark.parametrize(
    "model",
    [
        RidgeCV(),
        LinearDiscriminantAnalysis(),
        LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.1),
        QuadraticDiscriminantAnalysis(),
    ],
)
def test_sums_of_squares_that_overflow_have_an_error_that_says_so(model):
    rows = np.where(np.arange(N)[:, None] == 500, 1e200, X)
    with pytest.raises(ValueError, match="overflow occurred in the sums of squares of X"):
        model.fit(rows, Y)
