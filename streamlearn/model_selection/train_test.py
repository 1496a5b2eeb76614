"""`train_test_split`, lazily and within each block."""

from __future__ import annotations

from typing import Any

from sklearn.model_selection import train_test_split as in_memory

from streamlearn import blocks as engine
from streamlearn.model_selection.draws import seed_of
from streamlearn.model_selection.folds import rows_of, taken
from streamlearn.model_selection.sizes import cut_at, drawn, sizes


def train_test_split(
    *arrays: Any,
    test_size: Any = None,
    train_size: Any = None,
    random_state: Any = None,
    shuffle: bool = True,
    stratify: Any = None,
) -> list[Any]:
    """Split collections over the same rows into rows to learn from and rows to score.

    The rows of each block are split by themselves, lazily. Nothing is read, and no blocks are
    joined. Rows in memory go to scikit-learn's function.

    Parameters
    ----------
    *arrays : arrays, DataFrames, dask arrays, dask DataFrames, dask Series or parts of a source
        Rows of the same length. dask collections need the same blocks, whose lengths may be
        unknown. Columns of one frame have the same blocks. The parts of a source of blocks are
        those that `streamlearn.blocks.from_blocks` returns.
    test_size : float or int, default=None
        The share of the rows for the test part, or their number. None means the rows that are not
        in the training part, or 0.25 if ``train_size`` is None as well. A number needs blocks of
        known lengths.
    train_size : float or int, default=None
        The same for the training part. None means the rows that are not in the test part.
    random_state : int, RandomState instance or None, default=None
        It determines which rows are drawn. With an int every call draws the same rows.
    shuffle : bool, default=True
        Whether rows are drawn, and shuffled within their block. If False, the first rows are for
        the training part and the last ones for the test part. If lengths are unknown, a block
        counts as one and the cut may be within a block.
    stratify : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_columns), default=None
        The labels. In each block the rows of each label are drawn in proportion.

    Returns
    -------
    list
        The training part and the test part of each of the arrays, in this order. Parts of dask
        arrays are dask arrays. Parts of frames are frames with the same index and divisions. Parts
        of sources are sources, and each pass over one reads the whole source. A part of a block may
        have no rows.

    Raises
    ------
    TypeError
        If some of the arrays are collections and others are in memory.
    ValueError
        If collections do not line up, if a size is out of range, or if a part would have no rows.
        If a number of rows is asked for, and lengths are unknown. If a source is given with its
        parts together, or with ``shuffle=False``.

    Notes
    -----
    If the lengths of all blocks are known, the parts have exactly as many rows as scikit-learn's.
    Otherwise the number of rows of a block is rounded up or down at random, so that small blocks
    are not left out. The total then differs from the exact share by a few rows.

    Draws depend on the seed and the number of the block alone. So X, y and weights of the same
    blocks get the same rows, also on a cluster, and a part that is computed twice is the same.
    dask shuffles frames in no fixed order: persist a shuffled frame before it is split. Select the
    columns that you need before the split: dask reads all columns of a frame that was split.

    Differences from scikit-learn:

    - Rows are shuffled within their block. Blocks stay in their order.
    - With ``stratify`` the share of each label is exact up to one row in each block. A label that
      is rare in all blocks may be missing in a part, and a label may have one row.
    - Rows of a label are not counted beforehand, because that would read all data.

    References
    ----------
    .. [1] W. G. Madow and L. H. Madow (1944). On the theory of systematic sampling. Annals of
       Mathematical Statistics 15, 1-24.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.model_selection import train_test_split
    >>> X = da.arange(1000, chunks=100)[:, None]
    >>> y = X[:, 0] % 3
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> X_train.shape, X_test.shape
    ((750, 1), (250, 1))
    >>> bool((X_test[:, 0] % 3 == y_test).all())
    True
    """
    if not any(map(engine.is_collection, (*arrays, stratify))):
        how = {"random_state": random_state, "shuffle": shuffle, "stratify": stratify}
        return list(in_memory(*arrays, test_size=test_size, train_size=train_size, **how))
    if not arrays:
        raise ValueError("At least one array required as input")
    if not shuffle and stratify is not None:
        raise ValueError("Stratified train/test split is not implemented for shuffle=False")
    given = {f"arrays[{i}]": _one_part(f"arrays[{i}]", x) for i, x in enumerate(arrays)}
    rows = rows_of(given, stratify)
    asked = sizes(rows, test_size, train_size, 0.25)
    if shuffle:
        split = drawn(asked, seed_of(random_state), stratified=stratify is not None)
    else:
        split = cut_at(asked, None if rows.lengths is None else len(rows.lengths))
    train, test = taken(rows, split.train), taken(rows, split.test)
    return [part[name] for name in given for part in (train, test)]


def _one_part(name: str, x: Any) -> Any:
    """Return an array, or the rows of a source whose blocks hold nothing else."""
    X, *others = engine.taken_apart(x)
    if any(part is not None for part in others):
        raise ValueError(
            f"{name} is a source whose blocks have several parts. Separate them: "
            "X, y = streamlearn.blocks.from_blocks(source), then train_test_split(X, y)."
        )
    return X
