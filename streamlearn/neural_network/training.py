"""Parts of the training loop for nets: the loss of a block, verbose lines, a last check."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn._training.epochs import Progress
from streamlearn.blocks import Watch
from streamlearn.core import mlp
from streamlearn.core.learner import Info


def mean_objective_of_block(sums: Info, n_rows: int, n_iter: int, block: int | None) -> float:
    """Return the mean loss of a block's rows, with the penalty."""
    return float(to_numpy(sums.objective)[0]) / n_rows


class Lines(Watch):
    """It prints scikit-learn's verbose lines."""

    def __init__(self) -> None:
        self.printed = (0.0, 0)

    def progress_made(self, progress: Progress, publish: Any = None) -> None:
        """Print the progress."""
        if progress.at == "start":
            self.printed = (0.0, 0)
        if progress.at == "segment" and progress.rows:
            now = (float(progress.objective[0]), progress.rows)
            loss, rows = now[0] - self.printed[0], now[1] - self.printed[1]
            if rows:
                print(f"Iteration {progress.n_iter}, loss = {loss / rows:.8f}")  # noqa: T201
            if progress.rows_held_out > 1:
                print(f"Validation score: {progress.scores[-1]:f}")  # noqa: T201
            self.printed = now
        if progress.news:
            print(progress.news)  # noqa: T201


def weights_finite_or_raise(state: mlp.State) -> None:
    """Check that all weights of a net are finite.

    Raises
    ------
    ValueError
        If a weight is NaN or infinite. The words are scikit-learn's.
    """
    if not all(np.isfinite(to_numpy(a)).all() for part in state[:2] for a in part):
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may contain large values "
            "and need to be preprocessed."
        )
