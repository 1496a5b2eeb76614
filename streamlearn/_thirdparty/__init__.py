"""Estimators of other libraries: they learn from one more block, and answer for collections."""
