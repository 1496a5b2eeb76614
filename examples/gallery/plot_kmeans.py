"""
Cluster a large array, and write the labels to disk
===================================================

You learn how to find clusters in an array that need not fit in memory, and how to choose their
number. The cluster of each row is written to files. The pictures show the inertia for several
numbers of clusters, and the clusters that were chosen.
"""

# %%
# The array has 400,000 rows in twenty blocks. dask makes a block when it is needed, and then drops
# it. In your own work, ``da.from_zarr`` or ``da.from_npy_stack`` reads blocks from files instead.
# The rows lie around five points, and there is a different share of the rows at each of them.

import dask.array as da
import numpy as np

POINTS = np.array([[0.0, 0.0], [5.0, 1.0], [1.0, 6.0], [6.0, 6.5], [9.5, 3.5]])
SHARES = [0.35, 0.25, 0.2, 0.15, 0.05]


def make_block(block_info=None):
    """Make the rows of one block."""
    start, stop = block_info[None]["array-location"][0]
    rng = np.random.default_rng(start)
    return POINTS[rng.choice(5, stop - start, p=SHARES)] + rng.normal(size=(stop - start, 2))


X = da.map_blocks(make_block, chunks=((20_000,) * 20, (2,)), dtype=float)

# %%
# How many clusters are there? ``InertiaDisplay`` fits a copy of the estimator with each number. The
# inertia is the sum of the squared distances of all rows to the nearest centre, so it falls with
# each cluster more. Look for the number from which on it falls slowly. ``n_init=10`` draws ten
# starts from the first block and keeps the best one, because a single start can put two centres
# into one cluster.

import matplotlib.pyplot as plt

from streamlearn.cluster import MiniBatchKMeans
from streamlearn.diagnostics import InertiaDisplay

plt.style.use("tableau-colorblind10")
figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
kmeans = MiniBatchKMeans(n_init=10, random_state=0)
display = InertiaDisplay.from_estimator(kmeans, X, n_clusters=[2, 3, 4, 5, 6, 7, 8], ax=ax)
ax.set(ylabel="inertia of all rows", title="")
for k, inertia in zip(display.n_clusters, display.inertia, strict=True):
    print(f"{k} clusters: {inertia / len(X):5.2f} squared distance for each row")
plt.show()

# %%
# A fit with five clusters reads the array once. Its labels are lazy, so they take no memory, and
# they are written block by block. ``to_npy_stack`` makes one file of each block.

import tempfile
from pathlib import Path

model = MiniBatchKMeans(5, n_init=10, random_state=0).fit(X)
folder = Path(tempfile.mkdtemp()) / "labels"
da.to_npy_stack(folder, model.predict(X))
print(f"{len(list(folder.glob('*.npy')))} files of labels")

labels = da.from_npy_stack(folder)
counts = da.bincount(labels, minlength=5).compute()
for center, count in zip(model.cluster_centers_, counts, strict=True):
    print(f"centre {center.round(2)}: {count / len(labels):.0%} of the rows")

# %%
# Compare the centres and the shares with ``POINTS`` and ``SHARES`` above. The numbers of clusters
# have no order, and rows between two clusters go to the nearer centre.
#
# The picture shows some rows of the first block, with the labels that were read from the files. The
# number of each cluster stands at its centre.

# sphinx_gallery_thumbnail_number = 2
some = slice(0, 2_000)
rows, their = X[some].compute(), labels[some].compute()
figure, ax = plt.subplots(figsize=(6, 4.8), layout="constrained")
for k, (mark, center) in enumerate(zip("os^Dv", model.cluster_centers_, strict=True)):
    ax.scatter(*rows[their == k].T, s=9, marker=mark, alpha=0.5, lw=0)
    box = {"boxstyle": "circle", "fc": "white", "ec": "black"}
    ax.annotate(str(k), center, ha="center", va="center", weight="bold", bbox=box)
ax.set(xlabel="first feature", ylabel="second feature", title="2,000 rows and their clusters")
plt.show()
