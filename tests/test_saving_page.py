"""The page docs/saving.md: its examples run and print what they say."""

from __future__ import annotations

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "saving.md"


def test_the_examples_run():
    pytest_flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    found = doctest.testfile(
        str(PAGE),
        module_relative=False,
        optionflags=pytest_flags,
        globs={"__name__": "__main__"},
    )
    assert found.attempted > 15
    assert found.failed == 0
