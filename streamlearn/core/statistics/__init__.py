"""Mergeable statistics of features. The order of the blocks changes only their rounding."""
