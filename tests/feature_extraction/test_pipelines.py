"""Vectorizers as steps: in one pass, in columns of a table, in unions and searches."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import dask
import dask.array as da
import dask.bag
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn import compose as their_compose
from sklearn import naive_bayes as their_bayes
from sklearn import preprocessing as their_scalers
from sklearn.feature_extraction import text as theirs
from sklearn.pipeline import make_pipeline as their_pipeline
from sklearn.pipeline import make_union

from streamlearn import compose
from streamlearn.blocks import from_blocks
from streamlearn.feature_extraction import FeatureHasher, text
from streamlearn.linear_model import SGDClassifier
from streamlearn.naive_bayes import MultinomialNB
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.public import documents

N, N_BLOCKS = 120, 4
TEXTS = documents(N)
Y = np.asarray([words.count("red") > 1 for words in TEXTS]).astype(int)
TABLE = pd.DataFrame({"text": TEXTS, "n": np.random.default_rng(0).normal(size=N), "y": Y})
LABELS = {"classes": [0, 1]}


def objects(texts: Any) -> np.ndarray:
    return np.asarray(texts, dtype=object)


GIVEN = {
    "a bag": lambda: (
        dask.bag.from_sequence(TEXTS, npartitions=N_BLOCKS),
        da.from_array(Y, chunks=N // N_BLOCKS),
    ),
    "a Series": lambda: (dd.from_pandas(TABLE["text"], 4), dd.from_pandas(TABLE["y"], 4)),
    "blocks": lambda: from_blocks([(TEXTS[i : i + 30], Y[i : i + 30]) for i in range(0, N, 30)]),
    "a list": lambda: (TEXTS, Y),
    "an array": lambda: (da.from_array(objects(TEXTS), chunks=30), da.from_array(Y, chunks=30)),
}


@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
@pytest.mark.parametrize("what", GIVEN)
def test_naive_bayes_behind_counts_is_scikit_learns(what, schedule):
    if (what, schedule) == ("a list", "one-pass"):
        X, y = objects(TEXTS), Y
    else:
        X, y = GIVEN[what]()
    wanted = their_pipeline(theirs.CountVectorizer(min_df=2), their_bayes.MultinomialNB())
    wanted.fit(TEXTS, Y)
    pipe = make_pipeline(text.CountVectorizer(min_df=2), MultinomialNB(), schedule=schedule)
    pipe.fit(X, y)
    np.testing.assert_allclose(pipe[-1].feature_log_prob_, wanted[-1].feature_log_prob_, rtol=1e-12)
    asked = pipe.predict_proba(X)
    found = np.concatenate(list(asked)) if what == "blocks" else np.asarray(asked)
    np.testing.assert_allclose(found, wanted.predict_proba(TEXTS), rtol=1e-9)
    assert pipe.score(X, y) == wanted.score(TEXTS, Y)


def counted(reads: list[int], frame: pd.DataFrame = TABLE) -> Any:
    """Return a dask frame that notes each read of a partition."""

    def part(number: int, unique: str) -> pd.DataFrame:
        reads.append(number)
        return frame.iloc[30 * number : 30 * number + 30]

    # dask would take two functions that look alike for one.
    return dd.from_map(part, range(N_BLOCKS), unique=uuid4().hex, meta=frame.iloc[:0])


STEPS = {
    "hashed": ([text.HashingVectorizer(n_features=64)], 1),
    "hashed, weighted": (
        [text.HashingVectorizer(n_features=64, norm=None), text.TfidfTransformer()],
        1,
    ),
    "a vocabulary": ([text.TfidfVectorizer()], 2),
    "a given vocabulary": ([text.CountVectorizer(vocabulary=["red", "tea"])], 1),
    "a vocabulary, weighted": ([text.CountVectorizer(), text.TfidfTransformer()], 2),
    "a given one with weights": ([text.TfidfVectorizer(vocabulary=["red", "tea"])], 2),
    "two": ([make_union(text.CountVectorizer(), text.HashingVectorizer(n_features=8))], 2),
}


@pytest.mark.parametrize("steps", STEPS)
def test_the_text_is_read_once_after_the_vocabulary(steps):
    made, times = STEPS[steps]
    reads: list[int] = []
    df = counted(reads)
    with dask.config.set(scheduler="sync"):
        pipe = make_pipeline(*made, SGDClassifier(random_state=0, **LABELS))
        pipe.fit(df["text"], df["y"])
        assert sorted(reads) == sorted([*range(N_BLOCKS)] * times)
        reads.clear()
        pipe.partial_fit(df["text"], df["y"])
        assert sorted(reads) == [*range(N_BLOCKS)]  # the vocabulary is known
        assert pipe.score(df["text"], df["y"]) > 0.7


def test_samples_of_names_are_hashed_in_a_pipeline():
    bag = dask.bag.from_sequence([dict.fromkeys(t.split(), 1) for t in TEXTS], npartitions=4)
    pipe = make_pipeline(FeatureHasher(64), SGDClassifier(random_state=0, **LABELS))
    assert pipe.fit(bag, da.from_array(Y, chunks=30)).score(bag, da.from_array(Y, chunks=30)) > 0.6


def columns(compose_: Any, vectorizer: Any, scaler: Any) -> Any:
    return compose_.ColumnTransformer([("t", vectorizer, "text"), ("n", scaler, ["n"])])


@pytest.mark.parametrize("name", ["CountVectorizer", "TfidfVectorizer"])
@pytest.mark.parametrize("how", ["dask", "blocks", "memory"])
def test_a_column_of_text_next_to_numbers_is_what_scikit_learn_makes_of_it(how, name):
    X = TABLE[["text", "n"]]
    ours = columns(compose, getattr(text, name)(min_df=2), StandardScaler())
    wanted = columns(their_compose, getattr(theirs, name)(min_df=2), their_scalers.StandardScaler())
    wanted = wanted.fit_transform(X)
    given = {
        "dask": lambda: dd.from_pandas(X, 4),
        "blocks": lambda: from_blocks([X.iloc[:50], X.iloc[50:]]),
        "memory": lambda: X,
    }[how]()
    made = ours.fit_transform(given)
    if how == "dask":
        made = made.compute()
    elif how == "blocks":
        made = np.concatenate([b.toarray() if hasattr(b, "toarray") else b for b in made])
    dense = [x.toarray() if hasattr(x, "toarray") else np.asarray(x) for x in (made, wanted)]
    np.testing.assert_allclose(*dense, rtol=1e-9, atol=1e-12)
    assert ours.get_feature_names_out()[0] == "t__apple"


@pytest.mark.parametrize("how", ["dask", "blocks"])
def test_a_table_with_text_is_learned_from_in_one_read_after_the_vocabulary(how):
    reads: list[int] = []
    pipe = make_pipeline(
        columns(compose, text.CountVectorizer(), StandardScaler()),
        SGDClassifier(random_state=0, **LABELS),
    )
    with dask.config.set(scheduler="sync"):
        if how == "dask":
            df = counted(reads)
            pipe.fit(df[["text", "n"]], df["y"])
            assert len(reads) == 2 * N_BLOCKS
        else:
            blocks = from_blocks(lambda: iter([TABLE.iloc[:50], TABLE.iloc[50:]]), y="y")
            pipe.fit(*blocks)
    assert pipe.score(TABLE[["text", "n"]], TABLE["y"]) > 0.8


def test_bags_are_for_pipelines_that_begin_with_text():
    bag = dask.bag.from_sequence([[1.0], [2.0]])
    with pytest.raises(TypeError, match="X is a dask Bag"):
        make_pipeline(StandardScaler(), SGDClassifier()).fit(bag, da.ones(2, chunks=1))
