"""TargetEncoder: as scikit-learn's of the same rows, and cross-fitted block by block."""

from __future__ import annotations

import pickle
from typing import Any

import dask
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn import preprocessing as theirs
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, StratifiedKFold

from streamlearn.linear_model import SGDClassifier
from streamlearn.preprocessing import StandardScaler, TargetEncoder, target_encoder
from tests.preprocessing.tables import (
    CONTAINERS,
    N_ROWS,
    alike,
    cuts,
    dense,
    in_blocks,
    in_parts,
    table,
)
from tests.preprocessing.test_encoders import GIVEN, tables

SEEDED = KFold(4, shuffle=True, random_state=1)


def targets() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    z = table()["n"].to_numpy() / 10 + rng.normal(size=N_ROWS)
    return {
        "values": z,
        "far from zero": z + 1e8,
        "two numbers": (z > 1).astype(np.int64),
        "two floats": np.where(z > 1, 5.0, -3.0),
        "booleans": z > 1,
        "two words": np.where(z > 1, "yes", "no").astype(object),
        "numbers": np.digitize(z, [0, 1, 2]),
        "words": np.asarray(["x", "y", "zz"])[np.digitize(z, [0, 1])],
        "always the same": np.full(N_ROWS, 1.5),
    }


TARGETS = targets()


def tolerance(y: np.ndarray) -> dict[str, float]:
    far = y.dtype.kind == "f" and abs(y).max() > 1e6
    return {"rtol": 1e-14, "atol": 0} if far else {"rtol": 1e-10, "atol": 1e-12}


def same(mine: TargetEncoder, known: Any, how: dict[str, float]) -> None:
    assert mine.target_type_ == known.target_type_
    np.testing.assert_allclose(mine.target_mean_, known.target_mean_, **how)
    assert np.shape(mine.target_mean_) == np.shape(known.target_mean_)
    assert (mine.classes_ is None) == (known.classes_ is None)
    if known.classes_ is not None:
        assert alike(mine.classes_, known.classes_)
    for a, b in zip(mine.categories_, known.categories_, strict=True):
        assert alike(a, b)
    for a, b in zip(mine.encodings_, known.encodings_, strict=True):
        np.testing.assert_allclose(a, b, **how)
    assert mine.get_feature_names_out().tolist() == known.get_feature_names_out().tolist()


@pytest.mark.parametrize("smooth", ["auto", 0.0, 7.5])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("container", CONTAINERS)
def test_as_scikit_learn(container, target, smooth):
    make, missing = CONTAINERS[container]
    X, held_out, y = table(missing=missing), table(1, missing=missing), TARGETS[target]
    held_out.loc[3, "t"] = "new"
    how = tolerance(y)
    named = container not in ("array", "array, NaN", "list", "dask array")
    known = theirs.TargetEncoder(smooth=smooth, cv=SEEDED)
    mine = TargetEncoder(smooth=smooth, cv=SEEDED)
    x, z = (frame if named else frame.to_numpy(object) for frame in (X, held_out))
    known.fit(x, y)
    rows, lazy = make(X), container.startswith("dask")
    along: Any = y
    if lazy:
        along = in_parts(pd.Series(y)) if named else in_blocks(y)
    mine.fit(rows, along)
    same(mine, known, how)
    for given_rows, reference in ((rows, x), (make(held_out), z)):
        out = mine.transform(given_rows)
        np.testing.assert_allclose(dense(out), known.transform(reference), **how)
    if not lazy:
        got = mine.fit_transform(rows, along)
        np.testing.assert_allclose(dense(got), known.fit_transform(x, y), **how)
        same(mine, known, how)


@pytest.mark.parametrize("kind", ["continuous", "binary", "multiclass"])
@pytest.mark.parametrize("target", ["values", "numbers", "two numbers", "words", "two words"])
def test_a_type_of_target_that_is_named(kind, target):
    X, y = table(missing=np.nan), TARGETS[target]
    known = theirs.TargetEncoder(target_type=kind)
    mine = TargetEncoder(target_type=kind)
    if kind == "multiclass" and target.startswith("two"):
        # scikit-learn breaks: it makes one column of two classes, and looks for another.
        assert mine.fit(X, y).transform(X).shape == (N_ROWS, 6)
        ones = TargetEncoder().fit(X, y).transform(X)
        np.testing.assert_allclose(mine.transform(X)[:, 1::2], ones, rtol=1e-12)
        return
    try:
        known.fit(X, y)
    except (ValueError, TypeError):
        with pytest.raises((ValueError, TypeError), match=r"Encode it as|Unknown label type"):
            mine.fit(in_parts(X), in_parts(pd.Series(y)))
        return
    mine.fit(in_parts(X), in_parts(pd.Series(y)))
    same(mine, known, tolerance(y))


@pytest.mark.parametrize("cv", [None, 3, KFold(3), StratifiedKFold(3), SEEDED])
@pytest.mark.parametrize("target", ["values", "two words", "numbers"])
def test_folds_in_memory_are_scikit_learns(cv, target):
    X, y = table(missing=np.nan), TARGETS[target]
    if target == "values" and isinstance(cv, StratifiedKFold):
        with pytest.raises(ValueError, match="Supported target types"):
            TargetEncoder(cv=cv).fit_transform(X, y)
        return
    if cv is None or isinstance(cv, int):
        with pytest.warns(FutureWarning, match="deprecated"):
            mine = TargetEncoder(cv=cv, random_state=3).fit_transform(X, y)
        with pytest.warns(FutureWarning, match="deprecated"):
            known = theirs.TargetEncoder(cv=cv, random_state=3).fit_transform(X, y)
    else:
        mine = TargetEncoder(cv=cv).fit_transform(X, y)
        known = theirs.TargetEncoder(cv=cv).fit_transform(X, y)
    np.testing.assert_allclose(mine, known, rtol=1e-10, atol=1e-12)


def test_folds_that_are_listed_and_groups():
    X, y = table(missing=np.nan), TARGETS["values"]
    places = np.arange(N_ROWS)
    listed = [(places[places % 3 != k], places[places % 3 == k]) for k in range(3)]
    mine, known = (
        cls(cv=listed).fit_transform(X, y) for cls in (TargetEncoder, theirs.TargetEncoder)
    )
    np.testing.assert_allclose(mine, known, rtol=1e-10)
    with config_context(enable_metadata_routing=True):
        splitter = GroupKFold(3).set_split_request(groups=True)
        mine, known = (
            cls(cv=splitter).fit_transform(X, y, groups=places % 7)
            for cls in (TargetEncoder, theirs.TargetEncoder)
        )
    np.testing.assert_allclose(mine, known, rtol=1e-10)


def test_folds_that_do_not_part_the_rows():
    X, y = table(missing=np.nan), TARGETS["values"]
    with pytest.raises(ValueError, match="must cover each sample index exactly once"):
        TargetEncoder(cv=ShuffleSplit(3, test_size=0.3, train_size=0.7)).fit_transform(X, y)
    places = np.arange(N_ROWS)
    halves = [(places[:10], places[30:]), (places[30:], places[:30])]
    with pytest.raises(ValueError, match="Fold 0 of cv has 10 training rows"):
        TargetEncoder(cv=halves).fit_transform(X, y)
    with pytest.raises(ValueError, match="lists rows"):
        TargetEncoder(cv=halves).fit_transform(in_parts(X), in_parts(pd.Series(y)))
    with pytest.raises(ValueError, match="must be an int in the range"):
        TargetEncoder(cv=1).fit_transform(in_parts(X), in_parts(pd.Series(y)))


def test_rows_of_no_given_category_count_for_none():
    """In scikit-learn they count for the first category."""
    X = np.asarray([["a"], ["b"], ["c"], ["c"]], dtype=object)
    y = np.asarray([0.0, 1.5, 10.0, 20.0])
    encoder = TargetEncoder(categories=[["a", "b", "z"]], smooth=0.0).fit(X, y)
    np.testing.assert_allclose(encoder.encodings_[0], [0, 1.5, y.mean()])
    np.testing.assert_allclose(encoder.transform(X).ravel(), [0, 1.5, y.mean(), y.mean()])
    rows = TargetEncoder(categories=[["a", "b"]], smooth=0.0, cv=KFold(2)).fit_transform(X, y)
    np.testing.assert_allclose(rows.ravel(), [15, 15, 0.75, 0.75])


def test_given_categories():
    X, y = table(missing="b"), TARGETS["values"]
    X["f"] = X["f"].fillna(0.5)
    X = X.replace({"t": {"c": "a", "e": "a"}})
    known = theirs.TargetEncoder(categories=GIVEN).fit(X, y)
    mine = TargetEncoder(categories=GIVEN).fit(in_parts(X), in_parts(pd.Series(y)))
    same(mine, known, tolerance(y))


# Collections


def by_hand(encoder: TargetEncoder, X: Any, y: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Encode each fold by scikit-learn's encoder of the others."""
    kind, out = encoder.target_type_, None
    for fold in np.unique(folds):
        here = folds == fold
        known = theirs.TargetEncoder(
            categories=encoder.categories_, target_type=kind, smooth=encoder.smooth
        ).fit(X[~here], y[~here])
        rows = known.transform(X[here])
        out = np.empty((len(X), rows.shape[1])) if out is None else out
        out[here] = rows
    assert out is not None
    return out


@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize("smooth", ["auto", 2.0])
@pytest.mark.parametrize("target", ["values", "far from zero", "two words", "numbers"])
@pytest.mark.parametrize("cv", [SEEDED, KFold(3)], ids=["rows", "blocks"])
def test_rows_of_a_collection_are_encoded_by_other_folds(cv, target, smooth, framed):
    X, y = table(missing=np.nan), TARGETS[target]
    objects = X.to_numpy(object)
    lazy = in_parts(X) if framed else in_blocks(objects)
    encoder = TargetEncoder(cv=cv, smooth=smooth)
    out = encoder.fit_transform(lazy, in_parts(pd.Series(y)) if framed else in_blocks(y))
    folds_of = encoder._state.folds
    folds = np.concatenate([folds_of.of_rows(i, at.stop - at.start) for i, at in enumerate(cuts())])
    assert len(np.unique(folds)) == (4 if cv is SEEDED else 2)  # one of the blocks is empty
    if target == "numbers":  # a class that is not in a fold has no column in scikit-learn's
        out = dense(out)
        assert out.shape == (N_ROWS, 3 * len(encoder.classes_))
        for c in range(4):
            one = TargetEncoder(smooth=smooth).fit(objects, y == c)
            want = by_hand(one, objects, (y == c).astype(int), folds)
            np.testing.assert_allclose(out[:, c::4], want, rtol=1e-10, atol=1e-12)
        return
    known = by_hand(encoder, objects, y, folds)
    np.testing.assert_allclose(dense(out), known, **tolerance(y))
    part = out.partitions[3] if framed else out.blocks[3]
    np.testing.assert_array_equal(dense(part), dense(out)[29:])


def test_blocks_are_read_twice_at_most_and_the_second_time_lazily():
    read: list[int] = []

    def seen(x: Any) -> Any:
        read.append(len(x))
        return x

    y = in_parts(pd.Series(TARGETS["values"]))
    lazy = in_parts(table(), make=seen)
    read.clear()
    with dask.config.set(scheduler="sync"):
        out = TargetEncoder().fit_transform(lazy, y)
        assert sorted(read) == [0, 4, 25, 31]
        out.compute()
    assert sorted(read) == sorted([0, 4, 25, 31] * 2)


@pytest.mark.parametrize("framed", [False, True])
def test_training_rows_flow_on_lazily(framed):
    """Into other transformers, frames and learners."""
    X, y = table(missing=np.nan), pd.Series((table()["n"] > 7).astype(int))
    lazy = in_parts(X) if framed else in_blocks(X.to_numpy(object))
    along = in_parts(y) if framed else in_blocks(y.to_numpy())
    encoder = TargetEncoder(cv=SEEDED)
    rows = encoder.fit_transform(lazy, along)
    known = dense(rows)
    scaled = StandardScaler().fit_transform(rows)
    want = theirs.StandardScaler().fit_transform(known)
    np.testing.assert_allclose(dense(scaled), want, rtol=1e-10, atol=1e-12)
    part = scaled.partitions[3] if framed else scaled.blocks[3]
    np.testing.assert_allclose(dense(part), want[29:], rtol=1e-10, atol=1e-12)
    how: dict[str, Any] = {"max_iter": 1, "tol": None, "random_state": 0, "shuffle": False}
    built = in_blocks(known) if not framed else in_parts(pd.DataFrame(known, columns=list("tnf")))
    one, other = (SGDClassifier(**how).fit(x, along) for x in (rows, built))
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-8)
    encoder.set_output(transform="pandas")
    out = encoder.fit_transform(lazy, along).compute(scheduler="sync")
    assert list(out.columns) == (["t", "n", "f"] if framed else ["x0", "x1", "x2"])
    np.testing.assert_array_equal(out.to_numpy(), known)
    if framed:
        assert out.index.equals(X.index)


def test_lazy_rows_are_those_of_the_fit_before():
    """What is asked for later is encoded as it was then, also when the encoder has learned more."""
    X, y = table(missing=np.nan), TARGETS["values"]
    lazy, along = in_parts(X), in_parts(pd.Series(y))
    encoder = TargetEncoder(cv=SEEDED)
    rows, again = encoder.fit_transform(lazy, along), encoder.transform(lazy)
    known = theirs.TargetEncoder().fit(X, y).transform(X)
    encoder.fit(X.iloc[:10], y[:10])
    np.testing.assert_allclose(dense(again), known, rtol=1e-10)
    np.testing.assert_array_equal(
        dense(rows), dense(TargetEncoder(cv=SEEDED).fit_transform(lazy, along))
    )


def test_a_row_does_not_see_its_own_target():
    """A category that each row has for itself says nothing, and encodes as others' mean."""
    X = np.arange(N_ROWS).reshape(-1, 1)
    y = TARGETS["values"]
    out = dense(TargetEncoder(smooth=0.0).fit_transform(in_blocks(X), in_blocks(y)))
    assert abs(np.corrcoef(out.ravel(), y)[0, 1]) < 0.7
    moved = y + np.where(np.arange(N_ROWS) == 7, 100.0, 0)
    one, two = (
        dense(
            TargetEncoder(cv=SEEDED).fit_transform(
                in_blocks(table().to_numpy(object)), in_blocks(t)
            )
        )
        for t in (y, moved)
    )
    np.testing.assert_array_equal(one[7], two[7])
    assert (one != two).any()


def test_all_rows_in_one_fold_are_refused():
    X, y = table(), pd.Series(TARGETS["values"])
    sizes = (N_ROWS,)
    with pytest.raises(ValueError, match="All rows are in one of 5 folds"):
        TargetEncoder(cv=KFold(5)).fit_transform(in_parts(X, sizes), in_parts(y, sizes))
    assert dense(TargetEncoder().fit_transform(in_parts(X, sizes), in_parts(y, sizes))).shape


def test_what_encodes_the_rows_of_fit_block_by_block():
    """As a pipeline that reads whole blocks uses it."""
    X, y = table(missing=np.nan), pd.Series(TARGETS["values"])
    encoder = TargetEncoder(cv=SEEDED)
    known = dense(encoder.fit_transform(in_parts(X), in_parts(y)))
    function = encoder._cross_fit(in_parts(X), in_parts(y))
    for i, rows in enumerate(cuts()):
        np.testing.assert_array_equal(function(i)(X.iloc[rows]), known[rows])
    with pytest.raises(ValueError, match="Block 2 of X has 25 rows, and had 4 in fit"):
        function(2)(X.iloc[:25])


@given(tables(), st.sampled_from(["auto", 0.0, 3.0]), st.data())
@settings(max_examples=10)
def test_any_table_in_any_chunks(drawn, smooth, data):
    X, sizes = drawn
    n = len(X)
    values = data.draw(
        st.sampled_from(
            [st.sampled_from([0, 1]), st.sampled_from(["a", "b", "c"]), st.floats(-1e3, 1e3)]
        )
    )
    y = np.asarray(data.draw(st.lists(values, min_size=n, max_size=n)))
    y = y.astype(object) if y.dtype.kind == "U" else y
    known = theirs.TargetEncoder(smooth=smooth).fit(X, y)
    mine = TargetEncoder(smooth=smooth).fit(in_parts(X, sizes), in_parts(pd.Series(y), sizes))
    same(mine, known, {"rtol": 1e-9, "atol": 1e-9})
    np.testing.assert_allclose(
        dense(mine.transform(in_parts(X, sizes))), known.transform(X), rtol=1e-9, atol=1e-9
    )


# More rows, and targets that change


def test_partial_fit_of_pieces_is_fit():
    X, y = table(missing=np.nan), TARGETS["numbers"]
    whole = TargetEncoder().fit(X, y)
    encoder = TargetEncoder()
    for rows in cuts():
        if rows.stop > rows.start:
            encoder.partial_fit(X.iloc[rows], y[rows])
            encoder = pickle.loads(pickle.dumps(encoder))
    for a, b in zip(encoder.encodings_, whole.encodings_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_whole_numbers_become_values_when_a_block_holds_others():
    X = table(missing=np.nan)
    y = TARGETS["numbers"].astype(float)
    y[-1] = 0.5
    known = theirs.TargetEncoder().fit(X, y)
    mine = TargetEncoder().fit(in_parts(X), in_parts(pd.Series(y)))
    same(mine, known, tolerance(y))
    assert mine.target_type_ == "continuous"


def test_targets_of_two_kinds():
    X, y = table(), TARGETS["words"].astype(object)
    encoder = TargetEncoder().fit(X, y)
    with pytest.raises(TypeError, match="y mixes labels"):
        encoder.partial_fit(X, TARGETS["numbers"])
    with pytest.raises(TypeError, match="y mixes labels that are text, such as"):
        encoder.partial_fit(X, TARGETS["values"])
    assert alike(encoder.classes_, ["x", "y", "zz"])


def test_digits_far_from_zero():
    """Sums of squares would keep none of them."""
    X = np.asarray(["a", "b"] * 500, dtype=object).reshape(-1, 1)
    z = np.random.default_rng(0).integers(0, 8, 1000) / 4  # exact next to 1e8
    near = TargetEncoder(target_type="continuous").fit(X, z)
    far = TargetEncoder(target_type="continuous").fit(
        in_blocks(X, (300, 700)), in_blocks(z + 1e8, (300, 700))
    )
    np.testing.assert_allclose(far.encodings_[0] - 1e8, near.encodings_[0], atol=5e-8)


def test_too_many_classes_for_the_categories(monkeypatch):
    monkeypatch.setattr(target_encoder, "MOST_CELLS", 10)
    with pytest.raises(ValueError, match='set target_type="continuous"'):
        TargetEncoder().fit(table(), TARGETS["numbers"])


def test_whole_numbers_of_another_library_become_floats():
    """They were rounded down to 0."""
    xp = pytest.importorskip("array_api_strict")
    rows, goal = np.array([[0], [1], [0], [1]]), np.array([0.1, 0.2, 0.3, 0.4])
    wanted = TargetEncoder().fit(rows, goal).transform(rows)
    found = TargetEncoder().fit(xp.asarray(rows), xp.asarray(goal)).transform(xp.asarray(rows))
    np.testing.assert_array_equal(np.asarray(found), wanted)
