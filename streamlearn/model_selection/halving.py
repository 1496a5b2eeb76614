"""Candidates that drop out while blocks pass: successive halving, and the brackets of Hyperband.

A candidate drops out only if it is clearly worse, or if too many others are better. Few rows say
little: a model with a strong penalty is often ahead at first, and behind in the end.

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
from scipy.stats import t

from streamlearn.model_selection.candidates import Candidate


class Bracket(NamedTuple):
    """Candidates that are compared only among themselves.

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

    A cut leaves its number of candidates, those with the best mean scores since the cut before.
    Others that are not clearly worse stay too, up to ``most`` times this number.

    Attributes
    ----------
    score : str
        The score that decides. A greater score is better.
    brackets : tuple of Bracket
    most : float
    confidence : float
        The confidence with which a candidate is worse than the best one, by a t test of their
        differences block by block. If there is one block, none is clearly worse. With 0.5 no other
        candidate stays.
    """

    score: str
    brackets: tuple[Bracket, ...]
    most: float
    confidence: float

    def made(self, candidates: Sequence[Candidate], n_blocks: int) -> dict[int, int]:
        """Return the candidates that drop out after ``n_blocks`` blocks, with this number."""
        out = {}
        for start, stop, cuts in self.brackets:
            stay = dict(cuts).get(n_blocks)
            if stay is None:
                continue
            former = max((at for at, _ in cuts if at < n_blocks), default=0)
            left = [k for k in range(start, stop) if candidates[k].goes_on]
            found = [self._since(candidates[k], former) for k in left]
            if not left or not found[0].shape[1]:  # no block was scored
                continue
            # all saw the same blocks
            scores, rows = np.array([each[0] for each in found]), found[0][1]
            on = staying(scores, rows, stay, self.most, self.confidence)
            out.update(
                dict.fromkeys(
                    (k for k, goes_on in zip(left, on, strict=True) if not goes_on), n_blocks
                )
            )
        return out

    def _since(self, candidate: Candidate, former: int) -> np.ndarray:
        """Return the scores since the last cut, and the numbers of rows."""
        since = [each for each in candidate.by_block if each.after >= former]
        return np.array([[s.values[self.score] for s in since], [s.rows for s in since]], float)


def staying(
    scores: np.ndarray, rows: np.ndarray, stay: int, most: float, confidence: float
) -> np.ndarray:
    """Return which candidates stay at a cut.

    Parameters
    ----------
    scores : ndarray of shape (n_candidates, n_blocks)
        The score of each block. NaN is the worst.
    rows : ndarray of shape (n_blocks,)
        The number of rows of each block.
    stay : int
        The number of the best candidates, all of which stay. If candidates are equal, the first one
        stays.
    most : float
        At most ``most * stay`` candidates stay.
    confidence : float
        See `Cuts`.

    Returns
    -------
    ndarray of bool of shape (n_candidates,)

    Examples
    --------
    >>> scores = np.asarray([[0.6, 0.8, 0.7], [0.5, 0.8, 0.7], [0.1, 0.3, 0.2], [0.6, 0.8, 0.6]])
    >>> staying(scores, np.ones(3), 1, 3.0, 0.99).tolist()
    [True, True, False, True]
    >>> staying(scores, np.ones(3), 1, 3.0, 0.5).tolist()
    [True, False, False, False]
    """
    n = len(rows)
    means = np.nan_to_num(np.average(scores, axis=1, weights=rows), nan=-np.inf)
    ranked = np.argsort(-means, kind="stable")
    with np.errstate(invalid="ignore", over="ignore"):
        behind = scores[ranked[0]] - scores
        behind_by = np.average(behind, axis=1, weights=rows)
        off = (behind - behind_by[:, None]) * (rows / rows.sum())
        error = np.sqrt(np.sum(off**2, axis=1) * n / max(n - 1, 1))
        least = behind_by - (t.ppf(confidence, n - 1) * error if n > 1 else 0.0)
    out = np.zeros(len(scores), dtype=bool)
    out[ranked[:stay]] = True
    if confidence == 0.5:
        return out
    # The differences of one block have no error, so none is clear.
    unclear = np.isfinite(least) & ((least <= 0) | (n == 1))
    others = [k for k in np.argsort(least, kind="stable") if unclear[k] and not out[k]]
    out[others[: floor(most * stay + 1e-9) - stay]] = True
    return out


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
        The number of blocks up to the first cut. "exhaust" is the largest for which there are
        enough cuts to leave one candidate.

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
            f"Candidates would first drop out after {first} blocks, and {n_blocks} have rows. Give "
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
