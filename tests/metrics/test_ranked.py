"""Areas and curves of more distinct scores than are kept: the same however cut, and how wrong."""

from __future__ import annotations

import dask
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from streamlearn import metrics
from streamlearn.metrics import Progressive, areas, pairs, ranked
from tests.containers import dask_array

N = 2000
finite = st.floats(allow_nan=False, allow_infinity=False)
near_one = st.integers(0, 2**53).map(lambda n: n / 2**53)


@settings(max_examples=300)
@given(
    st.lists(finite | near_one | st.floats(-4, 4), min_size=2),
    st.integers(0, 62),
    st.integers(0, 62),
)
def test_rounded_scores_keep_their_order(scores, dropped, more):
    x = np.sort(scores)
    once = ranked.rounded(x, dropped)
    assert np.all(np.diff(once) >= 0)
    np.testing.assert_array_equal(ranked.rounded(once, dropped), once)
    most = max(dropped, more)
    np.testing.assert_array_equal(ranked.rounded(once, most), ranked.rounded(x, most))


@given(near_one.filter(lambda p: 0 < p < 1), st.integers(0, 52))
def test_probabilities_are_rounded_alike_near_0_and_near_1(p, dropped):
    share = 2.0 ** (dropped - 52)
    assert abs(ranked.rounded(np.asarray([p]), dropped)[0] - p) <= share * min(p, 1 - p)


def drawn(name: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, N)
    x = rng.normal(size=N) + y
    return y, {
        "normal": x,
        "Cauchy": rng.standard_cauchy(N) + y,
        "probabilities": 1 / (1 + np.exp(-3 * x)),
        "sure": 1 / (1 + np.exp(-12 * x)),
        "far from 0": 1e8 + x,
        "two scales": np.where(rng.random(N) < 0.5, 1e6 * x, 1e3 + x),
        "over orders of magnitude": np.sign(x) * np.exp(50 * np.abs(x)),
    }[name]


KINDS = (
    *("normal", "Cauchy", "probabilities", "sure", "far from 0", "two scales"),
    "over orders of magnitude",
)


@pytest.fixture
def few(monkeypatch):
    """Let 128 pairs be kept."""
    monkeypatch.setattr(ranked, "MOST_PAIRS", 128)


def state_of(y, scores, weight=None, chunks=None):
    """Return the merged state of a metric."""
    kept = []
    metric = metrics.roc_auc_score(*2 * [metrics.over_blocks.UNREAD])
    metric = metric._replace(result=kept.append)
    chunks = chunks or (len(y),)
    given = (dask_array(x, chunks) for x in (y, scores))
    how = None if weight is None else dask_array(weight, chunks)
    with dask.config.set(scheduler="sync"):
        metrics.over_blocks.computed(metric, *given, how)
    return kept[0]


@given(
    cuts=st.lists(st.integers(0, N), max_size=8),
    kind=st.sampled_from(KINDS),
    weighted=st.booleans(),
)
def test_what_is_kept_does_not_depend_on_the_blocks(few, cuts, kind, weighted):
    y, scores = drawn(kind)
    weight = np.arange(N) % 4 / 2.0 if weighted else None
    whole = state_of(y, scores, weight)
    chunks = np.diff([0, *sorted(cuts), N]).tolist()
    cut = state_of(y, scores, weight, chunks)
    assert cut.dropped == whole.dropped
    assert cut.dropped[0] > 0
    (a,), (b,) = cut.columns, whole.columns
    a, b = (sorted(zip(*x, strict=True)) for x in (a, b))
    assert a == b
    assert 32 < len(a) <= 128


AREAS = {
    "AUC": ("roc_auc_score", ranked.roc_auc_error),
    "AP": ("average_precision_score", ranked.average_precision_error),
}


@pytest.mark.complete
@pytest.mark.filterwarnings("ignore:.*may be wrong by up to:UserWarning")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", AREAS)
def test_the_error_is_within_its_bound(few, name, kind, weighted):
    metric, bound = AREAS[name]
    for seed in range(3):
        y, scores = drawn(kind, seed)
        weight = np.random.default_rng(seed).random(N) if weighted else None
        exact = getattr(theirs, metric)(y, scores, sample_weight=weight)
        got = getattr(metrics, metric)(y, scores, sample_weight=weight)
        (kept,) = state_of(y, scores, weight).columns
        error = bound(kept, kept.true == 1)
        assert 0 < abs(got - exact) <= error + 1e-12
        assert error < (0.3 if kind == "two scales" else 0.1)


@pytest.mark.filterwarnings("ignore:.*may be wrong by up to:UserWarning")
@pytest.mark.parametrize("max_fpr", [0.01, 0.1, 0.5])
def test_the_error_of_a_part_of_the_area_is_within_its_bound(few, max_fpr, monkeypatch):
    errors = []
    monkeypatch.setattr(
        areas, "_warn_of_error", lambda *x: errors.extend(x[0](*area) for area in x[1])
    )
    y, scores = drawn("normal")
    exact = theirs.roc_auc_score(y, scores, max_fpr=max_fpr)
    got = metrics.roc_auc_score(y, scores, max_fpr=max_fpr)
    assert 0 < abs(got - exact) <= errors[0]


def test_the_worst_orders_are_within_the_bound():
    """All rows of a score are ties. In truth the positive rows come first, or last, one by one."""
    y = np.arange(400) % 8 == 0
    scores = np.arange(400) // 100
    (kept,) = state_of(y.astype(int), 1.0 * scores).columns
    for metric, bound in AREAS.values():
        f, error = getattr(theirs, metric), bound(kept, kept.true == 1)
        orders = [scores + way * y / 2 + np.arange(400) / 1e4 for way in (-1, 1)]
        worst = max(abs(f(y, order) - f(y, scores)) for order in orders)
        assert 0.8 * error < worst <= error * (1 + 1e-12)


def test_a_large_error_is_said(few):
    y, scores = drawn("two scales")
    with pytest.warns(UserWarning, match=r"The score may be wrong by up to 0\.\d+: there") as w:
        metrics.roc_auc_score(y, scores)
    assert [x.filename for x in w] == [__file__]
    P = np.random.default_rng(0).dirichlet([1, 1, 1], N)
    for how in ("ovr", "ovo"):
        with pytest.warns(UserWarning, match="may be wrong"):
            metrics.roc_auc_score(np.arange(N) % 3, P, multi_class=how)


def test_a_few_scores_are_exact_and_nothing_is_said(few):
    y, scores = drawn("normal")
    scores = np.round(4 * scores)
    assert metrics.roc_auc_score(y, scores) == pytest.approx(theirs.roc_auc_score(y, scores))


@pytest.mark.parametrize("kind", KINDS)
def test_each_point_of_a_curve_is_one_of_the_exact_curve(few, kind):
    y, scores = drawn(kind)
    fpr, tpr, _ = theirs.roc_curve(y, scores, drop_intermediate=False)
    exact = set(zip(np.round(fpr, 9), np.round(tpr, 9), strict=True))
    fpr, tpr, _ = metrics.roc_curve(y, scores, drop_intermediate=False)
    assert 16 < len(fpr) <= 129
    assert set(zip(np.round(fpr, 9), np.round(tpr, 9), strict=True)) <= exact


def test_too_many_pairs_of_labels_are_refused(monkeypatch):
    monkeypatch.setattr(pairs, "MOST_PAIRS", 20)
    many = np.arange(30)
    message = r"y_true holds 30 different labels and y_pred 30.* accuracy_score takes any number"
    with pytest.raises(ValueError, match=message):
        metrics.f1_score(many, many, average="macro")
    assert metrics.accuracy_score(many, many) == 1
    with pytest.raises(ValueError, match="more than 20 different pairs"):
        metrics.confusion_matrix(dask_array(many, (15, 15)), dask_array(many, (15, 15)))
    several = (many[:, None] >> np.arange(5)) & 1
    with pytest.raises(ValueError, match=r"different rows of 5 labels.*few columns at a time"):
        metrics.f1_score(several, several, average="macro")
    assert metrics.f1_score(several[:, :4], several[:, :4], average="macro") == 1


def test_two_columns_are_the_probabilities_of_two_classes():
    y, p = drawn("probabilities")
    both = np.stack([1 - p, p], axis=1)
    for metric in ("roc_auc_score", "average_precision_score"):
        assert getattr(metrics, metric)(y, both) == getattr(metrics, metric)(y, p)


def test_classes_that_do_not_occur():
    P, y = np.random.default_rng(0).dirichlet([1, 1, 1], 9), np.arange(9) % 2
    for how in ("ovr", "ovo"):
        with pytest.raises(ValueError, match="3 columns and there are 2 classes"):
            metrics.roc_auc_score(y, P, multi_class=how)
        with pytest.raises(ValueError, match=r"not in parameter 'labels': \[0, 1\]"):
            metrics.roc_auc_score(y, P, multi_class=how, labels=[1, 2, 3])
    given = {"multi_class": "ovo", "labels": [0, 1, 2]}
    assert metrics.roc_auc_score(y, P, **given) == theirs.roc_auc_score(y, P, **given)
    with pytest.warns(match="Only one class"):
        assert np.isnan(metrics.roc_auc_score(y, P, multi_class="ovr", labels=[0, 1, 2]))


def test_the_mean_over_rows_of_several_labels_is_refused():
    """It needs the order of the labels of a row."""
    for metric in (metrics.roc_auc_score, metrics.average_precision_score):
        with pytest.raises(ValueError, match="Give 'micro', 'macro'"):
            metric(np.eye(2), np.eye(2), average="samples")


def test_several_labels_of_rounded_scores_warn_of_their_error(few):
    y, scores = drawn("two scales")
    with pytest.warns(UserWarning, match="may be wrong by up to"):
        metrics.roc_auc_score(np.stack([y, 1 - y], axis=1), np.stack([scores, -scores], axis=1))


def test_scores_that_do_not_fit_the_parameters_are_refused():
    rng = np.random.default_rng(0)
    y, P = rng.integers(0, 3, 30), rng.dirichlet([1, 1, 1], 30)
    auc, ap = "roc_auc_score", "average_precision_score"
    for name, S, how, message in (
        (auc, P, {"multi_class": "ovr", "max_fpr": 0.5}, "Partial AUC computation not available"),
        (auc, P, {"multi_class": "ovr", "average": "samples"}, "not one of those of .*'ovr'"),
        (auc, P, {"multi_class": "ovo", "average": "micro"}, "not one of those of .*'ovo'"),
        (auc, P, {"multi_class": "ovo", "average": None}, "average=None is not implemented"),
        (auc, P, {"multi_class": "ovo", "sample_weight": np.ones(30)}, "Use multi_class='ovr'"),
        (auc, P[:, 0], {"multi_class": "ovr"}, "for two classes, and there are 3 classes"),
        (ap, P[:, 0], {}, "for two classes, and there are 3 classes"),
        (ap, P[:, :, None], {}, r"y_score has shape \(30, 3, 1\). Give one score a row"),
    ):
        with pytest.raises((ValueError, NotImplementedError)):
            getattr(theirs, name)(y, S, **how)
        with pytest.raises((ValueError, NotImplementedError), match=message):
            getattr(metrics, name)(y, S, **how)
    # scikit-learn takes the mean over rows, which needs the scores of a row together
    with pytest.raises(ValueError, match="average='samples' is not one of those of several"):
        metrics.average_precision_score(y, P, average="samples")


def test_blocks_of_other_columns_are_refused():
    y = np.asarray([0, 1, 1, 0])
    for metric, one, other, message in (
        (
            "neg_log_loss",
            (y, np.full(4, 0.5)),
            (y, np.full((4, 2), 0.5)),
            "0 column.* another one 2",
        ),
        ("roc_auc", (y, np.ones((4, 3))), (y, np.ones(4)), "3 column.* another one 1 or 2"),
        (metrics.f1_score, (y, y), (np.eye(4), np.eye(4)), "labels of different shapes"),
        (metrics.davies_bouldin_score, (np.eye(4), y), (np.eye(4)[:, :2], y), "4 .* another one 2"),
    ):
        scores = Progressive(metric).update(*one)
        with pytest.raises(ValueError, match=message):
            scores.update(*other)
