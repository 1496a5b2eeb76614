"""Tables that are generated."""

from __future__ import annotations

import pandas as pd
import pytest

from streamlearn.datasets import make_flights


def test_the_same_seed_gives_the_same_flights():
    known = make_flights(500, npartitions=3).compute()
    pd.testing.assert_frame_equal(make_flights(500, npartitions=3).compute(), known)
    assert not make_flights(500, npartitions=3, random_state=1).compute().equals(known)


def test_the_columns_are_those_that_dask_says():
    lazy = make_flights(500, npartitions=3)
    assert lazy.compute().dtypes.astype(str).to_dict() == lazy.dtypes.astype(str).to_dict()


def test_some_values_are_missing_and_some_flights_are_late():
    table = make_flights(20_000).compute()
    assert 0.09 < table["wind_speed"].isna().mean() < 0.11
    assert 0.005 < table["carrier"].isna().mean() < 0.015
    assert 0.2 < table["late"].mean() < 0.4


@pytest.mark.parametrize(("n_samples", "npartitions"), [(2, 3), (3, 0)])
def test_each_partition_has_a_flight(n_samples, npartitions):
    with pytest.raises(ValueError, match="at least one flight for each"):
        make_flights(n_samples, npartitions=npartitions)
