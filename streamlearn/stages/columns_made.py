"""How many columns a stage makes of a block. The next step needs the same number of each block.

The columns of a function of the user, or of a step of another library, are known only when a block
has been transformed. So the state of such a stage has a field ``made``: a `Made` of the first block
that was learned from.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn.blocks import LazyRows


class Made(NamedTuple):
    """The number of columns that were made of a block, and the number of this block.

    The second is None if the block is the only one, in memory.
    """

    n_columns: int
    block: int | None


class Fixed(NamedTuple):
    """The state of a stage that learns nothing from rows.

    Attributes
    ----------
    estimator : object
        The fitted estimator.
    made : Made or None
    """

    estimator: Any
    made: Made | None = None


def made_of(rows: LazyRows, block: int | None) -> Made | None:
    """Return what was made of a block, or None if its columns follow from those before.

    Examples
    --------
    >>> import numpy as np
    >>> made_of(LazyRows(np.ones((5, 3))), 2)
    Made(n_columns=3, block=2)
    """
    shape: Any = getattr(rows.array, "shape", ())
    return None if rows.functions or len(shape) != 2 else Made(shape[1], block)


def with_made(stage: Any, state: Any, made: Made | None) -> Any:
    """Return the state of a stage that has also made these columns, if it keeps their number.

    Raises
    ------
    ValueError
        If it made another number of columns of an earlier block.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from streamlearn.preprocessing import FunctionTransformer
    >>> stage = SimpleNamespace(estimator=FunctionTransformer())
    >>> state = with_made(stage, Fixed(stage.estimator), Made(3, 0))
    >>> with_made(stage, state, Made(2, 5))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: FunctionTransformer made 2 columns of block 5, and the next step expects 3 as of ...
    """
    if made is None or not hasattr(state, "made"):
        return state
    if state.made is None:
        return state._replace(made=made)
    if state.made.n_columns != made.n_columns:
        raise _other_columns(stage, made, f"{state.made.n_columns} as of block {state.made.block}")
    return state


def enough_or_raise(stage: Any, state: Any, n_columns: int | None) -> None:
    """Check that a stage made the columns that the next step needs.

    Parameters
    ----------
    stage : stage
    state : object
        Its state after a block.
    n_columns : int or None
        The number of columns from which the next step has learned before. None if it has not.

    Raises
    ------
    ValueError
        If it made other columns, or none.
    """
    made = getattr(state, "made", None)
    if made is None:
        return
    if n_columns not in (None, made.n_columns):
        raise _other_columns(stage, made, f"{n_columns} as in earlier calls of partial_fit")
    if not made.n_columns:
        raise ValueError(
            f"Found array with 0 feature(s): {_name(stage)} made no columns of {_rows(made)}, and "
            "the next step needs at least one. Let it keep a column."
        )


def _other_columns(stage: Any, made: Made, expected: str) -> ValueError:
    """Return the error for another number of columns than the next step expects."""
    columns = "1 column" if made.n_columns == 1 else f"{made.n_columns} columns"
    return ValueError(
        f"{_name(stage)} made {columns} of {_rows(made)}, and the next step expects {expected}. "
        "Let it make the same columns of all rows, for example a column of zeros for one that a "
        "block lacks."
    )


def _name(stage: Any) -> str:
    return type(stage.estimator).__name__


def _rows(made: Made) -> str:
    return "the rows" if made.block is None else f"block {made.block}"
