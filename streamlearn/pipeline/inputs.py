"""The X and y that a user gives a pipeline: sources of blocks, and Bags of documents."""

from __future__ import annotations

from typing import Any

from sklearn import pipeline as theirs

from streamlearn import blocks as engine
from streamlearn import stages


def taken_apart(pipe: theirs.Pipeline, X: Any, y: Any) -> tuple[Any, Any]:
    """Return X and y. If X is a source of blocks, they are its parts.

    A Bag of documents becomes an array.

    Raises
    ------
    ValueError
        If its blocks have weights, because these could be for any of the steps.
    """
    if engine.is_bag(X) and takes_documents(pipe):
        X = engine.from_bag(X)
    X, y, weight = engine.taken_apart(X, y)
    if weight is not None:
        raise ValueError(
            "The blocks of X contain sample_weight, and a pipeline must know for which step. "
            "Separate the parts and name the step: X, y, w = streamlearn.blocks.from_blocks(source)"
            ", then fit(X, y, step__sample_weight=w)."
        )
    return X, y


def takes_documents(pipe: theirs.Pipeline) -> bool:
    """Return whether the first step takes documents."""
    first: Any = next((step for _, step in stages.leaves("", pipe)), None)
    if isinstance(first, theirs.FeatureUnion):
        inner = [step for _, step in stages.leaves_within("", first)]
        return bool(inner) and all(getattr(x, "_takes_documents", False) for x in inner[:1])
    return getattr(first, "_takes_documents", False)
