"""Candidates that drop out while blocks pass: successive halving, and the brackets of Hyperband.

References
----------
Jamieson & Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016
(successive halving). Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar, "Hyperband: a novel
bandit-based approach to hyperparameter optimization", 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log
from typing import NamedTuple

import numpy as np

from streamlearn.model_selection.candidates import Candidate


class Bracket(NamedTuple):
    """Candidates that compete with each other only.

    Attributes
    ----------
    start, stop : int
        The candidates with these numbers, without the last.
    cuts : tuple of (int, int)
        Numbers of blocks, and the number of candidates that stay after them.
    """

    start: int
    stop: int
    cuts: tuple[tuple[int, int], ...]


def unknown_n_blocks(parameter: str, advice: str) -> ValueError:
    """Return the error for a source that does not say how many blocks it has."""
    return ValueError(
        f"{parameter} needs the number of blocks, which this source does not say. {advice}"
    )


class Cuts(NamedTuple):
    """When candidates drop out.

    Attributes
    ----------
    score : str
        The score that decides. A greater score is better.
    brackets : tuple of Bracket
    """

    score: str
    brackets: tuple[Bracket, ...]

    def made(self, candidates: Sequence[Candidate], n_blocks: int) -> dict[int, int]:
        """Return the candidates that drop out after ``n_blocks`` blocks, with this number."""
        out = {}
        for start, stop, cuts in self.brackets:
            stay = dict(cuts).get(n_blocks)
            if stay is None:
                continue
            former = max((at for at, _ in cuts if at < n_blocks), default=0)
            left = [k for k in range(start, stop) if candidates[k].goes_on]
            means = {k: self._mean(candidates[k], former) for k in left}
            # a score of NaN is the worst; of equal ones the first stays
            ranked = sorted(left, key=lambda k: -np.nan_to_num(means[k], nan=-np.inf))
            out.update(dict.fromkeys(ranked[stay:], n_blocks))
        return out

    def _mean(self, candidate: Candidate, former: int) -> float:
        """Return the mean score of the rows since the last cut. All saw the same blocks."""
        since = [each for each in candidate.by_block if each.after >= former]
        if not since:
            return np.nan
        return float(
            np.average([s.values[self.score] for s in since], weights=[s.rows for s in since])
        )


def halved(n_candidates: int, n_blocks: int | None, factor: float, first: int | str) -> Bracket:
    """Return when candidates drop out, so that one of ``factor`` stays at each cut.

    Parameters
    ----------
    n_candidates : int
    n_blocks : int or None
        The number of blocks of the data, if it is known.
    factor : float
        The blocks up to a cut grow by this factor, too.
    first : int or "exhaust"
        The number of blocks up to the first cut. "exhaust" is the largest for which the last cut
        leaves one candidate.

    Raises
    ------
    ValueError
        If the number of blocks is needed and not known, or if there are too few blocks.
    """
    n_cuts = max(1, ceil(log(n_candidates) / log(factor) - 1e-9)) if n_candidates > 1 else 0
    if first == "exhaust":
        if n_blocks is None:
            raise unknown_n_blocks(
                "min_resources='exhaust'",
                "Give min_resources: the number of blocks before candidates first drop out.",
            )
        first = max(2, floor(n_blocks / factor**n_cuts))
    cuts, left = [], n_candidates
    for k in range(n_cuts):
        at, left = round(int(first) * factor**k), max(1, ceil(left / factor - 1e-9))
        if n_blocks is None or at <= n_blocks:
            cuts.append((at, left))
    if n_candidates > 1 and not cuts:
        raise ValueError(
            f"Candidates would first drop out after {first} blocks, and there are {n_blocks}. Give "
            "data in more blocks, or min_resources, which may be at most the number of blocks."
        )
    return Bracket(0, n_candidates, tuple(cuts))


def brackets_of(n_blocks: int, factor: float, first: int) -> list[Bracket]:
    """Return the brackets of Hyperband.

    Parameters
    ----------
    n_blocks : int
        The number of blocks that the best candidates learn from.
    factor : float
    first : int
        The smallest number of blocks before a cut.

    Returns
    -------
    list of Bracket
        From the one with most candidates to the one that cuts nothing.
    """
    most = floor(log(n_blocks / first) / log(factor) + 1e-9)
    found: list[Bracket] = []
    start = 0
    for s in range(most, -1, -1):
        n = ceil((most + 1) / (s + 1) * factor**s - 1e-9)
        cuts = [
            (max(first, round(n_blocks * factor ** (k - s))), max(1, floor(n * factor ** -(k + 1))))
            for k in range(s)
        ]
        found.append(Bracket(start, start + n, tuple(cuts)))
        start += n
    return found
