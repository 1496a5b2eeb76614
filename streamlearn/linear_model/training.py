"""Parts of the training loop for linear models.

They are the loss of a block, verbose lines, the end of one call of scikit-learn's loop, and a
warning.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from streamlearn._arrays import to_numpy
from streamlearn._training.epochs import Progress
from streamlearn._validation.messages import diverged
from streamlearn.blocks import Watch
from streamlearn.core.learner import Info
from streamlearn.core.linear import newton_state

DIVERGENCE_ADVICE = (
    "So might a smaller step, if the learning rate is not 'auto'. If y is too large to be squared, "
    "divide it by its largest value. If sample weights are below 1e-300, divide them by their mean."
)
"""Further advice in the error of a linear model that has diverged."""


def mean_loss(sums: Info, n_rows: int, n_iter: int, block: int | None) -> float:
    """Return the mean loss of a block's rows, by weight.

    Raises
    ------
    ValueError
        If the loss overflows.
    """
    loss, weight = to_numpy(sums.loss), to_numpy(sums.weight).sum()
    if not np.isfinite(loss).all():
        where = "" if block is None else f", in block {block}"
        raise diverged(f"at epoch #{n_iter}{where}", advice=DIVERGENCE_ADVICE)
    return float(loss.sum() / weight) if weight else 0.0


class Lines(Watch):
    """It prints scikit-learn's verbose lines.

    Parameters
    ----------
    answer : callable
        ``(state) -> (coef, intercept)``.
    """

    def __init__(self, answer: Callable[..., Any]) -> None:
        self.answer, self.started = answer, time.time()

    def progress_made(self, progress: Progress, publish: Any = None) -> None:
        """Print the progress."""
        took = time.time() - self.started
        if progress.at == "start":
            print(f"-- Epoch {progress.n_iter}")  # noqa: T201
        elif progress.at == "segment" and progress.losses:
            coef, intercept = map(to_numpy, self.answer(progress.learned.state))
            print(  # noqa: T201
                f"Norm: {np.linalg.norm(coef):.2f}, NNZs: {np.count_nonzero(coef)}, "
                f"Bias: {intercept[0]:.6f}, T: {progress.learned.rows}, "
                f"Avg. loss: {progress.losses[-1]:f}\nTotal training time: {took:.2f} seconds."
            )
        elif progress.at == "end" and progress.stopped:
            print(f"Convergence after {progress.n_iter} epochs took {took:.2f} seconds")  # noqa: T201


def after_one_call(progress: Progress, max_iter: int) -> Progress:
    """Return the end of a fit in one call of scikit-learn's loop, which has counted its epochs.

    Parameters
    ----------
    progress : Progress
        The end of the one epoch of the training loop. It has learned a `row_loop.Called`.
    max_iter : int
        The maximum number of epochs of the call.
    """
    learned = progress.learned
    state, n_iter = learned.state
    further = n_iter - progress.n_iter
    return progress._replace(
        learned=learned._replace(state=state, rows=learned.rows + further * progress.rows),
        epoch=progress.epoch + further,
        n_iter=n_iter,
        stopped=n_iter < max_iter,
    )


def warn_of_steps(former: Any, state: Any) -> None:
    """Warn if many of the steps between two states made the loss worse."""
    if not isinstance(state, newton_state.State):
        return
    steps, back = (to_numpy(a) for a in (state.trust.steps, state.trust.back))
    if max(back.tolist()) < 5:
        return
    if isinstance(former, newton_state.State):
        steps = steps - to_numpy(former.trust.steps)
        back = back - to_numpy(former.trust.back)
    if np.any((back >= 5) & (back > 0.05 * steps)):
        warnings.warn(
            f"{int(back.max())} of {int(steps.max())} steps made the loss of the next rows "
            "clearly worse and were taken back, because those rows are unlike the rows before. "
            "Put the rows in random order before they are stored or given, or give larger "
            "blocks.",
            ConvergenceWarning,
            stacklevel=5,
        )
