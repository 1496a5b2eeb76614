"""Learn topics of generated documents, from Parquet; print scores, draw the words that tell most.

Run ``python examples/text.py --out words.png``. The documents are of two topics and have words with
Zipf frequencies, some of which are more frequent in one topic. Two pipelines learn from them: one
finds a vocabulary in a pass over the text, and one hashes words and reads the text once.
"""

import argparse
import tempfile
from pathlib import Path
from timeit import default_timer
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from streamlearn.feature_extraction.text import (
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline

SYLLABLES = ("ba", "do", "fi", "ga", "ke", "lo", "mi", "nu", "pa", "re", "so", "ti", "vu", "za")
WORDS = [a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES]
TELLING = 60
"""The number of words that are more frequent in one of the topics."""


def documents(n: int, seed: int) -> pd.DataFrame:
    """Return documents and their topics."""
    rng = np.random.default_rng(seed)
    topic = rng.integers(0, 2, n)
    lean = np.zeros(len(WORDS))
    lean[10 : 10 + TELLING] = np.linspace(-1, 1, TELLING)
    text = np.empty(n, dtype=object)
    for each in (0, 1):
        share = np.exp((2 * each - 1) * lean) / np.arange(1, len(WORDS) + 1)
        ends = np.cumsum(share)
        rows = np.flatnonzero(topic == each)
        drawn = np.searchsorted(ends, ends[-1] * rng.random((len(rows), 40)))
        text[rows] = [" ".join(map(WORDS.__getitem__, line)) for line in drawn.tolist()]
    return pd.DataFrame({"text": text, "topic": topic})


def learner() -> SGDClassifier:
    return SGDClassifier(loss="log_loss", classes=[0, 1], random_state=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=Path("text.png"), help="picture")
    args = parser.parse_args()
    pipelines = {
        "vocabulary": make_pipeline(TfidfVectorizer(min_df=5), learner()),
        "hashed": make_pipeline(
            HashingVectorizer(n_features=2**12, norm=None, alternate_sign=False),
            TfidfTransformer(),
            learner(),
        ),
    }
    held_out = documents(2_000, seed=1_000)
    with tempfile.TemporaryDirectory() as place:
        for part in range(8):
            rows = documents(args.documents // 8, seed=part)
            rows.to_parquet(Path(place) / f"{part}.parquet", index=False)
        table = dd.read_parquet(place)
        for name, pipe in pipelines.items():
            start = default_timer()
            pipe.fit(table["text"], table["topic"])
            took = default_timer() - start
            share = pipe.predict_proba(held_out["text"])
            accuracy = pipe.score(held_out["text"], held_out["topic"])
            loss = log_loss(held_out["topic"], share)
            print(
                f"{name}: {pipe[-1].n_features_in_:,} columns, accuracy {accuracy:.3f}, "
                f"log loss {loss:.3f}, {took:.1f} s"
            )
    draw(pipelines["vocabulary"], args.out)
    print(f"picture: {args.out}")


def draw(pipe: Any, out: Path) -> None:
    """Draw the coefficients of the words that tell most."""
    import matplotlib.pyplot as plt

    names, coef = pipe[0].get_feature_names_out(), pipe[-1].coef_[0]
    most = np.argsort(coef)[[*range(10), *range(-10, 0)]]
    figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
    axes.barh(names[most], coef[most], color=np.where(coef[most] > 0, "tab:blue", "tab:orange"))
    axes.set(xlabel="coefficient of the weight of a word")
    axes.set_title("The words that tell most", loc="left")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=150)


if __name__ == "__main__":
    main()
