"""A lazy frame in which an error of a task that makes rows names their partition.

dask's query planner makes the tasks of a frame when the result is computed, and fuses those that
read a partition with those that use it. So the error of a read passes by our tasks. Here an
expression stands between the frame and what uses it. The planner lowers it to two expressions, and
does not fuse across them. The first one has the partitions as they are. The second one has the
tasks that make them once more, under the same keys, and these tasks add a note to an error. In a
graph the tasks of later expressions replace those of earlier ones. So partitions are read once,
also if other results of the same computation need them.

This module imports ``dask.dataframe``.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from streamlearn.blocks.graph import Alias, collection_of_expression, expressions_of_frames
from streamlearn.blocks.named_reads import Reads

if TYPE_CHECKING:
    from streamlearn.blocks.graph import Key

planner: Any = expressions_of_frames()


class _Passed(planner.Expr):
    """An expression with the rows of a frame."""

    @cached_property
    def _meta(self) -> Any:
        return self.frame._meta

    def _divisions(self) -> tuple[Any, ...]:
        return tuple(self.frame.divisions)


class NamedPartitions(_Passed, planner.Blockwise):
    """The partitions of a frame, each of which has a number.

    A part of it is made of the same part of its frame, and the planner knows that its rows line up
    with those of its frame.

    Parameters
    ----------
    frame : Expression
    numbers : tuple of int
        The number of each partition of ``named``.
    named : str
        The name of the expression whose partitions have these numbers.
    """

    _parameters: ClassVar = ["frame", "numbers", "named"]

    def __new__(cls, frame: Any, numbers: tuple[int, ...], named: str, **how: Any) -> Any:
        """Select the numbers, too, if the planner has selected partitions of the frame."""
        if isinstance(frame, planner.Partitions) and frame.frame._name == named:
            numbers, named = tuple(numbers[i] for i in frame.partitions), frame._name
        return super().__new__(cls, frame, numbers, named, **how)

    def _task(self, name: Key, index: int) -> Any:
        return Alias(name, (self.frame._name, index))

    def _lower(self) -> Any:
        return _Partitions(_Tasks(self.frame, self.numbers), self.frame)


class _Tasks(_Passed):
    """The tasks that make a frame, which add notes to errors.

    The planner may join small files. Then numbers would be other ones, and there are no notes.
    """

    _parameters: ClassVar = ["frame", "numbers"]

    def _layer(self) -> dict[Key, Any]:
        if self.frame.npartitions != len(self.numbers):
            return {}
        keys = [(self.frame._name, i) for i in range(len(self.numbers))]
        return Reads(self.frame.__dask_graph__(), keys, self.numbers).tasks


class _Partitions(_Passed):
    """The partitions of a frame, whose tasks are replaced by those of ``tasks``."""

    # The last one of these is the first in a graph.
    _parameters: ClassVar = ["tasks", "frame"]

    def _layer(self) -> dict[Key, Any]:
        keys = [(self._name, i) for i in range(self.frame.npartitions)]
        return {key: Alias(key, (self.frame._name, key[1])) for key in keys}


def named_partitions(frame: Any) -> Any:
    """Return a dask frame like ``frame``. If a partition cannot be made, the error names it."""
    expression = frame.expr
    numbers = tuple(range(expression.npartitions))
    return collection_of_expression(NamedPartitions(expression, numbers, expression._name))
