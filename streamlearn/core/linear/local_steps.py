"""Linear models with explicit step sizes that were learned side by side, from the same models.

The coefficients, the intercepts and the L1 penalties received are averaged, each column by the
weights of its rows. The next step size counts the rows of all blocks.

The mean over the iterates stays a mean over all of them. A local state that continues the mean m_0
of n_0 iterates ends with the mean m_i of n_i iterates. All iterates together have the mean::

    m_0 + sum_i n_i (m_i - m_0) / n        n = n_0 + sum_i (n_i - n_0)
"""

from __future__ import annotations

from typing import Any

from streamlearn._arrays import Array, device, namespace, widest_float
from streamlearn.core.learner import LocalState, LocalSteps
from streamlearn.core.linear.sgd import Params, truncate
from streamlearn.core.local_steps import as_it_is, mean, share
from streamlearn.core.rows import cast


def merge(params: Params, before: LocalState, a: LocalState, b: LocalState) -> Any:
    """Return the models of two local states as one.

    Parameters
    ----------
    params : Params
    before, a, b : LocalState
        Their states are of `streamlearn.core.linear.sgd` or `streamlearn.core.linear.rowwise`.

    Returns
    -------
    State

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.core.learner import Batch
    >>> from streamlearn.core.linear.sgd import start, update
    >>> params = Params(loss="squared_error", kind="values", learning_rate="constant", eta0=0.5)
    >>> state = start(params, np.zeros((1, 1)), np.zeros(1))
    >>> X, y = np.array([[1.0], [1.0], [-1.0]]), np.array([2.0, 2.0, 1.0])
    >>> a, b = (
    ...     LocalState(s, i.weight.size, i)
    ...     for s, i in (update(params, state, Batch(X[k], y[k])) for k in ([0, 1], [2]))
    ... )
    >>> a.state.coef, b.state.coef, merge(params, LocalState(state, 0), a, b).coef.round(3)
    (array([[1.]]), array([[-0.5]]), array([[0.5]]))
    """
    merged = mean(a.state, b.state, share(a, b))
    # Local steps do not change these, and an infinite step size has no mean.
    merged = merged._replace(eta=a.state.eta, active=a.state.active)
    first = a.state if before.state is None else before.state
    if hasattr(first, "skipped"):
        skipped = a.state.skipped + b.state.skipped
        merged = merged._replace(
            skipped=skipped if before.state is None else skipped - first.skipped
        )
    if not params.average:
        return merged
    n_0, n_a, n_b = (_averaged(params, local, first) for local in (before, a, b))
    n = n_a + n_b - n_0
    xp, begun = namespace(n), n > 0.0
    n = xp.where(begun, n, xp.ones_like(n))

    def over_all(name: str) -> Array:
        m_0, m_a, m_b, otherwise = (getattr(s, name) for s in (first, a.state, b.state, merged))
        p_a, p_b = (cast(p / n, m_a.dtype) for p in (n_b - n_0, n_b))
        return xp.where(begun, m_a + p_b * (m_b - m_0) - p_a * (m_a - m_0), otherwise)

    return merged._replace(
        mean_coef=over_all("mean_coef"), mean_intercept=over_all("mean_intercept")
    )


def step(params: Params, before: LocalState, merged: LocalState) -> Any:
    """Return the models after a round.

    A coefficient that the L1 penalty has cut to 0 in one local state is not 0 in the mean. The part
    of the penalty that it could not receive there is taken from the mean.
    """
    new = merged.state
    if params.penalty not in ("l1", "elasticnet"):
        return new
    sums = getattr(new, "penalized", new)
    coef, q = truncate(new.coef, sums.u[:, None], sums.q, new.active[:, None] > 0.0)
    new = new._replace(coef=coef)
    if not params.average:
        new = new._replace(mean_coef=coef)
    if sums is merged.state:
        return new._replace(q=q)
    return new._replace(penalized=sums._replace(q=q))


def _averaged(params: Params, local: LocalState, like: Any) -> Array:
    """Return the number of iterates in the mean, as an array of shape () in the widest float."""
    w, state = like.coef, local.state
    xp = namespace(w)
    zero = xp.zeros((), dtype=widest_float(w), device=device(w))
    skipped = zero if state is None else getattr(state, "skipped", zero)
    n = zero + float(local.seen + 1 - params.average) - skipped
    return xp.maximum(n, zero)


LOCAL_STEPS = LocalSteps(as_it_is, merge, step)
