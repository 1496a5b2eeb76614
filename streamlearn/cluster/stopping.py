"""scikit-learn's stopping rule as a value, which is part of the state."""

from __future__ import annotations

from typing import NamedTuple


class Convergence(NamedTuple):
    """scikit-learn's stopping rule, and its memory of earlier batches.

    Attributes
    ----------
    n_rows : int
        The number of rows of an epoch.
    n_steps : int
        The largest number of steps, for the verbose lines.
    tol : float
        Stop if the squared change of the centres is at most this. 0 never stops.
    patience : int or None
        Stop after this number of batches without a smaller smoothed inertia. None never stops.
    step : int
        The number of steps so far.
    smoothed : float or None
        The exponentially weighted mean of the inertia per row of the batches.
    least : float or None
        The smallest value of ``smoothed`` so far.
    stale : int
        The number of batches since then.
    converged : bool
        Whether to stop.
    """

    n_rows: int
    n_steps: int
    tol: float
    patience: int | None
    step: int = 0
    smoothed: float | None = None
    least: float | None = None
    stale: int = 0
    converged: bool = False


def after_batch(
    convergence: Convergence,
    inertia: float,
    moved: float,
    n_rows: int,
    *,
    verbose: bool,
    steps: int = 1,
) -> Convergence:
    """Return the rule after one more batch of ``n_rows`` rows.

    Parameters
    ----------
    convergence : Convergence
    inertia : float
        The inertia per row of the batch before the step.
    moved : float
        The squared distance that all centres together moved.
    n_rows : int
    verbose : bool
        Whether to print scikit-learn's lines.
    steps : int, default=1
        The number of steps, if batches that were learned from side by side count as one.
    """
    step = convergence.step + steps
    line = f"Minibatch step {step}/{convergence.n_steps}: mean batch inertia: {inertia}"
    if not convergence.step:  # scikit-learn ignores the inertia of the first centres
        if verbose:
            print(line)  # noqa: T201
        return convergence._replace(step=step)
    smoothed = inertia
    if convergence.smoothed is not None:
        share = min(2.0 * n_rows / (convergence.n_rows + 1), 1.0)
        smoothed = convergence.smoothed * (1.0 - share) + inertia * share
    better = convergence.least is None or smoothed < convergence.least
    convergence = convergence._replace(
        step=step,
        smoothed=smoothed,
        least=smoothed if better else convergence.least,
        stale=0 if better else convergence.stale + 1,
    )
    still = convergence.tol > 0 and moved <= convergence.tol
    stale = convergence.patience is not None and convergence.stale >= convergence.patience
    if verbose:
        print(f"{line}, ewa inertia: {smoothed}")  # noqa: T201
        if still or stale:
            why = "small centers change" if still else "lack of improvement in inertia"
            print(f"Converged ({why}) at step {step}/{convergence.n_steps}")  # noqa: T201
    return convergence._replace(converged=still or stale)
