"""Dates and times as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import compress
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.preprocessing import SplineTransformer

from streamlearn import blocks as engine
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import unchanged_on_error
from streamlearn._estimator.outputs import NamesOut, Transformer, mapped
from streamlearn._estimator.tables import TableReader, check_table
from streamlearn._sklearn import StrOptions
from streamlearn._validation.columns import Table
from streamlearn._validation.dates import Instants, holds_dates, instants_of, parts_of

PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond", "nanosecond")
"""The parts of a date, from the coarsest to the finest."""

FURTHER = ("total_seconds", "weekday", "day_of_year")
"""What else can become a column."""

PERIODS = {"month": 12, "day": 30, "hour": 24, "weekday": 7}
"""The periodic parts, and the length of their periods."""

SPLINES = {"month": 12, "day": 4, "hour": 12, "weekday": 7}
"""The number of splines of a period."""


class Encoding(NamedTuple):
    """The columns that each date becomes.

    Attributes
    ----------
    plain : tuple of str
        The parts that become one number each.
    periodic : tuple of str
        The parts that are encoded by their place in a period.
    how : {"circular", "spline"} or None
    """

    plain: tuple[str, ...]
    periodic: tuple[str, ...]
    how: str | None

    def names(self) -> Iterator[str]:
        """Return the last part of the name of each column."""
        yield from self.plain
        for part in self.periodic:
            if self.how == "circular":
                yield from (f"{part}_circular_{i}" for i in range(2))
            else:
                n = SPLINES[part]
                yield from (f"{part}_spline_{i:0{len(str(n - 1))}}" for i in range(n))


class DatetimeEncoder(NamesOut, Transformer):
    """Turn dates and times into numbers, on arrays, frames and dask collections.

    It is the ``DatetimeEncoder`` of skrub [1]_, for any number of columns and for collections.

    Parameters
    ----------
    resolution : {"year", "month", "day", "hour", "minute", "second", "microsecond", \
            "nanosecond"} or None, default="hour"
        The finest part of a date that becomes a column. All coarser parts become columns, too. With
        None no part becomes a column.
    add_weekday : bool, default=False
        Add the day of the week: 1 is Monday, and 7 is Sunday.
    add_total_seconds : bool, default=True
        Add the seconds since 1970 began in UTC.
    add_day_of_year : bool, default=False
        Add the day of the year: 1 is the first of January.
    periodic_encoding : {"circular", "spline"} or None, default=None
        How periodic parts are encoded: the month (of 12), the day of the month (of 30), the hour
        (of 24) and the weekday (of 7). "circular" makes a sine and a cosine of each. "spline"
        makes the values of 12, 4, 12 and 7 periodic splines. None leaves the numbers as they are.
    parts : list of str, default=None
        The columns that each date becomes, in this order, for example ``["hour", "weekday"]``. The
        names are those of ``resolution``, "weekday", "total_seconds" and "day_of_year". All other
        parameters except ``periodic_encoding`` must have their defaults then. Periodic parts follow
        the others if ``periodic_encoding`` is given.

    Attributes
    ----------
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.

    Notes
    -----
    The encoder learns nothing from rows. So in one pass each block is encoded in its own task. A
    missing date becomes NaN. Times with a time zone are encoded in the local time of the zone.

    Differences from scikit-learn:

    - scikit-learn has no such class. The names and the parameters are those of skrub.

    Differences from skrub:

    - X is a table, not one column. All of its columns must be dates: select them with a
      ``ColumnTransformer``.
    - Numbers are float64. In float32, which skrub returns, a day's seconds since 1970 are rounded
      to multiples of 128.
    - ``parts`` chooses single columns. skrub always makes all parts down to ``resolution``.
    - The hour gets a column even if all times are midnight, because only all rows show that.
    - Columns of text are refused. skrub's ``ToDatetime`` or ``pandas.to_datetime`` turn them into
      dates.

    References
    ----------
    .. [1] skrub, https://skrub-data.org/stable/reference/generated/skrub.DatetimeEncoder.html

    Examples
    --------
    >>> import pandas as pd
    >>> from streamlearn.preprocessing import DatetimeEncoder
    >>> df = pd.DataFrame({"start": pd.to_datetime(["2024-02-29 13:30", None])})
    >>> encoder = DatetimeEncoder(add_weekday=True, add_total_seconds=False).fit(df)
    >>> encoder.get_feature_names_out().tolist()
    ['start_year', 'start_month', 'start_day', 'start_hour', 'start_weekday']
    >>> encoder.transform(df)
    array([[2.024e+03, 2.000e+00, 2.900e+01, 1.300e+01, 4.000e+00],
           [      nan,       nan,       nan,       nan,       nan]])
    >>> DatetimeEncoder(parts=["hour"]).fit_transform(df)
    array([[13.],
           [nan]])
    """

    _learns_nothing = True

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "resolution": [StrOptions(set(PARTS)), None],
        "add_weekday": ["boolean"],
        "add_total_seconds": ["boolean"],
        "add_day_of_year": ["boolean"],
        "periodic_encoding": [StrOptions({"circular", "spline"}), None],
        "parts": [list, tuple, None],
    }

    def __init__(
        self,
        *,
        resolution: str | None = "hour",
        add_weekday: bool = False,
        add_total_seconds: bool = True,
        add_day_of_year: bool = False,
        periodic_encoding: str | None = None,
        parts: Sequence[str] | None = None,
    ) -> None:
        self.resolution = resolution
        self.add_weekday = add_weekday
        self.add_total_seconds = add_total_seconds
        self.add_day_of_year = add_day_of_year
        self.periodic_encoding = periodic_encoding
        self.parts = parts

    @watched
    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters and the columns; no rows are read.

        Parameters
        ----------
        X : array, frame, dask array or dask DataFrame of shape (n_samples, n_features)
            All columns hold dates.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a column does not hold dates, or if the parameters ask for no column.
        """
        self._validate_params()
        self._check_parts()
        if not any(self._encoding().names()):
            raise ValueError(
                "No column is asked for: set parts, resolution, add_weekday, add_total_seconds or "
                "add_day_of_year."
            )
        with unchanged_on_error(self):
            X, reader = check_table(self, X, reset=True)
            rows = engine.meta_of(X) if engine.is_collection(X) else X
            _dates_or_raise(reader.table(rows), reader)
        return self

    def _check_parts(self) -> None:
        if self.parts is None:
            return
        known = (*PARTS, *FURTHER)
        if not set(self.parts) <= set(known) or len(set(self.parts)) < len(self.parts):
            raise ValueError(
                f"The 'parts' parameter of DatetimeEncoder must hold different ones of "
                f"{list(known)}. Got {self.parts!r} instead."
            )
        for name, parameter in signature(type(self).__init__).parameters.items():
            now = getattr(self, name, None)
            if (name == "resolution" or name.startswith("add_")) and now != parameter.default:
                raise ValueError(
                    f"parts={list(self.parts)} names all columns, and {name}={now!r} asks for "
                    f"others. Leave {name} out, or leave parts out."
                )

    def _encoding(self) -> Encoding:
        parts = self.parts
        if parts is None:
            finest = self.resolution
            wanted = (self.add_total_seconds, self.add_weekday, self.add_day_of_year)
            parts = (
                *(() if finest is None else PARTS[: PARTS.index(finest) + 1]),
                *compress(FURTHER, wanted),
            )
        again = tuple(p for p in parts if p in PERIODS and self.periodic_encoding is not None)
        return Encoding(tuple(p for p in parts if p not in again), again, self.periodic_encoding)

    def _transform(self, X: Any, names: Any) -> Any:
        X, reader = check_table(self, X, reset=False)
        return mapped(DateFunction(reader, self._encoding()), X, self._nothing, names)

    def _nothing(self) -> np.ndarray:
        return np.empty((0, len(self.get_feature_names_out())))

    def _names_out(self, names: np.ndarray) -> list[str]:
        return [f"{name}_{part}" for name in names for part in self._encoding().names()]

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags


@dataclass(frozen=True, eq=False)
class DateFunction:
    """A function that turns the dates of a block into numbers.

    Attributes
    ----------
    reader : TableReader
    encoding : Encoding
    """

    reader: TableReader
    encoding: Encoding

    whole = True

    def __call__(self, X: Any) -> np.ndarray:
        """Return the numbers of each date, the columns of X one after the other.

        Raises
        ------
        ValueError
            If a column does not hold dates.
        """
        table = self.reader.table(X)
        _dates_or_raise(table, self.reader)
        made = [part for column in table.columns for part in self._of(instants_of(column))]
        return np.stack(made, axis=1)

    def _of(self, dates: Instants) -> Iterator[np.ndarray]:
        plain, periodic = self.encoding.plain, self.encoding.periodic
        found = parts_of(dates, (*plain, *periodic))
        yield from found[: len(plain)]
        of = _circular if self.encoding.how == "circular" else _splines
        for part, x in zip(periodic, found[len(plain) :], strict=True):
            yield from of(x, part)


def _circular(x: np.ndarray, part: str) -> Iterator[np.ndarray]:
    angle = 2 * np.pi / PERIODS[part] * x
    yield np.sin(angle)
    yield np.cos(angle)


def _splines(x: np.ndarray, part: str) -> Iterator[np.ndarray]:
    if not len(x):
        return iter([x] * SPLINES[part])
    knots = np.linspace(0, PERIODS[part], SPLINES[part] + 1)[:, None]
    made = SplineTransformer(knots=knots, extrapolation="periodic").fit(knots)
    missing = np.isnan(x)
    out = made.transform(np.where(missing, 0, x)[:, None])
    out[missing] = np.nan
    return iter(out.T)


def _dates_or_raise(table: Table, reader: TableReader) -> None:
    for j, column in enumerate(table.columns):
        if not holds_dates(column):
            dtype = getattr(column, "dtype", getattr(column, "type", None))
            raise ValueError(
                f"{reader.column(j).capitalize()} of X has dtype {dtype}, and {reader.estimator} "
                "takes dates alone. Turn text into dates by pandas.to_datetime, and durations into "
                "numbers by .dt.total_seconds(). Choose columns of dates in a ColumnTransformer."
            )
