"""Estimators of other libraries: they learn from blocks, and their methods take collections."""
