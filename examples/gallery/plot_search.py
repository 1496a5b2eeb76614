"""
Choose parameters from one read of the data
===========================================

You learn how to compare many candidates while the data are read only once. ``StreamSearchCV`` lets
every candidate predict a block before it learns from it. So no rows are held out, and each score is
one of rows that the candidate has not seen. The picture shows the scores of all candidates.
"""

# %%
# The task is hard without a penalty: each row has 150 features, of which only ten say something
# about the label.

import dask.array as da
import numpy as np

N_FEATURES, N_USEFUL = 150, 10


def make_block(rows, block_info=None):
    """Make features and the label, which is the last column."""
    rng = np.random.default_rng(block_info[None]["chunk-location"][0])
    X = rng.normal(size=(len(rows), N_FEATURES))
    p = 1 / (1 + np.exp(-X[:, :N_USEFUL].sum(axis=1) / 2))
    return np.column_stack([X, rng.random(len(rows)) < p])


ids = da.arange(12_000, chunks=500)
table = ids.map_blocks(
    make_block, new_axis=1, chunks=(ids.chunks[0], (N_FEATURES + 1,)), dtype=float
)
X, y = table[:, :-1], table[:, -1].astype(int)

# %%
# There are 26 candidates: 13 strengths of each of two penalties. "l2" makes all coefficients
# smaller. "l1" also sets many of them to zero.
#
# The candidates are not fitted one after the other. They learn side by side from each block that is
# in memory. Where they differ only in the strength of a penalty, they share the work, too. Labels
# are given as ``classes``, so that no read is needed to find them.

from streamlearn.linear_model import SGDClassifier
from streamlearn.model_selection import StreamSearchCV

candidates = {"penalty": ["l2", "l1"], "alpha": np.logspace(-5, 1, 13)}
learner = SGDClassifier(loss="log_loss", classes=[0, 1], random_state=0)
search = StreamSearchCV(learner, candidates, scoring="neg_log_loss", random_state=0).fit(X, y)

print(f"{len(search.cv_results_['params'])} candidates learned from {len(X):,} rows")
print(f"best: {search.best_params_['penalty']}, alpha = {search.best_params_['alpha']:.2g}")
print(f"its log loss: {-search.best_score_:.4f}")

# %%
# ``best_estimator_`` has learned from all blocks with the others, so it needs no fit of its own. It
# is ready to predict. Its coefficients show whether it found the features that matter.

coefficients = np.abs(search.best_estimator_.coef_[0])
print(f"mean size of the useful coefficients: {coefficients[:N_USEFUL].mean():.3f}")
print(f"mean size of the others:              {coefficients[N_USEFUL:].mean():.3f}")

# %%
# ``cv_results_`` is a table, as that of scikit-learn's searches. The log loss is small if the
# probabilities are good. On the left of the picture the penalty is too weak: the model follows
# chance. On the right it is too strong: the model cannot follow the useful features.

import matplotlib.pyplot as plt
import pandas as pd

plt.style.use("tableau-colorblind10")
found = pd.DataFrame(search.cv_results_)
figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
for (penalty, rows), mark in zip(found.groupby("param_penalty", sort=False), "os", strict=True):
    alpha = rows["param_alpha"].astype(float)
    axes.plot(alpha, -rows["mean_test_score"], marker=mark, label=penalty)
axes.plot(search.best_params_["alpha"], -search.best_score_, "k*", ms=14, label="best")
axes.axhline(np.log(2), color="0.5", ls="--", lw=1)
how = {"textcoords": "offset points", "va": "top", "color": "0.3"}
axes.annotate("always one half", (1e-5, np.log(2)), (0, -4), **how)
axes.set(xscale="log", xlabel="alpha (strength of the penalty)")
axes.set(ylabel="log loss (nats a row)", title="26 candidates, one read")
axes.legend(title="penalty")
plt.show()
