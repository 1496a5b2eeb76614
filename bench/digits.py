"""How many digits exact models keep, compared with arithmetic of 60 digits.

The question: how large is the error of a singular value, and of a coefficient? Rows are far from
zero, in units that differ by powers of ten, or nearly dependent.

streamlearn   fit on a dask array of four blocks
scikit-learn  fit on the same rows in memory

A figure is the median of the largest relative errors of `--draws` draws. It needs mpmath.

    python bench/digits.py
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import dask.array as da
import mpmath
import numpy as np
from sklearn import decomposition as their_decomposition
from sklearn import linear_model as their_models

from streamlearn.decomposition import PCA
from streamlearn.linear_model import LinearRegression

mpmath.mp.dps = 60
Draw = Callable[[np.random.Generator, int], np.ndarray]


def near_dependent(least: float) -> Draw:
    """Return a draw of rows whose singular values go down to a part of the largest."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        u, v = (np.linalg.qr(rng.normal(size=(m, 6)))[0] for m in (n, 6))
        return np.sqrt(n) * (u * np.geomspace(1, least, 6)) @ v.T

    return draw


def with_units(orders: int) -> Draw:
    """Return a draw of rows whose features have units over some orders of magnitude."""
    return lambda rng, n: rng.normal(size=(n, 6)) * np.logspace(-orders / 2, orders / 2, 6)


ROWS: dict[str, Draw] = {
    "independent": lambda rng, n: rng.normal(size=(n, 6)),
    "offset 1e8": lambda rng, n: rng.normal(size=(n, 6)) + 1e8,
    "scales over 10 orders of magnitude": with_units(10),
    "scales over 16 orders of magnitude": with_units(16),
    **{f"singular values over {k} orders": near_dependent(10.0**-k) for k in (4, 6, 9, 11)},
}


def centred(X: np.ndarray) -> mpmath.matrix:
    """Return the rows less their means, exactly."""
    out = mpmath.matrix(X.tolist())
    for j in range(out.cols):
        mean = mpmath.fsum(out[:, j]) / out.rows
        for i in range(out.rows):
            out[i, j] -= mean
    return out


def blocks(x: np.ndarray) -> da.Array:
    """Return rows as a dask array of four blocks."""
    return da.from_array(x, chunks=(len(x) // 4, *x.shape[1:]))


def of_components(X: np.ndarray) -> dict[str, float]:
    """Return the largest relative error of a singular value."""
    C = centred(X)
    true = sorted((mpmath.sqrt(v) for v in mpmath.eigsy(C.T * C, eigvals_only=True)), reverse=True)
    ours = PCA(svd_solver="full").fit(blocks(X))
    found = {"streamlearn": ours.singular_values_}
    for solver in ("full", "covariance_eigh"):
        theirs = their_decomposition.PCA(svd_solver=solver).fit(X)
        found[f"scikit-learn, {solver}"] = theirs.singular_values_
    errors = {
        name: max(
            float(abs(mpmath.mpf(float(s)) / t - 1)) for s, t in zip(values, true, strict=True)
        )
        for name, values in found.items()
    }
    return {**errors, "reads": ours.n_reads_}


def of_coefficients(X: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Return the largest error of a coefficient, relative to the largest coefficient."""
    scale = X.std(axis=0)
    y = (X - X.mean(axis=0)) / scale @ np.arange(1.0, 7.0) + 0.1 * rng.normal(size=len(X))
    C = centred(X)
    true = mpmath.lu_solve(C.T * C, C.T * centred(y[:, None]))
    ours = LinearRegression(tol=1e-14).fit(blocks(X), blocks(y))
    theirs = their_models.LinearRegression(tol=1e-14).fit(X, y)
    unit = [mpmath.mpf(float(s)) for s in scale]
    largest = max(abs(t * s) for t, s in zip(true, unit, strict=True))

    def error(coef: np.ndarray) -> float:
        pairs = zip(coef, true, unit, strict=True)
        return max(float(abs((mpmath.mpf(float(c)) - t) * s) / largest) for c, t, s in pairs)

    return {
        "condition": float(ours.condition_number_),
        "streamlearn": error(ours.coef_),
        "reads": ours.n_reads_,
        "scikit-learn": error(theirs.coef_),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=3)
    args = parser.parse_args()
    tables: dict[str, tuple[int, Callable[..., Any]]] = {
        "PCA: singular values": (60, lambda X, rng: of_components(X)),
        "LinearRegression: coefficients": (300, of_coefficients),
    }
    for title, (n, errors) in tables.items():
        print(f"\n{title}, {n} rows of 6 features\n")
        for number, (name, draw) in enumerate(ROWS.items()):
            found = []
            for seed in range(args.draws):
                rng = np.random.default_rng([seed, number])
                found.append(errors(draw(rng, n), rng))
            if not number:
                print(f"| data | {' | '.join(found[0])} |\n|{'---|' * (1 + len(found[0]))}")
            medians = [float(np.median([one[key] for one in found])) for key in found[0]]
            cells = [f"{x:.0f}" if x in (1.0, 2.0) else f"{x:.0e}" for x in medians]
            print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
