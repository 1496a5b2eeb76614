"""Counts of categories: they merge exactly, and are sorted as scikit-learn sorts them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import OrdinalEncoder

from streamlearn._validation import categories
from streamlearn._validation.categories import (
    Counts,
    Lookup,
    count,
    few_or_raise,
    in_order,
    merge,
)

TEXT = st.lists(st.sampled_from(["b", "a", "é", "", None, np.nan]), max_size=12)
NUMBERS = st.lists(st.sampled_from([1.5, -2.0, 0.0, np.nan]), max_size=12)


def column(drawn: list) -> np.ndarray:
    text = any(x is None or isinstance(x, str) for x in drawn)
    out = np.empty(len(drawn), dtype=object if text else float)
    out[:] = drawn
    return out


def as_dict(found: Counts) -> dict:
    pairs = zip(found.values.tolist(), found.counts.tolist(), strict=True)
    return {("NaN" if value != value else value): n for value, n in pairs if n}


@given(st.one_of(st.lists(TEXT, min_size=3, max_size=3), st.lists(NUMBERS, min_size=3, max_size=3)))
def test_merge_is_counting_all_rows_in_any_order(drawn):
    a, b, c = (count(column(x)) for x in drawn)
    whole = as_dict(count(column([*drawn[0], *drawn[1], *drawn[2]])))
    for merged in (merge(merge(a, b), c), merge(a, merge(b, c)), merge(merge(c, a), b)):
        assert as_dict(merged) == whole


def test_merge_with_nothing_is_the_same():
    a, nothing = count(np.asarray([3, 1, 3])), count(np.asarray([], dtype=float))
    for merged in (merge(a, nothing), merge(nothing, a)):
        assert as_dict(merged) == {1: 1, 3: 2}
        assert merged.values.dtype.kind == "i"


def test_numbers_and_text_merge_and_cannot_be_sorted():
    both = merge(count(np.asarray([1])), count(np.asarray(["a"], dtype=object)))
    assert as_dict(both) == {1: 1, "a": 1}
    with pytest.raises(TypeError, match=r"uniformly strings or numbers. Got \['int', 'str'\]"):
        in_order(both)


@given(st.one_of(TEXT, NUMBERS).filter(bool))
def test_order_is_scikit_learns(drawn):
    values = column(drawn)
    known = OrdinalEncoder().fit(values.reshape(-1, 1)).categories_[0]
    found = in_order(count(values))
    assert [str(x) for x in found.values.tolist()] == [str(x) for x in known.tolist()]
    assert as_dict(found) == as_dict(count(values))


@pytest.mark.parametrize(
    ("known", "asked", "codes", "unknown"),
    [
        (["a", "c"], ["c", "b", "a"], [1, -1, 0], ["b"]),
        (["a", None, np.nan], [np.nan, None, "a"], [2, 1, 0], []),
        (["a"], [np.nan, None], [-1, -1], [None, np.nan]),
        ([1.0, 2.0, np.nan], [np.nan, 2.0, 3.0], [2, 1, -1], [3.0]),
        ([1, 2], [True, 2.0], [0, 1], []),
    ],
)
def test_lookup(known, asked, codes, unknown):
    lookup = Lookup(column(known))
    for one in (lookup, pickle.loads(pickle.dumps(lookup))):
        found, more = one.codes(column(asked))
        assert found.tolist() == codes
        assert sorted(map(str, more.tolist())) == sorted(map(str, unknown))


def test_lookup_of_dates_in_other_units():
    days = np.asarray(["2026-01-01", "2026-01-02", "NaT"], dtype="datetime64[D]")
    assert Lookup(days).codes(days[::-1].astype("datetime64[ns]"))[0].tolist() == [2, 1, 0]


def test_too_many_values(monkeypatch):
    monkeypatch.setattr(categories, "MOST_CATEGORIES", 2)
    few_or_raise(np.arange(2), "column 'a'")
    with pytest.raises(ValueError, match=r"column 'a' has more than 2 distinct.*FeatureHasher"):
        few_or_raise(np.arange(3), "column 'a'")
