"""What a value is, in words that are the same in every process."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from streamlearn.blocks.fingerprint import checksum, fingerprint

MADE = """
def times(n):
    return lambda x: n * x

def called(x, by=1):
    return [i for i in x if i in {"a", "b", "c"}], by

def called_by_2(x, by=2):
    return [i for i in x if i in {"a", "b", "c"}], by

def without_c(x, by=1):
    return [i for i in x if i in {"a", "b"}], by

def circle():
    def first(x):
        return second(x)
    def second(x):
        return first(x)
    return first

def without_value():
    def early():
        return late
    if False:
        late = 1
    return early
"""
SPACE: dict[str, Any] = {"__name__": "made"}
exec(MADE, SPACE)
DIFFERENT = {
    "2 x": SPACE["times"](2),
    "3 x": SPACE["times"](3),
    "an array times x": SPACE["times"](np.arange(3)),
    "another array times x": SPACE["times"](np.arange(4)),
    "a function": SPACE["called"],
    "another default": SPACE["called_by_2"],
    "another constant": SPACE["without_c"],
    "functions that call each other": SPACE["circle"](),
    "a function whose variable has no value": SPACE["without_value"](),
    "a ufunc": np.log,
    "another ufunc": np.sqrt,
    "a builtin": len,
    "a partial": partial(SPACE["called"], by=3),
    "another partial": partial(SPACE["called"], by=4),
}


def test_functions_that_do_other_things_have_other_words():
    words = {name: fingerprint(function) for name, function in DIFFERENT.items()}
    for name, found in words.items():
        same = [other for other in words if words[other] == found]
        assert same == [name]
    assert fingerprint(SPACE["times"](2)) == words["2 x"]


ROWS = np.asarray([[0.0, 1.0], [2.0, 0.0]])
OTHER = {
    "sparse rows": (sp.csr_array(ROWS), sp.csr_array(2 * ROWS)),
    "sparse rows, in other columns": (sp.csr_array(ROWS), sp.csr_array(ROWS[:, ::-1])),
    "text": (np.asarray(["ab", "c"], object), np.asarray(["a", "bc"], object)),
    "text and a number": (np.asarray(["1"], object), np.asarray([1], object)),
    "no rows": (ROWS[:0], ROWS),
}


@pytest.mark.complete
@pytest.mark.parametrize("name", OTHER)
def test_other_values_have_another_checksum(name):
    x, other = OTHER[name]
    assert checksum(x) == checksum(x.copy()) != checksum(other)


def test_the_format_of_sparse_rows_is_no_matter():
    assert (
        checksum(sp.coo_array(ROWS)) == checksum(sp.csc_array(ROWS)) == checksum(sp.csr_array(ROWS))
    )


@pytest.mark.parametrize("seed", ["1", "2"])
def test_words_are_the_same_in_every_process(seed):
    """Sets of text have another order in each."""
    code = f"""
from streamlearn.blocks.fingerprint import fingerprint
space = {{"__name__": "made"}}
exec({MADE!r}, space)
print(fingerprint([space["called"], space["times"](2), {{"a", "b"}}]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
    )
    here = fingerprint([SPACE["called"], SPACE["times"](2), {"a", "b"}])
    assert done.stdout.strip() == str(here)
