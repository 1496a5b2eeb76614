"""All that needs dask: its names, and ours from modules that import it. `door` imports this one."""

from dask import config
from dask.array import blockwise
from dask.base import compute as results
from dask.base import is_dask_collection, tokenize
from dask.layers import ArrayBlockIdDep, ArraySliceDep
from dask.sizeof import sizeof

from streamlearn.blocks.arrays_of_items import array_of_items
from streamlearn.blocks.countable import as_countable
from streamlearn.blocks.done_tasks import DoneTasks
from streamlearn.blocks.graph import (
    Alias,
    DataNode,
    GraphNode,
    List,
    Scheduler,
    Task,
    TaskRef,
    fused_annotations,
    is_future,
    optimized,
    raw_graph,
    release,
    row_sources,
    scheduler,
)
from streamlearn.blocks.named_reads import named_reads
from streamlearn.blocks.on_cluster import OnCluster, connected
from streamlearn.blocks.one_computation import OneComputation
from streamlearn.blocks.shuffles import reached, set_apart, warn_of_draws, warn_of_orders

__all__ = [
    "Alias",
    "ArrayBlockIdDep",
    "ArraySliceDep",
    "DataNode",
    "DoneTasks",
    "GraphNode",
    "List",
    "OnCluster",
    "OneComputation",
    "Scheduler",
    "Task",
    "TaskRef",
    "array_of_items",
    "as_countable",
    "blockwise",
    "config",
    "connected",
    "fused_annotations",
    "is_dask_collection",
    "is_future",
    "named_reads",
    "optimized",
    "raw_graph",
    "reached",
    "release",
    "results",
    "row_sources",
    "scheduler",
    "set_apart",
    "sizeof",
    "tokenize",
    "warn_of_draws",
    "warn_of_orders",
]
