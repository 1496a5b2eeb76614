"""What a recorded fit says: the slowest part, what to do about it, and a page with all of it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from io import BytesIO
from typing import Any

SMALL = 1_000_000
"""Bytes below which a block costs more to manage than to read."""

MOST_NAMES = 100
"""Names of columns that a page lists."""


def advice(frame: Any) -> str:
    """Return a sentence on what took the longest in a fit, and what to do about it.

    Parameters
    ----------
    frame : pandas.DataFrame
        The records, see `FitRecorder.frame`.
    """
    load = float((frame["load_end"] - frame["load_start"]).sum())
    learn = float((frame["learn_end"] - frame["learn_start"]).sum())
    spans = [
        max(rows["learn_end"].max(), rows["load_end"].max()) - rows["load_start"].min()
        for _, rows in frame.groupby("pass")
    ]
    wall, workers = float(sum(spans)), len({*frame["load_worker"], *frame["learn_worker"]})
    size = float(frame["bytes"].mean())
    busy = (load + learn) / max(wall * workers, 1e-9)
    if busy < 0.5 and size < SMALL and len(frame) > 10:
        return (
            f"The {_threads(workers)} had work for {_percent(busy)} of the time only, and a block "
            f"has {_bytes(size)}: the scheduler takes the rest. Larger blocks help, of 10 to "
            "100 MB: X.rechunk((rows, -1)) for an array, df.repartition(partition_size='64MB') for "
            "a frame."
        )
    share = load / max(load + learn, 1e-9)
    if share >= 0.5:
        return (
            f"Loading takes {_percent(share)} of the work: {load:.1f} s to load blocks, "
            f"{learn:.1f} s to learn from them. Store the data so that they load faster: larger "
            "row groups, zstd instead of gzip, only the columns that are needed, numbers as "
            "float32. More threads or workers help, too."
        )
    return (
        f"Learning takes {_percent(1 - share)} of the work: {learn:.1f} s to learn from blocks, "
        f"{load:.1f} s to load them. Steps follow one another, so more threads help only a learner "
        "that learns from several blocks at a time. The linear models with learning_rate='auto' "
        "do, and other learners do with n_parallel, at some cost in accuracy. Fewer features, "
        "larger batches or rows as float32 make a step cheaper."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _threads(n: int) -> str:
    return "one thread" if n == 1 else f"{n} threads"


def page(
    about: Mapping[str, Any], frame: Any, passes: Sequence[Any], figure: Any, n_blocks: int
) -> str:
    """Return the text of a page that holds everything and loads nothing.

    Parameters
    ----------
    about : dict
        What is known of the estimator and of the columns.
    frame : pandas.DataFrame
        The records.
    passes : sequence of Pass
    figure : matplotlib.figure.Figure
        What the threads did.
    n_blocks : int
        The number of all blocks that were read.
    """
    image = BytesIO()
    figure.savefig(image, format="png", dpi=100)
    picture = base64.b64encode(image.getvalue()).decode()
    name = about.get("estimator", "")
    last = frame[frame["pass"] == frame["pass"].max()]
    rows, size = last["rows"], last["bytes"]
    facts = [
        ("streamlearn", about.get("version")),
        ("seconds", f"{about.get('seconds', 0.0):.1f}"),
        ("rows of the last pass", f"{int(rows.sum()):,}"),
        ("features", about.get("n_features")),
        ("blocks of the last pass", f"{len(last):,}"),
        ("rows of a block", _spread(rows, "{:,.0f}".format)),
        ("size of a block", _spread(size, _bytes)),
        ("size of the last pass", _bytes(float(size.sum()))),
        ("blocks that were read", f"{n_blocks:,}"),
        ("of these recorded", f"{len(frame):,}"),
        ("left out, since they could not be read", f"{int((frame['error'] != '').sum()):,}"),
    ]
    done = [
        (i, one.name, f"{one.end - one.start:.2f}", "yes" if one.complete else "no")
        for i, one in enumerate(passes)
    ]
    names = about.get("names") or []
    columns = ""
    if names:
        more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
        listed = ", ".join(f"<code>{escape(one)}</code>" for one in names[:MOST_NAMES])
        columns = f"<h2>Columns</h2><p>{listed}{more}</p>"
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src \
'unsafe-inline'">
<title>Fit of {escape(name)}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 1100px;
  margin: 2rem auto; padding: 0 1rem; }}
img {{ max-width: 100%; height: auto; }}
h1 {{ font-size: 1.6rem; }} h2 {{ font-size: 1.15rem; margin-top: 2rem; }}
.advice {{ background: #f4f6f8; border-left: 4px solid #2a9d8f; padding: .8rem 1rem; }}
table {{ border-collapse: collapse; }} td, th {{ padding: .2rem 1rem .2rem 0; text-align: left;
  border-bottom: 1px solid #e3e7ec; vertical-align: top; overflow-wrap: anywhere; }}
td:first-child {{ white-space: nowrap; }}
.side {{ display: flex; flex-wrap: wrap; gap: 0 4rem; }}
</style></head><body>
<h1>Fit of {escape(name)}</h1>
<p class="advice">{escape(advice(frame))}</p>
<img alt="What each thread did, the memory and the loss over time"
  src="data:image/png;base64,{picture}">
<div class="side"><div><h2>Data</h2>{_table((), facts)}</div>
<div><h2>Parameters</h2>{_table((), about.get("params", {}).items())}</div>
<div><h2>Passes</h2>{_table(("", "pass", "seconds", "whole"), done)}</div></div>
{columns}
</body></html>
"""


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    lines = "".join(
        f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table>{f'<tr>{titles}</tr>' if titles else ''}{lines}</table>"


def _spread(values: Any, text: Any) -> str:
    low, high = text(float(values.min())), text(float(values.max()))
    return low if low == high else f"{low} to {high}"


def _bytes(n: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= size:
            return f"{n / size:,.1f} {unit}"
    return f"{n:,.0f} bytes"
