"""Checks for NaN and infinity. For most arrays a finite sum shows that they contain none."""

from __future__ import annotations

import numpy as np

from streamlearn._arrays import Array, entries, namespace, to_numpy

CLIP = "Drop such rows, or clip the values."
FILL = "Drop such rows, or fill the gaps."


def finite_or_raise(
    x: Array,
    name: str,
    block: int | None,
    *,
    allow_nan: bool = False,
    names: tuple[str, ...] | None = None,
    made: bool = False,
) -> None:
    """Check that ``x`` contains no infinity, and no NaN unless ``allow_nan``.

    Raises
    ------
    ValueError
        If it does. The message names the block if there are several, and the column: by its name
        if ``names`` are given, and otherwise by its number. With ``made`` a transformation made the
        columns, and their numbers would mean nothing to a user.
    """
    if sum_is_finite(x):
        return
    x = entries(x)
    xp = namespace(x)
    wrong = xp.isinf(x) if allow_nan else ~xp.isfinite(x)
    if bool(xp.any(wrong)):
        what, remedy = "infinity", CLIP
        if not allow_nan and bool(xp.any(xp.isnan(x))):
            what, remedy, wrong = "NaN", FILL, xp.isnan(x)
        places = [] if block is None else [f"block {block}"]
        if x.ndim == 2 and (names is not None or not made):
            places.append(column_with(to_numpy(wrong), names))
        where = f" in {', '.join(places)}" if places else ""
        raise ValueError(f"Input {name} contains {what}{where}. {remedy}")


def column_with(wrong: np.ndarray, names: tuple[str, ...] | None) -> str:
    """Return the first column with a True in ``wrong`` (n_rows, n_columns), by name or number."""
    number = int(np.flatnonzero(wrong.any(axis=0))[0])
    return f"column {number}" if names is None else f"column {names[number]!r}"


def sum_is_finite(x: Array) -> bool:
    """Return whether the sum of ``x`` is finite, so that it contains no NaN and no infinity.

    The result is True if ``x`` is not floating. It may also be False because the sum overflows.
    """
    x = entries(x)
    xp, numpys = namespace(x), isinstance(x, np.ndarray)
    if not (x.dtype.kind == "f" if numpys else xp.isdtype(x.dtype, "real floating")):
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(xp.isfinite(x.sum() if numpys else xp.sum(x)))
