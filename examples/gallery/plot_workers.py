"""
Fit on a cluster of processes
=============================

You learn that the same lines run on a cluster: a fit uses the current ``Client`` of dask, and
nothing else has to be set. Blocks are loaded where the workers are, and few of them are in memory
at a time. The result has the same bits as on one thread. The picture shows when each worker loaded
blocks and learned from them.
"""

# %%
# Two processes on this machine stand for a cluster. In your own work, give ``Client`` the address
# of your scheduler.
#
# ``SubprocessCluster`` starts the processes by commands, so these lines also run as a script. In a
# notebook ``LocalCluster`` does the same. In a script it belongs below ``if __name__ ==
# "__main__":``, because each new process runs the script again.

from distributed import Client
from distributed.deploy.subprocess import SubprocessCluster

cluster = SubprocessCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")
client = Client(cluster)
client.wait_for_workers(2)
print(f"{len(client.scheduler_info()['workers'])} workers")

# %%
# The array has 24 blocks. Each worker makes the blocks that it learns from. The client only sends
# this function and gets back what was learned.

import dask
import dask.array as da
import numpy as np


def make_block(block_info=None):
    """Make twenty features and the label, which is the last column."""
    rng = np.random.default_rng(block_info[None]["chunk-location"][0])
    X = rng.normal(size=(20_000, 20))
    label = X[:, 0] - X[:, 1] + rng.normal(size=20_000) > 0
    return np.column_stack([X, label])


chunks = ((20_000,) * 24, (21,))
table = da.map_blocks(make_block, chunks=chunks, dtype=float, meta=np.empty((0, 21)))
X, y = table[:, :-1], table[:, -1].astype(int)

# %%
# The fit runs on the cluster, because there is a ``Client``. The recorder notes which worker loaded
# each block and which one learned from it.

from streamlearn.diagnostics import FitRecorder
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler

recorder = FitRecorder()
learner = SGDClassifier(loss="log_loss", classes=[0, 1], random_state=0)
model = make_pipeline(StandardScaler(), learner)
model.set_callbacks(recorder).fit(X, y)

frame = recorder.frame()
for number, (_, blocks) in enumerate(frame.groupby("load_worker"), start=1):
    print(f"worker {number} loaded {len(blocks)} blocks, {blocks['bytes'].sum() / 1e6:.0f} MB")

# %%
# The same fit on one thread of this process ends with the same bits.

with dask.config.set(scheduler="synchronous"):
    alone = make_pipeline(StandardScaler(), learner).fit(X, y)
print("same coefficients, to the last bit:", np.array_equal(alone[-1].coef_, model[-1].coef_))

# %%
# A fit is not the only thing that the cluster does. Predictions are lazy, and the workers compute
# them when a score asks for them.

print(f"share of right predictions: {model.score(X, y):.3f}")

client.close()
cluster.close()

# %%
# Each line at the top of the picture is a worker. Between the bars a worker waits for the
# scheduler, which takes some milliseconds for each block. With larger blocks this time would be a
# smaller share. The memory is that of this process, the client. It does not grow with the number of
# blocks, because they never come here.

import matplotlib.pyplot as plt

recorder.plot(title="A fit on two workers", figure=plt.figure(figsize=(9, 7)))
plt.show()
