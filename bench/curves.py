"""The picture of `defaults.py`: excess loss against rows seen, a panel a table and loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tables import TABLES

# Okabe & Ito's colours, which the colour-blind tell apart; and a mark each, for print in grey.
STYLES = {
    "streamlearn": ("#0072B2", "o", "streamlearn, default settings"),
    "best of grid": ("#009E73", "s", "scikit-learn, best of 15 rates picked for each panel"),
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
TITLE = "One pass over the rows of many kinds of tables: how far is each rule from the optimum?"
ACROSS = 6


def draw(figures: list[dict[str, Any]], path: Path) -> None:
    """Save the picture of all tables and losses; medians over seeds."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    across = min(ACROSS, len(figures))
    down = -(-len(figures) // across)
    height = 2.0 * down + 2.0
    fig, axes = plt.subplots(
        down, across, figsize=(2.6 * across + 0.6, height), squeeze=False, sharey=True
    )
    for ax in axes.flat[len(figures) :]:
        ax.set_axis_off()
    handles: dict[str, Any] = {}
    for ax, figure in zip(axes.flat, figures, strict=False):
        handles |= panel(ax, figure)
    for ax in axes.flat[max(0, len(figures) - across) : len(figures)]:
        ax.set_xlabel("rows seen", fontsize=9)
    fig.supylabel(
        "held-out loss above that of the best linear model, in percent of it", fontsize=11
    )
    fig.text(0.5, 1 - 0.3 / height, TITLE, ha="center", fontsize=15, fontweight="bold")
    lines = [handles[rule] for rule in (*STYLES, "limit") if rule in handles]
    fig.legend(
        lines,
        [line.get_label() for line in lines],
        loc="upper center",
        bbox_to_anchor=(0.5, 1 - 0.36 / height),
        ncols=min(3, across),
        fontsize=10,
        frameon=False,
    )
    n_seeds = len(figures[0]["seeds"])
    fig.text(
        0.5,
        0.12 / height,
        f"Lower is better. Points on the lower edge are within {LOW} % or below the optimum, "
        f"those on the upper edge above {HIGH:,.0f} % or without an answer."
        + f" Medians of {n_seeds} draws of each table."
        * (n_seeds > 1),
        ha="center",
        fontsize=10,
    )
    fig.tight_layout(rect=(0.005, 0.3 / height, 1, 1 - 0.9 / height), h_pad=1.2)
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
            markersize=4.5 if ours else 3.5,
            linewidth=2.2 if ours else 1.1,
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
    ax.tick_params(labelsize=8)
    ax.grid(color="#DDDDDD", linewidth=0.5)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    words, loss = TABLES[figure["table"]].words, LOSSES.get(figure["loss"], figure["loss"])
    ax.set_title(words, fontsize=9.5, fontweight="bold", loc="left", pad=16)
    ax.text(0, 1.05, loss, transform=ax.transAxes, fontsize=9, color="#444444")
    return lines
