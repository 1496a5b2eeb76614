"""Errors of several packages, with scikit-learn's messages and the names of parts of blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np


def no_target(estimator: str) -> ValueError:
    """Return the error for a missing y."""
    return ValueError(
        f"This {estimator} estimator requires y to be passed, but the target y is None. Give one "
        "value of y for each row."
    )


def no_vector(name: str, given: Any) -> TypeError:
    """Return the error for one value in place of one for each row."""
    column = f" Give the column itself, for example df[{given!r}]." if type(given) is str else ""
    return TypeError(f"{name} must hold one value for each row, got {given!r}.{column}")


def no_rows(estimator: str, shape: str = "") -> ValueError:
    """Return the error for data without rows. ``shape`` is added to the message if it is known."""
    return ValueError(
        f"Found array with 0 sample(s){shape} while a minimum of 1 is required by {estimator}."
    )


def few_rows(n_rows: int, n_clusters: int, more: str = "") -> ValueError:
    """Return the error for fewer rows than clusters."""
    return ValueError(
        f"n_samples={n_rows} should be >= n_clusters={n_clusters}.{more} Ask for fewer clusters."
    )


def no_features(estimator: str, shape: tuple[int, ...]) -> ValueError:
    """Return the error for rows without columns."""
    return ValueError(
        f"Found array with 0 feature(s) (shape={shape}) while a minimum of 1 is required by "
        f"{estimator}."
    )


def no_weight(more: str = "") -> ValueError:
    """Return the error for rows that all have weight 0."""
    return ValueError(f"Sample weights must contain at least one non-zero number{more}.")


def diverged(where: str, *, advice: str | None = None) -> ValueError:
    """Return the error for a model whose numbers overflowed. ``advice`` is added as a note."""
    error = ValueError(
        f"Floating-point under-/overflow occurred {where}. Scaling input data with StandardScaler "
        "or MinMaxScaler might help."
    )
    if advice:
        error.add_note(advice)
    return error


@contextmanager
def sums_are_finite() -> Iterator[None]:
    """Turn scipy's error for a matrix with infinity or NaN into that for sums that overflowed.

    NumPy's warnings would come before it.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except ValueError as error:
        if "must not contain infs or NaNs" in str(error):
            raise diverged("in the sums of squares of X") from error
        raise


def in_block(name: str, block: int | None) -> str:
    """Return the name of a part of a block in errors.

    Examples
    --------
    >>> in_block("y", 3), in_block("y", None)
    ('Block 3 of y', 'y')
    """
    return name if block is None else f"Block {block} of {name}"


def matplotlib_or_raise(cls: type) -> None:
    """Check that a class can draw, before it reads data.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ImportError(
            f"{cls.__name__} draws with matplotlib, which is not installed. Install it: "
            'pip install "dask-streamlearn[plot]".'
        )
