"""Columns of numbers, and their power transformation in exact arithmetic."""

from __future__ import annotations

from decimal import Decimal, getcontext

import numpy as np
import pytest

from streamlearn.core import power_map as pm
from streamlearn.core.statistics import likelihood_search

N = 25
_RNG = np.random.default_rng(0)
COLUMNS = {
    "normal": _RNG.normal(size=N),
    "lognormal": _RNG.lognormal(size=N),
    "wide": _RNG.lognormal(0, 5, N),
    "negative": -_RNG.exponential(size=N) - 1e-9,
    "tails": _RNG.standard_t(2, N),
    "far": 1e3 + _RNG.normal(size=N),
    "very far": 1e8 + _RNG.lognormal(size=N),
    "far below": -1e5 + 10 * _RNG.normal(size=N),
    "small": 1e-6 * _RNG.lognormal(size=N),
    "large": 1e200 * _RNG.lognormal(size=N),
}


def enough_digits(x: np.ndarray, power: float) -> bool:
    """Let numbers of `Decimal` have what may cancel and 130 more; False if that takes too long."""
    most = int(max(abs(power), abs(2 - power)) * np.log1p(np.abs(x)).max() / 2.3)
    getcontext().prec = min(most, 300) + 130
    return most <= 300


def true_g(yeo_johnson: bool, x: np.ndarray, power: Decimal) -> list[Decimal]:
    """Return the transformation as it is defined."""
    out = []
    for value in map(Decimal, x.tolist()):
        t = (1 + abs(value)).ln() if yeo_johnson else value.ln()
        negative = yeo_johnson and value < 0
        m = 2 - power if negative else power
        g = t if m == 0 else ((m * t).exp() - 1) / m
        out.append(-g if negative else g)
    return out


def mean_and_variance(g: list[Decimal]) -> tuple[Decimal, Decimal]:
    mean = sum(g) / len(g)
    return mean, sum((v - mean) ** 2 for v in g) / len(g)


def true_z(yeo_johnson: bool, x: np.ndarray, power: float, others: np.ndarray) -> np.ndarray:
    """Return what ``others`` are in the standardized transformation of x."""
    mean, variance = mean_and_variance(true_g(yeo_johnson, x, Decimal(power)))
    g = true_g(yeo_johnson, others, Decimal(power))
    return np.array([float((v - mean) / variance.sqrt()) for v in g])


def true_likelihood(yeo_johnson: bool, x: np.ndarray, power: Decimal) -> Decimal:
    numbers = [Decimal(v) for v in x.tolist()]
    logs = [(1 + abs(v)).ln().copy_sign(v) if yeo_johnson else v.ln() for v in numbers]
    _, variance = mean_and_variance(true_g(yeo_johnson, x, power))
    return -variance.ln() / 2 + (power - 1) * sum(logs) / len(logs)


def search_of(yeo_johnson: bool, x: np.ndarray, power: float) -> likelihood_search.Search:
    if not yeo_johnson and x.min() <= 0:
        pytest.skip("Box and Cox take positive numbers")
    ends = np.stack([x.min(keepdims=True), x.max(keepdims=True)])
    origin = pm.origin_of(yeo_johnson, *ends)
    bounds = pm.lambda_bounds(yeo_johnson, *ends, np.dtype(float))
    return likelihood_search.begin(yeo_johnson, origin, np.full(1, power), *bounds, ends)
