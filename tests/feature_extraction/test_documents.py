"""Text over blocks, against scikit-learn: any container of documents, any cut, any parameters."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import dask
import dask.array as da
import dask.bag
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st
from scipy import sparse
from sklearn import feature_extraction as their_features
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction import text as theirs

from streamlearn import to_namespace
from streamlearn.blocks import from_blocks
from streamlearn.feature_extraction import FeatureHasher
from streamlearn.feature_extraction import text as ours
from tests.public import documents

TEXTS = [
    *documents(60),
    *("", "The Café, isn't IT?", "red", "été Red TEA", "a b", "tea tea tea tea"),
]
CUTS = (20, 0, 1, 30, 15)


def blocks() -> list[list[str]]:
    ends = np.cumsum([0, *CUTS]).tolist()
    return [TEXTS[start:stop] for start, stop in pairwise(ends)]


def objects(texts: list[Any]) -> np.ndarray:
    return np.fromiter(texts, dtype=object)


def delayed_array() -> da.Array:
    parts = [da.from_delayed(dask.delayed(objects)(b), (np.nan,), dtype=object) for b in blocks()]
    return da.concatenate(parts)


CONTAINERS: dict[str, Callable[[], Any]] = {
    "a bag": lambda: dask.bag.from_delayed([dask.delayed(block) for block in blocks()]),
    "a dask Series": lambda: dd.from_pandas(pd.Series(TEXTS), npartitions=5),
    "a source of blocks": lambda: from_blocks(blocks()),
    "a dask array": lambda: da.from_array(objects(TEXTS), chunks=(CUTS,)),
    "a dask array of unknown lengths": delayed_array,
    "a dask array of str": lambda: da.from_array(np.asarray(TEXTS), chunks=(CUTS,)),
    "a list": lambda: TEXTS,
    "a generator": lambda: iter(TEXTS),
    "a generator of blocks": lambda: (objects(block) for block in blocks()),
    "a generator function": lambda: lambda: iter(blocks()),
    "a column of pandas": lambda: pd.Series(TEXTS, dtype="category"),
    "a column of polars": lambda: pl.Series(TEXTS),
    "a column of pyarrow": lambda: pa.chunked_array([TEXTS[:5], TEXTS[5:]]),
    "an array": lambda: np.asarray(TEXTS),
}

CASES: list[dict[str, Any]] = [
    {},
    {"min_df": 2, "max_df": 0.5},
    {"max_features": 5, "ngram_range": (1, 2)},
    {"max_features": 3, "binary": True},
    {"min_df": 0.1, "max_df": 40, "dtype": np.float32},
    {"analyzer": "char", "ngram_range": (1, 3), "max_features": 40},
    {"analyzer": "char_wb", "ngram_range": (2, 3)},
    {"analyzer": str.split, "lowercase": False},
    {"stop_words": "english", "strip_accents": "unicode"},
    {"stop_words": ["red", "tea"], "strip_accents": "ascii", "lowercase": False},
    {"tokenizer": str.split, "token_pattern": None},
    {"preprocessor": str.swapcase},
    {"token_pattern": r"(?u)\b(\w)\w*\b"},
    {"vocabulary": ["tea", "red", "none"]},
    {"vocabulary": {"tea": 1, "red cup": 0}, "ngram_range": (1, 2), "binary": True},
    {"vocabulary": {"red", "cup"}, "min_df": 5},
]
WEIGHTS = [
    {},
    {"norm": "l1", "smooth_idf": False},
    {"norm": None, "sublinear_tf": True},
    {"use_idf": False},
]


def rows(x: Any) -> np.ndarray:
    """Return all rows of a result, in NumPy."""
    if isinstance(x, da.Array):
        x = list(dask.compute(*x.to_delayed().ravel()))
    parts = [x] if sparse.issparse(x) else list(x)
    assert all(sparse.issparse(part) and part.format == "csr" for part in parts)
    return sparse.vstack(parts).toarray()


def same(found: Any, wanted: Any) -> None:
    assert found.dtype == wanted.dtype
    tol = 1e-6 if wanted.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(rows(found), wanted.toarray(), rtol=tol)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("name", ["CountVectorizer", "TfidfVectorizer"])
def test_any_container_is_what_scikit_learn_makes_of_a_list(name, container):
    make = CONTAINERS[container]
    their, our = (getattr(module, name)(min_df=2) for module in (theirs, ours))
    wanted = their.fit_transform(TEXTS)
    our.fit(make())
    assert our.vocabulary_ == their.vocabulary_
    assert our.get_feature_names_out().tolist() == their.get_feature_names_out().tolist()
    found = our.transform(make())
    np.testing.assert_allclose(rows(found), wanted.toarray(), rtol=1e-12)
    assert isinstance(found, da.Array) == container.startswith(("a dask", "a bag"))


@pytest.mark.parametrize("given", CASES)
def test_any_parameters_give_scikit_learns_vocabulary_and_order(given):
    texts = da.from_array(objects(TEXTS), chunks=(CUTS,))
    their, our = theirs.CountVectorizer(**given), ours.CountVectorizer(**given)
    wanted = their.fit_transform(TEXTS)
    our.fit(texts)
    assert our.vocabulary_ == their.vocabulary_
    assert our.fixed_vocabulary_ == their.fixed_vocabulary_
    assert our.get_feature_names_out().tolist() == their.get_feature_names_out().tolist()
    same(our.transform(texts), wanted)
    same(clone(our).fit_transform(TEXTS), wanted)
    same(clone(our).fit_transform(texts), wanted)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("given", CASES)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_any_parameters_give_scikit_learns_weights(given, weights):
    texts = da.from_array(objects(TEXTS), chunks=(CUTS,))
    their, our = (module.TfidfVectorizer(**given, **weights) for module in (theirs, ours))
    wanted = their.fit_transform(TEXTS)
    our.fit(texts)
    if weights.get("use_idf", True):
        np.testing.assert_allclose(our.idf_, their.idf_, rtol=1e-6)
        assert our.idf_.dtype == their.idf_.dtype
    same(our.transform(texts), wanted)
    same(clone(our).fit_transform(TEXTS), wanted)


@pytest.mark.parametrize("given", CASES)
@pytest.mark.parametrize("name", ["TfidfVectorizer", "CountVectorizer"])
def test_more_documents_and_merged_ones_are_a_fit_to_all(name, given):
    given = {**given, "min_df": 1} if "vocabulary" not in given else given
    kind = getattr(ours, name)
    wanted = kind(**given).fit(TEXTS)
    here, there = kind(**given).fit(TEXTS[:25]), kind(**given).fit(TEXTS[25:])
    merged = here.merge(there)
    further = here.partial_fit(TEXTS[25:])
    for one in (merged, further):
        assert one.vocabulary_ == wanted.vocabulary_
        assert one.get_feature_names_out().tolist() == wanted.get_feature_names_out().tolist()
        same(one.transform(TEXTS), wanted.transform(TEXTS))


@pytest.mark.parametrize(
    "given", [{}, {"norm": "l1", "binary": True}, {"alternate_sign": False, "dtype": np.float32}]
)
@pytest.mark.parametrize("container", CONTAINERS)
def test_hashed_terms_are_scikit_learns(container, given):
    given = {"n_features": 32, **given}
    wanted = theirs.HashingVectorizer(**given).fit_transform(TEXTS)
    found = ours.HashingVectorizer(**given).fit_transform(CONTAINERS[container]())
    np.testing.assert_array_equal(rows(found), wanted.toarray())


SAMPLES = {
    "dict": [{"a": 1, "b": 2.5}, {}, {"c": -1}, {"a": "x", "b": 1}],
    "pair": [[("a", 1), ("b", 2.5)], [], [("c", -1)], [("a", 2)]],
    "string": [["a", "b"], [], ["c", "c"], ["a"]],
}


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("container", ["bag", "array", "Series", "blocks", "list"])
def test_hashed_values_are_scikit_learns(container, kind):
    samples = objects(SAMPLES[kind])
    made = {
        "bag": lambda: dask.bag.from_sequence(SAMPLES[kind], npartitions=3),
        "array": lambda: da.from_array(samples, chunks=((2, 0, 2),)),
        "Series": lambda: pd.Series(samples),
        "blocks": lambda: from_blocks([samples[:1], samples[1:]]),
        "list": lambda: iter(SAMPLES[kind]),
    }
    wanted = their_features.FeatureHasher(8, input_type=kind).transform(SAMPLES[kind])
    found = FeatureHasher(8, input_type=kind).fit_transform(made[container]())
    np.testing.assert_array_equal(rows(found), wanted.toarray())


def test_blocks_of_a_bag_are_analyzed_once_in_a_fit_and_once_in_a_transform():
    seen = []

    def analyzer(text):
        seen.append(text)
        return text.split()

    bag = CONTAINERS["a bag"]()
    with dask.config.set(scheduler="sync"):
        model = ours.TfidfVectorizer(analyzer=analyzer).fit(bag)
        assert sorted(seen) == sorted(TEXTS)
        lazy = model.transform(bag)
        assert len(seen) == len(TEXTS)
        lazy.compute()
    assert len(seen) == 2 * len(TEXTS)


def test_in_memory_fit_transform_analyzes_each_document_once():
    seen = []
    ours.TfidfVectorizer(analyzer=lambda text: seen.append(text) or text.split()).fit_transform(
        TEXTS
    )
    assert seen == TEXTS


def test_a_given_vocabulary_needs_no_documents():
    def never(number):
        raise AssertionError("a block was read")

    lazy = dd.from_map(never, range(3), meta=pd.Series([], dtype=object))
    model = ours.CountVectorizer(vocabulary=["red"]).fit(lazy)
    assert model.vocabulary_ == {"red": 0}
    assert ours.HashingVectorizer().fit(lazy).transform(lazy).shape[1] == 2**20


def test_lazy_rows_do_not_change_when_the_vectorizer_is_fitted_again():
    model = ours.CountVectorizer().fit(["red tea"])
    lazy = model.transform(da.from_array(objects(["tea red red"]), chunks=1))
    model.fit(["other words"])
    assert lazy.compute().toarray().tolist() == [[2, 1]]


def test_terms_of_equal_frequency_are_cut_as_in_scikit_learn():
    rng = np.random.default_rng(0)
    words = np.asarray([f"w{i:03d}" for i in range(300)])
    texts = [" ".join(rng.choice(words, 20)) for _ in range(100)]
    for limit in (10, 100, 250):
        for dtype in (np.int64, np.float32, np.uint8):
            wanted = theirs.CountVectorizer(max_features=limit, dtype=dtype).fit(texts)
            found = ours.CountVectorizer(max_features=limit, dtype=dtype).fit(
                dask.bag.from_sequence(texts, npartitions=7)
            )
            assert found.vocabulary_ == wanted.vocabulary_


def test_stop_words_are_checked_once_with_scikit_learns_warning():
    model = ours.CountVectorizer(stop_words=["we've"])
    with pytest.warns(UserWarning, match="Your stop_words may be inconsistent"):
        model.fit(TEXTS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(TEXTS)
        model.transform(TEXTS)


def test_idf_of_another_vectorizer_can_be_set():
    wanted = ours.TfidfVectorizer().fit(TEXTS)
    model = ours.TfidfVectorizer(vocabulary=wanted.vocabulary_)
    model.idf_ = wanted.idf_
    same(model.transform(TEXTS), wanted.transform(TEXTS))
    with pytest.raises(ValueError, match="idf length = 2 must be equal to vocabulary size"):
        model.idf_ = [1.0, 2.0]
    with pytest.raises(ValueError, match="cannot be set when"):
        ours.TfidfVectorizer(use_idf=False).idf_ = [1.0]


def test_it_is_the_same_for_every_library():
    model = ours.TfidfVectorizer().fit(TEXTS)
    moved = to_namespace(model, "array_api_strict")
    same(moved.transform(TEXTS), model.transform(TEXTS))


FRAME = pd.DataFrame({"text": TEXTS})
BAD = {
    "one string": ("red tea", ValueError, "string object received"),
    "no iterable": (5, TypeError, "got int. Give a list of documents"),
    "numbers": ([1, 2], TypeError, "X, row 0 is a int, and a document is text"),
    "a missing one": (["red", None], ValueError, r"X, row 1 is missing\. Fill it: X\.fillna"),
    "NaN": (pd.Series(["red tea", np.nan]), ValueError, "np.nan is an invalid document"),
    "a frame": (FRAME, ValueError, r"Documents are one column: select it, X\['text'\]"),
    "two dimensions": (np.asarray([["red"]]), ValueError, r"X\[:, 0\] of an array"),
    "sparse rows": (sparse.csr_array((2, 2)), TypeError, "sparse rows of numbers"),
    "dask numbers": (da.zeros((4, 2)), ValueError, "X has 2 dimensions"),
    "a dask frame": (dd.from_pandas(FRAME, npartitions=2), ValueError, "select it, X"),
    "a missing one in a block": (
        da.from_array(objects(["red tea", "tea", None]), chunks=2),
        ValueError,
        "row 0 is missing",
    ),
    "numbers in a block": (
        da.from_array(objects(["red tea", 3.5]), chunks=1),
        TypeError,
        "row 0 is a float",
    ),
    "blocks of frames": (lambda: iter([FRAME]), ValueError, "select it, X"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("name", ["CountVectorizer", "TfidfVectorizer", "HashingVectorizer"])
def test_bad_documents_are_refused_in_words_and_change_nothing(name, what):
    X, error, says = BAD[what]
    model = getattr(ours, name)().fit(TEXTS)
    before = {**vars(model)}

    def learned():
        found = model.fit_transform(X)
        return found.compute() if isinstance(found, da.Array) else list(found)

    with pytest.raises(error, match=says):
        learned()
    checked = {"_stop_words_id"}  # scikit-learn's note that it has checked the stop words
    assert vars(model).keys() | checked == before.keys() | checked
    assert all(vars(model)[key] is before[key] for key in before)


def test_errors_of_parameters_are_scikit_learns():
    for given, says in (
        ({"vocabulary": []}, "empty vocabulary passed to fit"),
        ({"vocabulary": ["a", "a"]}, "Duplicate term in vocabulary"),
        ({"vocabulary": {"a": 1}}, "doesn't contain index 0"),
        ({"min_df": 0.9, "max_df": 0.1}, "max_df corresponds to < documents than min_df"),
        ({"min_df": 1000, "max_df": 2000}, "no terms remain"),
        ({"ngram_range": (2, 1)}, "lower boundary larger"),
        ({"stop_words": ["red", "tea"], "analyzer": "letters"}, "'analyzer' parameter"),
        ({"max_features": 0}, "'max_features' parameter"),
    ):
        with pytest.raises(ValueError, match=says):
            ours.CountVectorizer(**given).fit(TEXTS)
    with pytest.raises(ValueError, match="empty vocabulary; perhaps"):
        ours.CountVectorizer().fit(["a", "b"])
    with pytest.raises(ValueError, match="Found array with 0 sample"):
        ours.CountVectorizer().fit(dask.bag.from_sequence(["a"]).filter(lambda text: False))
    with pytest.raises(NotFittedError, match="Vocabulary not fitted or provided"):
        ours.CountVectorizer().transform(TEXTS)
    with pytest.raises(NotFittedError, match="The TF-IDF vectorizer is not fitted"):
        ours.TfidfVectorizer().transform(TEXTS)
    with pytest.raises(ValueError, match="Cannot vectorize empty sequence"):
        ours.HashingVectorizer().transform([])
    with pytest.raises(ValueError, match=r"same parameters, got min_df=1 and 2"):
        ours.CountVectorizer().fit(TEXTS).merge(ours.CountVectorizer(min_df=2).fit(TEXTS))


def error_of(model: Any, texts: Any) -> str:
    """Fit a model, and return the message of its error, which is empty if there is none."""
    try:
        model.fit(texts)
    except ValueError as error:
        return str(error)
    return ""


LETTERS = st.text(alphabet="aAbB éé\n\t.'7日", max_size=12)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@drawn(
    texts=st.lists(LETTERS, min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 12), max_size=4),
    given=st.fixed_dictionaries(
        {},
        optional={
            "analyzer": st.sampled_from(["word", "char", "char_wb"]),
            "token_pattern": st.just(r"(?u)\w+"),
            "ngram_range": st.sampled_from([(1, 1), (1, 2), (2, 3)]),
            "min_df": st.sampled_from([1, 2, 0.3]),
            "max_df": st.sampled_from([1.0, 0.6, 3]),
            "max_features": st.sampled_from([None, 1, 3]),
            "binary": st.booleans(),
            "lowercase": st.booleans(),
            "strip_accents": st.sampled_from([None, "unicode", "ascii"]),
        },
    ),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_drawn_documents_and_cuts_are_what_scikit_learn_makes_of_them(texts, cuts, given):
    ends = sorted({0, len(texts), *(min(cut, len(texts)) for cut in cuts)})
    lazy = da.from_array(objects(texts), chunks=(tuple(np.diff(ends).tolist()),))
    for name in ("CountVectorizer", "TfidfVectorizer"):
        their, our = (getattr(module, name)(**given) for module in (theirs, ours))
        wanted, found = (error_of(model, x) for model, x in ((their, texts), (our, lazy)))
        assert found == wanted
        if wanted:
            continue
        assert our.vocabulary_ == their.vocabulary_
        same(our.transform(lazy), their.transform(texts))
