"""A fixture that restores the precision of decimals after every test of statistics."""

from __future__ import annotations

from decimal import getcontext

import pytest


@pytest.fixture(autouse=True)
def same_digits_after():
    before = getcontext().prec
    yield
    getcontext().prec = before
