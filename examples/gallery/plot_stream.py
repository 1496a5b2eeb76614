"""
Learn from a stream, without dask
=================================

You learn how to score and train a model on blocks that come one after the other, and are then gone:
from a queue, a socket or a sensor. No dask is used. Each block is first predicted, then scored, and
then learned from, so each score is one of rows that the model has not seen. The picture shows
three ways to score a stream that changes.
"""

# %%
# A generator stands for the stream. It yields 400 rows at a time. After three fifths of the stream
# the rule changes, as it does when a machine is replaced.

import numpy as np


def stream(n_blocks=150, rows=400):
    """Yield blocks of five features, and the label of each row."""
    rng = np.random.default_rng(0)
    for number in range(n_blocks):
        X = rng.normal(size=(rows, 5))
        rule = X[:, 0] + X[:, 1] if number < 90 else X[:, 0] - X[:, 1]
        yield X, (rule + 0.5 * rng.normal(size=rows) > 0).astype(int)


# %%
# ``Progressive`` holds the scores. ``score`` is that of all rows so far. ``window_score`` is that
# of the last 2,000 rows. In ``faded_score`` a row loses weight with each row that follows it.
#
# ``partial_fit`` continues from what was learned. The learner must know all labels at the first
# call, because the first block may lack one. With a constant learning rate it can follow a change.

from streamlearn.linear_model import SGDClassifier
from streamlearn.metrics import Progressive

model = SGDClassifier(
    loss="log_loss", learning_rate="constant", eta0=0.01, classes=[0, 1], random_state=0
)
scores = Progressive("accuracy", window=2_000, fading_factor=0.999)
rows, history = [], []
for number, (X, y) in enumerate(stream()):
    if number:  # the model that has learned nothing cannot predict
        scores.update(y, model.predict(X))
        rows.append(scores.n_rows_)
        history.append([scores.score(), scores.window_score(), scores.faded_score()])
    model.partial_fit(X, y)

for name, value in zip(["all", "last 2,000", "faded"], history[-1], strict=True):
    print(f"accuracy at the end, {name:10} rows: {value:.3f}")

# %%
# The accuracy of all rows answers how well the stream was predicted as a whole. It never
# forgets the bad time after the change. The other two answer how good the model is now.
#
# In the picture, the three lines are near each other until the rule changes. Then the window and
# the faded score fall at once, and they rise again while the model learns the new rule.

import matplotlib.pyplot as plt

plt.style.use("tableau-colorblind10")
figure, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
names = ["all rows so far", "the last 2,000 rows", "rows that fade"]
lines = ["C0-", "C1--", "C3-."]
for values, name, line in zip(np.transpose(history), names, lines, strict=True):
    ax.plot(rows, values, line, lw=2, label=name)
change = 89 * 400
ax.axvline(change, color="0.4", lw=1, ls=":")
ax.annotate("the rule changes", (change, ax.get_ylim()[0]), (6, 6), textcoords="offset points")
ax.set(xlabel="rows that were scored", ylabel="accuracy", title="Three scores of one stream")
ax.legend(loc="lower left")
plt.show()
