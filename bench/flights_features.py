"""The flights as columns of numbers that suit a linear model, made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
from flights_data import LATE, WEATHER


def make_features(flights: pd.DataFrame, train: np.ndarray) -> pd.DataFrame:
    """Make columns that suit a linear model; what they take from data is of ``train`` rows only."""
    known = flights[train]
    columns: dict[str, pd.Series | np.ndarray] = {}

    # The log odds are far from linear in the delay at departure: straight pieces between knots.
    delay = flights["dep_delay"]
    columns["dep_delay"] = delay
    for knot in (-5, 0, 5, 10, 15, 20, 30, 45, 60):
        columns[f"dep_delay_over_{knot}"] = np.maximum(delay - knot, 0)

    departure = flights["sched_dep_time"] // 100 * 60 + flights["sched_dep_time"] % 100
    arrival = flights["sched_arr_time"] // 100 * 60 + flights["sched_arr_time"] % 100
    date = pd.to_datetime(flights[["year", "month", "day"]])
    for name, turns in (("hour", departure / 1440), ("year", date.dt.day_of_year / 365)):
        for k in (1, 2):
            columns[f"{name}_sin{k}"] = np.sin(2 * np.pi * k * turns)
            columns[f"{name}_cos{k}"] = np.cos(2 * np.pi * k * turns)
    for k, day in enumerate(("tue", "wed", "thu", "fri", "sat", "sun"), start=1):
        columns[day] = date.dt.day_of_week == k

    for carrier in ("UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX", "FL", "AS"):
        columns[f"carrier_{carrier}"] = flights["carrier"] == carrier
    for origin in ("JFK", "LGA"):
        columns[f"origin_{origin}"] = flights["origin"] == origin
    columns["traffic"] = flights["traffic"]

    columns["distance"] = flights["distance"]
    columns["log_distance"] = np.log(flights["distance"])
    # Time zones cancel: the schedule's minutes beyond what is usual for the same destination.
    scheduled = (arrival - departure) % 1440
    usual = scheduled[train].groupby(known["dest"]).median()
    columns["slack"] = scheduled - flights["dest"].map(usual).fillna(scheduled)
    flown = known["dest"].value_counts()
    columns["log_dest_flights"] = np.log(flights["dest"].map(flown).fillna(1))
    # Minutes lost in the air on the way there, shrunk to the mean by 20 flights' worth.
    lost = known["arr_delay"] - known["dep_delay"]
    by_dest = lost.groupby(known["dest"]).sum() + 20 * lost.mean()
    columns["dest_lost"] = flights["dest"].map(by_dest / (flown + 20)).fillna(lost.mean())

    weather = flights[WEATHER]
    # Three quarters of the gusts are blank, which says that there were none above the wind.
    weather = weather.assign(wind_gust=weather["wind_gust"].fillna(weather["wind_speed"]))
    columns["no_pressure"] = weather["pressure"].isna()
    columns |= dict(weather.fillna(weather[train].median()).items())

    columns["late"] = flights["arr_delay"] > LATE
    return pd.DataFrame(columns).astype("float32")
