"""What the estimators of this library have in common."""

from __future__ import annotations

from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin

from streamlearn._estimator.fitted import Fitted
from streamlearn._estimator.moving import Movable
from streamlearn._estimator.versions import Versioned


class Estimator(CallbackSupportMixin, Fitted, Movable, Versioned, BaseEstimator):
    """An estimator that takes callbacks, moves to other libraries, and knows its version."""
