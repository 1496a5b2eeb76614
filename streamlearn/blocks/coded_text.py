"""Text of Parquet files, read as codes of its distinct values.

A Parquet file usually holds each distinct text of a column once, and codes for the rows. pyarrow
can keep the codes. A column then takes a third of the time to read, and whoever counts its values,
or looks them up, hashes the distinct ones alone. The column arrives with pandas' ``ArrowDtype`` of
an Arrow dictionary.

This module uses names of dask that it may change or move, as `streamlearn.blocks.graph` does. It is
imported only when encoders learn from a dask DataFrame.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from dask.dataframe.io.parquet.arrow import ArrowDatasetEngine
from dask.dataframe.io.parquet.core import ParquetFunctionWrapper
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

from streamlearn.blocks.graph import GraphNode, Key, Task, TaskRef


class CodedText(ArrowDatasetEngine):
    """dask's reader of Parquet files, with some columns of text as codes."""

    @classmethod
    def multi_support(cls) -> bool:
        """Return whether one task may read several pieces, as with dask's own reader."""
        return True

    @classmethod
    def _read_table(
        cls,
        path: Any,
        fs: Any,
        row_groups: Any,
        columns: Any,
        *more: Any,
        coded: Any,
        **kwargs: Any,
    ) -> Any:
        if not isinstance(path, str):  # a fragment of pyarrow, which knows how it is read
            return super()._read_table(path, fs, row_groups, columns, *more, **kwargs)
        how = {"columns": columns, "use_threads": False, "use_pandas_metadata": True}
        with fs.open(path, "rb") as file:
            parquet = pq.ParquetFile(file, read_dictionary=coded, pre_buffer=True)
            if row_groups == [None]:
                return parquet.read(**how)
            return parquet.read_row_groups(row_groups, **how)

    @classmethod
    def _arrow_table_to_pandas(cls, *args: Any, **kwargs: Any) -> Any:
        # A dict for each call: dask writes into it.
        kwargs = {**kwargs, "arrow_to_pandas": {"types_mapper": _kept}}
        return super()._arrow_table_to_pandas(*args, **kwargs)


def _kept(of: Any) -> Any:
    """Return the dtype of pandas that keeps Arrow's codes; None for other types."""
    return pd.ArrowDtype(of) if pa.types.is_dictionary(of) else None


def with_codes(
    graph: Mapping[Key, Any],
    keys: Collection[Key],
    others: Collection[Key],
    names: Collection[str],
) -> dict[Key, Any]:
    """Return a graph whose blocks have some columns of text as codes, where that can be done.

    A block that is more than some columns of a file is read as before. So is one whose text columns
    are also used for something else.

    Parameters
    ----------
    graph : mapping of key to GraphNode
    keys : collection of keys
        The blocks.
    others : collection of keys
        The other results that are asked for.
    names : collection of str
        The columns.
    """
    users: dict[Key, list[GraphNode]] = {}
    for node in graph.values():
        for key in getattr(node, "dependencies", ()):
            users.setdefault(key, []).append(node)
    out, own, taken = dict(graph), set(keys), set(others)
    for key in keys:
        read = _read_of(graph, key)
        known = read is not None and not taken & {key, read} and (key == read or key not in users)
        if not known or not all(
            user.key in own or _spares(user, names) for user in users.get(read, ())
        ):
            continue
        out[read] = _coded(graph[read], names)
    return out


def _read_of(graph: Mapping[Key, Any], key: Key) -> Key | None:
    """Return the task that reads a file for a block of some of its columns, or None."""
    node: Any = graph.get(key)
    if getattr(node, "func", None) is operator.getitem and isinstance(node.args[0], TaskRef):
        key = node.args[0].key
        node = graph.get(key) if isinstance(node.args[1], list) else None
    return key if isinstance(getattr(node, "func", None), ParquetFunctionWrapper) else None


def _spares(node: GraphNode, names: Collection[str]) -> bool:
    """Return whether a task takes some columns of a frame, and none of those with ``names``."""
    if getattr(node, "func", None) is not operator.getitem:
        return False
    taken = node.args[1]
    return not set(names) & set(taken if isinstance(taken, list) else [taken])


def _coded(node: Task, names: Collection[str]) -> Task:
    """Return a task that reads the text of columns as codes, or the same one if it cannot."""
    read, how = node.func, node.func.common_kwargs
    known = read.engine is ArrowDatasetEngine and isinstance(read.fs, LocalFileSystem)
    # What else the user has asked dask's reader for.
    asked = [how.get(name) for name in ("filters", "partitions", "categories", "arrow_to_pandas")]
    asked += [value for name, value in how.get("read", {}).items() if name != "open_file_options"]
    schema = how.get("schema") or ()
    if not known or any(asked) or any(pa.types.is_dictionary(field.type) for field in schema):
        return node
    coded = [field.name for field in schema if field.name in names and _is_text(field.type)]
    if not coded:
        return node
    function = ParquetFunctionWrapper(
        CodedText, read.fs, read.meta, read.columns, read.index, None, None, how | {"coded": coded}
    )
    return Task(node.key, function, *node.args, _data_producer=True)


def _is_text(of: Any) -> bool:
    return bool(pa.types.is_string(of) or pa.types.is_large_string(of))
