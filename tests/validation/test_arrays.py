"""Containers in memory as arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd

from streamlearn._validation.arrays import as_array, as_numbers, as_vector


def test_arrays_whose_rows_lie_side_by_side_are_not_copied():
    x, y = np.ones((3, 2)), np.ones(3)
    assert as_array(x) is x
    assert as_vector(y, "y") is y


def test_as_numbers_of_a_series():
    out = as_numbers(pd.Series([1, None], dtype="Int64"), "y")
    np.testing.assert_array_equal(out, [1.0, np.nan])
