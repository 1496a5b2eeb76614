"""dask arrays of unknown length that can be counted, and arrays of torch that dask can join."""

from __future__ import annotations

import warnings
from typing import Any

import dask.array as da
from dask.array.core import concatenate_lookup

from streamlearn._arrays import concat
from streamlearn.blocks.containers import row_chunks
from streamlearn.blocks.graph import is_frame_barrier, raw_graph


class Countable(da.Array):
    """An array of unknown length whose rows are counted when ``len`` is called, as in a frame.

    scikit-learn's metrics call ``len`` on their arguments before they read them.
    """

    __slots__ = ()

    def __len__(self) -> int:
        """Return the number of rows. The first call computes all rows."""
        if None in row_chunks(self):
            self.compute_chunk_sizes()
        return super().__len__()

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        """Return all rows as NumPy's. Warn if the order of the rows is that of this call alone."""
        graph, *_ = raw_graph({"rows": self}, {})
        if any(map(is_frame_barrier, graph.values())):
            warnings.warn(
                "The rows come from a shuffle of a frame (shuffle, merge, sort_values, set_index), "
                "which dask does in another order each time. Labels that are computed apart from "
                "these results do not belong to them. Persist the frame first: df = df.persist(). "
                "Or use score and streamlearn.metrics, which compute both in one go.",
                UserWarning,
                stacklevel=2,
            )
        return super().__array__(*args, **kwargs)

    def __getitem__(self, index: Any) -> Any:
        """Return a part of the array, which is `Countable` too."""
        return as_countable(super().__getitem__(index))


def as_countable(out: Any) -> Any:
    """Return a collection: as `Countable` if it is an array of unknown length, else as it is."""
    if type(out) is da.Array and out.ndim and None in row_chunks(out):
        out.__class__ = Countable
    return out


@concatenate_lookup.register_lazy("torch")
def _join_tensors() -> None:
    """Register a function with which dask joins blocks of torch: it has none of its own."""
    from torch import Tensor

    concatenate_lookup.register(Tensor, concat)
