"""
Predict hourly demand that drifts
=================================

You learn how to forecast a series of which the level and the daily pattern change over the months.
A model that learned once gets worse and worse. A model that goes on learning, week by week, keeps
up, if the last weeks count most. Each week is predicted before it is learned from, so the models
can be compared on all weeks. The picture shows their losses, and their predictions of one day.
"""

# %%
# The table stands for the taxi rides of a city: the rides in each hour of a year, for each of 30
# zones. There is a pattern of the day and one of the week. Slowly the demand grows, and the evening
# gets busier than the morning. In week 30 a new bridge opens, and zones win or lose rides at once.

import numpy as np
import pandas as pd

ZONES = [f"zone {z:02d}" for z in range(30)]
N_WEEKS, HOURS, BRIDGE = 52, 24 * 7, 30
level = np.random.default_rng(100).normal(3.0, 0.5, len(ZONES))
moved = np.random.default_rng(101).normal(0.0, 0.3, len(ZONES))


def read_week(week):
    """Return a table with a row for each hour and zone of a week, and the rides of each row."""
    time = np.repeat(np.arange(HOURS), len(ZONES))
    zone = np.tile(np.arange(len(ZONES)), HOURS)
    hour, weekday, year = time % 24, time // 24, week / N_WEEKS
    morning, evening = (np.exp(-(((hour - at) / 3.0) ** 2)) for at in (8, 19))
    log_rides = level[zone] + 0.3 * year + (1 - year) * morning + (0.5 + year) * evening
    log_rides += np.where(weekday >= 5, -0.4, 0.0) + moved[zone] * (week >= BRIDGE)
    table = pd.DataFrame({"hour": hour, "weekday": weekday, "zone": np.take(ZONES, zone)})
    return table, np.random.default_rng(week).poisson(np.exp(log_rides))


X, y = read_week(0)
X.assign(rides=y).iloc[[0, 1, 1000]]

# %%
# Each hour, weekday and zone becomes a column of zeros and ones. Their values are given, so nothing
# has to be read to find them. The loss "poisson" suits counts: the model predicts the logarithm of
# the mean.

from streamlearn.linear_model import SGDRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import OneHotEncoder


def make_model():
    """Make a model of the rides."""
    encoder = OneHotEncoder(categories=[range(24), range(7), ZONES])
    return make_pipeline(encoder, SGDRegressor("poisson", random_state=0))


# %%
# There are three models of the same kind. The first one stops learning after eight weeks. The
# second one learns from all weeks with equal weights. The third one learns from all weeks, too, but
# the weight of a row doubles with each week. So a week counts as much as all weeks before it
# together, and the model forgets what is old.
#
# Each week is predicted by all models before they learn from it. The score is the Poisson deviance.
# If a model knew the true rates, it would have a deviance of about 1.

from streamlearn.metrics import mean_poisson_deviance

models = {name: make_model() for name in ("frozen", "all weeks alike", "last weeks count most")}
deviance = {name: [] for name in models}
for week in range(N_WEEKS):
    X, y = read_week(week)
    weights = {"last weeks count most": np.full(len(y), 2.0**week)}
    for name, model in models.items():
        if week >= 8:
            deviance[name].append(mean_poisson_deviance(y, model.predict(X)))
        if week < 8 or name != "frozen":
            model.partial_fit(X, y, sgdregressor__sample_weight=weights.get(name))

for name, losses in deviance.items():
    print(f"{name:22} deviance of week 20: {losses[12]:.2f}, of the last week: {losses[-1]:.2f}")

# %%
# The frozen model gets worse from week to week, because the demand moves away from what it knows.
# The second one follows slowly, because old weeks hold it back. The third one stays near the noise.
# When the bridge opens, all of them are wrong for a week, and the third one recovers first.

import matplotlib.pyplot as plt

plt.style.use("tableau-colorblind10")
figure, (top, bottom) = plt.subplots(2, 1, figsize=(8, 7.5), layout="constrained")
lines = ["C1--", "C3-.", "C0-"]
for (name, losses), line in zip(deviance.items(), lines, strict=True):
    top.plot(range(8, N_WEEKS), losses, line, lw=2, label=name)
top.axhline(1, color="0.4", lw=1, ls=":", label="noise alone, about 1")
top.axvline(BRIDGE, color="0.7", lw=1)
top.annotate("the bridge opens", (BRIDGE - 0.5, 16), ha="right")
top.set(
    xlabel="week", ylabel="Poisson deviance (a row)", title="Loss of each week, before learning"
)
top.legend(loc="upper left")

# The lower panel shows one zone and one day of the week after, which no model has learned from.
X, y = read_week(N_WEEKS)
day = (X["weekday"] == 2) & (X["zone"] == ZONES[3])
bottom.plot(X["hour"][day], y[day], "k.", ms=8, label="rides")
for (name, model), line in zip(models.items(), lines, strict=True):
    bottom.plot(X["hour"][day], model.predict(X[day]), line, lw=2, label=name)
bottom.set(xlabel="hour of the day", ylabel="rides in an hour", title="One day of the next week")
bottom.legend(loc="upper left")
plt.show()
