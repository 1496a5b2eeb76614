"""Which arrays are finite."""

from __future__ import annotations

import numpy as np
import pytest

from streamlearn._validation.finite import finite_or_raise


def test_large_numbers_are_finite_though_their_sum_is_not(backend):
    big = float(np.finfo(backend.widest).max)
    finite_or_raise(backend.asarray([big, big]), "X", None)
    with pytest.raises(ValueError, match=r"^Input X contains infinity\. Drop such rows, or clip"):
        finite_or_raise(backend.asarray([big, np.inf]), "X", None)
    finite_or_raise(backend.asarray([1, 2]), "X", None)
