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
    "Vowpal Wabbit": ("#CC79A7", "D", "Vowpal Wabbit, default settings"),
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
LOW, HIGH, LIMIT = 0.01, 3000.0, 0.5  # percent
ACROSS = 6


def draw(figures: list[dict[str, Any]], path: Path) -> None:
    """Save the picture of all tables and losses; medians over seeds."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    across = min(ACROSS, len(figures))
    down = -(-len(figures) // across)
    fig, axes = plt.subplots(
        down, across, figsize=(2.6 * across + 0.6, 1.95 * down + 1.9), squeeze=False, sharey=True
    )
    for ax in axes.flat[len(figures) :]:
        ax.set_axis_off()
    handles: dict[str, Any] = {}
    for ax, figure in zip(axes.flat, figures, strict=False):
        handles |= panel(ax, figure)
    for i, ax in enumerate(axes.flat[: len(figures)]):
        ax.label_outer() if i % across else None
        if i + across >= len(figures):
            ax.set_xlabel("rows seen", fontsize=9)
    fig.supylabel(
        "held-out loss above the best a linear model can do, in percent of it", fontsize=11
    )
    n_seeds = len(figures[0]["seeds"])
    fig.suptitle(
        "One pass over a table: how far each rule is from the optimum after so many rows",
        fontsize=14,
        fontweight="bold",
        y=0.995,
    )
    ordered = [handles[rule] for rule in STYLES if rule in handles]
    fig.legend(
        ordered,
        [handle.get_label() for handle in ordered],
        loc="upper center",
        bbox_to_anchor=(0.5, 0.995 - 0.32 / fig.get_figheight()),
        ncols=min(3, across),
        fontsize=9.5,
        frameon=False,
    )
    fig.text(
        0.5,
        0.004,
        f"Lower is better; below the dotted line is within {LIMIT} %. Points on the lower edge are "
        f"within {LOW} % or better than the optimum; those on the upper edge are above "
        f"{HIGH:,.0f} %, or without an answer." + f" Medians of {n_seeds} seeds." * (n_seeds > 1),
        ha="center",
        fontsize=9,
    )
    fig.tight_layout(rect=(0.005, 0.02, 1, 1 - 1.05 / fig.get_figheight()))
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=110)
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
    ax.axhline(LIMIT, color="black", linewidth=0.9, linestyle=":", zorder=1)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(LOW, HIGH)
    ax.set_yticks([0.01, 0.1, 1, 10, 100, 1000], ["0.01", "0.1", "1", "10", "100", "1,000"])
    ends = seeds[0]["ends"]
    ticks = [t for t in (10, 100, 1_000, 10_000, 100_000, 1_000_000) if ends[0] <= t <= ends[-1]]
    ax.set_xticks(ticks, [f"{t:,}" for t in ticks])
    ax.minorticks_off()
    ax.tick_params(labelsize=8)
    ax.grid(color="#DDDDDD", linewidth=0.5)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    loss = LOSSES.get(figure["loss"], figure["loss"])
    ax.set_title(f"{TABLES[figure['table']].words}\n{loss}", fontsize=9, loc="left", pad=4)
    return lines
