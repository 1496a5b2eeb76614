"""A plugin of pytest: it counts what became of each test of a file, for `shares`.

The counts are written as JSON to the file in ``STREAMLEARN_COUNTS``.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.sklearn_suites.our_classes import DIFFERENT, is_about_ours, left_out

counts: dict[str, Counter[str]] = {"what": Counter(), "why": Counter()}
_reasons = {reason for table in DIFFERENT.values() for reason in table.values()}


@pytest.hookimpl(tryfirst=True)  # before tests are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count the tests of other classes, and those of ours that do not run."""
    for item in items:
        assert isinstance(item, pytest.Function)
        if not is_about_ours(item):
            counts["what"]["others"] += 1
        elif reason := left_out(item):
            counts["what"]["differs"] += 1
            counts["why"][reason] += 1


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count the result of a test."""
    if report.when != "call" and report.outcome == "passed":
        return
    reason = getattr(report, "wasxfail", None)
    reason = None if reason is None else reason.removeprefix("reason: ")
    if reason in _reasons:
        counts["what"]["differs"] += 1
        counts["why"][reason] += 1
    elif reason is not None or report.outcome == "skipped":
        counts["what"]["not run"] += 1
    else:
        counts["what"][report.outcome] += 1


def pytest_sessionfinish() -> None:
    """Write the counts."""
    Path(os.environ["STREAMLEARN_COUNTS"]).write_text(json.dumps(counts), encoding="utf-8")
