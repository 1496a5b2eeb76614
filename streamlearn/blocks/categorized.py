"""Frames after ``categorize``, which dask's planner plans wrongly."""

from __future__ import annotations

from functools import cache
from typing import Any


def mended(expression: Any) -> Any:
    """Return an expression of frames whose columns may be selected after ``categorize``.

    dask (2026.8) selects the columns first, and then looks for the column of the categories, which
    it has left out or which has become a Series. Planning, or the tasks, end in a KeyError.
    """
    from dask.dataframe.dask_expr._categorical import Categorize

    for each in list(expression.find_operations(Categorize)):
        if type(each) is Categorize:
            expression = expression.substitute(each, _categorize()(*each.operands))
    return expression


@cache
def _categorize() -> Any:
    """Return dask's operation, with another rule for the columns. dask is imported late."""
    from dask.dataframe.dask_expr._categorical import Categorize
    from dask.dataframe.dask_expr._expr import Projection, determine_column_projection

    class Categorized(Categorize):
        def _simplify_up(self, parent: Any, dependents: Any) -> Any:
            if not isinstance(parent, Projection):
                return None
            wanted = determine_column_projection(self, parent, dependents)
            wanted = wanted if isinstance(wanted, list) else [wanted]
            columns = [name for name in self.frame.columns if name in wanted]
            if not columns or columns == list(self.frame.columns):
                return None
            categories = self.operand("categories")
            kept = {name: categories[name] for name in columns if name in categories}
            made = type(self)(self.frame[columns], kept, self.operand("index"))
            return type(parent)(made, parent.operand("columns"))

    return Categorized
