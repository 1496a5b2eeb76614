"""The page docs/from_dask_ml.md is what `bench/dask_ml_names.py` prints, and names what exists."""

from __future__ import annotations

import re
from pathlib import Path

from bench.dask_ml_names import REPLACED
from tests.public import public_names

PAGE = Path(__file__).parents[1] / "docs" / "from_dask_ml.md"
ROWS = re.findall(r"^\| `dask_ml\.(\S+)` \| (.*) \| (.*) \|$", PAGE.read_text("utf-8"), re.M)


def test_every_name_has_a_row_and_what_replaces_it():
    assert {name: here for name, _, here in ROWS} == {
        name: here.replace("|", "\\|") for name, here in REPLACED.items()
    }


def test_the_count_is_that_of_the_rows():
    runs = sum(today == "runs" for _, today, _ in ROWS)
    assert f"{runs} of {len(ROWS)} names run." in PAGE.read_text("utf-8")


def test_what_replaces_a_name_exists():
    known = public_names() | {"check_cv", "check_scoring", "get_scorer", "xgboost"}
    known |= {"X", "dask", "scoring", "get_n_splits", "partial_fit"}
    codes = [code for here in REPLACED.values() for code in re.findall(r"`(.*?)`", here)]
    assert {re.match(r"\w+", code)[0] for code in codes} <= known
