"""The first steps that pipelines have in common. They learn once from a block for all of them.

The pipelines are candidates of a search. A step is shared if all steps before it are, and if it is
of the same class and has the same parameters as that of another pipeline. Then it has learned the
same from the same blocks. A step that draws random numbers is shared if its seed is a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn import pipeline as theirs
from sklearn.frozen import FrozenEstimator

from streamlearn import stages
from streamlearn._validation.missing import frame_of
from streamlearn.stages import Chain, Prefitted, Shared, SharedChain

SEEDED = "random_state"
"""The parameter of estimators that draw random numbers."""


class SharedSteps(NamedTuple):
    """The first steps of a pipeline, as other pipelines have them, and what they do with a block.

    Attributes
    ----------
    path : tuple of int
        A number for each of the steps; see `paths_of`.
    results : Shared
    """

    path: tuple[int, ...]
    results: Shared

    def chain(self, chain: Chain) -> SharedChain:
        """Return a chain whose first stages work once for all pipelines."""
        return SharedChain(**vars(chain), path=self.path, shared=self.results)

    def of(self, steps: Sequence[Any]) -> Callable[[Any, Callable[[], Prefitted]], Prefitted]:
        """Return the function of stages that are fitted beforehand; see `Scout`."""
        keys = {
            id(inner): ("fitted", number, k)
            for number, step in zip(self.path, steps, strict=False)
            for k, (_, inner) in enumerate(stages.nested("", step))
        }

        def fitted(estimator: Any, compute: Callable[[], Prefitted]) -> Prefitted:
            if id(estimator) not in keys:
                return compute()
            return replace(self.results.once(keys[id(estimator)], compute), estimator=estimator)

        return fitted

    def transformed(self, pipe: theirs.Pipeline, X: Any) -> Any:
        """Return rows as the shared steps of a fitted pipeline transform them."""
        X = frame_of(pipe, X)
        for number, step in zip(self.path, leaves_of(pipe), strict=False):
            X = self.results.once(("rows", number), partial(step.transform, X))
        return X


def leaves_of(pipe: theirs.Pipeline) -> list[Any]:
    """Return the steps of a pipeline, with those of pipelines inside it."""
    return [step for _, step in stages.leaves("", pipe)]


def behind(pipe: theirs.Pipeline, n: int) -> Any:
    """Return a pipeline for rows that its first n steps have transformed."""
    return stages.rebuilt(pipe, iter(["passthrough"] * n + leaves_of(pipe)[n:]))


def with_last(pipe: theirs.Pipeline, last: Any) -> Any:
    """Return a pipeline with another last step."""
    return stages.rebuilt(pipe, iter([*leaves_of(pipe)[:-1], last]))


def paths_of(estimators: Sequence[Any]) -> list[tuple[int, ...]]:
    """Return the shared steps of each estimator, as numbers. Only pipelines have any.

    Steps have the same number if they, and all steps before them, are equal. The last step is not
    shared.

    Examples
    --------
    >>> from streamlearn.linear_model import SGDClassifier
    >>> from streamlearn.pipeline import make_pipeline
    >>> from streamlearn.preprocessing import StandardScaler
    >>> scalers = [StandardScaler(), StandardScaler(), StandardScaler(with_std=False)]
    >>> paths_of([make_pipeline(scaler, SGDClassifier()) for scaler in scalers])
    [(0,), (0,), (1,)]
    """
    known: list[tuple[int, Any]] = []  # the number of the step before, and a step
    out = []
    for estimator in estimators:
        path: tuple[int, ...] = ()
        steps = leaves_of(estimator)[:-1] if isinstance(estimator, theirs.Pipeline) else []
        for step in steps:
            if not is_seeded(step):
                break
            last = path[-1] if path else -1
            same = (
                k for k, (at, other) in enumerate(known) if at == last and are_equal(step, other)
            )
            number = next(same, len(known))
            if number == len(known):
                known.append((last, step))
            path = (*path, number)
        out.append(path)
    return out


def is_seeded(step: Any) -> bool:
    """Return whether all random numbers that a step draws come from a seed."""
    return all(_is_seeded(inner) for _, inner in stages.leaves_within("", step))


def _is_seeded(estimator: Any) -> bool:
    if stages.is_ours(estimator) and not hasattr(estimator, "_cross_fit"):
        return True  # they draw nothing
    params = estimator.get_params() if hasattr(estimator, "get_params") else {}
    return all(
        isinstance(value, Integral)
        for name, value in params.items()
        if name.rpartition("__")[2] == SEEDED
    )


def are_equal(a: Any, b: Any) -> bool:
    """Return whether estimators have the same class and parameters, or whether values are equal.

    Objects that cannot be compared are equal only if they are the same object.
    """
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if hasattr(a, "get_params") and not isinstance(a, type):
        if isinstance(a, FrozenEstimator):
            return a.estimator is b.estimator
        return are_equal(a.get_params(deep=False), b.get_params(deep=False))
    if isinstance(a, Mapping):
        return list(a) == list(b) and all(are_equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(are_equal, a, b))
    if isinstance(a, np.ndarray):
        same = a.dtype == b.dtype and a.shape == b.shape
        return same and all(map(are_equal, a.ravel().tolist(), b.ravel().tolist()))
    if isinstance(a, float | np.floating) and a != a:
        return bool(b != b)
    try:
        return bool(a == b)
    except (TypeError, ValueError):  # of arrays of other libraries, and of frames
        return False
