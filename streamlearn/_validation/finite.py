"""Checks for NaN and infinity. For most arrays a finite sum shows that they contain none."""

from __future__ import annotations

import numpy as np

from streamlearn._arrays import Array, entries, namespace, to_numpy
from streamlearn._arrays.sparse import is_sparse
from streamlearn._validation.tables import column_with

CLIP = "Drop such rows, or clip the values."
FILL = "Drop such rows, or fill the gaps."


def finite_or_raise(
    x: Array,
    name: str,
    block: int | None,
    *,
    allow_nan: bool = False,
    names: tuple[str, ...] | None = None,
) -> None:
    """Check that ``x`` contains no infinity, and no NaN unless ``allow_nan``.

    Raises
    ------
    ValueError
        If it does. The message names the block if there are several, and the column if ``names``
        of columns are given.
    """
    if sum_is_finite(x):
        return
    if is_sparse(x):
        x, names = entries(x), None
    xp = namespace(x)
    wrong = xp.isinf(x) if allow_nan else ~xp.isfinite(x)
    if bool(xp.any(wrong)):
        what, remedy = "infinity", CLIP
        if not allow_nan and bool(xp.any(xp.isnan(x))):
            what, remedy, wrong = "NaN", FILL, xp.isnan(x)
        places = [] if block is None else [f"block {block}"]
        if names is not None:
            places.append(f"column {column_with(to_numpy(wrong), names)!r}")
        where = f" in {', '.join(places)}" if places else ""
        raise ValueError(f"Input {name} contains {what}{where}. {remedy}")


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
