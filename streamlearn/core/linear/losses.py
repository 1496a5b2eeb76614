"""The losses of linear models: value, gradient and curvature by the score.

Functions take ``(p, y, epsilon)``: scores, targets, and the parameter of the loss, which is the
width of the insensitive or quadratic zone, the power of "tweedie" or the quantile. They work
elementwise on arrays of the same shape. Margin losses are functions of ``z = y p`` with targets -1
or +1. "multinomial" has such targets too, and depends on the scores of all columns (`softmax`).
Residual losses are functions of ``r = p - y`` with numbers as targets. Losses with a
logarithmic link are in `deviances`. Values and gradients are scikit-learn's; ``squared_error`` and
``huber`` have their factor 1/2. NaN in a score gives NaN in value and gradient, except in the
gradients of "hinge", "perceptron" and "quantile", which are steps.

``curvature`` is the number by which a Newton step divides. Where the loss is curved, it is the
second derivative. Where the loss is nearly linear, the second derivative is about 0, and does not
show how far the gradient is valid. There it is the curvature of a parabola above the loss (Jaakkola
& Jordan, "Bayesian parameter estimation via variational methods", 2000; de Leeuw & Lange, "Sharp
quadratic majorization in one dimension", 2009). At a kink the second derivative is
infinite. A mean loss has the density of rows there instead; see `_kink`. A narrow bend is treated
as a kink, because few rows are in it: that of "huber" may be a hundredth of a deviation wide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from streamlearn._arrays import Array, column_sums, device, is_array, namespace
from streamlearn.core.linear import deviances, softmax

Elementwise = Callable[[Array, Array, float], Array]


def _mean_residual(p: Array, y: Array, a: Array, epsilon: float) -> Array:
    total = column_sums(a)
    return column_sums(a * (y - p)) / namespace(p).where(total > 0.0, total, 1.0)


def _median_residual(p: Array, y: Array, a: Array, epsilon: float) -> Array:
    return _quantile_residual(p, y, a, 0.5)


def _quantile_residual(p: Array, y: Array, a: Array, quantile: Any) -> Array:
    """Return a quantile of the residuals of each column. ``quantile`` is a number or (K,)."""
    xp, m = namespace(p), p.shape[0]
    r = xp.sort(y - p, axis=0)
    if not is_array(quantile):
        return r[int(quantile * m), :]
    rows = xp.arange(m, dtype=p.dtype, device=device(p))[:, None]
    return xp.sum(xp.where(rows == xp.floor(quantile * m), r, xp.zeros_like(r)), axis=0)


class Loss(NamedTuple):
    """A loss as functions of ``(p, y, epsilon)``.

    Attributes
    ----------
    value, gradient, curvature : callable
        Each returns an array of the shape of the scores. ``curvature`` is never negative. For
        losses with a kink it depends on all rows of the column.
    slope : callable or None
        The derivative of the gradient where it exists. None means that it is 0 everywhere.
    unbounded_gradient : bool
        Whether the gradient is unbounded.
    kinked : bool
        Whether nearly all rows may gather at a kink, where the gradient is a step. ``curvature``
        then has two further parameters. ``least`` is a number or an array like the scores: its
        minimum in rows with a loss. Far from the kink this minimum is smaller. ``weight`` are the
        weights of the rows, (m, K) or (m, 1), or None.
    nonsmooth : bool
        Whether rows gather at a kink, or at a narrow bend, at the optimum. The curvature there
        changes with the model.
    jumps : bool
        Whether the curvature of a row jumps where the gradient bends.
    at_once : callable or None
        It returns value and gradient, if they cost less together.
    level : callable
        ``(p, y, a, epsilon)``: the change of the scores of rows with weights a, (m, K), that
        minimizes their loss, (K,).
    parameter : str
        The name of the parameter of an estimator that is ``epsilon`` here.
    log_link : bool
        Whether the score is the logarithm of the predicted mean.
    joint : bool
        Whether the loss of a row depends on the scores of all columns. It is the same in each of
        them, and ``curvature`` and ``slope`` are the numbers h of `joint_loss`.
    concave : bool
        Whether ``slope`` may be negative.
    """

    value: Elementwise
    gradient: Elementwise
    curvature: Callable[..., Array]
    slope: Elementwise | None = None
    unbounded_gradient: bool = False
    kinked: bool = False
    nonsmooth: bool = False
    jumps: bool = False
    at_once: Callable[[Array, Array, float], tuple[Array, Array]] | None = None
    level: Callable[[Array, Array, Array, float], Array] = _mean_residual
    parameter: str = "epsilon"
    log_link: bool = False
    joint: bool = False
    concave: bool = False

    def both(self, p: Array, y: Array, epsilon: float) -> tuple[Array, Array]:
        """Return the value and the gradient."""
        if self.at_once is not None:
            return self.at_once(p, y, epsilon)
        return self.value(p, y, epsilon), self.gradient(p, y, epsilon)


def _where(condition: Array, like: Array) -> Array:
    return namespace(like).astype(condition, like.dtype)


def _or_one(scale: Array) -> Array:
    """Return a scale of residuals as a divisor: 1 if all of them are 0, whatever their unit is."""
    return namespace(scale).where(scale > 0.0, scale, 1.0)


def _kink(r: Array, scale: Array | float, weight: Array | None = None) -> Array:
    """Return curvatures (m, K) of rows, whose mean is the curvature of the mean loss at a kink.

    ``r`` (m, K) is the distance of each row from the kink, where the gradient changes by 1. The
    second derivative of the mean loss is the density of ``r`` at 0. It is estimated from the rows
    that are nearer than a quarter of the mean distance. If rows gather at the kink, for example
    under heavy imbalance, the mean distance is small and the estimate large. If more than half of
    the rows are near, as at a corner, the estimate is larger in proportion to their number. Few
    rows do not know their mean distance. So the width has a part of ``scale``, which is 0.5 for a
    single row. With weights, (m, K) or (m, 1), both means are weighted.
    """
    xp = namespace(r)
    r = xp.abs(r)
    m = r.shape[0]
    a = None if weight is None else m / _or_one(xp.sum(weight, axis=0)) * weight
    total = xp.sum(r if a is None else a * r, axis=0)
    width = (0.25 / m) * total + max(1e-4, 0.5 / m**2) * scale
    near = _where(r < width, r)
    near = xp.sum(near if a is None else a * near, axis=0)
    width = width * (0.5 * m / xp.maximum(near, 0.5 * m))
    return _where(r < width, r) * (0.5 / _or_one(width))


def _step(z: Array, y: Array) -> Array:
    """Return -y where z <= 0 and 0 elsewhere.

    ``xp.where`` would branch at each row, and the processor mispredicts as many rows as the model.
    """
    return y * (_where(z > 0.0, z) - 1.0)


def _hinge_value(p: Array, y: Array, epsilon: float) -> Array:
    return namespace(p).maximum(1.0 - y * p, 0.0)


def _hinge_gradient(p: Array, y: Array, epsilon: float) -> Array:
    return _step(y * p - 1.0, y)


def _hinge_both(p: Array, y: Array, epsilon: float) -> tuple[Array, Array]:
    r = 1.0 - y * p
    return namespace(p).maximum(r, 0.0), y * (_where(r < 0.0, r) - 1.0)


def _hinge_curvature(
    p: Array, y: Array, epsilon: float, least: Array | float = 0.35, weight: Array | None = None
) -> Array:
    xp, r = namespace(p), 1.0 - y * p
    # far from the kink, rows of large leverage must not shorten the step of the others
    far = _where(r >= 0.0, p) / xp.maximum(0.5 * r, 1.0)
    return xp.maximum(_kink(r, 1.0, weight), least * far)


def _perceptron_value(p: Array, y: Array, epsilon: float) -> Array:
    return namespace(p).maximum(-y * p, 0.0)


def _perceptron_gradient(p: Array, y: Array, epsilon: float) -> Array:
    return _step(y * p, y)


def _perceptron_curvature(p: Array, y: Array, epsilon: float) -> Array:
    return _where(y * p <= 0.0, p)


def _squared_hinge_value(p: Array, y: Array, epsilon: float) -> Array:
    return _hinge_value(p, y, epsilon) ** 2


def _squared_hinge_gradient(p: Array, y: Array, epsilon: float) -> Array:
    return -2.0 * y * _hinge_value(p, y, epsilon)


def _squared_hinge_curvature(p: Array, y: Array, epsilon: float) -> Array:
    return 2.0 * _where(y * p < 1.0, p)


def _modified_huber_value(p: Array, y: Array, epsilon: float) -> Array:
    xp = namespace(p)
    d = xp.maximum(1.0 - y * p, 0.0)
    near = xp.minimum(d, 2.0)
    return near * (2.0 * d - near)


def _modified_huber_gradient(p: Array, y: Array, epsilon: float) -> Array:
    xp = namespace(p)
    return -2.0 * y * xp.minimum(xp.maximum(1.0 - y * p, 0.0), 2.0)


def _modified_huber_curvature(p: Array, y: Array, epsilon: float) -> Array:
    d = 1.0 - y * p
    return _where(d > 0.0, p) * 4.0 / namespace(p).maximum(d, 2.0)


def _modified_huber_slope(p: Array, y: Array, epsilon: float) -> Array:
    return 2.0 * _where(namespace(p).abs(y * p) < 1.0, p)


def _log_value(p: Array, y: Array, epsilon: float) -> Array:
    xp = namespace(p)
    z = y * p
    return xp.log1p(xp.exp(-xp.abs(z))) - xp.minimum(z, 0.0)


def _log_gradient(p: Array, y: Array, epsilon: float) -> Array:
    xp = namespace(p)
    return y / (-1.0 - xp.exp(xp.minimum(y * p, 80.0)))  # e**80 fits float32, and 1 / e**80 is tiny


def _log_both(p: Array, y: Array, epsilon: float) -> tuple[Array, Array]:
    """Return value and gradient, computed with two exponentials and one logarithm."""
    xp = namespace(p)
    z = y * p
    size = xp.abs(z)
    near = xp.log1p(xp.exp(-size))
    # the probability of the other class is exp(-log(1 + exp(z)))
    return near + 0.5 * (size - z), -y * xp.exp(-0.5 * (size + z) - near)


def _log_curvature(p: Array, y: Array, epsilon: float) -> Array:
    xp = namespace(p)
    e = xp.exp(-xp.abs(p))
    curved = e / (1.0 + e) ** 2
    # far on the wrong side the loss is linear; Jaakkola & Jordan's parabola lies above it
    wrong = -y * p
    above = -xp.expm1(-xp.abs(p)) / (1.0 + e) / (2.0 * xp.maximum(wrong, 1e-3))
    return xp.where(wrong > 1e-3, above, curved)


def _log_slope(p: Array, y: Array, epsilon: float) -> Array:
    half = namespace(p).tanh(0.5 * p)
    return 0.25 - 0.25 * half * half


def _squared_value(p: Array, y: Array, epsilon: float) -> Array:
    return 0.5 * (p - y) ** 2


def _squared_gradient(p: Array, y: Array, epsilon: float) -> Array:
    return p - y


def _squared_both(p: Array, y: Array, epsilon: float) -> tuple[Array, Array]:
    r = p - y
    return 0.5 * r * r, r


def _squared_curvature(p: Array, y: Array, epsilon: float) -> Array:
    return namespace(p).ones_like(p)


def _huber_value(p: Array, y: Array, epsilon: float) -> Array:
    xp = namespace(p)
    r = xp.abs(p - y)
    near = xp.minimum(r, epsilon)
    return near * (r - 0.5 * near)


def _huber_gradient(p: Array, y: Array, epsilon: float) -> Array:
    xp = namespace(p)
    return xp.maximum(xp.minimum(p - y, epsilon), -epsilon)


def _huber_curvature(p: Array, y: Array, epsilon: float) -> Array:
    xp = namespace(p)
    r = xp.abs(p - y)
    typical = xp.mean(r, axis=0)
    # a narrow quadratic zone has too few rows, and others with the next model
    width = _or_one(xp.maximum(0.25 * typical, epsilon))
    near = _where(r < width, r) / width
    return epsilon * xp.maximum(near, 0.7 / xp.maximum(r, xp.maximum(typical, width)))


def _huber_slope(p: Array, y: Array, epsilon: float) -> Array:
    return _where(namespace(p).abs(p - y) < epsilon, p)


def _insensitive_value(p: Array, y: Array, epsilon: float) -> Array:
    xp = namespace(p)
    return xp.maximum(xp.abs(p - y) - epsilon, 0.0)


def _insensitive_gradient(p: Array, y: Array, epsilon: float) -> Array:
    xp = namespace(p)
    r = p - y
    return xp.sign(r) * _where(xp.abs(r) > epsilon, r)


def _insensitive_curvature(p: Array, y: Array, epsilon: float) -> Array:
    xp = namespace(p)
    r = xp.abs(p - y)
    typical = xp.mean(r, axis=0)
    # far away the loss is linear, and rows of large leverage must not shorten the step of others
    far = _where(r > epsilon, p) / _or_one(xp.maximum(r, typical))
    return xp.maximum(_kink(r - epsilon, typical), 0.7 * far)


def _squared_insensitive_value(p: Array, y: Array, epsilon: float) -> Array:
    return _insensitive_value(p, y, epsilon) ** 2


def _squared_insensitive_gradient(p: Array, y: Array, epsilon: float) -> Array:
    return 2.0 * namespace(p).sign(p - y) * _insensitive_value(p, y, epsilon)


def _squared_insensitive_curvature(p: Array, y: Array, epsilon: float) -> Array:
    return 2.0 * _where(namespace(p).abs(p - y) > epsilon, p)


def _pinball_value(p: Array, y: Array, quantile: float) -> Array:
    r = y - p
    return namespace(p).maximum(quantile * r, (quantile - 1.0) * r)


def _pinball_gradient(p: Array, y: Array, quantile: float) -> Array:
    return (1.0 - quantile) * _where(p > y, p) - quantile * _where(p < y, p)


def _pinball_curvature(p: Array, y: Array, quantile: float) -> Array:
    xp = namespace(p)
    r = xp.abs(p - y)
    typical = xp.mean(r, axis=0)
    far = xp.abs(_pinball_gradient(p, y, quantile)) / _or_one(xp.maximum(r, typical))
    return xp.maximum(_kink(r, typical), 0.7 * far)


def _with_power(power: float) -> dict[str, Any]:
    """Return the functions of the half deviance with this power."""

    def fixed(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda p, y, epsilon: f(p, y, power)

    made = {name: fixed(getattr(deviances, name)) for name in ("value", "gradient", "curvature")}
    level = deviances.level
    return made | {
        "slope": fixed(deviances.slope),
        "at_once": fixed(deviances.both),
        "level": lambda p, y, a, epsilon: level(p, y, a, power),
    }


LOSSES = {
    "hinge": Loss(
        _hinge_value,
        _hinge_gradient,
        _hinge_curvature,
        kinked=True,
        nonsmooth=True,
        at_once=_hinge_both,
    ),
    "perceptron": Loss(_perceptron_value, _perceptron_gradient, _perceptron_curvature),
    "squared_hinge": Loss(
        _squared_hinge_value,
        _squared_hinge_gradient,
        _squared_hinge_curvature,
        _squared_hinge_curvature,
        jumps=True,
        unbounded_gradient=True,
    ),
    "modified_huber": Loss(
        _modified_huber_value,
        _modified_huber_gradient,
        _modified_huber_curvature,
        _modified_huber_slope,
        jumps=True,
    ),
    "log_loss": Loss(_log_value, _log_gradient, _log_curvature, _log_slope, at_once=_log_both),
    "squared_error": Loss(
        _squared_value,
        _squared_gradient,
        _squared_curvature,
        _squared_curvature,
        unbounded_gradient=True,
        at_once=_squared_both,
    ),
    "huber": Loss(
        _huber_value,
        _huber_gradient,
        _huber_curvature,
        _huber_slope,
        nonsmooth=True,
        level=_median_residual,
    ),
    "epsilon_insensitive": Loss(
        _insensitive_value,
        _insensitive_gradient,
        _insensitive_curvature,
        nonsmooth=True,
        level=_median_residual,
    ),
    "squared_epsilon_insensitive": Loss(
        _squared_insensitive_value,
        _squared_insensitive_gradient,
        _squared_insensitive_curvature,
        _squared_insensitive_curvature,
        jumps=True,
        unbounded_gradient=True,
    ),
    "poisson": Loss(**_with_power(1.0), unbounded_gradient=True, log_link=True),
    "gamma": Loss(**_with_power(2.0), unbounded_gradient=True, log_link=True),
    "tweedie": Loss(
        deviances.value,
        deviances.gradient,
        deviances.curvature,
        deviances.slope,
        unbounded_gradient=True,
        at_once=deviances.both,
        level=deviances.level,
        parameter="power",
        log_link=True,
    ),
    "quantile": Loss(
        _pinball_value,
        _pinball_gradient,
        _pinball_curvature,
        nonsmooth=True,
        level=_quantile_residual,
        parameter="quantile",
    ),
    "multinomial": Loss(
        softmax.value,
        softmax.gradient,
        softmax.curvature,
        softmax.slope,
        at_once=softmax.both,
        joint=True,
    ),
}
"""The losses by name. The names are scikit-learn's, also those of its generalized linear models."""

SKLEARN_LOSSES = (
    *("hinge", "perceptron", "squared_hinge", "modified_huber", "log_loss"),
    *("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"),
)
"""The losses of scikit-learn's learners by gradient steps."""

MARGIN_LOSSES = ("hinge", "perceptron", "squared_hinge", "modified_huber", "log_loss")
"""Losses of ``z = y p``, where ``y`` is -1 or +1."""

OF_CLASSES = (*MARGIN_LOSSES, "multinomial")
"""Losses of classes. The others are losses of values."""
