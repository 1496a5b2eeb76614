"""The candidates of a search: the parameters that it compares, and how each one was scored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sklearn.model_selection import ParameterGrid, ParameterSampler

from streamlearn.wrappers.block_scores import BlockScore


def parameters_of(parameters: Any, n_iter: int | None, seed: int) -> list[dict[str, Any]]:
    """Return the parameters of each candidate.

    Parameters
    ----------
    parameters : dict or sequence of dict
        Lists of values, or distributions with a method ``rvs``.
    n_iter : int or None
        The number of candidates to draw. None takes every combination.
    seed : int

    Returns
    -------
    list of dict

    Raises
    ------
    TypeError
        If ``parameters`` are not dicts whose keys are names.
    ValueError
        If there is no dict, or if every combination is wanted and there is a distribution.
    """
    _named_or_raise(parameters)
    if n_iter is not None:
        return list(ParameterSampler(parameters, n_iter, random_state=seed))
    for given in [parameters] if isinstance(parameters, Mapping) else parameters:
        drawn = [name for name, values in given.items() if hasattr(values, "rvs")]
        if drawn:
            raise ValueError(
                f"{drawn[0]!r} has a distribution, which has no list of values. Give n_iter, the "
                "number of candidates to draw."
            )
    return list(ParameterGrid(parameters))


def _named_or_raise(parameters: Any) -> None:
    grids = [parameters] if isinstance(parameters, Mapping) else parameters
    advice = "Give a dict of names and lists of values, such as {'alpha': [0.01, 0.1]}"
    if not grids:
        raise ValueError(f"parameters={parameters!r} has no candidates. {advice}.")
    for grid in grids:
        if not isinstance(grid, Mapping):
            raise TypeError(f"parameters contains {grid!r}, which is not a dict. {advice}.")
        for name in grid:
            if not isinstance(name, str):
                raise TypeError(f"parameters has the key {name!r}, which is not a name. {advice}.")


class SearchSettings(NamedTuple):
    """How all candidates learn and are scored.

    Attributes
    ----------
    params : dict
        Further arguments of ``partial_fit``, the same for all blocks.
    scores : dict of str to BlockScore
        The scores by name.
    n_folds : int
        The number of folds, or 0 if each block is scored before it is learned from.
    of_blocks : tuple of int or None
        The fold of each block. None deals the blocks to the folds in turn.
    full : bool
        Whether a model learns from all blocks. Without folds there is always one.
    catches : bool
        Whether an error ends a candidate only, and not the search.
    config : dict
        scikit-learn's configuration in the thread of the user.
    """

    params: dict[str, Any]
    scores: Mapping[str, BlockScore]
    n_folds: int
    of_blocks: tuple[int, ...] | None
    full: bool
    catches: bool
    config: dict[str, Any]

    def fold_of(self, block: int) -> int:
        """Return the fold of a block."""
        return block % self.n_folds if self.of_blocks is None else self.of_blocks[block]

    def added(self, a: Mapping[str, Any], b: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the sums of each score over the rows of both."""
        if not a:
            return b
        return {name: score.merge(a[name], b[name]) for name, score in self.scores.items()}


class ScoredBlock(NamedTuple):
    """The scores of a block before it was learned from.

    Attributes
    ----------
    rows : int
        The number of its rows.
    after : int
        The number of blocks learned from before.
    values : dict of str to float
        The scores by name.
    """

    rows: int
    after: int
    values: dict[str, float]


class Candidate(NamedTuple):
    """How a candidate was scored while it learned.

    Attributes
    ----------
    number : int
        Its place among all candidates.
    by_block : tuple of ScoredBlock
        The blocks that were scored before they were learned from.
    sums : dict of str to object
        The sums of each score over these blocks.
    n_blocks : int
        The number of blocks that it has learned from.
    fit_time, score_time : float
        Seconds.
    error : str
        The error that has ended it in words, or an empty string.
    dropped : int
        The number of blocks after which it has dropped out, or 0.
    """

    number: int
    by_block: tuple[ScoredBlock, ...] = ()
    sums: Mapping[str, Any] = {}
    n_blocks: int = 0
    fit_time: float = 0.0
    score_time: float = 0.0
    error: str = ""
    dropped: int = 0

    @property
    def goes_on(self) -> bool:
        """Whether it learns from the next block."""
        return not (self.error or self.dropped)
