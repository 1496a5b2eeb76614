"""The README's first lines of code run as they stand."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.release.quickstart import quickstart


# dask's writer calls pandas' set_index in a way that pandas 3.1 deprecates.
@pytest.mark.filterwarnings("ignore:(?s).*The inplace keyword in DataFrame")
def test_the_first_snippet_runs_and_prints_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected, printed = quickstart()
    assert printed == expected
    assert expected
    assert len(pd.read_parquet(tmp_path / "predictions")) == 200_000
