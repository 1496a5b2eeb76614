"""A plugin of pytest that leaves out tests at random: the share in ``STREAMLEARN_SHARE`` runs.

Tests are drawn by their names, so that the same ones run each time.
"""

from __future__ import annotations

import os
from zlib import crc32

import pytest


@pytest.hookimpl(trylast=True)  # after the tables of differences have been looked at
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that were not drawn."""
    share = float(os.environ["STREAMLEARN_SHARE"])
    left = [item for item in items if crc32(item.name.encode()) >= share * 2**32]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in {*left}]
