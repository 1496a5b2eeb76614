"""k-means in mini-batches, and k-means++, which draws the first centres."""

from streamlearn.core.kmeans.assignment import (
    FormerNearest,
    distances,
    inertia,
    labels,
    labels_and_inertia,
    squared_distances,
)
from streamlearn.core.kmeans.clusters import State, start, twins
from streamlearn.core.kmeans.merging import merge
from streamlearn.core.kmeans.minibatch import (
    Params,
    Sums,
    apply,
    init,
    learner,
    low,
    reassign,
    rescale,
    step,
    sums_of,
    update,
)

__all__ = [
    "FormerNearest",
    "Params",
    "State",
    "Sums",
    "apply",
    "distances",
    "inertia",
    "init",
    "labels",
    "labels_and_inertia",
    "learner",
    "low",
    "merge",
    "reassign",
    "rescale",
    "squared_distances",
    "start",
    "step",
    "sums_of",
    "twins",
    "update",
]
