"""The picture of `defaults.py`: excess loss against rows seen, a panel a table and loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tables import TABLES

# Okabe & Ito's colours, which the colour-blind tell apart; and a mark each, for print in grey.
STYLES = {
    "streamlearn": ("#0072B2", "o", "streamlearn, default settings"),
    "best of grid": ("#009E73", "s", "scikit-learn, best of 15 rates for each panel"),
    "Vowpal Wabbit": ("#CC79A7", "D", "Vowpal Wabbit, default settings, no penalty"),
    "standardized": ("#E69F00", "^", "scikit-learn, default settings, standardized rows"),
    "scikit-learn": ("#7A7A7A", "v", "scikit-learn, default settings"),
}
LOSSES = {
    "log_loss": "log loss",
    "squared_error": "squared error",
    "squared_hinge": "squared hinge",
    "modified_huber": "modified Huber",
    "huber": "Huber loss",
    "epsilon_insensitive": "insensitive",
    "squared_epsilon_insensitive": "squared insensitive",
}
LOW, HIGH, LIMIT = 0.01, 10_000.0, 0.5  # percent
TITLE = "One pass over the rows: how far is each rule from the optimum?"
ACROSS = 3
# Two real tables, and the kinds of tables where one pass is hardest.
SHOWN = (
    ("flights", "log_loss"),
    ("delays", "huber"),
    ("scales", "log_loss"),
    ("one-hot", "hinge"),
    ("wide", "log_loss"),
    ("separable", "log_loss"),
)


def draw(figures: list[dict[str, Any]], path: Path) -> None:
    """Save the picture of the tables and losses in `SHOWN`; of all figures if it has none of them.

    Points are medians over seeds.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    by_name = {(figure["table"], figure["loss"]): figure for figure in figures}
    figures = [by_name[name] for name in SHOWN if name in by_name] or figures
    across = min(ACROSS, len(figures))
    down = -(-len(figures) // across)
    height = 2.9 * down + 2.2
    fig, axes = plt.subplots(
        down, across, figsize=(max(4.0 * across, 7.0), height), squeeze=False, sharey=True
    )
    for ax in axes.flat[len(figures) :]:
        ax.set_axis_off()
    handles: dict[str, Any] = {}
    for ax, figure in zip(axes.flat, figures, strict=False):
        handles |= panel(ax, figure)
    for ax in axes.flat[max(0, len(figures) - across) : len(figures)]:
        ax.set_xlabel("rows seen", fontsize=12)
    fig.supylabel("held-out loss above the optimum, in %", fontsize=12)
    left = 0.15 / fig.get_figwidth()
    fig.text(left, 1 - 0.35 / height, TITLE, fontsize=17, fontweight="bold")
    lines = [handles[rule] for rule in (*STYLES, "limit") if rule in handles]
    fig.legend(
        lines,
        [line.get_label() for line in lines],
        loc="upper left",
        bbox_to_anchor=(0.0, 1 - 0.42 / height),
        ncols=min(2, across),
        fontsize=11.5,
        frameon=False,
    )
    n_seeds = len(figures[0]["seeds"])
    fig.text(
        left,
        0.15 / height,
        f"Lower is better. Points on the lower edge are within {LOW} % or below the optimum, "
        f"and those on the upper edge above {HIGH:,.0f} % or without an answer."
        + f"\nMedians of {n_seeds} draws of each table."
        * (n_seeds > 1),
        fontsize=10.5,
    )
    fig.tight_layout(rect=(0, 0.35 / height, 1, 1 - 1.3 / height), h_pad=1.2)
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=100)
    plt.close(fig)


def panel(ax: Any, figure: dict[str, Any]) -> dict[str, Any]:
    """Draw one table and loss; return the line of each rule."""
    lines = {}
    seeds = figure["seeds"]
    for rule in reversed(STYLES):
        curves = [s["excess"][rule] for s in seeds if rule in s["excess"]]
        if not curves:
            continue
        color, mark, label = STYLES[rule]
        y = np.median(np.nan_to_num(curves, nan=np.inf), axis=0)
        ours = rule == "streamlearn"
        (lines[rule],) = ax.plot(
            seeds[0]["ends"],
            np.clip(y, LOW, HIGH),
            color=color,
            marker=mark,
            markersize=6.5 if ours else 5.0,
            linewidth=2.6 if ours else 1.5,
            label=label,
            clip_on=False,
            zorder=4 if ours else 3,
        )
    lines["limit"] = ax.axhline(
        LIMIT, color="black", linewidth=0.9, linestyle=":", zorder=1, label=f"{LIMIT} %"
    )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(LOW, HIGH)
    ax.set_yticks([0.01, 0.1, 1, 10, 100, 1_000, 10_000])
    ax.set_yticklabels(["0.01", "0.1", "1", "10", "100", "1,000", "10,000"])
    ends = seeds[0]["ends"]
    ticks = [t for t in (10, 100, 1_000, 10_000, 100_000, 1_000_000) if ends[0] <= t <= ends[-1]]
    ax.set_xticks(ticks, [f"{t:,}" for t in ticks])
    ax.minorticks_off()
    ax.tick_params(labelsize=10.5)
    ax.grid(color="#DDDDDD", linewidth=0.5)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    words, loss = TABLES[figure["table"]].words, LOSSES.get(figure["loss"], figure["loss"])
    ax.set_title(words, fontsize=13, fontweight="bold", loc="left", pad=20)
    ax.text(0, 1.03, loss, transform=ax.transAxes, fontsize=11, color="#444444")
    return lines
