"""
Learn from blocks of torch
==========================

You learn that an estimator works on what the blocks are made of. Here they are tensors of torch:
torch computes the fit, the weights of the net are tensors, and predictions are tensors, too. For
blocks on a GPU, torch would do all of this on the GPU. This example uses the CPU, so that it runs
everywhere. The picture shows what the net has learned.
"""

# %%
# torch is not a dependency of streamlearn. If it is missing, this example uses NumPy in its place.
# The rest of the code is the same for both, which is the point of it.

try:
    import torch as xp
except ImportError:
    import numpy as xp

    print("torch is not installed, so these blocks are NumPy's. Try: pip install torch")

# %%
# Each block holds points on two spirals, as float32. A function that makes or loads a tensor is all
# that is needed. dask plans with NumPy's dtypes, so ``meta`` is an empty array of NumPy. The blocks
# themselves are what the function returns.

import dask.array as da
import numpy as np


def make_block(block_info=None):
    """Make two coordinates and the number of the spiral, which is the last column."""
    rng = np.random.default_rng(block_info[None]["chunk-location"][0])
    spiral, turn = rng.integers(0, 2, 4_000), 3.5 * np.sqrt(rng.random(4_000))
    angle = np.pi * (turn + spiral)
    noise = rng.normal(scale=0.12, size=(2, 4_000))
    table = np.column_stack([turn * np.cos(angle), turn * np.sin(angle), spiral])
    table[:, :2] += noise.T
    return xp.asarray(table.astype("float32"))


chunks = ((4_000,) * 60, (3,))
table = da.map_blocks(make_block, chunks=chunks, meta=np.empty((0, 3), "float32"))
X, y = table[:, :2], table[:, 2]
X_train, y_train, X_test, y_test = X[:200_000], y[:200_000], X[200_000:], y[200_000:]

# %%
# The fit is that of any other dask array. By default, it reads each block once.

from streamlearn.neural_network import MLPClassifier

net = MLPClassifier((32, 32), learning_rate_init=0.01, random_state=0)
net.fit(X_train, y_train)
print("the weights are of the type", type(net.coefs_[0]))
print("dask computes predictions as", type(net.predict(X_test[:5]).compute()))
print(f"share of right predictions: {net.score(X_test, y_test):.3f}")

# %%
# The net predicts for rows of its own library. ``to_namespace`` makes a copy for another one. So a
# net can learn on a GPU, and predict where there is no GPU and no torch.

import streamlearn

here = streamlearn.to_namespace(net, "numpy")
rows = X_test[:1_000].compute()
difference = np.abs(np.asarray(net.predict_proba(rows)) - here.predict_proba(np.asarray(rows)))
print("the weights of the copy are of the type", type(here.coefs_[0]))
print(f"largest difference of two probabilities: {difference.max():.0e}")

# %%
# float32 has about seven decimal digits. Two libraries add numbers up in different orders, so the
# last digits may differ. The picture asks the copy for the probability at each point of a grid.

import matplotlib.pyplot as plt

axis = np.linspace(-4.2, 4.2, 200, dtype="float32")
grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
p = here.predict_proba(grid)[:, 1].reshape(200, 200)

figure, ax = plt.subplots(figsize=(6.6, 5.4), layout="constrained")
drawn = ax.contourf(axis, axis, p, levels=np.linspace(0, 1, 11), cmap="PuOr_r", alpha=0.8)
figure.colorbar(drawn, label="probability of the second spiral")
points, label = np.asarray(rows)[:400], np.asarray(y_test[:400].compute())
for spiral, (mark, name) in enumerate([("o", "first spiral"), ("^", "second spiral")]):
    some = points[label == spiral]
    ax.scatter(*some.T, marker=mark, s=22, color="white", edgecolor="black", label=name)
ax.set(xlabel="first feature", ylabel="second feature", title="A net, and rows it has not seen")
ax.legend(loc="upper right", framealpha=0.9)
ax.set_aspect("equal")
plt.show()
