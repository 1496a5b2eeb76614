"""
Learn from a folder of Parquet files
====================================

You learn how to fit a pipeline to a table that has text, a date, numbers and gaps, how to score
it, and how to write its predictions to files. No step holds the whole table in memory. At the end
a picture shows what each thread did during the fit.
"""

# %%
# The table stands for your own files. ``make_flights`` makes it, and it is written into a temporary
# folder, one file for each partition. The question is whether a flight arrives late.

import tempfile
from pathlib import Path

import dask.dataframe as dd

from streamlearn.datasets import make_flights

folder = Path(tempfile.mkdtemp())
make_flights(200_000, npartitions=20).to_parquet(folder / "flights")

df = dd.read_parquet(folder / "flights")
df.head(3)

# %%
# The first sixteen files are for learning, and the last four are for the score. Both are lazy: they
# say where the rows are, and hold none of them.

train, test = df.partitions[:16], df.partitions[16:]
X, y = train.drop(columns="late"), train["late"]
X_test, y_test = test.drop(columns="late"), test["late"]

# %%
# Each column goes through a transformer that suits it. Gaps in numbers are filled with the mean.
# The hour of the day becomes a sine and a cosine, so that 23:00 and 0:00 are neighbours. Each word
# becomes a column of zeros and ones.
#
# ``classes`` names the labels. Without it, the fit would first read all rows of ``y`` to find them.

from streamlearn.compose import make_column_transformer
from streamlearn.impute import SimpleImputer
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import DatetimeEncoder, OneHotEncoder, StandardScaler

columns = make_column_transformer(
    (make_pipeline(SimpleImputer(), StandardScaler()), ["dep_delay", "distance", "wind_speed"]),
    (DatetimeEncoder(resolution="hour", periodic_encoding="circular"), ["time_hour"]),
    (OneHotEncoder(handle_unknown="ignore"), ["carrier", "origin", "dest"]),
)
model = make_pipeline(columns, SGDClassifier(loss="log_loss", classes=[0, 1], random_state=0))

# %%
# The fit reads the three columns of text beforehand, because it must know all words. Then it reads
# each file once. A ``FitRecorder`` notes what happens to each block, that is, to the rows of each
# file.

from streamlearn.diagnostics import FitRecorder

recorder = FitRecorder()
model.set_callbacks(recorder).fit(X, y)

print(f"share of late flights in the test files: {y_test.mean().compute():.3f}")
print(f"share of right predictions:              {model.score(X_test, y_test):.3f}")

# %%
# If a model always said "not late", it would be right for all flights but the share in the first
# line. The second line shows how much better the pipeline is.
#
# ``predict`` is lazy: it reads nothing until the predictions are written. Each file is then read,
# predicted and written, and the next file follows.

model.predict(X_test).to_frame("late").to_parquet(folder / "predictions")
written = dd.read_parquet(folder / "predictions")
print(f"{len(written):,} predictions, {written['late'].mean().compute():.3f} of them are late")

# %%
# The picture has one time axis. At the top you see what each thread did: it read text for the
# encoders, it loaded blocks, or it learned from them. In the middle is the memory of the process.
# At the bottom is the progressive loss: the loss of each block before the model learned from it.

import matplotlib.pyplot as plt

recorder.plot(title="Fit of a pipeline to 16 Parquet files", figure=plt.figure(figsize=(9, 7)))
plt.show()

# %%
# ``summary`` says in words what took the longest, and what would help.

print(recorder.summary())
