"""The block engine: it aligns containers and offers three verbs, `fold`, `reduce` and `map_rows`.

It knows dask, and no algorithm.
"""

from streamlearn.blocks.block import Block
from streamlearn.blocks.containers import (
    Blocks,
    align,
    check_kind,
    first_block,
    in_memory,
    is_collection,
    is_frame,
    known_categories,
    n_rows,
    of_frame,
    row_chunks,
    whole_rows,
)
from streamlearn.blocks.fold import Record, Segment, fold
from streamlearn.blocks.lazy_rows import LazyRows, as_lazy_rows, is_named, origin
from streamlearn.blocks.map_rows import map_rows
from streamlearn.blocks.plan import groups
from streamlearn.blocks.reduce import bytes_read, reduce
from streamlearn.blocks.schedule import noted

__all__ = [
    "Block",
    "Blocks",
    "LazyRows",
    "Record",
    "Segment",
    "align",
    "as_lazy_rows",
    "bytes_read",
    "check_kind",
    "first_block",
    "fold",
    "groups",
    "in_memory",
    "is_collection",
    "is_frame",
    "is_named",
    "known_categories",
    "map_rows",
    "n_rows",
    "noted",
    "of_frame",
    "origin",
    "reduce",
    "row_chunks",
    "whole_rows",
]
