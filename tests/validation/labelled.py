"""Labels of every kind, and rows of them."""

from __future__ import annotations

import numpy as np

from tests.containers import N_ROWS

KINDS = {
    "integers": np.array([-3, 0, 7]),
    "bytes": np.array([0, 4, 255], dtype=np.uint8),
    "whole floats": np.array([-1.0, 0.0, 5.0]),
    "booleans": np.array([False, True]),
    "strings": np.array(["a", "bb", "ccc"]),
    "objects": np.array(["a", "bb", "ccc"], dtype=object),
}


def codes(n_classes: int, n: int = N_ROWS) -> np.ndarray:
    return np.sort(np.random.default_rng(0).integers(0, n_classes, n))
