"""
Watch a fit, stop it and go on
==============================

You learn how to see a long fit move, what is kept if it breaks, and how the next run goes on from
there. A ``FitCheckpoint`` writes what was learned into a file. The fit that goes on ends with the
same bits as a fit that nothing has interrupted, which is checked here. The picture shows what each
of the two runs has read.
"""

# %%
# The data are 48 blocks. Block 37 stands for a file on a disk that fails: the first attempt to read
# it raises an error. ``reads`` notes which blocks are made.

import dask.array as da
import numpy as np

WEIGHTS = np.array([1.0, -2.0, 0.5, 0.0, 1.5])
reads, broken = [], {37}


def make_block(block_info=None):
    """Make five features and the target, which is the last column."""
    number = block_info[None]["chunk-location"][0]
    reads.append(number)
    if number in broken:
        raise OSError("the disk does not answer")
    rng = np.random.default_rng(number)
    X = rng.normal(size=(5_000, 5))
    return np.column_stack([X, X @ WEIGHTS + rng.normal(size=5_000)])


table = da.map_blocks(make_block, chunks=((5_000,) * 48, (6,)), dtype=float, meta=np.empty((0, 6)))
X, y = table[:, :-1], table[:, -1]

# %%
# Two callbacks are set on the learner. ``FitProgress`` prints how far the fit is. ``FitCheckpoint``
# writes a file at the end of each segment of blocks. A segment has 64 blocks by default. Here it
# has eight, because there are few blocks.
#
# ``shuffle=False`` reads the blocks in their order, which makes the picture easy to read. The
# checkpoint works with shuffled blocks, too.

import sys
import tempfile
from pathlib import Path

import dask

from streamlearn.diagnostics import FitCheckpoint, FitProgress
from streamlearn.linear_model import SGDRegressor

file = Path(tempfile.mkdtemp()) / "fit.checkpoint"


def fit(*callbacks):
    """Fit a learner that is watched by callbacks."""
    learner = SGDRegressor(shuffle=False, random_state=0).set_callbacks(*callbacks)
    with dask.config.set({"streamlearn.segment": 8}):
        return learner.fit(X, y)


try:
    fit(FitProgress(sys.stdout), FitCheckpoint(file, resume=True))
except OSError as error:
    print(f"{type(error).__name__}: {error}")
first = list(reads)
print(f"{file.stat().st_size / 1000:.0f} kB in the checkpoint")

# %%
# The error ended the fit, but what was learned before it is in the file. The disk is mended now. In
# your own work, you start the same script again: it finds the file and goes on.

broken.clear()
reads.clear()
model = fit(FitProgress(sys.stdout), FitCheckpoint(file, resume=True))
second = list(reads)
print(f"the first run read {len(set(first))} blocks, the second one {len(set(second))}")

# %%
# A third fit has no checkpoint, and nothing interrupts it. Its coefficients have the same bits.

whole = fit()
print("same coefficients, to the last bit:", np.array_equal(model.coef_, whole.coef_))
print("coefficients:", model.coef_.round(2), " weights in the data:", WEIGHTS)

# %%
# After Ctrl-C a fit ends with a warning instead of an error, and the estimator is fitted with what
# it had learned. The file keeps the fit, so it can go on. A process that is killed leaves the file
# as it was at the end of the last segment.
#
# In the picture, each mark is a block that was read. The second run reads the first and the last
# block that were learned from once more, to check that the data are still the same. Then it goes on
# after the last whole segment.

import matplotlib.pyplot as plt

plt.style.use("tableau-colorblind10")
figure, axes = plt.subplots(figsize=(9, 3.2), layout="constrained")
for at, (run, color) in enumerate([(first, "C0"), (second, "C1")]):
    axes.scatter(run, [at] * len(run), marker="s", s=45, color=color)
axes.scatter(37, 0, marker="X", s=130, color="black", zorder=3)
axes.annotate("error", (37, 0), (0, 12), textcoords="offset points", ha="center")
for end in range(8, 48, 8):
    axes.axvline(end - 0.5, color="0.75", lw=1, zorder=0)
axes.set_yticks([0, 1], ["first run", "second run"])
axes.set(ylim=(1.6, -0.6), xlabel="block (the lines are the ends of segments)")
axes.set_title("Which blocks each run read")
plt.show()
