"""dask arrays whose dtype is torch's, as ``X.map_blocks(torch.asarray)`` makes them."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from sklearn.base import clone

from streamlearn.compose import make_column_transformer
from streamlearn.impute import SimpleImputer
from streamlearn.linear_model import SGDClassifier
from streamlearn.model_selection import train_test_split
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import (
    FunctionTransformer,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
    TargetEncoder,
)

pytestmark = pytest.mark.torch

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3)).astype("f")
Y = (X[:, 0] > 0).astype(int)
CODES = (X > 0).astype("f")

STEPS = {
    "gaps": ((SimpleImputer(), StandardScaler()), X),
    "gaps and columns that mark them": ((SimpleImputer(add_indicator=True),), X),
    "a constant": ((SimpleImputer(strategy="constant", fill_value=0.0),), X),
    "fitted beforehand": ((QuantileTransformer(n_quantiles=10),), X),
    "codes": ((OrdinalEncoder(),), CODES),
    "means of the target": ((TargetEncoder(),), CODES),
    "functions of rows": ((FunctionTransformer(), PolynomialFeatures()), X),
    "columns": ((make_column_transformer((StandardScaler(), [0, 1])),), X),
}


def in_torch(*arrays):
    """Return dask arrays of blocks of torch. dask finds their dtype by itself."""
    torch = pytest.importorskip("torch")
    made = [da.from_array(a, chunks=(50, *a.shape[1:])).map_blocks(torch.asarray) for a in arrays]
    assert isinstance(made[0].dtype, torch.dtype)
    return made


@pytest.mark.parametrize("name", STEPS)
def test_pipelines_take_them(name):
    steps, rows = STEPS[name]
    gaps = rows.copy()
    if isinstance(steps[0], SimpleImputer):
        gaps[::7, 1] = np.nan
    lazy, y = in_torch(gaps, Y)
    model = make_pipeline(*steps, SGDClassifier(random_state=0))
    same = clone(model).fit(da.from_array(gaps, chunks=(50, 3)), da.from_array(Y, chunks=50))
    model.fit(lazy, y)
    assert model.score(lazy, y) == pytest.approx(same.score(gaps, Y), abs=0.02)
    assert model.predict(lazy).compute().shape == (300,)
    assert model[:-1].transform(lazy).compute().shape == same[:-1].transform(gaps).shape


def test_splits_take_them():
    parts = train_test_split(*in_torch(X, Y), random_state=0)
    assert sum(len(part.compute()) for part in parts[:2]) == 300
