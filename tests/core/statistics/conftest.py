"""What every test of statistics leaves as it was."""

from __future__ import annotations

from decimal import getcontext

import pytest


@pytest.fixture(autouse=True)
def same_digits_after():
    before = getcontext().prec
    yield
    getcontext().prec = before
