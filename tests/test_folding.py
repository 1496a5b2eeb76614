"""Scaling and scoring as one function of rows: the scale goes into the coefficients."""

import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline

from streamlearn.blocks.lazy_rows import origin
from streamlearn.linear_model import SGDClassifier
from streamlearn.linear_model.row_scores import Scores
from streamlearn.preprocessing import StandardScaler


def test_scores_of_scaled_rows_take_the_scale_into_the_coefficients():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(5_000, 3)) * [1e-3, 1.0, 1e3] + 1e6
    pipe = make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0))
    lazy = da.from_array(X, chunks=(2_500, 3))
    pipe.fit(X, X[:, 1] > 1e6)
    scaler, model = pipe[0], pipe[1]
    (function,) = origin(pipe.decision_function(lazy))[1]
    assert isinstance(function.function, Scores)
    assert_array_equal(function.function.centre, scaler.mean_)
    expected = model.decision_function(scaler.transform(X))
    assert_allclose(pipe.decision_function(lazy).compute(), expected, rtol=1e-9)
    X[7, 1] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        pipe.predict(da.from_array(X, chunks=(2_500, 3))).compute()
