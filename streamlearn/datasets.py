"""Tables that are generated block by block, for examples and tests."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["make_flights"]

CARRIERS = {"AA": -0.2, "B6": 0.1, "DL": -0.3, "EV": 0.4, "MQ": 0.3, "UA": -0.1, "US": -0.1}
ORIGINS = ("EWR", "JFK", "LGA")
N_DESTINATIONS = 80


def make_flights(n_samples: int = 100_000, *, npartitions: int = 10, random_state: int = 0) -> Any:
    """Make a table of flights, with text, a date, numbers and gaps.

    The column ``late`` is 1 for flights that arrive late. It depends on all other columns, and with
    chance. The table is made partition by partition while it is read, so that it may be larger than
    memory.

    Parameters
    ----------
    n_samples : int, default=100_000
        The number of flights.
    npartitions : int, default=10
        The number of partitions.
    random_state : int, default=0
        The seed. The same seed gives the same table.

    Returns
    -------
    dask DataFrame
        The columns ``carrier``, ``origin`` and ``dest`` (text), ``time_hour`` (date), ``dep_delay``
        (minutes), ``distance`` (miles), ``wind_speed`` (miles an hour) and ``late`` (0 or 1). A
        tenth of ``wind_speed`` and a hundredth of ``carrier`` is missing.

    Raises
    ------
    ValueError
        If there are fewer flights than partitions, or no partition.

    Examples
    --------
    >>> from streamlearn.datasets import make_flights
    >>> df = make_flights(1000, npartitions=4)
    >>> df.npartitions, len(df)
    (4, 1000)
    >>> sorted(df["origin"].unique().compute())
    ['EWR', 'JFK', 'LGA']
    """
    import dask.dataframe as dd

    if not 1 <= npartitions <= n_samples:
        raise ValueError(
            f"n_samples={n_samples} and npartitions={npartitions} were given. Give at least one "
            "partition, and at least one flight for each."
        )
    ends = np.linspace(0, n_samples, npartitions + 1).astype(int)
    return dd.from_map(
        _flights,
        ends[:-1].tolist(),
        ends[1:].tolist(),
        random_state=random_state,
        meta=_flights(0, 3, random_state).iloc[:0],
        label="make-flights",
    )


def _flights(start: int, stop: int, random_state: int) -> Any:
    """Return the flights from ``start`` to ``stop``."""
    import pandas as pd

    n, rng = stop - start, np.random.default_rng([random_state, start])
    carrier, origin = rng.choice(list(CARRIERS), n), rng.choice(ORIGINS, n)
    dest = np.minimum(rng.geometric(0.05, n), N_DESTINATIONS)
    hour = rng.integers(0, 365 * 24, n)
    delay = np.round(rng.exponential(20.0, n) - 8.0)
    distance = np.round(50.0 * dest + rng.gamma(4.0, 100.0, n))
    wind = np.round(rng.gamma(3.0, 3.5, n), 1)
    logit = (
        0.12 * delay
        - 3.2
        + np.vectorize(CARRIERS.get)(carrier)
        + 0.4 * (origin == "LGA")
        + 0.3 * np.sin(0.7 * dest)
        + 0.6 * np.sin(2 * np.pi * (hour % 24 - 9) / 24)
        + 0.04 * wind
    )
    late = rng.random(n) < 1 / (1 + np.exp(-logit))
    return pd.DataFrame(
        {
            "carrier": _with_gaps(carrier, rng.random(n) < 0.01),
            "origin": origin.astype(object),
            "dest": np.asarray([f"D{code:02d}" for code in dest], dtype=object),
            "time_hour": pd.Timestamp("2013-01-01") + pd.to_timedelta(hour, unit="h"),
            "dep_delay": delay,
            "distance": distance,
            "wind_speed": np.where(rng.random(n) < 0.1, np.nan, wind),
            "late": late.astype(np.int64),
        },
        index=pd.RangeIndex(start, stop),
    )


def _with_gaps(text: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return text as objects, None where it is missing."""
    out = text.astype(object)
    out[missing] = None
    return out
