"""When to stop: scikit-learn's rule, as a value that goes along with the steps."""

from __future__ import annotations

from typing import NamedTuple


class Watch(NamedTuple):
    """scikit-learn's stopping rule and what it has seen.

    Attributes
    ----------
    n_rows : int
        Rows of an epoch.
    n_steps : int
        Steps at most, for what is printed.
    tol : float
        Stop at a squared change of the centres of this much; 0 never to.
    patience : int or None
        Stop after this many batches without a smaller smoothed inertia; None never to.
    step : int
    smoothed : float or None
        Exponentially weighted mean of the batches' inertia a row.
    least : float or None
        The smallest so far.
    stale : int
        Batches since.
    converged : bool
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


def watched(watch: Watch, inertia: float, moved: float, n_rows: int, *, verbose: bool) -> Watch:
    """Return what has been seen after one more batch of ``n_rows``.

    Parameters
    ----------
    inertia : float
        Of the batch before the step, a row.
    moved : float
        Squared distance that the centres moved, all together.
    """
    step = watch.step + 1
    said = f"Minibatch step {step}/{watch.n_steps}: mean batch inertia: {inertia}"
    if step == 1:  # the inertia of the start
        if verbose:
            print(said)  # noqa: T201
        return watch._replace(step=step)
    smoothed = inertia
    if watch.smoothed is not None:
        share = min(2.0 * n_rows / (watch.n_rows + 1), 1.0)
        smoothed = watch.smoothed * (1.0 - share) + inertia * share
    better = watch.least is None or smoothed < watch.least
    watch = watch._replace(
        step=step,
        smoothed=smoothed,
        least=smoothed if better else watch.least,
        stale=0 if better else watch.stale + 1,
    )
    still = watch.tol > 0 and moved <= watch.tol
    stale = watch.patience is not None and watch.stale >= watch.patience
    if verbose:
        print(f"{said}, ewa inertia: {smoothed}")  # noqa: T201
        if still or stale:
            why = "small centers change" if still else "lack of improvement in inertia"
            print(f"Converged ({why}) at step {step}/{watch.n_steps}")  # noqa: T201
    return watch._replace(converged=still or stale)
