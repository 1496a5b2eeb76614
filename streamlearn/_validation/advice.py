"""Advice that is added to the errors of scikit-learn's checks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from streamlearn._arrays.plain import without_rows
from streamlearn._validation.finite import CLIP, FILL
from streamlearn._validation.tables import APART, ENCODE, fault_of, names_of

NO_NUMBERS = (
    "could not convert",
    "float() argument",
    "could not be promoted",
    "setting an array element",
)
ADVICE = {
    **dict.fromkeys(NO_NUMBERS, ENCODE),
    "Complex data not supported": APART,
    "contains infinity": CLIP,
    "Input contains NaN": f"It is y that does. {FILL}",
    "y contains NaN": FILL,
    "sample_weight contains NaN": FILL,
    "Found array with dim": "Give rows and columns, for example X.reshape(len(X), -1).",
    "should be a 1d array": "Give one value for each row.",
}
"""The advice for an error, by words of its message."""


@contextmanager
def with_advice(X: Any) -> Iterator[None]:
    """Add notes to errors of scikit-learn's checks: advice, and the column of a frame."""
    try:
        yield
    except (TypeError, ValueError) as error:
        text = str(error)
        notes: list[str | None] = []
        without = without_rows(X)
        if without is not None:
            notes.append(f"X is a {type(X).__name__}, which {without.format('X')}")
        of_values = any(words in text for words in (*NO_NUMBERS, "Input X contains"))
        if names_of(X) is not None and of_values:
            notes.append(fault_of(X, allow_nan="contains infinity" in text))
        if without is None:
            notes.append(next((advice for words, advice in ADVICE.items() if words in text), None))
        for note in notes:
            if note is not None and note not in getattr(error, "__notes__", ()):
                error.add_note(note)
        raise
