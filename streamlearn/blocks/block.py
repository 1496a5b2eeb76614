"""One block: the rows of a chunk, with their targets and weights, and the notes on its errors."""

from __future__ import annotations

from typing import Any, NamedTuple


class Block(NamedTuple):
    """Rows of X with their targets, their weights and all else that has one entry for each row.

    Attributes
    ----------
    number : int
        The index of the block.
    parts : dict of str to object
        The parts by name, in the order in which `streamlearn.blocks.align` received them.
    in_memory : bool
        Whether the containers are in memory, and this is their only block.
    error : str
        Why the block could not be read, and has no parts; empty if it was read.
    """

    number: int
    parts: dict[str, Any]
    in_memory: bool = False
    error: str = ""

    @property
    def named(self) -> int | None:
        """The number by which errors name the block; None if it is the only one."""
        return None if self.in_memory else self.number

    @property
    def X(self) -> Any:
        """The rows."""
        return self.parts["X"]

    @property
    def y(self) -> Any:
        """The targets, or None."""
        return self.parts.get("y")

    @property
    def sample_weight(self) -> Any:
        """The weights of the rows, or None."""
        return self.parts.get("sample_weight")

    @property
    def along(self) -> dict[str, Any]:
        """All parts but X, by name."""
        return {name: part for name, part in self.parts.items() if name != "X"}


def how_to_compute(index: int) -> str:
    """Return a sentence that says how to compute a block of a collection alone."""
    return (
        f"To see the error alone, compute X.blocks[{index}] of a dask array X, or "
        f"X.partitions[{index}] of a frame"
    )


class noted:  # noqa: N801
    """Add a note to an error that says where it happened. The error keeps its type.

    An error gets one note only: the first, which names the place most closely.
    """

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        notes = getattr(error, "__notes__", ())
        if isinstance(error, Exception) and not any(note.startswith("In ") for note in notes):
            error.add_note(f"In {self._where}.")
