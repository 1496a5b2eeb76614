"""One block: the rows of a chunk, and what goes along with them."""

from __future__ import annotations

from typing import Any, NamedTuple


class Block(NamedTuple):
    """Rows of X with their targets, weights and whatever else has an entry a row.

    Attributes
    ----------
    number : int
        Its place among the blocks.
    parts : dict of str to object
        What it holds by name, in the order in which `streamlearn.blocks.align` was given it.
    in_memory : bool
        Whether it is the only block: of containers in memory.
    """

    number: int
    parts: dict[str, Any]
    in_memory: bool = False

    @property
    def named(self) -> int | None:
        """What errors call the block: its number, None where there is only one."""
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
