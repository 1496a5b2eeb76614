"""From scores to class codes and probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, log_expit

from streamlearn.core.linear.links import codes, logistic, probabilities
from tests.backends import no_host_sync

SCORES = np.array([[0.0, 1.0, -1.0], [-3.0, -3.0, -4.0], [800.0, 2.0, 900.0], [-900.0, 0.5, 0.2]])


def test_the_first_largest_score_is_the_class(backend):
    got = codes(backend.asarray(SCORES))
    np.testing.assert_array_equal(backend.to_numpy(got), [1, 0, 2, 1])
    assert backend.to_numpy(got).dtype.kind == "i"


def test_one_column_decides_by_its_sign(backend):
    """0 is the first class, as scikit-learn has it."""
    got = codes(backend.asarray([[-1.0], [0.0], [1e-30], [3.0]]))
    np.testing.assert_array_equal(backend.to_numpy(got), [0, 0, 1, 1])


def test_no_rows(backend):
    for width in (1, 3):
        none = backend.asarray(np.zeros((0, width)))
        assert codes(none).shape == (0,)
        for loss in ("log_loss", "modified_huber"):
            assert probabilities(none, loss=loss).shape == (0, max(width, 2))


def test_logistic_keeps_its_digits_at_both_ends(backend):
    for dtype in backend.float_dtypes:
        p = np.array([-800.0, -80.0, -1.0, -0.0, 0.0, 1e-6, 40.0, 800.0]).astype(dtype)
        got = logistic(backend.asarray(p, dtype))
        backend.check(got, dtype)
        rtol = 4 * np.finfo(dtype).eps
        np.testing.assert_allclose(
            backend.to_numpy(got), expit(p.astype(np.float64)), rtol=rtol, atol=1e-38
        )
    assert np.isnan(logistic(np.array([np.nan])))[0]


def test_two_probabilities_of_log_loss_are_each_exact():
    """1 - p would lose the small one."""
    p = np.array([[40.0], [-40.0], [700.0]])
    got = probabilities(p, loss="log_loss")
    np.testing.assert_allclose(got[:, 0], np.exp(log_expit(-p[:, 0])), rtol=1e-15)
    np.testing.assert_allclose(got[:, 1], np.exp(log_expit(p[:, 0])), rtol=1e-15)


@pytest.mark.parametrize("loss", ["log_loss", "modified_huber"])
@pytest.mark.parametrize("width", [1, 3])
def test_probabilities_are_between_0_and_1_and_sum_to_1(loss, width, backend):
    for dtype in backend.float_dtypes:
        got = probabilities(backend.asarray(SCORES[:, :width], dtype), loss=loss)
        backend.check(got, dtype)
        out = backend.to_numpy(got)
        assert out.min() >= 0
        assert out.max() <= 1
        np.testing.assert_allclose(out.sum(axis=1), 1.0, rtol=4 * np.finfo(dtype).eps)


def test_probabilities_by_hand():
    scores = np.array([[0.5, -2.0, 3.0], [-2.0, -1.0, -5.0]])
    huber = probabilities(scores, loss="modified_huber")
    np.testing.assert_allclose(huber[0], np.array([0.75, 0.0, 1.0]) / 1.75)
    np.testing.assert_allclose(huber[1], [1 / 3] * 3)
    one = probabilities(scores[:, :1], loss="modified_huber")
    np.testing.assert_allclose(one, [[0.25, 0.75], [1.0, 0.0]])
    log = probabilities(scores, loss="log_loss")
    np.testing.assert_allclose(log, expit(scores) / expit(scores).sum(axis=1, keepdims=True))


def test_underflow_of_every_class_is_no_nan():
    got = probabilities(np.full((1, 3), -1e4), loss="log_loss")
    np.testing.assert_array_equal(got, np.full((1, 3), 1 / 3))


@pytest.mark.parametrize("backend", ["strict", "strict-device1"], indirect=True)
def test_nothing_is_read_back(backend):
    for width in (1, 3):
        scores = backend.asarray(SCORES[:, :width])
        with no_host_sync():
            codes(scores)
            for loss in ("log_loss", "modified_huber"):
                probabilities(scores, loss=loss)
