"""Statistics of features that merge: the order of blocks changes no more than rounding."""
