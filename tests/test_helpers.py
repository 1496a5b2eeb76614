"""The test helpers themselves: a guard that cannot trip guards nothing."""

import array_api_strict
import numpy as np
import pytest

from tests.backends import BACKENDS, DEFAULT, no_host_sync, selected


def test_arrays_go_round(backend):
    x = np.asarray([[1.0, 2.0], [3.0, np.nan]])
    a = backend.asarray(x)
    backend.check(a, backend.widest)
    np.testing.assert_array_equal(backend.to_numpy(a), x.astype(backend.widest))
    for name in backend.float_dtypes:
        backend.check(backend.asarray(x, name), name)
    assert backend.to_numpy(backend.asarray([1, 2])).dtype.kind == "i"


def test_foreign_arrays_are_noticed(backend):
    foreign = array_api_strict.asarray([1.0], device=array_api_strict.Device("device2"))
    with pytest.raises(AssertionError):
        backend.check(foreign)
    with pytest.raises(AssertionError):
        backend.check(backend.asarray([1.0], "float32"), "int32")


def test_readonly_cannot_be_written(backend):
    if backend.name == "readonly":
        with pytest.raises(ValueError, match="read-only"):
            backend.asarray([1.0])[0] = 2.0


def test_strictest_has_no_boolean_indexing(backend):
    if backend.name == "strictest":
        a = backend.asarray([1.0, 2.0])
        with pytest.raises(RuntimeError):
            a[a > 1]
        with pytest.raises(RuntimeError):
            backend.xp.nonzero(a)


@pytest.mark.parametrize("read", [bool, float, int, np.asarray, lambda a: [0, 1][a]])
def test_guard_trips_on_host_sync(read):
    a = array_api_strict.asarray(1)
    read(a)
    with no_host_sync(), pytest.raises(AssertionError, match="waits for the device"):
        read(a)
    read(a)


def test_selection(monkeypatch):
    monkeypatch.setenv("STREAMLEARN_BACKENDS", "")
    assert selected() == DEFAULT
    monkeypatch.setenv("STREAMLEARN_BACKENDS", "torch,numpy")
    assert selected() == ("torch", "numpy")
    monkeypatch.setenv("STREAMLEARN_BACKENDS", "numpyy")
    with pytest.raises(ValueError, match="numpyy"):
        selected()
    assert set(DEFAULT) < set(BACKENDS)
