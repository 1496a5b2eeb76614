"""A picture of a fit with the threads, the memory and the progressive loss on one time axis.

It reads the results of dask's ``Profiler`` and ``ResourceProfiler`` without importing dask.
matplotlib is imported when the picture is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = {
    "reduce-block": "reduce-block: read, sum up",
    "load-block": "load-block: read, prepare",
    "load-shared": "load-shared: read for several",
    "learn-block": "learn-block",
    "learn-round": "learn-round: one step",
    "merge-blocks": "merge-blocks",
}
"""How the names of the block engine's tasks begin, and what these tasks do."""

OTHER = "other dask tasks"

# Neighbours also differ in lightness, so that the lanes can be read without colour.
COLORS = ("#2a9d8f", "#4a86c5", "#8d6cab", "#e76f3c", "#1d3557", "#d9a521", "#b5547a", "#7aa95c")
OTHER_COLOR = "#b4bcc8"
INK, FAINT, GRID, BAND = "#1f2933", "#66727f", "#e3e7ec", "#f4f6f8"


class _Task(NamedTuple):
    name: str
    start: float
    end: float
    worker: Any


def timeline(
    profiler: Any,
    resources: Any = None,
    loss_curve: Sequence[float] | None = None,
    *,
    kinds: Mapping[str, str] | None = None,
    step: str = "learn-block",
    optimum: float | None = None,
    footprint: float | None = None,
    nbytes: float | None = None,
    phases: Mapping[str, tuple[float, float]] | None = None,
    title: str | None = None,
    subtitle: str | None = None,
    figsize: tuple[float, float] = (14, 9),
    figure: Figure | None = None,
) -> Figure:
    """Draw the tasks of each thread, the memory and the progressive loss on one time axis.

    Parameters
    ----------
    profiler : dask.diagnostics.Profiler
        The profiler of the tasks. It may be any object whose ``results`` are tuples
        ``(key, task, start, end, worker)``, with times in seconds.
    resources : dask.diagnostics.ResourceProfiler, default=None
        The profiler of the memory. It may be any object whose ``results`` are tuples
        ``(time, memory in MB, ...)`` on the same clock. None draws no memory.
    loss_curve : sequence of float, default=None
        ``loss_curve_`` of a learner that was fitted under ``profiler``, with one value for each
        ``step`` task. None draws no loss.
    kinds : mapping of str to str, default=None
        How the names of more tasks begin, and the labels of these tasks. "" fits all names. The
        kinds of streamlearn itself come first. All tasks that fit none are drawn as one kind.
    step : str, default="learn-block"
        The name of the tasks that learn. A loss is drawn at the time when its task ended.
    optimum : float, default=None
        The loss of a converged fit on the same rows, drawn as a dashed line.
    footprint : float, default=None
        The bytes in use before any data were read, drawn as a dashed line.
    nbytes : float, default=None
        The bytes of the data that were streamed, for the caption of the memory.
    phases : mapping of str to (float, float), default=None
        The start and the end of named phases, in seconds on the profiler's clock
        (``timeit.default_timer``).
    title, subtitle : str, default=None
        The two lines above the picture.
    figsize : (float, float), default=(14, 9)
        The width and the height in inches of a new figure.
    figure : matplotlib.figure.Figure, default=None
        Where to draw: an empty figure, such as ``pyplot.figure(figsize=(9, 6))``, which
        ``pyplot.show()`` shows. None makes a figure that belongs to no window.

    Returns
    -------
    matplotlib.figure.Figure
        Show it in a notebook, or call its ``savefig``.

    Raises
    ------
    ValueError
        If no task was recorded, or if the number of losses is not the number of tasks that learn.

    Examples
    --------
    The example needs matplotlib (``pip install "dask-streamlearn[plot]"``). Fit inside
    ``ResourceProfiler(dt=0.1) as memory`` too, and pass ``memory``, to draw the memory.

    >>> import dask.array as da
    >>> from dask.diagnostics import Profiler
    >>> from streamlearn.diagnostics import timeline
    >>> from streamlearn.linear_model import SGDRegressor
    >>> X = da.random.default_rng(0).normal(size=(4_000, 2), chunks=(1_000, 2))
    >>> with Profiler() as tasks:
    ...     model = SGDRegressor(random_state=0).fit(X, X[:, 0])
    >>> figure = timeline(tasks, loss_curve=model.loss_curve_)
    >>> len(figure.axes)
    2
    >>> figure.savefig("fit.png")  # doctest: +SKIP
    """
    from matplotlib.figure import Figure

    tasks = sorted((_read(t) for t in profiler.results), key=lambda t: t.start)
    if not tasks:
        raise ValueError(
            "The profiler holds no task. Fit inside `with Profiler() as profiler:`, on a dask "
            "collection and one of dask's local schedulers; a distributed cluster has a dashboard."
        )
    memory = [] if resources is None else [(r[0], r[1] * 1e6) for r in resources.results]
    spans = dict(phases or {})
    zero = min([tasks[0].start, *(start for start, _ in spans.values())])
    last = max([*(t.end for t in tasks), *(end for _, end in spans.values())]) - zero
    lanes = {worker: i for i, worker in enumerate(_lanes(tasks))}

    if figure is None:
        figure = Figure(figsize=figsize)
    figure.set_facecolor("white")
    heights = [1.0 + 0.5 * min(len(lanes), 8)]
    heights += [1.7] * bool(memory) + [2.3] * (loss_curve is not None)
    width, height = figure.get_size_inches()
    panels = figure.subplots(
        len(heights),
        sharex=True,
        squeeze=False,
        height_ratios=heights,
        gridspec_kw={  # margins in inches
            "left": 1.0 / width,
            "right": 1 - 0.3 / width,
            "top": 1 - _inches_above(title, subtitle, spans) / height,
            "bottom": 0.6 / height,
            "hspace": 0.36,
        },
    )[:, 0].tolist()
    for panel in panels:
        _plain(panel)
    rest = iter(panels[1:])
    threads = panels[0]
    _draw_threads(threads, tasks, lanes, zero, last, KINDS | dict(kinds or {}), bool(spans))
    if memory:
        whose = "process" if all(_worker(t) is None for t in lanes) else "client"
        used = [(t - zero, used) for t, used in memory]
        _draw_memory(next(rest), used, footprint, nbytes, whose)
    if loss_curve is not None:
        ends = sorted(t.end - zero for t in tasks if t.name == step)
        _draw_loss(next(rest), ends, list(map(float, loss_curve)), step, optimum)

    for i, (name, (start, end)) in enumerate(spans.items()):
        _draw_phase(panels, name, start - zero, end - zero, last, shaded=i % 2 == 0)
    panels[-1].set_xlim(0, last)
    panels[-1].set_xlabel("seconds", color=FAINT)
    left = 0.3 / width
    figure.text(left, 1 - 0.25 / height, title or "", va="top", color=INK, size=19, weight="bold")
    figure.text(left, 1 - 0.66 / height, subtitle or "", va="top", color=FAINT, size=12)
    return figure


def _inches_above(title: str | None, subtitle: str | None, spans: Mapping[str, Any]) -> float:
    """Return the height of what stands above the panels, the legend included."""
    lines = 0.75 if subtitle else 0.45 if title else 0.0
    return 0.6 + 0.35 * bool(spans) + lines


def _read(result: Sequence[Any]) -> _Task:
    key, _, start, end, worker = result
    name = str(key[0] if isinstance(key, tuple) else key)
    return _Task(re.sub(r"(-[0-9a-f]{32}|-\d+)+$", "", name), start, end, worker)


def _lanes(tasks: Sequence[_Task]) -> list[Any]:
    """Return the threads, those of a worker of a cluster next to each other."""
    threads = list(dict.fromkeys(t.worker for t in tasks))
    workers = list(dict.fromkeys(map(_worker, threads)))
    return sorted(threads, key=lambda thread: workers.index(_worker(thread)))


def _worker(thread: Any) -> str | None:
    """Return the address of a thread's worker, None for a thread of this process."""
    address = str(thread).partition(" ")[0]
    return address if "://" in address else None


def _lane_names(threads: Sequence[Any]) -> list[str]:
    """Return the names of threads, which are numbered within each worker of a cluster."""
    numbers: dict[str | None, list[int]] = {}
    for i, thread in enumerate(threads):
        numbers.setdefault(_worker(thread), []).append(i)
    names = [""] * len(threads)
    for k, (worker, places) in enumerate(numbers.items(), start=1):
        for j, i in enumerate(places, start=1):
            of_worker = "" if worker is None else f"worker {k}"
            of_thread = f"thread {j}" if worker is None or len(places) > 1 else ""
            names[i] = " ".join(filter(None, (of_worker, of_thread)))
    return names


def _plain(panel: Axes) -> None:
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.spines["bottom"].set_color(GRID)
    panel.tick_params(colors=FAINT, length=0)
    panel.set_axisbelow(True)
    panel.grid(axis="x", color=GRID, lw=0.8)


def _caption(panel: Axes, what: str, more: str = "") -> None:
    head = panel.annotate(
        what, (0, 1), (0, 7), xycoords="axes fraction", textcoords="offset points",
        color=INK, size=11.5, weight="bold",
    )  # fmt: skip
    panel.annotate(
        more, (1, 0), (10, 0), xycoords=head, textcoords="offset points", va="bottom",
        color=FAINT, size=11,
    )  # fmt: skip


def _draw_threads(
    panel: Axes,
    tasks: Sequence[_Task],
    lanes: Mapping[Any, int],
    zero: float,
    last: float,
    kinds: Mapping[str, str],
    has_phases: bool,
) -> None:
    labels = [*dict.fromkeys(kinds.values()), OTHER]
    bars: dict[str, dict[int, list[tuple[float, float]]]] = {label: {} for label in labels}
    busy = [0.0] * len(lanes)
    for task in tasks:
        fits = (label for name, label in kinds.items() if task.name.startswith(name))
        lane, seconds = lanes[task.worker], task.end - task.start
        bars[next(fits, OTHER)].setdefault(lane, []).append((task.start - zero, seconds))
        busy[lane] += seconds
    points = panel.bbox.width / panel.figure.dpi * 72
    for i, label in enumerate(labels):
        color = OTHER_COLOR if label == OTHER else COLORS[i % len(COLORS)]
        for n, (lane, spans) in enumerate(sorted(bars[label].items())):
            # A white edge separates neighbours, if they are wide enough for it.
            mean = sum(seconds for _, seconds in spans) / len(spans)
            panel.broken_barh(
                spans, (lane - 0.42, 0.84), facecolor=color, edgecolor="white",
                lw=0.5 if mean / last * points > 4 else 0.0, label="_" if n else label,
            )  # fmt: skip
    panel.set_ylim(len(lanes) - 0.45, -0.55)
    panel.set_yticks(
        range(len(lanes)),
        [
            f"{name}\n{seconds / last:.0%} busy"
            for name, seconds in zip(_lane_names(list(lanes)), busy, strict=True)
        ],
    )
    inches = panel.bbox.height / panel.figure.dpi
    columns = max(1, int(panel.bbox.width / panel.figure.dpi / 2.1))
    above = 0.47 if has_phases else 0.12  # their names stand under it
    panel.legend(
        loc="lower left", bbox_to_anchor=(0, 1 + above / inches), borderaxespad=0, borderpad=0,
        ncols=columns, frameon=False, fontsize=10.5, labelcolor=INK,
        handlelength=1, handleheight=1, handletextpad=0.5, columnspacing=1.8,
    )  # fmt: skip


def _draw_phase(
    panels: Sequence[Axes], name: str, start: float, end: float, last: float, shaded: bool
) -> None:
    for panel in panels:
        if shaded:
            panel.axvspan(start, end, color=BAND, zorder=0, lw=0)
    # A short phase at either end would push its name out of the picture.
    at, align = (start + end) / 2, "center"
    if at < 0.05 * last:
        at, align = start, "left"
    elif at > 0.95 * last:
        at, align = end, "right"
    panels[0].annotate(
        name, (at, 1), (0, 7), xycoords=panels[0].get_xaxis_transform(), ha=align,
        textcoords="offset points", color=INK, size=11.5, weight="bold",
    )  # fmt: skip


def _draw_memory(
    panel: Axes,
    used: Sequence[tuple[float, float]],
    footprint: float | None,
    nbytes: float | None,
    whose: str,
) -> None:
    peak = max(m for _, m in used)
    times, values = [t for t, _ in used], [m for _, m in used]
    panel.fill_between(times, values, color=COLORS[1], alpha=0.18, lw=0)
    panel.plot(times, values, color=COLORS[1], lw=1.6, label="memory")
    text = f"at most {_bytes(peak)}"
    if footprint is not None:
        panel.axhline(footprint, color=FAINT, lw=1, ls=(0, (4, 3)), label="footprint")
        panel.annotate(
            "before any data", (1, footprint), (-4, -4), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", va="top", color=FAINT, fontsize=10,
        )  # fmt: skip
        text += f", {_bytes(peak - footprint)} of it for the run"
    if nbytes is not None:
        text += f"; the data are {_bytes(nbytes)}"
    panel.set_ylim(0, peak * 1.12)
    panel.yaxis.set_major_locator(_round_numbers())
    panel.yaxis.set_major_formatter(lambda value, _: _bytes(value))
    _caption(panel, f"memory of the {whose}", text)


def _round_numbers() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4, steps=[1, 2, 5, 10], min_n_ticks=3)


def _draw_loss(
    panel: Axes, ends: Sequence[float], losses: Sequence[float], step: str, optimum: float | None
) -> None:
    if len(ends) != len(losses):
        raise ValueError(
            f"loss_curve has {len(losses)} values, and the profiler holds {len(ends)} tasks named "
            f"{step!r}. They must come from the same fit, and from one fit only."
        )
    so_far = [total / n for n, total in enumerate(accumulate(losses), start=1)]
    color = COLORS[3]
    size = 4 if len(losses) < 300 else 2.5
    panel.plot(
        ends, losses, "o", color=color, alpha=0.45, ms=size, mew=0, clip_on=False,
        label="a block",
    )  # fmt: skip
    panel.plot(ends, so_far, color=color, lw=2.2, label="mean so far")
    if optimum is not None:
        panel.axhline(
            optimum, color=INK, lw=1, ls=(0, (4, 3)), zorder=1.5, label="converged optimum"
        )
        panel.set_ylim(min(panel.get_ylim()[0], optimum - 0.1 * (max(losses) - optimum)))
    panel.yaxis.set_major_locator(_round_numbers())
    # Points may lie under it.
    box = {"facecolor": "white", "edgecolor": "none", "framealpha": 0.8}
    panel.legend(loc="upper right", fontsize=10.5, labelcolor=INK, borderaxespad=0.2, **box)
    _caption(panel, "progressive loss", "each block is scored before it is learned from")


def _bytes(n: float) -> str:
    return f"{n / 1e9:,.1f} GB" if n >= 1e9 else f"{n / 1e6:,.0f} MB"
