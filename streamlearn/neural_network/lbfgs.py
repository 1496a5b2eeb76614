"""L-BFGS, which learns from all rows at once. SciPy runs it on the host."""

from __future__ import annotations

import numpy as np
import scipy.optimize

from streamlearn._arrays import Array, asarray, cast, namespace, to_numpy, widest_float
from streamlearn._sklearn import _check_optimize_result, _get_additional_lbfgs_options_dict
from streamlearn.core import mlp
from streamlearn.core.learner import Batch
from streamlearn.neural_network.training import weights_finite_or_raise


def minimize(
    params: mlp.Params,
    net: mlp.State,
    rows: Batch,
    *,
    max_iter: int,
    max_fun: int,
    tol: float,
    verbose: bool,
) -> tuple[mlp.State, float, int]:
    """Return the net that L-BFGS finds for all rows at once, its loss, and the iterations.

    The weights are in the widest float, because rounded gradients would end the line search.
    SciPy works on the host, to which every evaluation copies the gradient.
    """
    xp, wide = namespace(rows.X), widest_float(rows.X)
    rows = rows._replace(X=cast(rows.X, wide))
    shapes = [tuple(xp.astype(a, wide, copy=False) for a in part) for part in net[:2]]

    def at(theta: np.ndarray) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        return mlp.unpack(asarray(theta, like=rows.X), *shapes)

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            info, gradient = mlp.value_and_gradient(params, *at(theta), rows)
        mean = float(to_numpy(info.objective)[0]) / rows.X.shape[0]
        return mean, to_numpy(gradient).astype(np.float64)

    found = scipy.optimize.minimize(
        objective,
        to_numpy(mlp.pack(*shapes)).astype(np.float64),
        method="L-BFGS-B",
        jac=True,
        options={
            "maxfun": max_fun,
            "maxiter": max_iter,
            "gtol": tol,
            **_get_additional_lbfgs_options_dict("iprint", 1 if verbose else -1),
        },
    )
    net = mlp.start(params, *at(found.x))
    weights_finite_or_raise(net)
    return net, float(found.fun), int(_check_optimize_result("lbfgs", found, max_iter))
