"""Local states, which were learned side by side, from one state, and are merged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamlearn.core import kmeans, mlp
from streamlearn.core.learner import Batch, Info, LocalState, LocalSteps
from streamlearn.core.linear import rowwise, sgd
from streamlearn.core.linear.local_steps import LOCAL_STEPS
from streamlearn.core.local_steps import mean
from streamlearn.core.mlp import optimizers
from tests.backends import STRICT, Backend, no_host_sync
from tests.core.test_laws import CASES, Case, assert_close, batch_of, bits, fit, leaves

WITH_LOCAL_STEPS = {
    name: case for name, case in CASES.items() if name.split("-")[0] in ("linear", "rowwise", "mlp")
}
AVERAGED = ("coef", "intercept", "mean_coef", "mean_intercept")


@pytest.fixture(params=WITH_LOCAL_STEPS)
def case(request: pytest.FixtureRequest) -> Case:
    return WITH_LOCAL_STEPS[request.param]


def how(case: Case) -> LocalSteps:
    return case.learner.local_steps or LOCAL_STEPS


def local_state_of(case: Case, before: LocalState, batch: Batch) -> LocalState:
    state, info = case.learner.update(
        case.learner.params, before.state, batch._replace(seen=before.seen)
    )
    return LocalState(state, before.seen + batch.X.shape[0], info)


def local_states_of(
    case: Case, backend: Backend, n: int = 3
) -> tuple[LocalState, list[LocalState]]:
    """Return a state after 24 rows, and local states of 8, 16, ... further rows."""
    before = LocalState(fit(case, batch_of(case, backend)), 24)
    batches = [batch_of(case, backend, 8 * (i + 1), seed=i + 1) for i in range(n)]
    return before, [local_state_of(case, before, batch) for batch in batches]


def together(case: Case, before: LocalState, a: LocalState, b: LocalState) -> LocalState:
    state = how(case).merge(case.learner.params, before, a, b)
    return LocalState(state, a.seen + b.seen - before.seen, a.info.plus(b.info))


def models(state: Any) -> Any:
    """Return the parts of a state that answer for rows."""
    return state[:2] if isinstance(state, mlp.State) else tuple(getattr(state, n) for n in AVERAGED)


def test_equal_local_states_are_their_mean(case, backend):
    before, (a, *_) = local_states_of(case, backend)
    merged = together(case, before, a, a).state
    if not getattr(case.learner.params, "average", 0):
        assert bits(backend, models(merged)) == bits(backend, models(a.state))
    elif isinstance(merged, sgd.State | rowwise.State):
        assert bits(backend, merged[:2]) == bits(backend, a.state[:2])


def test_local_states_merge_in_any_grouping(case, backend):
    before, (a, b, c) = local_states_of(case, backend)
    left = together(case, before, together(case, before, a, b), c)
    right = together(case, before, a, together(case, before, b, c))
    assert left.seen == right.seen == 24 + 8 + 16 + 24
    assert_close(backend, models(left.state), models(right.state))


def test_a_local_state_without_weight_has_no_part_in_the_mean(case, backend):
    before, (a, b, _) = local_states_of(case, backend)
    if getattr(case.learner.params, "average", 0):
        return  # the mean over the iterates counts rows
    empty = b._replace(info=b.info._replace(weight=0.0 * b.info.weight))
    merged = together(case, before, a, empty).state
    assert bits(backend, models(merged)) == bits(backend, models(a.state))
    merged = together(case, before, empty, empty).state
    assert all(np.isfinite(backend.to_numpy(leaf)).all() for leaf in leaves(models(merged)))


def test_inputs_are_untouched_and_their_kind_is_kept(case, backend):
    before, (a, b, _) = local_states_of(case, backend)
    inputs = before.state, a.state, a.info, b.state, b.info
    known = bits(backend, inputs)
    for x in (before, LocalState(None, 0)):
        merged = together(case, x, a, b)
        after = how(case).step(case.learner.params, x, merged)
        for leaf, like in zip(leaves(after), leaves(a.state), strict=True):
            backend.check(leaf)
            assert (leaf.dtype, leaf.shape) == (like.dtype, like.shape)
    assert bits(backend, inputs) == known


@pytest.mark.parametrize("backend", STRICT, indirect=True)
def test_nothing_is_read_back_to_the_host(case, backend):
    before, (a, b, _) = local_states_of(case, backend)
    with no_host_sync():
        how(case).step(case.learner.params, before, together(case, before, a, b))


@pytest.mark.parametrize("average", [1, 20, 30])
@pytest.mark.parametrize("module", [sgd, rowwise])
def test_the_mean_is_over_the_iterates_of_all_blocks(module, average):
    """With 20 the mean begins before the round. With 30 it begins in one block."""
    params = sgd.Params(
        loss="squared_error", kind="values", learning_rate="constant", eta0=0.1, average=average
    )
    rng = np.random.default_rng(0)
    state = module.start(params, np.zeros((1, 2)), np.zeros(1))
    learner, seen, iterates = module.learner(params), 0, []

    def learn(state, seen, n):
        kept = []
        for _ in range(n):
            X = rng.normal(size=(1, 2))
            state, info = learner.update(params, state, Batch(X, X[:, 0] + 1.0, None, seen))
            seen += 1
            kept += [state.coef] if seen >= average else []
        return LocalState(state, seen, info._replace(weight=np.asarray([float(n)]))), kept

    before, iterates = learn(state, seen, 24)
    (a, of_a), (b, of_b) = learn(before.state, 24, 5), learn(before.state, 24, 9)
    merged = LOCAL_STEPS.merge(params, before, a, b)
    np.testing.assert_allclose(
        merged.mean_coef, np.mean([*iterates, *of_a, *of_b], axis=0), rtol=1e-12
    )
    np.testing.assert_allclose(merged.coef, (5 * a.state.coef + 9 * b.state.coef) / 14)


def test_a_mean_that_has_not_begun_is_the_mean_of_the_models():
    params = sgd.Params(learning_rate="constant", average=1_000)
    case = Case(sgd.learner(params), CASES["mlp-adam"].rows)
    rng = np.random.default_rng(0)
    before = LocalState(sgd.start(params, np.zeros((1, 3)), np.zeros(1)), 0)
    a, b = (
        local_state_of(case, before, Batch(rng.normal(size=(n, 3)), rng.integers(0, 2, n)))
        for n in (10, 30)
    )
    merged = together(case, before, a, b).state
    np.testing.assert_allclose(merged.coef, 0.25 * a.state.coef + 0.75 * b.state.coef)
    np.testing.assert_array_equal(merged.mean_coef, merged.coef)


def test_what_the_l1_penalty_has_cut_to_0_in_a_local_state_is_cut_in_the_mean():
    params = sgd.Params(penalty="l1", alpha=1.0)
    like = sgd.start(params, np.zeros((1, 3)), np.zeros(1))
    due = np.ones(1)
    # In a 0.5 of the penalty of the first coefficient is still due. In b 0.2 of it is left.
    a = like._replace(coef=np.asarray([[0.0, 1.0, 0.0]]), u=due, q=np.asarray([[-0.5, -1.0, 0.0]]))
    b = like._replace(coef=np.asarray([[0.2, 3.0, 0.0]]), u=due, q=np.asarray([[-1.0, -1.0, 0.0]]))
    merged = sgd.State(*mean(a, b, np.asarray([0.5])))
    assert merged.coef[0, 0] == 0.1
    after = LOCAL_STEPS.step(params, LocalState(like, 0), LocalState(merged, 2))
    np.testing.assert_array_equal(after.coef, [[0.0, 2.0, 0.0]])
    np.testing.assert_array_equal(after.mean_coef, after.coef)


def test_the_correction_of_adams_moments_stays_right():
    """If all gradients are g, both moments have to be g and g^2 after their correction."""
    params = mlp.Params(hidden=(), alpha=0.0)
    rule = params.optimizer
    theta, g = np.zeros(2), np.asarray([3.0, -0.5])
    before = rule.init(rule.params, theta)

    def local(n, weight):
        state, at = before, theta
        for _ in range(n):
            at, state = rule.step(rule.params, state, at, g)
        info = Info(*(np.asarray([weight]),) * 3)
        return LocalState(mlp.State((at[:1, None],), (at[1:],), state), n, info)

    a, b = local(3, 1.0), local(3, 3.0)
    merged = mlp.learner(params).local_steps.merge(params, LocalState(None, 0), a, b).moving
    assert isinstance(merged, optimizers.AdamState)
    np.testing.assert_allclose(merged.first / (1 - 0.9**merged.t), g)
    np.testing.assert_allclose(merged.second / (1 - 0.999**merged.t), g * g)


def test_the_step_size_of_invscaling_counts_the_rows_of_all_blocks():
    case = Case(
        mlp.learner(
            mlp.Params(
                hidden=(4,),
                output="softmax",
                optimizer=optimizers.sgd(eta=0.1),
                learning_rate="invscaling",
            )
        ),
        CASES["mlp-adam"].rows,
        3,
    )
    rng, params = np.random.default_rng(0), case.learner.params
    before = LocalState(mlp.init(params, 3, 3, like=np.zeros((1, 3))), 100)
    a, b = (
        local_state_of(case, before, Batch(rng.normal(size=(n, 3)), rng.integers(0, 3, n)))
        for n in (10, 30)
    )
    after = case.learner.local_steps.step(params, before, together(case, before, a, b))
    assert after.moving.eta == pytest.approx(0.1 / (100 + 10 + 30 + 1) ** 0.5)


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_merged_clusters_are_the_means_of_all_rows(counted, offset):
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(4, 3)) + offset
    counts = np.asarray([5.0, 0.0, 2.0, 1.0]) if counted else np.zeros(4)
    before = kmeans.State(centers, counts)
    batches = [rng.normal(size=(n, 3)) + offset for n in (30, 1, 50)]
    params = kmeans.Params()
    merged, *rest = (kmeans.update(params, before, Batch(X))[0] for X in batches)
    for other in rest:
        merged = kmeans.merge(before, merged, other)
    X = np.concatenate(batches)
    nearest = np.argmin(((X[:, None, :] - centers) ** 2).sum(axis=2), axis=1)
    n = counts + np.bincount(nearest, minlength=4)
    total = counts[:, None] * centers
    np.add.at(total, nearest, X)
    np.testing.assert_array_equal(merged.counts, n)
    np.testing.assert_allclose(merged.centers, total / n[:, None], rtol=1e-12)


def test_clusters_without_new_rows_stay_where_they_are_to_the_bit():
    before = kmeans.State(np.asarray([[0.1], [7.3], [50.0]]), np.asarray([3.0, 7.0, 0.0]))
    a, b = (
        kmeans.update(kmeans.Params(), before, Batch(np.asarray(X)))[0]
        for X in ([[0.3], [0.4]], [[0.2]])
    )
    merged = kmeans.merge(before, a, b)
    np.testing.assert_array_equal(merged.centers[1:], before.centers[1:])
    assert merged.counts.tolist() == [6.0, 7.0, 0.0]
    only = kmeans.merge(before, a, before)
    np.testing.assert_array_equal(only.centers, a.centers)
