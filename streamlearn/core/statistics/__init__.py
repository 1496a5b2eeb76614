"""Statistics of features that merge: the order of the blocks only changes rounding."""
