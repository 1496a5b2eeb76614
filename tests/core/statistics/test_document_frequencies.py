"""Document frequencies against scikit-learn and exact counts."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfTransformer

from streamlearn._arrays import to_numpy
from streamlearn.core.statistics.document_frequencies import (
    Weighting,
    applied,
    inverse,
    merge,
    of_block,
)
from tests.backends import Backend

X = np.random.default_rng(0).poisson(0.4, (200, 7)).astype(float)
X[:, 6] = 0.0
CASES = [*product(["l2", "l1", None], [True, False], [True, False])]


@pytest.mark.parametrize(("norm", "smooth", "sublinear"), CASES)
def test_weights_are_scikit_learns_dense_and_sparse(norm, smooth, sublinear):
    rows = X if smooth else X[:, :6]  # a term without documents has the idf infinity
    theirs = TfidfTransformer(norm=norm, smooth_idf=smooth, sublinear_tf=sublinear).fit(rows)
    wanted = theirs.transform(rows).toarray()
    params = Weighting(norm, True, smooth, sublinear)
    for given in (rows, csr_array(rows)):
        state = of_block(params, given)
        np.testing.assert_allclose(inverse(params, state), theirs.idf_, rtol=1e-15)
        found = applied(params, state)(given)
        found = found.toarray() if hasattr(found, "toarray") else found
        np.testing.assert_allclose(found, wanted, rtol=1e-14)


def test_every_library_counts_the_same(backend: Backend):
    state = of_block(Weighting(), backend.asarray(X))
    assert to_numpy(state.documents).tolist() == (X != 0).sum(axis=0).tolist()
    assert to_numpy(state.rows).tolist() == [200]


def test_entries_that_are_stored_count_also_zeros():
    rows = csr_array((np.asarray([0.0, 2.0]), np.asarray([1, 1]), np.asarray([0, 1, 2])))
    assert of_block(Weighting(), rows).documents.tolist() == [0, 2]


def test_a_term_of_no_document_stays_zero_without_smoothing():
    params = Weighting(smooth=False)
    with np.errstate(divide="ignore"):
        function = applied(params, of_block(params, X))
    assert (function(X)[:, 6] == 0).all()


def test_blocks_without_rows_and_of_one_row_add_up():
    parts = [X[:0], X[:1], X[1:77], X[77:77], X[77:]]
    state = of_block(Weighting(), parts[0])
    for part in parts[1:]:
        state = merge(state, of_block(Weighting(), csr_array(part)))
    for found, wanted in zip(state, of_block(Weighting(), X), strict=True):
        np.testing.assert_array_equal(found, wanted)
