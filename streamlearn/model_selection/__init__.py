"""Choosing models over blocks, with the names and meanings of scikit-learn."""

from streamlearn.model_selection.halving_searches import (
    HyperbandSearchCV,
    SuccessiveHalvingSearchCV,
)
from streamlearn.model_selection.search import StreamSearchCV

__all__ = ["HyperbandSearchCV", "StreamSearchCV", "SuccessiveHalvingSearchCV"]
