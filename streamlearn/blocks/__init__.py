"""The block engine: it aligns containers and offers verbs.

They are `fold`, `rounds`, `reduce`, `map_rows` and `visit`. The engine knows dask, and no
algorithm. `from_blocks` is for users.
"""

from streamlearn.blocks.bags import as_objects, from_bag, is_bag
from streamlearn.blocks.blas import one_blas_thread
from streamlearn.blocks.block import Block, noted
from streamlearn.blocks.containers import (
    Blocks,
    align,
    check_kind,
    find_lengths,
    first_block,
    in_memory,
    in_memory_and_lazy,
    is_collection,
    is_frame,
    meta_of,
    of_frame,
    row_chunks,
    whole_rows,
)
from streamlearn.blocks.fold import fold
from streamlearn.blocks.frames import text_dtype
from streamlearn.blocks.journal import (
    BlockChecksum,
    Page,
    first_and_last,
    open_page,
    unnoted,
    with_checksums,
)
from streamlearn.blocks.lazy_rows import LazyRows, as_lazy_rows, in_block, is_named, origin
from streamlearn.blocks.left_out import noting_left_out
from streamlearn.blocks.map_rows import map_rows
from streamlearn.blocks.parts import head, made_up, n_rows, some_columns, some_rows
from streamlearn.blocks.plan import groups
from streamlearn.blocks.reduce import bytes_read, compare_checksums, reduce
from streamlearn.blocks.round_layout import Position, SideBySide
from streamlearn.blocks.rounds import rounds
from streamlearn.blocks.segments import Segment
from streamlearn.blocks.shared_reads import SharedReader, SharedReads
from streamlearn.blocks.source_rows import SourceRows
from streamlearn.blocks.sources import from_blocks, taken_apart
from streamlearn.blocks.streams import StreamedRows
from streamlearn.blocks.take_rows import AlignedRows, Place, Which
from streamlearn.blocks.visit import visit
from streamlearn.blocks.watch import Record, Watch, unwatched, watches, watching
from streamlearn.blocks.within import context_variable
from streamlearn.blocks.zip_rows import zip_rows

__all__ = [
    "AlignedRows",
    "Block",
    "BlockChecksum",
    "Blocks",
    "LazyRows",
    "Page",
    "Place",
    "Position",
    "Record",
    "Segment",
    "SharedReader",
    "SharedReads",
    "SideBySide",
    "SourceRows",
    "StreamedRows",
    "Watch",
    "Which",
    "align",
    "as_lazy_rows",
    "as_objects",
    "bytes_read",
    "check_kind",
    "compare_checksums",
    "context_variable",
    "find_lengths",
    "first_and_last",
    "first_block",
    "fold",
    "from_bag",
    "from_blocks",
    "groups",
    "head",
    "in_block",
    "in_memory",
    "in_memory_and_lazy",
    "is_bag",
    "is_collection",
    "is_frame",
    "is_named",
    "made_up",
    "map_rows",
    "meta_of",
    "n_rows",
    "noted",
    "noting_left_out",
    "of_frame",
    "one_blas_thread",
    "open_page",
    "origin",
    "reduce",
    "rounds",
    "row_chunks",
    "some_columns",
    "some_rows",
    "taken_apart",
    "text_dtype",
    "unnoted",
    "unwatched",
    "visit",
    "watches",
    "watching",
    "whole_rows",
    "with_checksums",
    "zip_rows",
]
