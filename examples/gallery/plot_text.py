"""
Classify text with hashed words
===============================

You learn how to classify documents that do not fit in memory. Each word is hashed to the number of
a column, so no list of words is needed, and the documents are read once. A
``HashingVectorizer`` does the hashing as a step of a pipeline. Its rows are sparse, and they stay
sparse up to the coefficients. The picture shows which words decide.
"""

# %%
# The documents are made by chance: short letters to a shop. A letter asks for a refund, or it does
# not. Each topic has words of its own, and all letters share most of their words. One letter in
# twenty has the wrong label.

import dask.dataframe as dd
import numpy as np
import pandas as pd

SHARED = "hello order delivery shop please thanks date number parcel street name price week".split()
REFUND = "refund broken returned money damaged complaint".split()
OTHER = "question opening size colour gift invoice".split()


def letters(part, n_rows=2_000):
    """Make the letters of one partition."""
    rng = np.random.default_rng(part)
    asks = rng.random(n_rows) < 0.3
    text = []
    for own in np.where(asks, 0, 1):
        words = [*rng.choice(SHARED, 8), *rng.choice((REFUND, OTHER)[own], rng.integers(0, 4))]
        text.append(" ".join(rng.permutation(words)))
    wrong = rng.random(n_rows) < 0.05
    return pd.DataFrame({"text": text, "refund": (asks ^ wrong).astype(int)})


df = dd.from_map(letters, range(12))
print(df["text"].partitions[0].head(2).to_list())

# %%
# A column of text is a dask Series. Ten partitions are for learning and two are for the score. With
# 2**16 columns few of the words fall together.

from streamlearn.feature_extraction.text import HashingVectorizer
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline

train, test = df.partitions[:10], df.partitions[10:]
vectorizer = HashingVectorizer(n_features=2**16, alternate_sign=False)
learner = SGDClassifier(loss="log_loss", classes=[0, 1], random_state=0)
model = make_pipeline(vectorizer, learner).fit(train["text"], train["refund"])

print(f"share of the more frequent label: {1 - test['refund'].mean().compute():.3f}")
print(f"share of right predictions:       {model.score(test['text'], test['refund']):.3f}")

# %%
# The second number cannot come near 1. One label in twenty is wrong, and a quarter of the letters
# has no word of a topic.
#
# New letters are scored as they come. A list of texts works like a Series.

new = ["hello parcel broken please refund", "hello shop gift colour please"]
for text, p in zip(new, model.predict_proba(new)[:, 1], strict=True):
    print(f"{p:.2f}  {text}")

# %%
# Hashing has no way back from a column to its word. But any word can be hashed again. So the
# coefficient of each word that we know can be looked up: a text of one word has one column.

import matplotlib.pyplot as plt

words = np.array([*SHARED, *REFUND, *OTHER])
columns = vectorizer.transform(words).argmax(axis=1)
coefficients = model[-1].coef_[0, np.asarray(columns).ravel()]

plt.style.use("tableau-colorblind10")
order = np.argsort(coefficients)
color = np.select([np.isin(words, REFUND), np.isin(words, OTHER)], ["C1", "C0"], "C2")
figure, axes = plt.subplots(figsize=(7, 6), layout="constrained")
axes.barh(words[order], coefficients[order], color=color[order])
for name, c in {"refund": "C1", "shared": "C2", "other": "C0"}.items():
    axes.bar(0, 0, color=c, label=name)
axes.legend(title="topic of the word")
axes.axvline(0, color="0.3", lw=1)
axes.set(xlabel="coefficient (log odds of a refund)", title="What each word says about a letter")
plt.show()
