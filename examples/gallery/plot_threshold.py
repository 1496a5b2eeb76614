"""
Probabilities, and a threshold that pays
========================================

You learn how to see whether probabilities can be trusted, and how to turn them into decisions when
one error costs more than another. All scores and curves are computed from lazy predictions, block
by block. The pictures show the calibration, the precision at each recall, and the cost of each
threshold.
"""

# %%
# In a factory about one part in twenty is broken. A model says how likely that is for each part. A
# test costs 1 euro for each part that is taken out. A broken part that is sent to a customer costs
# 15 euros.

import dask.array as da
import numpy as np

TEST, SENT = 1.0, 15.0  # euros


def make_block(block_info=None):
    """Make four features and the label, which is the last column: 1 means broken."""
    rng = np.random.default_rng(block_info[None]["chunk-location"][0])
    X = rng.normal(size=(10_000, 4))
    p = 1 / (1 + np.exp(4.5 - X @ [1.5, -1.0, 0.8, 0.0]))
    return np.column_stack([X, rng.random(10_000) < p])


table = da.map_blocks(make_block, chunks=((10_000,) * 30, (5,)), dtype=float, meta=np.empty((0, 5)))
X, y = table[:, :-1], table[:, -1].astype(int)
X_train, y_train = X[:150_000], y[:150_000]
X_choose, y_choose = X[150_000:200_000], y[150_000:200_000]
X_test, y_test = X[200_000:], y[200_000:]

# %%
# Two models learn from the same rows. The second one has ``class_weight="balanced"``, so that both
# classes count the same. This is often done when one class is rare.

from streamlearn.linear_model import SGDClassifier

plain = SGDClassifier(loss="log_loss", random_state=0).fit(X_train, y_train)
balanced = SGDClassifier(loss="log_loss", class_weight="balanced", random_state=0)
balanced.fit(X_train, y_train)
models = {"plain": plain, "balanced": balanced}

for name, model in models.items():
    p = float(model.predict_proba(X_test)[:, 1].mean())
    print(f"{name:9} mean probability of a broken part: {p:.3f}")
print(f"{'':9} share of broken parts:              {float(y_test.mean()):.3f}")

# %%
# The plain model knows how many parts are broken, and the balanced one says far too many. The two
# may still order the parts equally well. Calibration and order are different questions, and the
# picture has a panel for each of them.

import matplotlib.pyplot as plt

from streamlearn.metrics import CalibrationDisplay, PrecisionRecallDisplay

plt.style.use("tableau-colorblind10")
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
for (name, model), mark in zip(models.items(), "os", strict=True):
    of = X_test, y_test
    how = {"n_bins": 8, "name": name, "marker": mark, "ms": 5, "ax": left}
    CalibrationDisplay.from_estimator(model, *of, **how)
    line = {"ls": "-" if name == "plain" else "--"}
    PrecisionRecallDisplay.from_estimator(model, *of, name=name, ax=right, curve_kwargs=line)
left.set(xlabel="mean probability in a bin", ylabel="share of broken parts", title="Calibration")
right.set(xlabel="recall of broken parts", ylabel="precision", title="Precision and recall")
left.legend(loc="upper left")
right.legend(loc="upper right")
plt.show()

# %%
# When should a part be taken out? A part with the probability p costs 15 p euros on average if it
# is sent, and 1 euro if it is tested. The two are equal at p = 1/15. So this is the threshold of a
# model whose probabilities are right.
#
# For any other model, look for the threshold on rows that it has not learned from. Two histograms
# of the probabilities say all that is needed, and they come from one read: how many parts have a
# probability in each interval, and how many of these are broken.

# sphinx_gallery_thumbnail_number = 2
thresholds = np.linspace(0.0, 1.0, 101)
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")


def costs(model, X, y):
    """Return the mean cost of a part, in euros, at each threshold but the last."""
    p = model.predict_proba(X)[:, 1]
    parts, _ = da.histogram(p, bins=thresholds)
    broken, _ = da.histogram(p, bins=thresholds, weights=y)
    parts, broken = da.compute(parts, broken)
    tested = parts[::-1].cumsum()[::-1]  # from the threshold on
    sent = broken.cumsum() - broken  # below the threshold
    return (TEST * tested + SENT * sent) / parts.sum()


for name, model in models.items():
    best = costs(model, X_choose, y_choose).argmin()
    on_test = costs(model, X_test, y_test)
    print(f"{name:9} threshold {thresholds[best]:.2f} costs {on_test[best]:.3f} euros a part")
    print(f"{'':9} threshold 0.50 costs {on_test[50]:.3f} euros a part")
    line = {"ls": "-" if name == "plain" else "--"}
    (drawn,) = ax.plot(thresholds[:-1], on_test, label=name, **line)
    ax.plot(thresholds[best], on_test[best], "o", color=drawn.get_color())
print(f"one fifteenth is {TEST / SENT:.2f}")
ax.set(xlabel="threshold", ylabel="cost (euros a part)", title="Cost of each threshold")
ax.set_ylim(0, None)
ax.legend()
plt.show()

# %%
# The thresholds were chosen on one part of the rows, and the costs are those of another part. The
# threshold of the plain model is near one fifteenth, as it should be. The balanced model needs
# another threshold, because it learned as if half of the parts were broken. With its own threshold
# it costs about the same, because it orders the parts about as well. At 0.5, each of them costs
# more.
#
# In the picture, dots mark the thresholds that were chosen.
