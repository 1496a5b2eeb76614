"""Blocks that cannot be read: whether a fit goes on without them, and which ones it leaves out.

With ``dask.config.set({"streamlearn.on-bad-block": "skip"})`` a fit leaves out blocks whose own
tasks raise an error. What is read outside a fit is never left out: the number of rows of a result
would not be known.

What a fit has left out is in a context variable, because passes begin in many places.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextvars import ContextVar

from streamlearn.blocks import door
from streamlearn.blocks.within import context_variable

SHOWN = 200
"""Characters of an error that are kept."""

_present: ContextVar[dict[int, str] | None] = context_variable("left_out", default=None)


def leaves_out() -> bool:
    """Return whether a block that cannot be read is left out here: in a fit that is to skip it."""
    return skips() and _present.get() is not None


def skips() -> bool:
    """Return whether fits skip blocks that cannot be read.

    Raises
    ------
    ValueError
        If the setting is neither "raise" nor "skip".
    """
    chosen = door.config.get("streamlearn.on-bad-block", "raise")
    if chosen not in ("raise", "skip"):
        raise ValueError(
            f"The dask option streamlearn.on-bad-block must be 'raise' or 'skip', got {chosen!r}."
        )
    return bool(chosen == "skip")


def may_leave_out(error: Exception) -> bool:
    """Return whether an error says that a block cannot be read.

    It does not if memory is short, or if a function of rows raised it: it has a note then.
    """
    noted = any(note.startswith("In ") for note in getattr(error, "__notes__", ()))
    return not (noted or isinstance(error, MemoryError))


def in_short(error: Exception) -> str:
    """Return the type and the beginning of the message of an error, which can be sent and kept."""
    text = f"{type(error).__name__}: {error}".strip(": ")
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def leave_out(blocks: Mapping[int, str]) -> None:
    """Note that the present fit has left out blocks, which have these numbers and errors."""
    known = _present.get()
    if known is not None:
        known.update(blocks)


def left_out() -> dict[int, str]:
    """Return the blocks that the present fit has left out so far."""
    return dict(_present.get() or {})


class noting_left_out:  # noqa: N801
    """Give a dict, to which the fit in the body adds the blocks that it leaves out.

    If it is not a part of another fit, a warning at its end names them, or a note on its error.
    """

    def __init__(self) -> None:
        self._outer = _present.get()
        self._found: dict[int, str] = {}

    def __enter__(self) -> dict[int, str]:
        self._token = _present.set(self._found)
        return self._found

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        _present.reset(self._token)
        if self._outer is not None:
            self._outer.update(self._found)
        elif self._found and isinstance(error, Exception):
            error.add_note(_sentence(self._found))
        elif self._found and error is None:
            warnings.warn(_sentence(self._found), UserWarning, stacklevel=3)


def _sentence(found: Mapping[int, str]) -> str:
    numbers = sorted(found)
    shown = ", ".join(map(str, numbers[:20])) + (", ..." if len(numbers) > 20 else "")
    n = "1 block" if len(numbers) == 1 else f"{len(numbers)} blocks"
    return (
        f"The fit left out {n} that could not be read: {shown}. The error of block {numbers[0]} "
        f"was {found[numbers[0]]}."
    )
